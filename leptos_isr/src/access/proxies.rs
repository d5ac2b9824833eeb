//! Which proxies are trusted to name the visitor's address.
//!
//! - Without trusted proxies the visitor is who has the connection, whatever headers say.
//! - A proxy adds who asked it at the right of `X-Forwarded-For` or `Forwarded` (RFC 7239). So these
//!   are read from the right for as long as whoever wrote the entry is trusted. The first address
//!   that is not trusted is the visitor's; the rest is what the visitor sent.
//! - Where an entry names no address, the visitor counts as the proxy that wrote it.
//! - Proxies pass on the header that they do not write. Where both are there and name two visitors,
//!   the visitor chose one of them, and counts as the proxy.

use std::{
    net::{IpAddr, Ipv6Addr, SocketAddr},
    str::FromStr,
};

use http::{HeaderMap, HeaderName, header};
use ipnet::IpNet;

use crate::error::Error;

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// How much of an IPv6 address tells visitors apart: networks commonly give each customer a /64.
const IPV6_PREFIX: u32 = 64;

/// The proxies that are trusted to name the visitor's address.
///
/// Parsed from addresses and networks with commas between them. Defaults to none: the visitor is
/// whoever has the connection. See [`Builder::trusted_proxies`](crate::Builder::trusted_proxies).
///
/// # Examples
///
/// ```
/// use leptos_isr::TrustedProxies;
///
/// # fn main() -> Result<(), leptos_isr::Error> {
/// let proxies: TrustedProxies = "127.0.0.1, 10.0.0.0/8, fd00::/8".parse()?;
/// # let _ = proxies;
/// let wrong = "10.0.0.7/8".parse::<TrustedProxies>().unwrap_err();
/// assert!(wrong.to_string().contains("10.0.0.0/8"));
/// # Ok(()) }
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TrustedProxies(Vec<IpNet>);

impl FromStr for TrustedProxies {
    type Err = Error;

    /// # Errors
    ///
    /// Returns [`Error::TrustedProxy`] for the first part that is neither an address nor a network,
    /// or that means all addresses.
    fn from_str(list: &str) -> Result<Self, Error> {
        list.split(',').map(|given| network(given.trim())).collect::<Result<_, _>>().map(Self)
    }
}

fn network(given: &str) -> Result<IpNet, Error> {
    let wrong = |problem| Err(Error::TrustedProxy { given: given.to_owned(), problem });
    let address = || given.parse::<IpAddr>().map(IpNet::from);
    let Ok(network) = given.parse::<IpNet>().or_else(|_| address()) else {
        return wrong(
            "write addresses and networks with commas between them, as `127.0.0.1, 10.0.0.0/8`"
                .to_owned(),
        );
    };
    if network.prefix_len() == 0 {
        return wrong(
            "these are all addresses, so any visitor could name any; list your proxies".to_owned(),
        );
    }
    if network != network.trunc() {
        return wrong(format!("write the network `{}` or one address", network.trunc()));
    }
    if let IpAddr::V6(address) = network.addr()
        && let Some(address) = address.to_ipv4_mapped()
    {
        return wrong(format!("this is IPv4 as IPv6 writes it: write `{address}`, or its network"));
    }
    Ok(network)
}

impl TrustedProxies {
    /// The address by which a visitor is counted, whose request came over a connection of this
    /// address with these headers.
    pub(crate) fn visitor(&self, connection: IpAddr, headers: &HeaderMap) -> IpAddr {
        let connection = connection.to_canonical();
        let named = |name, nodes| {
            let walk = || self.walk(connection, headers, &name, nodes);
            headers.contains_key(&name).then(walk)
        };
        counted(
            match (named(X_FORWARDED_FOR, listed as Nodes), named(header::FORWARDED, forwarded)) {
                (Some(one), Some(other)) if one != other => connection,
                (named, other) => named.or(other).unwrap_or(connection),
            },
        )
    }

