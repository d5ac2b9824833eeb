//! Load by wrk, and single requests.

use std::{fs, path::Path, process::Command, time::Duration};

use clap::Args;
use serde::Deserialize;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::Result;

/// How long and how widely servers are asked.
#[derive(Args)]
pub(crate) struct Rounds {
    /// Rounds in which each is measured once
    #[arg(long, default_value_t = 5)]
    pub(crate) rounds: usize,
    /// Seconds of each measurement
    #[arg(long, default_value_t = 3)]
    pub(crate) seconds: u64,
    /// Connections that are kept open
    #[arg(long, default_value_t = 32)]
    pub(crate) connections: usize,
}

/// Makes wrk end its report with one line of JSON.
const REPORT: &str = r#"
done = function(summary, latency, requests)
  io.write(string.format(
    '\n{"requests":%d,"micros":%d,"bytes":%d,"failed":%d,"p50":%d,"p99":%d,"max":%d}\n',
    summary.requests, summary.duration, summary.bytes,
    summary.errors.connect + summary.errors.read + summary.errors.write
      + summary.errors.status + summary.errors.timeout,
    latency:percentile(50), latency:percentile(99), latency.max))
end
"#;

/// What one run of the load generator measured; latencies in microseconds.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Load {
    pub(crate) requests: u64,
    micros: u64,
    pub(crate) bytes: u64,
    failed: u64,
    pub(crate) p50: u64,
    pub(crate) p99: u64,
    pub(crate) max: u64,
}

impl Load {
    pub(crate) fn per_second(&self) -> f64 {
        self.requests as f64 / (self.micros as f64 / 1e6)
    }
}

/// Asks for `url` again and again over `connections` kept-alive connections.
///
/// # Errors
///
/// Also if one answer was no success.
pub(crate) fn wrk(
    url: &str,
    headers: &[(String, String)],
    seconds: u64,
    connections: usize,
    scratch: &Path,
) -> Result<Load> {
    wrk_with("", url, headers, seconds, connections, scratch)
}

/// The same, with requests by a script in Lua.
pub(crate) fn wrk_with(
    requests: &str,
    url: &str,
    headers: &[(String, String)],
    seconds: u64,
    connections: usize,
    scratch: &Path,
) -> Result<Load> {
    let script = scratch.join("report.lua");
    fs::write(&script, format!("{requests}{REPORT}"))?;
    let mut wrk = Command::new("wrk");
    wrk.args(["-t1", &format!("-c{connections}"), &format!("-d{seconds}s"), "--timeout", "10s"]);
    wrk.arg("-s").arg(&script);
    for (name, value) in headers {
        wrk.arg("-H").arg(format!("{name}: {value}"));
    }
    let output =
        wrk.arg(url).output().map_err(|error| format!("wrk: {error}; is it installed?"))?;
    let text = String::from_utf8_lossy(&output.stdout);
    let json = text.lines().rev().find(|line| line.starts_with('{'));
    let json = json.ok_or_else(|| format!("wrk on {url} said: {text}"))?;
    let load: Load = serde_json::from_str(json)?;
    if load.failed > 0 || load.requests == 0 {
        return Err(format!("{url}: {} of {} requests failed", load.failed, load.requests).into());
    }
    Ok(load)
}

/// One answer.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(other, _)| other.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }
}

/// Sends one request over a connection of its own, and reads to its end.
pub(crate) async fn get(addr: &str, path: &str, headers: &[(String, String)]) -> Result<Answer> {
    send(addr, "GET", path, headers, "").await
}

pub(crate) async fn send(
    addr: &str,
    method: &str,
    path: &str,
    headers: &[(String, String)],
    body: &str,
) -> Result<Answer> {
    let exchange = async {
        let mut stream = TcpStream::connect(addr).await?;
        // HTTP/1.0 has no chunks, so the body is what comes until the end.
        let mut request = format!("{method} {path} HTTP/1.0\r\nhost: {addr}\r\n");
        for (name, value) in headers {
            request.push_str(&format!("{name}: {value}\r\n"));
        }
        request.push_str(&format!("content-length: {}\r\n\r\n{body}", body.len()));
        stream.write_all(request.as_bytes()).await?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await?;
        Ok::<_, std::io::Error>(answer)
    };
    let answer = tokio::time::timeout(Duration::from_secs(60), exchange).await??;
    let end = answer.windows(4).position(|part| part == b"\r\n\r\n");
    let end = end.ok_or_else(|| format!("{addr}{path} gave no answer"))?;
    let head = String::from_utf8_lossy(&answer[..end]).into_owned();
    let mut lines = head.lines();
    let status = lines.next().and_then(|line| line.split(' ').nth(1)?.parse().ok());
    let headers = lines.filter_map(|line| {
        let (name, value) = line.split_once(':')?;
        Some((name.to_owned(), value.trim().to_owned()))
    });
    Ok(Answer {
        status: status.ok_or("no status line")?,
        headers: headers.collect(),
        body: answer[end + 4..].to_vec(),
    })
}
