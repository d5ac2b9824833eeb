//! Varnish with its module `xkey`.

use std::{fs, net::SocketAddr, path::Path, process::Command};

use leptos_isr::{
    Builder,
    purge::{Cdn, Purge, SharedCache},
};

use crate::{
    built::built,
    origin::{Origin, many_tags, of_tags, place},
    program::{Program, free_addr, installed, of_guide, with},
    visitor::{ask, get, until},
};

/// The site behind Varnish, set up as in the guide.
async fn site(configure: impl FnOnce(Builder) -> Builder) -> Option<(Origin, Program)> {
    let program = installed("varnishd", "the Debian packages varnish and varnish-modules")?;
    let ((listener, origin), addr) = (place().await, free_addr());
    let varnish = start(&program, addr, origin);
    let cdn = Cdn::varnish(format!("http://{addr}"), "a token", "https://news.example");
    let configure =
        |builder: Builder| configure(builder.shared_cache(SharedCache::Varnish).cdn(cdn));
    Some((Origin::start(listener, configure).await, varnish))
}

fn start(program: &Path, addr: SocketAddr, origin: SocketAddr) -> Program {
    let folder = tempfile::tempdir().unwrap();
    let vcl = with(&of_guide("vcl"), "127.0.0.1", &origin.ip().to_string());
    let vcl = with(&vcl, "\"3000\"", &format!("\"{}\"", origin.port()));
    let vcl = with(&vcl, "the-token-of-varnish", "a token");
    fs::write(folder.path().join("isr.vcl"), vcl).unwrap();
    let mut command = Command::new(program);
    // No other user: it may not use the folder.
    command.args(["-j", "none", "-F", "-T", "none", "-S", "none", "-s", "default,16m"]);
    command.arg("-n").arg(folder.path().join("work"));
    command.arg("-f").arg(folder.path().join("isr.vcl"));
    command.args(["-a", &addr.to_string()]);
    Program::start(command, addr, folder)
}

