//! nginx with `proxy_cache`.

use std::{fs, net::SocketAddr, os::unix::fs::MetadataExt, process::Command};

use leptos_isr::{
    Builder,
    purge::{Cdn, Purge, SharedCache},
};

use crate::{
    origin::{Origin, place},
    program::{Program, free_addr, installed, of_guide, with},
    visitor::{ask, get, until},
};

/// The site behind nginx, set up as in the guide.
async fn site(configure: impl FnOnce(Builder) -> Builder) -> Option<(Origin, Program)> {
    let program = installed("nginx", "the Debian package nginx")?;
    let ((listener, origin), addr) = (place().await, free_addr());
    let nginx = start(&program, addr, origin);
    let cdn = Cdn::nginx(format!("http://{addr}"), "a token", "https://news.example");
    let configure =
        |builder: Builder| configure(builder.shared_cache(SharedCache::CacheControl).cdn(cdn));
    Some((Origin::start(listener, configure).await, nginx))
}

fn start(program: &std::path::Path, addr: SocketAddr, origin: SocketAddr) -> Program {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().display();
    let http = with(&of_guide("nginx"), "127.0.0.1:3000", &origin.to_string());
    let http = with(&http, "listen 80;", &format!("listen {addr};"));
    let http = with(&http, "/var/cache/nginx/isr", &format!("{path}/pages"));
    let http = with(&http, "the-token-of-nginx", "a token");
    let temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
    let temporary = temporary.map(|what| format!("{what}_temp_path {path}/{what};\n")).concat();
    // Its workers would be somebody else, who may not use the folder.
    let is_root = fs::metadata(folder.path()).unwrap().uid() == 0;
    let user = if is_root { "user root;" } else { "" };
    let text = format!(
        "{user}\ndaemon off;\nworker_processes 1;\npid {path}/pid;\nerror_log stderr;\n\
         events {{}}\nhttp {{\naccess_log off;\n{temporary}{http}}}\n"
    );
    fs::write(folder.path().join("nginx.conf"), text).unwrap();
    let mut command = Command::new(program);
    command.arg("-p").arg(folder.path()).args(["-e", "stderr", "-c", "nginx.conf"]);
    Program::start(command, addr, folder)
}

fn path(path: &str, hard: bool) -> Purge {
    Purge { paths: vec![path.to_owned()], hard, ..Purge::default() }
}

#[tokio::test(flavor = "multi_thread")]
async fn nginx_asks_once_for_a_page_and_its_visitors_each_time() {
    let Some((origin, nginx)) = site(|builder| builder).await else { return };
    for _ in 0..20 {
        let page = get(nginx.addr, "/page/1").await;
        assert!(page.body.starts_with("/page/1 #1."), "{page:?}");
        let browsers = page.header("cache-control");
        assert!(browsers.contains("max-age=0") && browsers.contains("must-revalidate"));
        let same = [("if-none-match", page.header("etag"))];
        assert_eq!(ask(nginx.addr, "GET", "/page/1", &same).await.status, 304);
    }
    assert_eq!(origin.asked("/page/1"), 1);
}

/// What the setting is for.
#[tokio::test(flavor = "multi_thread")]
async fn nginx_keeps_nothing_if_it_is_not_told_in_cache_control() {
    let other = |builder: Builder| builder.shared_cache(SharedCache::CdnCacheControl);
    let Some((origin, nginx)) = site(other).await else { return };
    for _ in 0..20 {
        get(nginx.addr, "/page/1").await;
    }
    assert_eq!(origin.asked("/page/1"), 20);
}

#[tokio::test(flavor = "multi_thread")]
async fn nginx_serves_a_stale_page_at_once_while_it_asks_for_the_new_one() {
    let Some((origin, nginx)) = site(|builder| builder).await else { return };
    get(nginx.addr, "/soon").await;
    let closed = origin.gate.write().await;
    until(nginx.addr, "/soon", |page| {
        assert!(page.body.starts_with("/soon #1."), "{page:?}");
        origin.asked("/soon") == 2
    })
    .await;
    drop(closed);
}

#[tokio::test(flavor = "multi_thread")]
async fn nginx_takes_a_purged_page_anew() {
    let Some((origin, nginx)) = site(|builder| builder).await else { return };
    get(nginx.addr, "/page/1").await;
    get(nginx.addr, "/page/2").await;
    origin.purge(path("/page/1", true)).await;
    until(nginx.addr, "/page/1", |page| page.body.starts_with("/page/1 #3.")).await;
    origin.purge(path("/page/1", false)).await;
    until(nginx.addr, "/page/1", |page| page.body.starts_with("/page/1 #4.")).await;
    assert_eq!(origin.asked("/page/2"), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn nginx_refuses_a_purge_with_another_token() {
    let Some((origin, nginx)) = site(|builder| builder).await else { return };
    get(nginx.addr, "/page/1").await;
    let refused = ask(nginx.addr, "HEAD", "/page/1", &[("x-isr-refresh", "a guess")]).await;
    assert_eq!((refused.status, origin.asked("/page/1")), (403, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn nginx_takes_a_page_with_many_tags() {
    let Some((origin, nginx)) = site(|builder| builder).await else { return };
    for _ in 0..2 {
        assert_eq!(get(nginx.addr, "/many").await.status, 200);
    }
    assert_eq!(origin.asked("/many"), 1);
    drop(nginx);

    let larger = |builder: Builder| builder.max_header_size(64 << 10);
    let Some((_origin, nginx)) = site(larger).await else { return };
    assert_eq!(get(nginx.addr, "/many").await.status, 502, "what the limit is for");
}

#[tokio::test(flavor = "multi_thread")]
async fn nginx_keeps_visitors_and_editors_apart() {
    let Some((origin, nginx)) = site(|builder| builder).await else { return };
    crate::varnish::assert_kept_apart(&origin, nginx.addr).await;
}
