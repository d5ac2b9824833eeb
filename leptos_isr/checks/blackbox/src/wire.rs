//! One HTTP exchange over a connection of its own, seen as it is on the wire.
//!
//! An ordinary client brings addresses into a form of its own, joins or hides
//! headers and decodes bodies. What these tests are about is just that, so
//! nothing is changed here but the frames of a chunked body.

use std::{io, net::SocketAddr, time::Duration};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

/// How long one exchange may take.
const LIMIT: Duration = Duration::from_secs(30);

/// One request; `target` and headers go out as they are.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// `GET`
    pub method: &'a str,
    /// The path and query.
    pub target: &'a str,
    /// Names and values, besides `Host` and `Connection`.
    pub headers: &'a [(&'a str, &'a str)],
    /// Sent with its length if it is not empty.
    pub body: &'a str,
}

impl<'a> Request<'a> {
    /// A `GET` without headers of its own.
    #[must_use]
    pub fn get(target: &'a str) -> Self {
        Self { method: "GET", target, headers: &[], body: "" }
    }
}

/// What came back.
#[derive(Clone, Debug)]
pub struct Response {
    /// `200`
    pub status: u16,
    /// Names in lower case and values, in the order in which they came.
    pub headers: Vec<(String, String)>,
    /// The body without the frames of a chunked one.
    pub body: Vec<u8>,
}

impl Response {
    /// The value of a header that came once; empty if it did not come.
    ///
    /// # Panics
    ///
    /// Panics if it came twice: no header of a page does.
    #[must_use]
    pub fn header(&self, name: &str) -> &str {
        let values = self.all(name);
        assert!(values.len() < 2, "`{name}` came {} times: {values:?}", values.len());
        values.first().copied().unwrap_or_default()
    }

    /// Every value of a header.
    #[must_use]
    pub fn all(&self, name: &str) -> Vec<&str> {
        let found = self.headers.iter().filter(|(given, _)| given == name);
        found.map(|(_, value)| value.as_str()).collect()
    }

    /// The body as text; what is not UTF-8 is replaced.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// Sends `request` and reads the answer to its end.
///
/// # Errors
///
/// Returns what the socket says, or [`io::ErrorKind::InvalidData`] for what is
/// not an HTTP response.
pub async fn exchange(addr: SocketAddr, request: Request<'_>) -> io::Result<Response> {
    let whole = async {
        let mut stream = TcpStream::connect(addr).await?;
        stream.write_all(written(request).as_bytes()).await?;
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes).await?;
        parse(&bytes, request.method == "HEAD").ok_or_else(|| {
            let text = String::from_utf8_lossy(&bytes).into_owned();
            io::Error::new(io::ErrorKind::InvalidData, format!("not a response: {text}"))
        })
    };
    timeout(LIMIT, whole).await.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
}

fn written(request: Request<'_>) -> String {
    let Request { method, target, headers, body } = request;
    let mut text = format!("{method} {target} HTTP/1.1\r\nHost: app.test\r\nConnection: close\r\n");
    for (name, value) in headers {
        text.push_str(&format!("{name}: {value}\r\n"));
    }
    if !body.is_empty() {
        text.push_str(&format!("Content-Length: {}\r\n", body.len()));
    }
    text + "\r\n" + body
}

fn parse(bytes: &[u8], is_head: bool) -> Option<Response> {
    let end = bytes.windows(4).position(|window| window == b"\r\n\r\n")?;
    let head = std::str::from_utf8(&bytes[..end]).ok()?;
    let mut lines = head.split("\r\n");
    let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
    let headers: Vec<_> = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
        .collect();
    let has = |name: &str| headers.iter().find(|(given, _)| given == name).map(|(_, value)| value);
    let rest = &bytes[end + 4..];
    let body = match (has("transfer-encoding"), has("content-length")) {
        (Some(_), _) => dechunk(rest)?,
        // A body that was cut short is not a response.
        (None, Some(length)) if !is_head && status != 304 => {
            (length.parse() == Ok(rest.len())).then(|| rest.to_vec())?
        }
        _ => rest.to_vec(),
    };
    Some(Response { status, headers, body })
}

fn dechunk(mut rest: &[u8]) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let end = rest.windows(2).position(|window| window == b"\r\n")?;
        let size = usize::from_str_radix(std::str::from_utf8(&rest[..end]).ok()?, 16).ok()?;
        if size == 0 {
            return Some(body);
        }
        body.extend_from_slice(rest.get(end + 2..end + 2 + size)?);
        rest = rest.get(end + 2 + size + 2..)?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn responses_are_read_as_they_came() {
        let plain = b"HTTP/1.1 200 OK\r\nA: 1\r\na:2\r\nContent-Length: 2\r\n\r\nhi";
        let read = parse(plain, false).unwrap();
        assert_eq!((read.status, read.all("a"), read.text().as_str()), (200, vec!["1", "2"], "hi"));
        let cut = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nhi";
        assert!(parse(cut, false).is_none());
        let chunked =
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n1\r\n!\r\n0\r\n\r\n";
        assert_eq!(parse(chunked, false).unwrap().text(), "hi!");
        let head = b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n";
        assert!(parse(head, true).unwrap().body.is_empty());
    }
}
