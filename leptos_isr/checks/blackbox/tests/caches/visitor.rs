//! A visitor of the cache.

use std::{net::SocketAddr, time::Duration};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::{sleep, timeout},
};

use crate::program::LIMIT;

/// What a visitor got.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Answer {
    /// Empty if it did not come.
    pub(crate) fn header(&self, name: &str) -> &str {
        let found = self.headers.iter().find(|(given, _)| given == name);
        found.map_or("", |(_, value)| value)
    }
}

pub(crate) async fn get(cache: SocketAddr, path: &str) -> Answer {
    ask(cache, "GET", path, &[]).await
}

/// Reads no further than to the end of the body: nginx holds the connection until it has asked for
/// the page anew.
pub(crate) async fn ask(
    cache: SocketAddr,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
) -> Answer {
    let exchange = async {
        let mut stream = TcpStream::connect(cache).await.unwrap();
        let mut request = format!("{method} {path} HTTP/1.1\r\nhost: news.example\r\n");
        for (name, value) in headers {
            request += &format!("{name}: {value}\r\n");
        }
        stream.write_all(format!("{request}connection: close\r\n\r\n").as_bytes()).await.unwrap();
        let mut bytes = Vec::new();
        loop {
            let is_end = stream.read_buf(&mut bytes).await.unwrap() == 0;
            if let Some(answer) = parse(&String::from_utf8_lossy(&bytes), is_end) {
                return answer;
            }
            assert!(!is_end, "it broke off: {}", String::from_utf8_lossy(&bytes));
        }
    };
    timeout(LIMIT, exchange).await.expect("the cache did not answer")
}

fn parse(text: &str, is_end: bool) -> Option<Answer> {
    let (head, body) = text.split_once("\r\n\r\n")?;
    let mut lines = head.lines();
    let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
    let headers = lines.filter_map(|line| line.split_once(": "));
    let headers: Vec<_> =
        headers.map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned())).collect();
    let mut answer = Answer { status, headers, body: body.to_owned() };
    if answer.header("transfer-encoding") == "chunked" {
        answer.body = dechunk(body)?;
        return Some(answer);
    }
    let len = answer.header("content-length").parse::<usize>();
    let is_whole = len.is_ok_and(|len| len == body.len()) || status == 304;
    (is_whole || is_end).then_some(answer)
}

fn dechunk(mut rest: &str) -> Option<String> {
    let mut body = String::new();
    loop {
        let (size, after) = rest.split_once("\r\n")?;
        let size = usize::from_str_radix(size, 16).ok()?;
        if size == 0 {
            return Some(body);
        }
        body += after.get(..size)?;
        rest = after.get(size + 2..)?;
    }
}

/// Asks again and again until `is_so`.
pub(crate) async fn until(cache: SocketAddr, path: &str, is_so: impl Fn(&Answer) -> bool) {
    let wait = async {
        while !is_so(&get(cache, path).await) {
            sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(LIMIT, wait).await.unwrap_or_else(|_| panic!("`{path}` never came to be so"));
}