    /// Goes from the proxy that has the connection towards the visitor.
    fn walk(
        &self,
        connection: IpAddr,
        headers: &HeaderMap,
        name: &HeaderName,
        nodes: Nodes,
    ) -> IpAddr {
        let values = headers.get_all(name).iter().rev();
        let nodes =
            values.flat_map(|value| value.to_str().map_or(vec![None], nodes).into_iter().rev());
        let mut visitor = connection;
        for node in nodes {
            let Some(address) = node.filter(|_| self.is_trusted(visitor)) else { break };
            visitor = address;
        }
        visitor
    }

    fn is_trusted(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.contains(&address))
    }
}

/// Reads the addresses that a header's value lists; `None` where it says none.
type Nodes = fn(&str) -> Vec<Option<IpAddr>>;

/// `X-Forwarded-For`.
fn listed(value: &str) -> Vec<Option<IpAddr>> {
    value.split(',').map(|node| address(node.trim())).collect()
}

/// `Forwarded`, RFC 7239 section 4.
fn forwarded(value: &str) -> Vec<Option<IpAddr>> {
    split_unquoted(value, ',').map(|element| address(node(element)?)).collect()
}

/// The value of `for` in one element; none if anything in the element is malformed, since a quote
/// that the visitor sent may reach into what a proxy wrote.
fn node(element: &str) -> Option<&str> {
    let mut node = None;
    for pair in split_unquoted(element, ';') {
        let (name, value) = pair.trim().split_once('=')?;
        let value = value.strip_prefix('"').map_or(Some(value), |rest| rest.strip_suffix('"'))?;
        let is_for = name.eq_ignore_ascii_case("for");
        if value.contains(['"', '\\']) || is_for && node.is_some() {
            return None;
        }
        node = node.or(is_for.then_some(value));
    }
    node
}

/// Splits where the separator is not within quotes.
fn split_unquoted(text: &str, separator: char) -> impl Iterator<Item = &str> {
    let mut is_quoted = false;
    text.split(move |c| {
        is_quoted ^= c == '"';
        c == separator && !is_quoted
    })
}

/// An address, which may have a port, and brackets around IPv6.
fn address(node: &str) -> Option<IpAddr> {
    let bare = node.strip_prefix('[').and_then(|node| node.strip_suffix(']')).unwrap_or(node);
    let with_port = || node.parse::<SocketAddr>().map(|address| address.ip());
    bare.parse().or_else(|_| with_port()).ok().map(|address: IpAddr| address.to_canonical())
}

