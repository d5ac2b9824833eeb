//! `server check`: what would surprise whoever stores the pages.

use std::{
    fs,
    io::{Write, stdout},
    net::{Ipv4Addr, SocketAddr},
};

use leptos_isr::SystemClock;

use crate::{config::Config, content, error::Error, site::site};

/// Renders every listed page for several visitors, and prints where the answers differ.
pub(crate) async fn check(config: &Config, is_json: bool) -> Result<(), Error> {
    // A server may be running on the configured address, and with the configured store.
    let any_port = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let folder = std::env::temp_dir().join(format!("newsroom-check-{}", uuid::Uuid::new_v4()));
    let config = Config { isr_dir: folder.clone(), isr_redis_url: None, ..config.clone() };
    let content = content::open(&config, any_port).await?;
    let site = site(&config, &content, SystemClock).await?;
    let report = site.isr.check(&site.router).await;
    drop(fs::remove_dir_all(folder));
    let text = match is_json {
        true => serde_json::to_string(&report).expect("the report is plain data"),
        false => report.to_string(),
    };
    writeln!(stdout().lock(), "{}", text.trim_end()).map_err(Error::Print)?;
    if report.is_clean() { Ok(()) } else { Err(Error::Surprises) }
}
