//! What is wrong at start.

use leptos_isr::store::RedisStore;

use std::process::{Command, Stdio};

use super::server::Redis;
use crate::{program::free_addr, support::Site};

async fn refused(url: &str) -> String {
    RedisStore::open(url, "test", "one").await.unwrap_err().to_string()
}

#[tokio::test]
async fn redis_that_would_lose_purges_is_refused_at_start() {
    let full = &["--maxmemory", "50mb", "--maxmemory-policy", "allkeys-lru"];
    let Some(redis) = Redis::start(full) else { return };
    let problem = refused(&redis.url()).await;
    assert!(problem.contains("volatile-lru") && problem.contains("allkeys-lru"), "{problem}");
    redis.say("CONFIG SET maxmemory-policy volatile-lru");
    RedisStore::open(&redis.url(), "test", "one").await.unwrap();
}

#[tokio::test]
async fn cluster_sentinel_replica_and_wrong_password_are_refused_with_the_remedy() {
    let Some(cluster) = Redis::start(&["--cluster-enabled", "yes"]) else { return };
    assert!(refused(&cluster.url()).await.contains("name one server"));
    let secret = Redis::start(&["--requirepass", "secret"]).unwrap();
    for url in [secret.url(), format!("redis://:wrong@{}/0", secret.addr)] {
        let problem = refused(&url).await;
        assert!(problem.contains("password") && !problem.contains("wrong@"), "{problem}");
    }
    let good = format!("redis://:secret@{}/0", secret.addr);
    let opened = RedisStore::open(&good, "test", "one").await.unwrap();
    assert!(!format!("{opened:?}").contains(":secret"), "{opened:?}");
    let replica = Redis::start(&[]).unwrap();
    let port = cluster.addr.port();
    replica.say(&format!("REPLICAOF 127.0.0.1 {port}"));
    assert!(refused(&replica.url()).await.contains("name its primary"));
}

#[tokio::test]
async fn malformed_address_site_and_build_are_refused_and_a_missing_server_is_not() {
    for url in ["", "127.0.0.1:6379", "redis+sentinel://host", "redis://host:port"] {
        let problem = refused(url).await;
        assert!(problem.contains("rediss://host"), "{problem}");
    }
    let missing = format!("redis://{}/0", free_addr());
    for (site, build) in [("a b", "one"), ("", "one"), ("a:b", "one"), ("site", "a/b")] {
        RedisStore::open(&missing, site, build).await.unwrap_err();
    }
    RedisStore::open(&missing, "test", "one").await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn redis_behind_tls_is_reached_if_its_certificate_is_trusted() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (key, cert) = (file("key.pem"), file("cert.pem"));
    let made = Command::new("openssl")
        .args(["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"])
        .args(["-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"])
        .args(["-addext", "basicConstraints=critical,CA:FALSE", "-keyout", &key, "-out", &cert])
        .stderr(Stdio::null())
        .status();
    assert!(made.unwrap().success());
    let tls = free_addr();
    let port = tls.port().to_string();
    let args = ["--tls-port", &port, "--tls-cert-file", &cert, "--tls-key-file", &key];
    let auth = ["--tls-auth-clients", "no"];
    let Some(redis) = Redis::start(&[&args[..], &auth].concat()) else { return };
    let (site, url) = (Site::new().await, format!("rediss://{tls}/0"));
    let trusts = [("SSL_CERT_FILE", cert.as_ref())];
    let server = site.on_redis_with(&url, None, "trusts.log", &trusts);
    server.get("/forever/a").await.assert_status(200);
    server.idle().await;
    assert_eq!(redis.say("EXISTS isr1:blackbox:page:one:/forever/a"), ":1");
    let server = site.on_redis(&url, None, "distrusts.log");
    server.get("/forever/a").await.assert_said("forever:a #2");
    assert!(server.log().contains("certificate"), "{}", server.log());
}
