//! What open streams cost: opens so many (1,000 unless a number is given) over
//! TCP and prints by how much this program's resident memory grew. Linux only.
//!
//! The reading ends are bare sockets, read by blocking the main thread, so all
//! of it is the server's. What the kernel keeps for sockets is not counted.
//! Ends with an error if it is 20 MiB for 1,000 streams or more.
//!
//! ```sh
//! cargo run --release -p bench --bin streams
//! ```

use std::{
    error::Error,
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
};

use axum::Router;
use leptos_isr::{Engine, Isr, purge::Purge, route::RouteTable};
use tokio::net::TcpListener;

/// What one stream must stay below, in KiB.
const MOST: f64 = 20.0 * 1024.0 / 1000.0;

/// How many streams are opened and measured one after the other.
const WARM_UP: usize = 50;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let count: usize = std::env::args().nth(1).map_or(Ok(1000), |count| count.parse())?;
    let routes = RouteTable::new().add("/a", Isr::forever().tag("a"))?;
    let isr = Engine::builder(routes).max_streams(WARM_UP + count).build()?;
    let app = isr.wrap(Router::new().fallback(async || format!("{:?}", std::time::Instant::now())));
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let addr = listener.local_addr()?;
    tokio::spawn(axum::serve(listener, app).into_future());
    isr.regenerate(&["/a"]).await?;

    let mut streams = Vec::with_capacity(WARM_UP + count);
    open(&mut streams, WARM_UP, addr)?;
    let before = resident_kib()?;
    open(&mut streams, count, addr)?;
    let idle = resident_kib()? - before;
    isr.purge(&Purge { tags: vec!["a".to_owned()], ..Purge::default() }).await?;
    for stream in &mut streams {
        let text = read(stream)?;
        assert!(text.contains(r#"data: {"page":"/a"}"#), "an event comes: {text}");
    }
    let told = resident_kib()? - before;
    let each = told / count as f64;
    writeln!(
        std::io::stdout(),
        "{count} streams: {:.1} MiB idle, {:.1} MiB after an event ({each:.1} KiB each)",
        idle / 1024.0,
        told / 1024.0
    )?;
    match each < MOST {
        true => Ok(()),
        false => Err(format!("a stream costs {MOST} KiB or more").into()),
    }
}

fn open(
    streams: &mut Vec<TcpStream>,
    count: usize,
    addr: SocketAddr,
) -> Result<(), Box<dyn Error>> {
    for _ in 0..count {
        let mut stream = TcpStream::connect(addr)?;
        // About as long as a browser's.
        let request = format!(
            "GET /_isr/live?page=/a HTTP/1.1\r\nHost: {addr}\r\nUser-Agent: {}\r\n\
             Accept: text/event-stream\r\nCookie: {}\r\n\r\n",
            "x".repeat(120),
            "y".repeat(300),
        );
        stream.write_all(request.as_bytes())?;
        let text = read(&mut stream)?;
        assert!(text.starts_with("HTTP/1.1 200"), "the stream begins: {text}");
        streams.push(stream);
    }
    Ok(())
}

/// What came up to now, at least up to the end of a part.
fn read(stream: &mut TcpStream) -> Result<String, Box<dyn Error>> {
    let mut text = String::new();
    while !text.contains("data:") || !text.ends_with("\n\n\r\n") {
        let mut part = [0; 512];
        let len = stream.read(&mut part)?;
        if len == 0 {
            return Err(format!("the stream has ended after {text:?}").into());
        }
        text.push_str(std::str::from_utf8(&part[..len])?);
    }
    Ok(text)
}

/// This program's resident memory, from `/proc`.
fn resident_kib() -> Result<f64, Box<dyn Error>> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|rest| rest.trim().strip_suffix(" kB")).ok_or("`VmRSS` is missing")?;
    Ok(kib.trim().parse()?)
}
