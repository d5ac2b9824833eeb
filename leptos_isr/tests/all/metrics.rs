//! What is counted, as Prometheus collects it.

use axum::{body::Body, extract::Request};
use http::{Method, StatusCode};
use leptos_isr::{minutes, seconds, stats::Eviction};
use tower::ServiceExt;

use crate::support::{Renders, Site, limited_ledger::LimitedLedger, routes};

const METRICS: &str = "/_isr/metrics";
const TOKEN: &str = "the token for purges";
const BEARER: (&str, &str) = ("authorization", "Bearer the token for purges");

fn site() -> Site {
    Site::build(routes(), |builder| builder.token(TOKEN).build_id("build-1"))
}

async fn scraped(site: &Site) -> String {
    let answer = site.request(Method::GET, METRICS, &[BEARER]).await;
    answer.assert_status(200).assert_header(
        "content-type",
        "application/openmetrics-text; version=1.0.0; charset=utf-8",
    );
    answer.body
}

#[tokio::test]
async fn metrics_are_for_bearers_of_the_token_only_and_no_cache_keeps_them() {
    let site = site();
    for headers in [&[][..], &[("authorization", "Bearer another")]] {
        let refused = site.request(Method::GET, METRICS, headers).await;
        refused.assert_status(401).assert_header("www-authenticate", "Bearer");
    }
    let answer = site.request(Method::GET, METRICS, &[BEARER]).await;
    answer.assert_header("cache-control", "private, no-store").assert_bypass("endpoint");
    site.request(Method::HEAD, METRICS, &[BEARER]).await.assert_status(200).assert_body("");
    let other = site.request(Method::POST, METRICS, &[BEARER]).await;
    other.assert_status(405).assert_header("allow", "GET, HEAD");
    assert!(site.requests().is_empty(), "the app was asked");
    // Without a token the path is the app's.
    Site::new().get(METRICS).await.assert_bypass("no-route");
}

#[tokio::test]
async fn metrics_have_a_line_for_what_happened_and_a_zero_for_what_alerts_look_at() {
    let site = site();
    site.get("/a/1").await;
    site.get("/a/1").await;
    site.advance(minutes(2));
    site.behave(Renders::Panic);
    site.get("/a/1").await;
    site.idle().await;
    site.purge_tag_hard("all").await;
    site.advance(seconds(90));
    let text = scraped(&site).await;
    for line in [
        r#"isr_requests_total{route="/a/:id",result="hit",answer="full"} 1"#,
        r#"isr_requests_total{route="/a/:id",result="stale",answer="full"} 1"#,
        r#"isr_requests_total{route="/a/:id",result="stale_error",answer="full"} 0"#,
        r#"isr_requests_total{route="/forever",result="refused",answer="full"} 0"#,
        r#"isr_requests_total{route="none",result="bypass",answer="full"} 0"#,
        r#"isr_stale_served_seconds_bucket{le="15.0",route="/a/:id"} 0"#,
        r#"isr_stale_served_seconds_bucket{le="60.0",route="/a/:id"} 1"#,
        r#"isr_stale_served_seconds_bucket{le="+Inf",route="/a/:id"} 1"#,
        r#"isr_stale_served_seconds_sum{route="/a/:id"} 60.0"#,
        r#"isr_renders_total{route="/a/:id",reason="time",outcome="failed"} 1"#,
        r#"isr_render_seconds_count{route="/a/:id"} 2"#,
        r#"isr_render_wait_seconds_count{urgency="visitor"} 1"#,
        r#"isr_renders_waiting{urgency="prefetch"} 0"#,
        r#"isr_failing_pages{route="/a/:id"} 1"#,
        r#"isr_failing_pages{route="/forever"} 0"#,
        r#"isr_oldest_failure_seconds{route="/a/:id"} 90.0"#,
        r#"isr_evictions_total{tier="memory"} 0"#,
        r#"isr_leases_total{outcome="lost"} 0"#,
        r#"isr_store_pages{tier="memory"} 1"#,
        r#"isr_purges_total{source="code",kind="hard"} 1"#,
        r#"isr_purge_applied_seconds_count{source="code"} 1"#,
        r#"isr_build_info{build="build-1",version="0.1.0"} 1"#,
    ] {
        assert!(text.lines().any(|given| given == line), "{line} is not in\n{text}");
    }
    assert!(text.ends_with("# EOF\n"));
    for name in ["isr_ledger", "isr_store_works", "shared"] {
        assert!(!text.contains(name), "nothing keeps purges: {name}");
    }
    let folder = tempfile::tempdir().unwrap();
    let kept = Site::build(routes(), |builder| builder.token(TOKEN).disk(folder.path(), "b"));
    kept.get_kept("/a/1").await;
    let text = scraped(&kept).await;
    let line = r#"isr_store_operations_total{operation="write",outcome="done"} 1"#;
    assert!(text.contains(line), "{text}");
}