/// Visitors with cookies get what is theirs, and editors in draft mode nothing that is stored.
pub(crate) async fn assert_kept_apart(origin: &Origin, cache: SocketAddr) {
    for cookie in ["a=1", "a=2", "a=1"] {
        let mine = ask(cache, "GET", "/mine", &[("cookie", cookie)]).await;
        assert_eq!(mine.body, cookie);
        let page = ask(cache, "GET", "/page/1", &[("cookie", cookie)]).await;
        assert!(page.body.starts_with("/page/1 #1."), "{page:?}");
    }
    assert_eq!(origin.asked("/page/1"), 1, "a stored page is the same for all");
    let draft = origin.engine.draft_cookie().unwrap();
    let draft = draft.to_str().unwrap().split(';').next().unwrap().to_owned();
    for number in 2..4 {
        let page = ask(cache, "GET", "/page/1", &[("cookie", &draft)]).await;
        assert!(page.body.starts_with(&format!("/page/1 #{number}.")), "{page:?}");
    }
    let page = get(cache, "/page/1").await;
    assert!(page.body.starts_with("/page/1 #1."), "{page:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn varnish_asks_once_for_a_page_and_its_visitors_each_time() {
    let Some((origin, varnish)) = site(|builder| builder).await else { return };
    for _ in 0..20 {
        let page = get(varnish.addr, "/page/1").await;
        assert!(page.body.starts_with("/page/1 #1."), "{page:?}");
        let browsers = page.header("cache-control");
        assert!(browsers.contains("max-age=0") && browsers.contains("must-revalidate"));
        let same = [("if-none-match", page.header("etag"))];
        assert_eq!(ask(varnish.addr, "GET", "/page/1", &same).await.status, 304);
    }
    assert_eq!(origin.asked("/page/1"), 1);
}

/// What the setting is for.
#[tokio::test(flavor = "multi_thread")]
async fn varnish_keeps_nothing_if_it_is_not_told_in_cache_control() {
    let other = |builder: Builder| builder.shared_cache(SharedCache::CdnCacheControl);
    let Some((origin, varnish)) = site(other).await else { return };
    for _ in 0..20 {
        get(varnish.addr, "/page/1").await;
    }
    assert_eq!(origin.asked("/page/1"), 20);
}

#[tokio::test(flavor = "multi_thread")]
async fn varnish_serves_a_stale_page_at_once_while_it_asks_for_the_new_one() {
    let Some((origin, varnish)) = site(|builder| builder).await else { return };
    get(varnish.addr, "/soon").await;
    let closed = origin.gate.write().await;
    until(varnish.addr, "/soon", |page| {
        assert!(page.body.starts_with("/soon #1."), "{page:?}");
        origin.asked("/soon") == 2
    })
    .await;
    drop(closed);
}

#[tokio::test(flavor = "multi_thread")]
async fn varnish_is_purged_by_tag_path_and_prefix() {
    let Some((origin, varnish)) = site(|builder| builder).await else { return };
    get(varnish.addr, "/page/1").await;
    get(varnish.addr, "/page/2").await;
    let path = || Purge { paths: vec!["/page/1".to_owned()], ..Purge::default() };
    let purges = [
        Purge { hard: true, ..of_tags(&["page:1"]) },
        Purge { hard: true, ..path() },
        path(),
        Purge { prefixes: vec!["/page".to_owned()], hard: true, ..Purge::default() },
    ];
    for (number, purge) in (3..).zip(purges) {
        let reaches_both = !purge.prefixes.is_empty();
        origin.purge(purge).await;
        let begins = format!("/page/1 #{number}.");
        until(varnish.addr, "/page/1", |page| page.body.starts_with(&begins)).await;
        if !reaches_both {
            assert_eq!(origin.asked("/page/2"), 1, "{begins}");
        }
    }
    until(varnish.addr, "/page/2", |page| !page.body.starts_with("/page/2 #2.")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn softly_purged_page_is_served_by_varnish_while_it_asks_for_the_new_one() {
    let Some((origin, varnish)) = site(|builder| builder).await else { return };
    get(varnish.addr, "/page/1").await;
    let closed = origin.gate.write().await;
    origin.purge(of_tags(&["page:1"])).await;
    until(varnish.addr, "/page/1", |page| {
        assert!(page.body.starts_with("/page/1 #1."), "{page:?}");
        origin.asked("/page/1") == 2
    })
    .await;
    drop(closed);
}

#[tokio::test(flavor = "multi_thread")]
async fn varnish_is_purged_by_tags_that_were_shortened() {
    let Some((origin, varnish)) = site(|builder| builder).await else { return };
    assert!(get(varnish.addr, "/many").await.body.starts_with("/many #1."));
    let last = many_tags().last().unwrap();
    origin.purge(Purge { hard: true, ..of_tags(&[&last]) }).await;
    until(varnish.addr, "/many", |page| page.body.starts_with("/many #2.")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn varnish_refuses_a_purge_with_another_token() {
    let Some((origin, varnish)) = site(|builder| builder).await else { return };
    get(varnish.addr, "/page/1").await;
    for method in ["PURGE", "BAN"] {
        let headers = [("authorization", "Bearer a guess"), ("xkey", "all"), ("x-isr-ban", "^")];
        assert_eq!(ask(varnish.addr, method, "/page/1", &headers).await.status, 403);
    }
    get(varnish.addr, "/page/1").await;
    assert_eq!(origin.asked("/page/1"), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn varnish_keeps_visitors_and_editors_apart() {
    let Some((origin, varnish)) = site(|builder| builder).await else { return };
    assert_kept_apart(&origin, varnish.addr).await;
}

/// The program `isr` asks about the page as visitors of Varnish get it, with these cookies.
async fn why(varnish: SocketAddr, cookies: &str) -> (i32, String) {
    let mut command = Command::new(built("isr", &["--bin", "isr", "--example", "hello"]));
    command.args(["why", &format!("http://{varnish}/page/1"), "--text"]);
    command.env("ISR_URL", format!("http://{varnish}")).env("ISR_TOKEN", "the token of the site");
    command.env("ISR_COOKIE", cookies).env("NO_PROXY", "*");
    let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
    (output.status.code().unwrap(), String::from_utf8(output.stdout).unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn why_says_that_varnish_has_an_older_page_or_that_a_draft_is_private() {
    let Some((origin, varnish)) = site(|builder| builder.token("the token of the site")).await
    else {
        return;
    };
    get(varnish.addr, "/page/1").await;
    let (code, said) = why(varnish.addr, "").await;
    assert!(code == 0 && said.contains("visitors get the page that the server has"), "{said}");
    origin.engine.regenerate(&["/page/1"]).await.unwrap();
    let (code, said) = why(varnish.addr, "").await;
    assert!(code == 1 && said.contains("a cache in front answers with an older page"), "{said}");
    let draft = origin.engine.draft_cookie().unwrap();
    let draft = draft.to_str().unwrap().split(';').next().unwrap();
    let (code, said) = why(varnish.addr, draft).await;
    assert!(code == 1 && said.contains("the draft cookie makes this answer private"), "{said}");
}
