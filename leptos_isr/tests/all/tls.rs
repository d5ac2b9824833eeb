//! What is asked over `https`.

use std::{env, process::Command};

use leptos_isr::{
    data::{client_builder, fetch},
    purge::Cdn,
};
use tokio::{io::AsyncReadExt, net::TcpListener};

use crate::support::{Site, routes};

/// How TLS begins: RFC 8446, section 5.1, a record of the handshake.
const HANDSHAKE: u8 = 22;

/// Answers nobody, and gives the first byte that somebody sends.
async fn first_byte(listener: TcpListener) -> u8 {
    let (mut stream, _) = listener.accept().await.unwrap();
    stream.read_u8().await.unwrap()
}

#[tokio::test]
async fn fetch_speaks_tls_without_a_setting() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://{}/", listener.local_addr().unwrap());
    tokio::select! {
        byte = first_byte(listener) => assert_eq!(byte, HANDSHAKE),
        answer = fetch(url).bytes() => panic!("nothing was asked: {answer:?}"),
    }
}

#[tokio::test]
async fn cdn_is_told_by_tls_without_a_setting() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let api = format!("https://{}", listener.local_addr().unwrap());
    let cdn = Cdn::cloudflare("zone", "token", "https://news.example").api(api);
    let site = Site::build(routes(), |builder| builder.cdn(cdn));
    site.purge_tag("all").await;
    let asked = tokio::time::timeout(leptos_isr::seconds(20), first_byte(listener));
    assert_eq!(asked.await.expect("it was not told"), HANDSHAKE);
}

/// Set for the process that runs without certificates.
const ALONE: &str = "ISR_TEST_WITHOUT_CERTIFICATES";

/// Reads the system's certificates once in its life, so it takes a process of its own.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn system_without_certificates_is_no_obstacle_to_http() {
    if env::var_os(ALONE).is_some() {
        let client = client_builder().build().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        tokio::select! {
            byte = first_byte(listener) => assert_eq!(byte, b'G'),
            answer = client.get(url).send() => panic!("nothing was asked: {answer:?}"),
        }
        return;
    }
    let mut alone = Command::new(env::current_exe().unwrap());
    alone.args(["--exact", "tls::system_without_certificates_is_no_obstacle_to_http"]);
    let nothing = "/nonexistent/certificates";
    alone.env(ALONE, "1").env("SSL_CERT_FILE", nothing).env_remove("SSL_CERT_DIR");
    let run = alone.output().unwrap();
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stdout));
}
