//! A small app for the tests of this folder: `blackbox prerender`, `blackbox serve`.

mod app;
mod site;
mod source;

use std::{
    error::Error,
    io::{Write, stderr, stdout},
    process::ExitCode,
};

use leptos_isr::{
    Engine,
    prerender::{PageOutcome, PrerenderError, RouteReport},
    route::Lifetime,
};
use tokio::net::TcpListener;
use tracing_subscriber::EnvFilter;

use crate::site::{Settings, site};

#[tokio::main]
async fn main() -> ExitCode {
    tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::new("info"))
        .with_ansi(false)
        .with_writer(stderr)
        .init();
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Result<(), Box<dyn Error + Send + Sync>> {
    let (isr, router) = site(Settings::from_env()?).await?;
    match std::env::args().nth(1).as_deref() {
        Some("prerender") => prerender(&isr).await,
        Some("serve") => {
            let listener = TcpListener::bind("127.0.0.1:0").await?;
            writeln!(stdout(), "{}", listener.local_addr()?)?;
            Ok(axum::serve(listener, router).await?)
        }
        _ => Err("say `prerender` or `serve`".into()),
    }
}

/// Renders the listed pages, and prints a row for each route.
async fn prerender(isr: &Engine) -> Result<(), Box<dyn Error + Send + Sync>> {
    let rendered = isr.prerender(4, |_| (), |_| ()).await;
    let report = match &rendered {
        Ok(report) => report,
        Err(PrerenderError::Pages(report)) => report,
        Err(_) => return Ok(rendered.map(drop)?),
    };
    for row in &report.routes {
        writeln!(stdout(), "{} | {} | {}", row.route, mode(row), row.pages)?;
    }
    for page in &report.failures {
        let (what, cause) = match &page.outcome {
            PageOutcome::LeftForLater { cause } => ("left for later", cause.as_str()),
            PageOutcome::Failed { cause } => ("failed", cause.as_str()),
            PageOutcome::Stored { .. } | PageOutcome::Redirected { .. } => ("stored", ""),
        };
        writeln!(stdout(), "{what}: {}: {cause}", page.path)?;
    }
    Ok(rendered.map(drop)?)
}

fn mode(row: &RouteReport) -> String {
    match row.lifetime {
        None => "dynamic".to_owned(),
        Some(Lifetime { revalidate: None, .. }) => "static".to_owned(),
        Some(Lifetime { revalidate: Some(period), expire }) => {
            let listed = if row.is_listed { "listed" } else { "not listed" };
            format!("{period:?}, {expire:?}, {listed}")
        }
    }
}