fn counted(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(whole) => {
            IpAddr::V6(Ipv6Addr::from_bits(whole.to_bits() >> IPV6_PREFIX << IPV6_PREFIX))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    const CONNECTION: &str = "10.0.0.1";

    fn visitor_of(connection: &str, headers: &[(&'static str, &str)]) -> String {
        let proxies: TrustedProxies = "10.0.0.0/8, fd00::/8".parse().unwrap();
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
        }
        proxies.visitor(connection.parse().unwrap(), &map).to_string()
    }

    #[test]
    fn without_trusted_proxies_headers_are_never_believed() {
        let mut headers = HeaderMap::new();
        headers.insert("x-forwarded-for", HeaderValue::from_static("9.9.9.9"));
        headers.insert("forwarded", HeaderValue::from_static("for=9.9.9.9"));
        let connection = CONNECTION.parse().unwrap();
        let visitor = TrustedProxies::default().visitor(connection, &headers);
        assert_eq!(visitor.to_string(), CONNECTION);
        let headers = [("x-forwarded-for", "9.9.9.9"), ("forwarded", "for=9.9.9.9")];
        assert_eq!(visitor_of("8.8.8.8", &headers), "8.8.8.8", "its connection is no proxy's");
    }

    #[test]
    fn first_address_from_the_right_that_is_not_trusted_is_the_visitor() {
        for (value, visitor) in [
            ("7.7.7.7", "7.7.7.7"),
            ("9.9.9.9, 7.7.7.7", "7.7.7.7"),
            ("9.9.9.9, 7.7.7.7,10.1.2.3 , fd00::1", "7.7.7.7"),
            ("7.7.7.7:4711", "7.7.7.7"),
            ("::ffff:7.7.7.7", "7.7.7.7"),
            ("[2001:db8:1:2:3:4:5:6]:4711", "2001:db8:1:2::"),
            ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"),
            // Asked by a proxy itself.
            ("10.1.2.3, 10.2.3.4", "10.1.2.3"),
            // Written by 10.2.3.4.
            ("9.9.9.9, unknown, 10.2.3.4", "10.2.3.4"),
            ("9.9.9.9, caf\u{e9}", CONNECTION),
            ("", CONNECTION),
        ] {
            let found = visitor_of(CONNECTION, &[("x-forwarded-for", value)]);
            assert_eq!(found, visitor, "{value}");
        }
        let lines = [("x-forwarded-for", "9.9.9.9, 7.7.7.7"), ("x-forwarded-for", "10.1.2.3")];
        assert_eq!(visitor_of(CONNECTION, &lines), "7.7.7.7");
        assert_eq!(visitor_of("::ffff:10.0.0.1", &lines), "7.7.7.7");
    }

    #[test]
    fn forwarded_is_read_as_rfc_7239_writes_it() {
        for (value, visitor) in [
            ("for=7.7.7.7", "7.7.7.7"),
            ("For=9.9.9.9, by=10.0.0.1;FOR=\"7.7.7.7:4711\";proto=https, for=10.1.2.3", "7.7.7.7"),
            ("for=\"[2001:db8:1:2:3:4:5:6]:4711\"", "2001:db8:1:2::"),
            ("for=7.7.7.7;host=\"a,for=9.9.9.9\"", "7.7.7.7"),
            ("for=7.7.7.7;host=\"a;for=9.9.9.9\"", "7.7.7.7"),
            ("for=_hidden, for=10.1.2.3", "10.1.2.3"),
            ("proto=https", CONNECTION),
            ("for=7.7.7.7;for=9.9.9.9", CONNECTION),
            // What a visitor may send before `, for=7.7.7.7;host="a"` of a proxy.
            ("for=9.9.9.9;x=\", for=7.7.7.7;host=\"a\"", CONNECTION),
            ("for=9.9.9.9;x=\"\\, for=7.7.7.7;host=\"a\"", CONNECTION),
            ("for=9.9.9.9;x\"=, for=7.7.7.7;host=\"a\"", CONNECTION),
            ("for=9.9.9.9;x=\"\", for=7.7.7.7;host=\"a\"", "7.7.7.7"),
            ("for=\"9.9.9.9, for=7.7.7.7", CONNECTION),
        ] {
            let found = visitor_of(CONNECTION, &[("forwarded", value)]);
            assert_eq!(found, visitor, "{value}");
        }
    }

    #[test]
    fn header_that_the_proxy_passes_on_does_not_hide_the_visitor() {
        for (one, other, visitor) in [
            ("7.7.7.7", "for=9.9.9.9", CONNECTION),
            ("9.9.9.9", "for=7.7.7.7", CONNECTION),
            ("9.9.9.9", "for=\"", CONNECTION),
            ("7.7.7.7", "for=7.7.7.7", "7.7.7.7"),
        ] {
            let found = visitor_of(CONNECTION, &[("x-forwarded-for", one), ("forwarded", other)]);
            assert_eq!(found, visitor, "{one} {other}");
        }
    }

    #[test]
    fn wrong_proxy_is_named_with_the_remedy() {
        for (list, given, remedy) in [
            ("", "``", "as `127.0.0.1, 10.0.0.0/8`"),
            ("10.0.0.1,", "``", "as `127.0.0.1"),
            ("10.0.0.1 10.0.0.2", "`10.0.0.1 10.0.0.2`", "with commas"),
            ("proxy.example", "`proxy.example`", "write addresses"),
            ("10.0.0.0/33", "`10.0.0.0/33`", "write addresses"),
            ("::1, 10.0.0.7/8", "`10.0.0.7/8`", "`10.0.0.0/8` or one address"),
            ("0.0.0.0/0", "`0.0.0.0/0`", "list your proxies"),
            ("::/0", "`::/0`", "list your proxies"),
            ("::ffff:10.0.0.1", "`::ffff:10.0.0.1`", "write `10.0.0.1`"),
        ] {
            let error = list.parse::<TrustedProxies>().unwrap_err().to_string();
            assert!(error.contains(given) && error.contains(remedy), "{list}: {error}");
        }
    }
}
