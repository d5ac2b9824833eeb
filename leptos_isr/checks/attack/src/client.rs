//! A small HTTP/1.1 client: one connection that is kept, answers of a stated length.

use std::io;

use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::TcpStream,
};

/// One connection to a server on this machine.
#[derive(Debug)]
pub(crate) struct Client(BufReader<TcpStream>);

/// An answer.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    /// The `Cache-Status` header, empty without one.
    pub(crate) cache_status: String,
    pub(crate) body: Vec<u8>,
}

impl Client {
    pub(crate) async fn connect(port: u16) -> io::Result<Self> {
        let stream = TcpStream::connect(("127.0.0.1", port)).await?;
        stream.set_nodelay(true)?;
        Ok(Self(BufReader::new(stream)))
    }

    pub(crate) async fn get(&mut self, path: &str) -> io::Result<Reply> {
        self.send(&format!("GET {path} HTTP/1.1\r\nhost: localhost\r\n\r\n")).await
    }

    /// Sends a JSON body with a bearer's token.
    pub(crate) async fn post(&mut self, path: &str, token: &str, json: &str) -> io::Result<Reply> {
        self.send(&format!(
            "POST {path} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {token}\r\n\
             content-type: application/json\r\ncontent-length: {}\r\n\r\n{json}",
            json.len()
        ))
        .await
    }

    async fn send(&mut self, request: &str) -> io::Result<Reply> {
        self.0.write_all(request.as_bytes()).await?;
        let first = self.line().await?;
        let status = first.split(' ').nth(1).and_then(|status| status.parse().ok());
        let status = status.ok_or_else(|| wrong(&first))?;
        let (mut len, mut cache_status) = (0, String::new());
        loop {
            let line = self.line().await?;
            let Some((name, value)) = line.split_once(':') else { break };
            if name.eq_ignore_ascii_case("content-length") {
                len = value.trim().parse().map_err(|_| wrong(&line))?;
            } else if name.eq_ignore_ascii_case("cache-status") {
                cache_status = value.trim().to_owned();
            }
        }
        let mut body = vec![0; len];
        self.0.read_exact(&mut body).await?;
        Ok(Reply { status, cache_status, body })
    }

    async fn line(&mut self) -> io::Result<String> {
        let mut line = String::new();
        if self.0.read_line(&mut line).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(line.trim_end().to_owned())
    }
}

fn wrong(line: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("not HTTP: `{line}`"))
}
