//! Serving until a signal, then finishing what is under way.

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use leptos_isr::{Engine, SystemClock};
use tokio::{
    net::TcpListener,
    signal::unix::{SignalKind, signal},
    sync::watch,
    time::timeout,
};
use tracing::{info, warn};

use crate::{
    config::Config,
    content,
    error::Error,
    site::{Site, site},
};

/// How long requests and regenerations under way may take after the signal.
const DRAIN: Duration = Duration::from_secs(10);

/// Serves the site. Returns after SIGTERM or Ctrl-C, once all is finished or
/// ten seconds have passed.
pub(crate) async fn serve(config: &Config) -> Result<(), Error> {
    let content = content::open(config, config.content_addr).await?;
    let site = site(config, &content, SystemClock).await?;
    let (listener, addr) = listen(config.site_addr, "LEPTOS_SITE_ADDR").await?;
    let url = format!("http://{addr}");
    if let Some(addr) = config.isr_metrics_addr {
        serve_metrics(addr, &site.isr).await?;
    }
    info!(%url, stored = config.stores_pages(), editor = content.editor.is_enabled(), "serving");

    serve_until(signalled(), &site, listener).await?;
    drop(content);
    Ok(())
}

async fn listen(
    addr: SocketAddr,
    variable: &'static str,
) -> Result<(TcpListener, SocketAddr), Error> {
    let listen_error = |source| Error::Listen { addr, variable, source };
    let listener = TcpListener::bind(addr).await.map_err(listen_error)?;
    let addr = listener.local_addr().map_err(listen_error)?;
    Ok((listener, addr))
}

/// Serves metrics, and nothing else, for as long as the program runs: also while it stops. Returns
/// where.
async fn serve_metrics(addr: SocketAddr, isr: &Engine) -> Result<SocketAddr, Error> {
    let (listener, addr) = listen(addr, "ISR_METRICS_ADDR").await?;
    tokio::spawn(axum::serve(listener, isr.metrics_router()).into_future());
    info!(url = %format_args!("http://{addr}/_isr/metrics"), "serving metrics");
    Ok(addr)
}

async fn serve_until(
    signalled: impl Future<Output = ()>,
    site: &Site,
    listener: TcpListener,
) -> Result<(), Error> {
    let isr = site.isr.clone();
    tokio::spawn(async move { isr.begin_service().await });
    let (stop, mut stopped) = watch::channel(false);
    let service = site.router.clone().into_make_service_with_connect_info::<SocketAddr>();
    let server = axum::serve(listener, service).with_graceful_shutdown(async move {
        // Fails only if the sender is gone, and then it is time to stop too.
        let _ = stopped.wait_for(|stop| *stop).await;
    });
    let mut server = tokio::spawn(server.into_future());
    tokio::select! {
        ended = &mut server => return ended.map_err(std::io::Error::other).flatten().map_err(Error::Serve),
        () = signalled => {}
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

#[cfg(test)]
mod tests {
    use axum::{Router, routing::get};
    use leptos_isr::route::RouteTable;
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::TcpStream,
        sync::oneshot,
    };

    use super::*;

    async fn ask(mut connection: TcpStream, text: &str) -> String {
        connection.write_all(text.as_bytes()).await.unwrap();
        let mut answer = String::new();
        connection.read_to_string(&mut answer).await.unwrap();
        answer
    }

    #[tokio::test]
    async fn metrics_have_an_address_of_their_own_and_one_in_use_is_an_error_that_names_the_setting()
     {
        let isr = Engine::builder(RouteTable::new()).build().unwrap();
        let addr = serve_metrics("127.0.0.1:0".parse().unwrap(), &isr).await.unwrap();
        let get = async |path: &str| {
            let connection = TcpStream::connect(addr).await.unwrap();
            ask(connection, &format!("GET {path} HTTP/1.0\r\n\r\n")).await
        };
        let metrics = get("/_isr/metrics").await;
        assert!(metrics.contains(" 200 ") && metrics.ends_with("# EOF\n"), "{metrics}");
        for path in ["/", "/_isr/ready", "/_isr/purge"] {
            let other = get(path).await;
            assert!(other.contains(" 404 "), "{path}: {other}");
        }
        let error = serve_metrics(addr, &isr).await.unwrap_err().to_string();
        assert!(error.contains("ISR_METRICS_ADDR") && error.contains(&addr.to_string()), "{error}");
    }

    #[tokio::test]
    async fn connection_from_before_the_signal_is_answered_that_the_server_is_not_ready() {
        let isr = Engine::builder(RouteTable::new()).build().unwrap();
        let (signal, signalled) = oneshot::channel();
        let (seen, held) = (watch::Sender::new(()), watch::Sender::new(()));
        let (mut under_way, finish) = (seen.subscribe(), held.clone());
        let slow = get(async move || {
            let mut finish = finish.subscribe();
            seen.send_replace(());
            finish.changed().await.unwrap();
            "finished"
        });
        let router = isr.wrap(Router::new().route("/slow", slow));
        let site = Site { router, isr: isr.clone() };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let connect = || async { TcpStream::connect(address).await };
        let server = tokio::spawn(async move {
            let signalled = async { signalled.await.unwrap() };
            serve_until(signalled, &site, listener).await
        });

        let mut early = connect().await.unwrap();
        early.write_all(b"GET /_isr/ready HTTP/1.1\r\n").await.unwrap();
        let slow = tokio::spawn(ask(connect().await.unwrap(), "GET /slow HTTP/1.0\r\n\r\n"));
        under_way.changed().await.unwrap();
        // By the time of this answer the server has read what came before.
        let ready = ask(connect().await.unwrap(), "GET /_isr/ready HTTP/1.0\r\n\r\n").await;
        assert!(ready.contains(" 200 "), "{ready}");
        signal.send(()).unwrap();
        while connect().await.is_ok() {
            tokio::task::yield_now().await;
        }
        let ready = ask(early, "host: site\r\n\r\n").await;
        assert!(ready.contains(" 503 ") && ready.contains(r#"{"ready":false}"#), "{ready}");
        held.send_replace(());
        assert!(slow.await.unwrap().ends_with("finished"));
        server.await.unwrap().unwrap();
    }
}