/// How many pages are in it would be known only if each were looked at.
#[tokio::test]
async fn memory_of_the_ledger_is_a_tier_without_pages_and_its_limit_is_there_if_it_has_one() {
    let (ledger, folder) = (LimitedLedger::new(), tempfile::tempdir().unwrap());
    let site = Site::build(routes(), |builder| ledger.with(builder, folder.path()).token(TOKEN));
    let text = scraped(&site).await;
    for line in [
        r#"isr_store_bytes{tier="shared"} 5000000"#,
        r#"isr_ledger_info{eviction="pages"} 1"#,
        "isr_store_works 1",
    ] {
        assert!(text.lines().any(|given| given == line), "{line} is not in\n{text}");
    }
    assert_eq!(text.matches("shared").count(), 1, "{text}");
    ledger.set(Some(9_000_000), Eviction::Anything);
    let text = scraped(&site).await;
    assert!(text.contains("isr_store_limit_bytes{tier=\"shared\"} 9000000\n"), "{text}");
    assert!(text.contains("isr_ledger_info{eviction=\"anything\"} 1\n"), "{text}");
}

#[tokio::test]
async fn who_knows_the_older_format_only_gets_that() {
    let site = site();
    let plain = ("accept", "text/plain;version=0.0.4;q=0.5, */*;q=0.1");
    let answer = site.request(Method::GET, METRICS, &[BEARER, plain]).await;
    answer.assert_header("content-type", "text/plain; version=0.0.4; charset=utf-8");
    assert!(answer.body.contains("# TYPE isr_requests_total counter\n"));
    let both =
        ("accept", "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5");
    let answer = site.request(Method::GET, METRICS, &[BEARER, both]).await;
    assert!(answer.body.contains("# TYPE isr_requests counter\n"));
}

#[tokio::test]
async fn router_of_its_own_answers_with_metrics_and_nothing_else() {
    let site = site();
    site.get("/a/1").await;
    let own = site.engine.metrics_router();
    let get = async |path: &str| {
        let request = Request::builder().uri(path).body(Body::empty()).unwrap();
        own.clone().oneshot(request).await.unwrap()
    };
    let answer = get(METRICS).await;
    assert_eq!(answer.status(), StatusCode::OK);
    assert_eq!(answer.headers()["cache-control"], "private, no-store");
    for path in ["/", "/a/1", "/_isr/purge", "/_isr/ready"] {
        assert_eq!(get(path).await.status(), StatusCode::NOT_FOUND, "{path}");
    }
}

/// Paths and tags have no bound, and may be of visitors.
#[tokio::test]
async fn no_label_holds_a_path_or_a_tag() {
    let site = site();
    site.behave(Renders::SaysTag("a-tag-of-a-page"));
    site.get("/a/a-path?page=a-query").await;
    site.get("/a-path-of-nothing").await;
    site.purge_tag("a-tag-of-a-page").await;
    let text = scraped(&site).await;
    for part in ["a-path", "a-query", "a-tag"] {
        assert!(!text.contains(part), "{text}");
    }
}
