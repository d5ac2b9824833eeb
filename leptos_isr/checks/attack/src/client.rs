//! A small HTTP/1.1 client: one connection that is kept, answers read to their end.

use std::io;

use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::TcpStream,
};

/// One connection to a server on this machine.
#[derive(Debug)]
pub(crate) struct Client(BufReader<TcpStream>);

/// What is asked; path and headers go out as they are.
#[derive(Clone, Debug)]
pub(crate) struct Request<'a> {
    pub(crate) method: &'a str,
    pub(crate) path: &'a str,
    pub(crate) headers: &'a [(&'a str, String)],
    pub(crate) body: &'a str,
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    /// Names in lower case, and values.
    pub(crate) headers: Vec<(String, String)>,
    /// The `Cache-Status` header, empty without one.
    pub(crate) cache_status: String,
    pub(crate) body: Vec<u8>,
}

impl Reply {
    /// A header; empty without one.
    pub(crate) fn header(&self, name: &str) -> &str {
        header(&self.headers, name)
    }
}

impl Client {
    pub(crate) async fn connect(port: u16) -> io::Result<Self> {
        let stream = TcpStream::connect(("127.0.0.1", port)).await?;
        stream.set_nodelay(true)?;
        Ok(Self(BufReader::new(stream)))
    }

    pub(crate) async fn get(&mut self, path: &str) -> io::Result<Reply> {
        self.ask(&Request { method: "GET", path, headers: &[], body: "" }).await
    }

    /// Sends a JSON body with a bearer's token.
    pub(crate) async fn post(&mut self, path: &str, token: &str, json: &str) -> io::Result<Reply> {
        let headers = &[("authorization", format!("Bearer {token}"))];
        self.ask(&Request { method: "POST", path, headers, body: json }).await
    }

    pub(crate) async fn ask(&mut self, request: &Request<'_>) -> io::Result<Reply> {
        let Request { method, path, headers, body } = request;
        let mut text = format!("{method} {path} HTTP/1.1\r\nhost: localhost\r\n");
        for (name, value) in *headers {
            text.push_str(&format!("{name}: {value}\r\n"));
        }
        if !body.is_empty() {
            let len = body.len();
            text.push_str(&format!("content-type: application/json\r\ncontent-length: {len}\r\n"));
        }
        self.0.write_all(format!("{text}\r\n{body}").as_bytes()).await?;
        let first = self.line().await?;
        let status = first.split(' ').nth(1).and_then(|status| status.parse().ok());
        let status = status.ok_or_else(|| wrong(&first))?;
        let mut headers = Vec::new();
        loop {
            let line = self.line().await?;
            let Some((name, value)) = line.split_once(':') else { break };
            headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
        }
        let body = match *method == "HEAD" || status == 304 {
            true => Vec::new(),
            false => self.body(&headers).await?,
        };
        let cache_status = header(&headers, "cache-status").to_owned();
        Ok(Reply { status, headers, cache_status, body })
    }

    async fn body(&mut self, headers: &[(String, String)]) -> io::Result<Vec<u8>> {
        let mut body = Vec::new();
        if header(headers, "transfer-encoding").is_empty() {
            let len = header(headers, "content-length");
            let len = if len.is_empty() { 0 } else { len.parse().map_err(|_| wrong(len))? };
            body.resize(len, 0);
            self.0.read_exact(&mut body).await?;
            return Ok(body);
        }
        loop {
            let size = self.line().await?;
            let size = usize::from_str_radix(&size, 16).map_err(|_| wrong(&size))?;
            let begin = body.len();
            body.resize(begin + size, 0);
            self.0.read_exact(&mut body[begin..]).await?;
            self.line().await?;
            if size == 0 {
                return Ok(body);
            }
        }
    }

    async fn line(&mut self) -> io::Result<String> {
        let mut line = String::new();
        if self.0.read_line(&mut line).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(line.trim_end().to_owned())
    }
}

fn header<'a>(headers: &'a [(String, String)], name: &str) -> &'a str {
    headers.iter().find(|(given, _)| given == name).map_or("", |(_, value)| value)
}

fn wrong(line: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("not HTTP: `{line}`"))
}
