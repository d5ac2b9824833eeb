//! `start` serves the site, `start prerender` renders its pages and stores them.

use std::{env, error::Error};

use app::site::site;
use leptos_isr::{Builder, build_id, seconds};
use tokio::{
    net::TcpListener,
    signal::unix::{SignalKind, signal},
};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    tracing_subscriber::fmt().init();
    let mut options = leptos::config::get_configuration(None)?.leptos_options;
    // As `cargo leptos build` has named them.
    options.hash_files = option_env!("LEPTOS_HASH_FILES") == Some("true");
    let build = build_id(&options)?;
    let (isr, router) = site(options.clone(), |builder| with_settings(builder, build))?;
    if env::args().nth(1).as_deref() == Some("prerender") {
        isr.prerender(4, |_| (), |page| println!("{} {:?}", page.path, page.outcome)).await?;
        return Ok(());
    }

    let listener = TcpListener::bind(options.site_addr).await?;
    println!("serving http://{}", listener.local_addr()?);
    let starting = isr.clone();
    tokio::spawn(async move { starting.begin_service().await });
    axum::serve(listener, router).with_graceful_shutdown(terminated()).await?;
    isr.shut_down(seconds(10)).await;
    Ok(())
}

fn with_settings(builder: Builder, build: String) -> Builder {
    let builder = builder.disk("target/isr", build);
    // Who has this token may purge, by `/_isr/purge`.
    match env::var("ISR_TOKEN") {
        Ok(token) => builder.token(token),
        Err(_) => builder,
    }
}

/// Waits for SIGTERM or Ctrl-C.
async fn terminated() {
    let mut terminate = signal(SignalKind::terminate()).expect("the handler can be set");
    tokio::select! {
        _ = terminate.recv() => {}
        _ = tokio::signal::ctrl_c() => {}
    }
}
