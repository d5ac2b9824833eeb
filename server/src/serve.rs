//! Serving until a signal, then finishing what is under way.

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use leptos_isr::SystemClock;
use tokio::{
    net::TcpListener,
    signal::unix::{SignalKind, signal},
    sync::watch,
    time::timeout,
};
use tracing::{info, warn};

use crate::{config::Config, content, error::Error, site::site};

/// How long requests and regenerations under way may take after the signal.
const DRAIN: Duration = Duration::from_secs(10);

/// Serves the site. Returns after SIGTERM or Ctrl-C, once all is finished or
/// ten seconds have passed.
pub(crate) async fn serve(config: &Config) -> Result<(), Error> {
    let content = content::open(config, config.content_addr).await?;
    let site = site(config, &content, SystemClock)?;
    let addr = config.site_addr;
    let listen_error = |source| Error::Listen { addr, variable: "LEPTOS_SITE_ADDR", source };
    let listener = TcpListener::bind(addr).await.map_err(listen_error)?;
    let url = format!("http://{}", listener.local_addr().map_err(listen_error)?);
    info!(%url, stored = config.stores_pages(), editor = content.editor.is_enabled(), "serving");

    let isr = site.isr.clone();
    tokio::spawn(async move { isr.begin_service().await });
    let (stop, mut stopped) = watch::channel(false);
    let service = site.router.into_make_service_with_connect_info::<SocketAddr>();
    let server = axum::serve(listener, service).with_graceful_shutdown(async move {
        // Fails only if the sender is gone, and then it is time to stop too.
        let _ = stopped.wait_for(|stop| *stop).await;
    });
    let mut server = tokio::spawn(server.into_future());
    tokio::select! {
        ended = &mut server => return ended.map_err(std::io::Error::other).flatten().map_err(Error::Serve),
        () = signalled() => {}
    }
    info!(limit = ?DRAIN, "stopping: finishing requests and regenerations");
    let began = Instant::now();
    // From here on `/_isr/ready` is 503. Open pages' streams would hold up the end of their connections.
    site.isr.end_streams();
    stop.send_replace(true);
    let drained = timeout(DRAIN, server).await.is_ok();
    let is_idle = site.isr.shut_down(DRAIN.saturating_sub(began.elapsed())).await;
    if drained && is_idle {
        info!("stopped");
    } else {
        warn!("stopped with requests or regenerations under way");
    }
    drop(content);
    Ok(())
}

/// Waits for SIGTERM or Ctrl-C.
async fn signalled() {
    let mut terminate = signal(SignalKind::terminate()).expect("the handler can be set");
    let mut interrupt = signal(SignalKind::interrupt()).expect("the handler can be set");
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
}
