//! The HTML of one page, and a list that has to wait.

use std::time::{Duration, UNIX_EPOCH};

use axum::{body::Body, extract::Request};
use http::{StatusCode, header};

use super::{html::Html, story::story};
use crate::{
    Isr,
    address::tag::Tag,
    engine::{
        Engine,
        inspect::report::{
            Failing, Form, PageReport, PageState, PurgeReport, ReadReport, RegenerationState,
            Regenerations, RenderReport, SetBy, StoredPage, TagReport,
        },
    },
    order::{origins::PurgeSource, purge::Scope},
    period::{days, minutes, seconds},
    route::routes::RouteTable,
    stats::{RenderOutcome, RenderReason},
};

fn report() -> PageReport {
    let at = UNIX_EPOCH + days(1);
    let stored = StoredPage {
        status: 200,
        etag: "\"0a1b\"".to_owned(),
        rendered_at: at - minutes(2),
        age: minutes(2),
        period: Some(minutes(1)),
        period_set_by: Some(SetBy::Read("GET https://cms.example/?a=1&b=<2>".to_owned())),
        period_override: Some(minutes(5)),
        expire: None,
        tags: vec![TagReport { tag: "a&b".to_owned(), set_by: SetBy::Code }],
        reads: vec![ReadReport {
            name: "GET https://cms.example/?a=1&b=<2>".to_owned(),
            read_at: at - minutes(3),
            age: minutes(3),
        }],
        more_reads: 3,
        forms: vec![
            Form { encoding: "identity".to_owned(), bytes: 1200 },
            Form { encoding: "br".to_owned(), bytes: 300 },
        ],
        requests: 1234,
        by_time: Regenerations { count: 12, changed: 3, interval: minutes(12) },
        by_purge: Regenerations { count: 0, changed: 0, interval: Duration::ZERO },
        last_change: Some(at - minutes(2)),
    };
    PageReport {
        page: "/a/%3C1%3E?page=2".to_owned(),
        state: PageState::Purged,
        why: "purged softly 5s ago by the webhook `<cms>`".to_owned(),
        route: Some("/a/:id".to_owned()),
        build: Some("build-1".to_owned()),
        replica: "0000000a".to_owned(),
        at,
        stored: Some(stored),
        last_purge: Some(PurgeReport {
            at: Some(at - seconds(5)),
            by: Some(PurgeSource::Webhook("<cms>".into())),
            replica: Some("0000000b".to_owned()),
            hard: false,
            through: Scope::Tag(Tag::new("a&b")),
            has_reached: true,
        }),
        regeneration: Some(RegenerationState::Queued { place: 3 }),
        failing: Some(Failing { failures: 2, retry_in: seconds(4), error: None }),
        renders: vec![RenderReport {
            reason: RenderReason::Time,
            began: at - seconds(30),
            duration: Duration::from_millis(12),
            outcome: RenderOutcome::Failed,
            error: Some("a read failed: </td>".to_owned()),
        }],
        cut_off_since: None,
    }
}

#[test]
fn story_of_a_page_has_all_that_is_known_of_it_and_escapes_it() {
    let mut out = Html::default();
    story(&mut out, &report(), None);
    let text = out.into_text();
    let read = "GET https://cms.example/?a=1&amp;b=&lt;2&gt;";
    for part in [
        "<main data-follows><h1 class=\"path\">/a/%3C1%3E?page=2</h1>",
        "<p class=\"why purged\">purged softly 5s ago by the webhook `&lt;cms&gt;`</p>",
        "<option value=\"path:/a/%3C1%3E\">this path</option>",
        "<option value=\"tag:a&amp;b\">the tag a&amp;b</option>",
        "title=\"1970-01-01T23:58:00Z\">2m</time>",
        &format!("<dt>Fresh for</dt><dd>1m <span class=\"soft\">by the read {read}</span></dd>"),
        "<dt>Servable for</dt><dd>any time</dd>",
        "<dt>Requests</dt><dd>1,234</dd>",
        "<dt>Set for its route</dt><dd>5m</dd>",
        "<dt>Rendered after its period</dt><dd>12 times, 3 changed</dd>",
        "<dt>Rendered after purges</dt><dd>never</dd>",
        "<dt>Sizes</dt><dd><span class=\"whole\">identity 1.2 kB</span>, ",
        "<span class=\"whole\">br 300 B</span></dd>",
        "<dt>ETag</dt><dd><code>&quot;0a1b&quot;</code></dd>",
        "<dt>Regeneration</dt><dd>place 3 in the queue</dd>",
        "<dt>Failed in a row</dt><dd><span class=\"failed\">2</span></dd>",
        "<dt>Next try</dt><dd>in 4s at the earliest</dd>",
        "<a class=\"path\" href=\"/_isr/?sort=demand&amp;route=/a/:id#pages\">/a/:id</a>",
        "<dt>Build</dt><dd>build-1</dd>",
        "<dt>By</dt><dd>the webhook &lt;cms&gt;</dd>",
        "<dt>Through</dt><dd>the tag <code>a&amp;b</code></dd>",
        "<dt>Kind</dt><dd>soft</dd>",
        "<dt>Server</dt><dd><code>0000000b</code></dd>",
        "href=\"/_isr/?sort=demand&amp;read=GET%20https://cms.example/%3Fa%3D1%26b%3D%3C2%3E#pages\"",
        "And 3 more. ",
        ">30s</time> ago</th><td data-is=\"why\">time</td><td class=\"n\" data-is=\"took\">12 ms</td>",
        "<span class=\"failed\">a failure</span><div class=\"error\">a read failed: &lt;/td&gt;</div>",
    ] {
        assert!(text.contains(part), "{part}\n{text}");
    }
}

#[tokio::test(start_paused = true)]
async fn list_and_purge_do_not_wait_long_for_another_and_say_so() {
    let routes = RouteTable::new().add("/", Isr::forever()).unwrap();
    let engine = Engine::builder(routes).token("the token for purges").build().unwrap();
    let cookie = engine.0.sign_in.as_ref().unwrap().begin(engine.now());
    let ask = async || {
        let request = Request::get("/_isr/").header("cookie", &cookie);
        engine.answer_inspector(request.body(Body::empty()).unwrap()).await
    };
    let other = engine.0.list_turn.lock().await;
    let answer = ask().await;
    assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(answer.headers()[header::RETRY_AFTER], "5");
    let text = axum::body::to_bytes(answer.into_body(), 1 << 20).await.unwrap();
    let text = String::from_utf8_lossy(&text);
    assert!(text.contains("Another list is being made") && text.contains("What this server does"));
    drop(other);
    assert_eq!(ask().await.status(), StatusCode::OK);
    let purge = Request::post("/_isr/?path=/").header("cookie", &cookie);
    let purge = purge.header("host", "news.example").header("origin", "https://news.example");
    let _other = engine.0.dry_run_turn.lock().await;
    let form = Body::from("do=ask&scope=tag:a&kind=soft");
    let answer = engine.answer_inspector(purge.body(form).unwrap()).await;
    assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(answer.headers()[header::RETRY_AFTER], "5");
}
