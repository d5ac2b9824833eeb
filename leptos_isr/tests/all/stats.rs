//! What is counted: each request, render, purge and read once, for its route.

use std::time::Duration;

use http::Method;
use leptos_isr::{
    Engine, Isr, OnMissing, minutes,
    purge::{Cdn, Purge},
    route::RouteTable,
    seconds,
    stats::{
        AnswerKind, HistogramStats, LeaseOutcome, PurgeCount, PurgeSource, ReadOutcome,
        RenderOutcome, RenderReason, RequestResult, RouteStats, StoreOperation, StoreOutcome, Tier,
        TierStats, Urgency,
    },
};

use tracing_subscriber::fmt::format::FmtSpan;

use crate::support::{Renders, Site, log::Warnings, page_files, routes};

const PAGES: &str = "/a/:id";

fn row(engine: &Engine, route: Option<&str>) -> RouteStats {
    let mut rows = engine.stats().routes.into_iter();
    rows.find(|row| row.route.as_deref() == route).unwrap()
}

/// What requests for a route got, without what none got.
fn requests_of(engine: &Engine, route: Option<&str>) -> Vec<(RequestResult, AnswerKind, u64)> {
    let requests = row(engine, route).requests.into_iter().filter(|of| of.count > 0);
    requests.map(|of| (of.result, of.answer, of.count)).collect()
}

/// Results of whole answers, with how many there were.
fn results(site: &Site) -> Vec<(RequestResult, u64)> {
    let requests = requests_of(&site.engine, Some(PAGES)).into_iter();
    let whole = requests.filter(|(_, answer, _)| *answer == AnswerKind::Full);
    whole.map(|(result, _, count)| (result, count)).collect()
}

fn renders(site: &Site) -> Vec<(RenderReason, RenderOutcome, u64)> {
    let renders = row(&site.engine, Some(PAGES)).renders.into_iter();
    renders.map(|of| (of.reason, of.outcome, of.count)).collect()
}

/// The buckets that have something in them, by the longest that each counts.
fn buckets(histogram: &HistogramStats) -> Vec<(Duration, u64)> {
    let buckets = histogram.buckets.iter().filter(|bucket| bucket.count > 0);
    buckets.map(|bucket| (bucket.up_to, bucket.count)).collect()
}

#[tokio::test]
async fn request_counts_once_by_what_it_got() {
    let site = Site::new();
    site.get("/a/1").await;
    let etag = site.get("/a/1").await.header("etag").to_owned();
    site.request(Method::GET, "/a/1", &[("if-none-match", &etag)]).await.assert_status(304);
    assert_eq!(
        requests_of(&site.engine, Some(PAGES)),
        [
            (RequestResult::Hit, AnswerKind::Full, 1),
            (RequestResult::Hit, AnswerKind::NotModified, 1),
            (RequestResult::Miss, AnswerKind::Full, 1),
        ]
    );

    site.advance(minutes(1));
    site.get("/a/1").await.assert_stale();
    site.idle().await;
    site.advance(minutes(10));
    site.get("/a/1").await.assert_status(200);
    site.request(Method::POST, "/a/1", &[]).await;
    let expected = [
        (RequestResult::Hit, 1),
        (RequestResult::Stale, 1),
        (RequestResult::Miss, 1),
        (RequestResult::Expired, 1),
        (RequestResult::Bypass, 1),
    ];
    assert_eq!(results(&site), expected);
    site.get("/_isr/ready").await;
    assert!(requests_of(&site.engine, Some("/forever")).is_empty());
}

#[tokio::test]
async fn page_that_is_stale_since_it_cannot_be_regenerated_counts_as_that() {
    let site = Site::new();
    site.get("/a/1").await;
    site.behave(Renders::Status(http::StatusCode::BAD_GATEWAY));
    site.advance(minutes(1));
    site.get("/a/1").await;
    site.idle().await;
    assert_eq!(results(&site), [(RequestResult::Stale, 1), (RequestResult::Miss, 1)]);
    assert_eq!(site.engine.stats().failing_pages, 1);
    site.get("/a/1").await.assert_stale();
    assert_eq!(results(&site)[1], (RequestResult::StaleError, 1));

    site.advance(minutes(10));
    site.get("/a/1").await.assert_status(200);
    assert_eq!(
        results(&site)[1],
        (RequestResult::StaleError, 2),
        "expired, and served all the same"
    );
    site.get("/a/2").await.assert_status(502);
    assert_eq!(results(&site).last(), Some(&(RequestResult::Failed, 1)));

    site.behave(Renders::Page);
    site.purge_tag("all").await;
    site.get("/a/1").await;
    site.idle().await;
    assert_eq!(site.engine.stats().failing_pages, 1, "the other one fails still");
}

#[tokio::test]
async fn pages_that_fail_count_for_their_route_with_how_long_the_first_has_failed() {
    let site = Site::new();
    site.get("/forever").await;
    site.behave(Renders::SaysFailed);
    let fails = async |path: &str| {
        site.regenerate(path).await.result.unwrap_err();
    };
    fails("/a/1").await;
    site.advance(minutes(5));
    fails("/a/1").await;
    fails("/a/2").await;
    site.advance(minutes(1));
    fails("/forever").await;
    let failing = |route| {
        let row = row(&site.engine, route);
        (row.failing_pages, row.oldest_failure)
    };
    assert_eq!(failing(Some(PAGES)), (2, minutes(6)));
    assert_eq!(failing(Some("/forever")), (1, Duration::ZERO));
    assert_eq!((failing(None), site.engine.stats().failing_pages), ((0, Duration::ZERO), 3));

    site.behave(Renders::Page);
    site.regenerate("/a/1").await;
    assert_eq!(failing(Some(PAGES)), (1, minutes(1)));
    site.behave(Renders::SaysNoStore);
    site.regenerate("/a/2").await;
    assert_eq!(failing(Some(PAGES)), (0, Duration::ZERO));
    site.advance(minutes(1));
    site.behave(Renders::SaysFailed);
    fails("/a/2").await;
    assert_eq!(failing(Some(PAGES)), (1, Duration::ZERO), "it has failed only since now");
}

#[tokio::test]
async fn pages_that_wait_are_counted_by_whom_they_wait_for() {
    let site = Site::build(routes(), |builder| builder.max_renders(1));
    for path in ["/a/1", "/a/2", "/a/3"] {
        site.get(path).await;
    }
    site.advance(minutes(1));
    site.behave(Renders::Gate);
    let visitor = site.start("/a/4");
    site.renders_begun(4).await;
    site.get("/a/1").await.assert_stale();
    site.get("/a/2").await.assert_stale();
    site.request(Method::GET, "/a/3", &[("sec-purpose", "prefetch")]).await.assert_stale();
    let waiting =
        || site.engine.stats().render_waits.into_iter().map(|of| (of.urgency, of.waiting));
    let expected = [(Urgency::Visitor, 0), (Urgency::Background, 2), (Urgency::Prefetch, 1)];
    assert_eq!(waiting().collect::<Vec<_>>(), expected);
    site.behave(Renders::Page);
    visitor.await.unwrap();
    site.idle().await;
    assert_eq!(waiting().map(|(_, waiting)| waiting).sum::<usize>(), 0);
}

fn tier(site: &Site, tier: Tier) -> TierStats {
    site.engine.stats().tiers.into_iter().find(|of| of.tier == tier).unwrap()
}

#[tokio::test]
async fn what_makes_room_for_others_is_counted_by_where_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let site = Site::build(routes(), |builder| {
        builder.memory(64 << 10).disk(folder.path(), "build-1").disk_limit(3 * 4096)
    });
    let evicted = |of| tier(&site, of).evicted;
    for page in 0..200 {
        site.get_kept(&format!("/a/{page}")).await;
    }
    let kept = tier(&site, Tier::Memory).entries;
    assert!(kept < 200, "all have room: {kept}");
    assert_eq!(evicted(Tier::Memory), 200 - kept);
    assert_eq!((tier(&site, Tier::Disk).entries, evicted(Tier::Disk)), (3, 197));
    let before = evicted(Tier::Memory);
    site.behave(Renders::Status(http::StatusCode::NOT_FOUND));
    for page in 200..300 {
        site.get(&format!("/a/{page}")).await.assert_status(404);
    }
    assert_eq!(evicted(Tier::Memory), before, "what does not exist takes no page's room");
    site.idle().await;
}

#[tokio::test]
async fn store_is_counted_by_what_it_was_asked_and_what_became_of_it() {
    let folder = tempfile::tempdir().unwrap();
    let site = Site::on_disk(folder.path());
    site.get_kept("/a/1").await.assert_miss_stored();
    site.get("/a/1").await.assert_fresh();
    site.purge_tag("nothing").await;
    let counted = |site: &Site| -> Vec<_> {
        let operations = site.engine.stats().store_operations.into_iter();
        let operations = operations.filter(|of| of.count > 0);
        // It listens to the purges of others all the time.
        let operations = operations.filter(|of| of.operation != StoreOperation::Hear);
        operations.map(|of| (of.operation, of.outcome, of.count)).collect()
    };
    let rendered = [
        // For its visitor, and for what another process may have put there before it is rendered.
        (StoreOperation::Read, StoreOutcome::Absent, 2),
        (StoreOperation::Write, StoreOutcome::Done, 1),
        (StoreOperation::Purge, StoreOutcome::Done, 1),
    ];
    assert_eq!(counted(&site), rendered, "a hit asks for nothing");
    let next = Site::on_disk(folder.path());
    next.get("/a/1").await.assert_fresh();
    assert_eq!(counted(&next), [(StoreOperation::Read, StoreOutcome::Done, 1)]);
    let page = &page_files(folder.path())[0];
    std::fs::write(page, "<p>no page</p>").unwrap();
    let last = Site::on_disk(folder.path());
    last.get_kept("/a/1").await.assert_miss_stored();
    assert_eq!(counted(&last)[0], (StoreOperation::Read, StoreOutcome::Damaged, 2));
    assert!(Site::new().engine.stats().store_operations.is_empty());
}

#[tokio::test]
async fn right_to_render_counts_as_granted_held_or_lost() {
    let (folder, clock) = (tempfile::tempdir().unwrap(), leptos_isr::testing::TestClock::new());
    let open = |limit| {
        Site::build_at(clock.clone(), routes(), |builder| {
            builder.disk(folder.path(), "build-1").render_timeout(limit)
        })
    };
    let leases = |site: &Site| -> Vec<_> {
        let leases = site.engine.stats().leases.into_iter().filter(|of| of.count > 0);
        leases.map(|of| (of.outcome, of.count)).collect()
    };
    let slow = open(minutes(1));
    slow.behave(Renders::Gate);
    let waiting = slow.start("/a/1");
    slow.begun().await;
    clock.advance(seconds(11));
    let other = open(Duration::from_millis(100));
    other.get("/a/1").await;
    assert_eq!(leases(&other), [(LeaseOutcome::Held, 1)], "it was asked for many times");
    slow.let_pass();
    waiting.await.unwrap();
    slow.behave(Renders::Page);
    slow.get("/a/2").await;
    assert_eq!(leases(&slow), [(LeaseOutcome::Granted, 2), (LeaseOutcome::Lost, 1)]);

    slow.behave(Renders::Gate);
    let waiting = slow.start("/a/3");
    slow.renders_begun(3).await;
    let patient = open(minutes(1));
    let behind = patient.start("/a/3");
    while leases(&patient).is_empty() {
        tokio::task::yield_now().await;
    }
    slow.let_pass();
    waiting.await.unwrap();
    behind.await.unwrap().assert_body("/a/3 #3");
    assert_eq!(leases(&patient), [(LeaseOutcome::Granted, 1), (LeaseOutcome::Held, 1)]);
}

#[tokio::test]
async fn visitor_without_a_place_counts_as_refused_and_a_prefetch_does_not() {
    let site = Site::build(routes(), |builder| builder.max_renders(1).max_waiting(1));
    site.behave(Renders::Gate);
    let visitor = site.start("/a/1");
    site.begun().await;
    site.get("/a/2").await.assert_status(503);
    site.request(Method::GET, "/a/3", &[("sec-purpose", "prefetch")]).await.assert_status(503);
    let expected = [(RequestResult::Refused, 1), (RequestResult::NotPrefetched, 1)];
    assert_eq!(results(&site), expected);
    let queue = site.engine.stats().queue;
    assert_eq!((queue.running_for_visitors, queue.running_in_background), (1, 0));
    assert_eq!((queue.waiting, queue.visitors), (0, 1));
    site.behave(Renders::Page);
    visitor.await.unwrap();
    assert_eq!(site.engine.stats().queue.visitors, 0);
}

#[tokio::test]
async fn what_the_app_answers_counts_for_its_route_or_for_none() {
    let listed = Isr::revalidate(minutes(1))
        .prerender(async || Ok::<_, String>(vec!["one"]))
        .on_missing(OnMissing::NotFound);
    let routes = routes().add("/listed/:id", listed).unwrap();
    let site = Site::build(routes, |builder| builder);
    site.get("/a/dynamic").await;
    site.get("/elsewhere").await;
    site.get("/listed/two").await.assert_status(404);
    let bypass = [(RequestResult::Bypass, AnswerKind::Full, 1)];
    for route in [Some("/a/dynamic"), Some("/listed/:id"), None] {
        assert_eq!(requests_of(&site.engine, route), bypass, "{route:?}");
    }
    assert!(requests_of(&site.engine, Some(PAGES)).is_empty());
}

#[tokio::test]
async fn how_long_past_its_period_a_page_was_is_counted() {
    let site = Site::new();
    site.get("/a/1").await;
    site.advance(seconds(60 + 40));
    site.get("/a/1").await.assert_stale();
    site.idle().await;
    site.purge_tag("all").await;
    site.get("/a/1").await;
    site.idle().await;
    let stale = row(&site.engine, Some(PAGES)).stale_served;
    assert_eq!(buckets(&stale), [(minutes(1), 1)], "a purged page is within its period");
    assert_eq!(stale.sum, seconds(40));
}

#[tokio::test]
async fn render_counts_by_why_it_ran_and_what_it_came_to() {
    let site = Site::new();
    site.get("/a/1").await;
    site.behave(Renders::Same(http::StatusCode::OK, "x-a", "b"));
    for _ in 0..2 {
        site.advance(minutes(1));
        site.get("/a/1").await;
        site.idle().await;
    }
    site.purge_path("/a/1").await;
    site.get("/a/1").await;
    site.idle().await;
    site.purge_hard("/a/1").await;
    site.behave(Renders::Status(http::StatusCode::NOT_FOUND));
    site.get("/a/1").await;
    site.behave(Renders::Panic);
    site.regenerate("/a/1").await;
    site.behave(Renders::SaysNoStore);
    site.get("/a/2").await;
    assert_eq!(
        renders(&site),
        [
            (RenderReason::Miss, RenderOutcome::New, 1),
            (RenderReason::Miss, RenderOutcome::Unstored, 1),
            (RenderReason::Time, RenderOutcome::Changed, 1),
            (RenderReason::Time, RenderOutcome::Same, 1),
            (RenderReason::Purge, RenderOutcome::Same, 1),
            (RenderReason::Purge, RenderOutcome::Gone, 1),
            (RenderReason::Requested, RenderOutcome::Failed, 1),
        ]
    );
    let stats = site.engine.stats();
    assert_eq!(row(&site.engine, Some(PAGES)).render_times.count(), 7);
    let waits = stats.render_waits.iter().map(|of| (of.urgency, of.waited.count()));
    let expected = [(Urgency::Visitor, 4), (Urgency::Background, 3), (Urgency::Prefetch, 0)];
    assert_eq!(waits.collect::<Vec<_>>(), expected);
}

#[tokio::test]
async fn render_that_takes_too_long_counts_as_that() {
    let short = Duration::from_millis(20);
    let site = Site::build(routes(), |builder| builder.render_timeout(short));
    site.behave(Renders::Hang);
    site.get("/a/1").await.assert_status(504);
    assert_eq!(renders(&site), [(RenderReason::Miss, RenderOutcome::Timeout, 1)]);
}

#[tokio::test]
async fn render_is_a_span_that_says_why_it_ran_and_what_it_came_to() {
    let spans = Warnings::default();
    let subscriber = tracing_subscriber::fmt()
        .with_ansi(false)
        .with_span_events(FmtSpan::CLOSE)
        .with_writer(spans.clone())
        .finish();
    let _guard = tracing::subscriber::set_default(subscriber);
    let site = Site::new();
    site.behave(Renders::Header("set-cookie", "a=b"));
    site.get("/a/1").await;
    let text = spans.text();
    let span = r#"render{isr.key=/a/1 http.route="/a/:id" reason="miss""#;
    let lines: Vec<_> = text.lines().filter(|line| line.contains(span)).collect();
    let [during, closed] = lines[..] else { panic!("{text}") };
    assert!(during.contains("the page sets the cookie"), "what happens meanwhile: {during}");
    assert!(closed.contains(r#" outcome="unstored"}"#) && closed.contains("close"), "{closed}");
}

#[tokio::test]
async fn render_of_a_build_counts_as_that() {
    let listed = Isr::forever().prerender(async || Ok::<_, String>(vec!["1", "2"]));
    let site = Site::build(RouteTable::new().add(PAGES, listed).unwrap(), |builder| builder);
    site.engine.prerender(1, |_| (), |_| ()).await.unwrap();
    assert_eq!(renders(&site), [(RenderReason::Build, RenderOutcome::New, 2)]);
}

#[tokio::test]
async fn purge_counts_by_where_it_came_from() {
    let clock = leptos_isr::testing::TestClock::new();
    let folder = tempfile::tempdir().unwrap();
    let token = "a token of some length";
    let open = || {
        Site::build_at(clock.clone(), routes(), |builder| {
            builder.disk(folder.path(), "build-1").token(token)
        })
    };
    let (site, other) = (open(), open());
    site.purge_tag("all").await;
    let bearer = format!("Bearer {token}");
    let headers = [("authorization", bearer.as_str())];
    let purge = r#"{"tags":["all"],"hard":true}"#;
    site.send(Method::POST, "/_isr/purge", &headers, purge).await.assert_status(204);
    let again = Purge { again_after: Some(minutes(1)), ..tags(&["all"]) };
    site.engine.purge(&again).await.unwrap();
    site.advance(minutes(1));
    site.idle().await;
    let purges = |engine: &Engine| -> Vec<_> {
        let purges = engine.stats().purges.into_iter().filter(|of| of.count > 0);
        purges.map(|of| (of.source, of.hard, of.count)).collect()
    };
    let expected = [
        (PurgeSource::Api, true, 1),
        (PurgeSource::Code, false, 2),
        (PurgeSource::Again, false, 1),
    ];
    assert_eq!(purges(&site.engine), expected);
    // It hears of the others' before its own is kept.
    other.purge_tag("all").await;
    let of_others: u64 = purges(&other.engine)
        .iter()
        .filter(|(source, ..)| *source == PurgeSource::Replica)
        .map(|(.., count)| count)
        .sum();
    assert_eq!(of_others, 4);
    let stats = site.engine.stats();
    let took = stats.purge_delays.iter().find(|of| of.source == PurgeSource::Code).unwrap();
    assert_eq!(took.took.count(), 2);
    assert!(stats.ledger.is_some_and(|ledger| ledger.is_connected && ledger.position > 0));
    let disk = stats.tiers.iter().find(|of| of.tier == Tier::Disk).unwrap();
    assert_eq!((disk.entries, disk.limit), (0, 1 << 30));
}

#[tokio::test]
async fn purge_of_another_process_counts_with_how_long_it_took_to_be_heard() {
    let clock = leptos_isr::testing::TestClock::new();
    let folder = tempfile::tempdir().unwrap();
    let open = || {
        let clock = clock.clone();
        Site::build_at(clock, routes(), |builder| builder.disk(folder.path(), "build-1"))
    };
    let site = open();
    site.advance(minutes(5));
    let other = open();
    // As if the other one had only been away.
    site.set_back(minutes(5));
    let heard = async || {
        site.purge_tag("all").await;
        site.advance(seconds(2));
        let cookie = site.engine.seen_cookie();
        let cookie = cookie.to_str().unwrap().split(';').next().unwrap();
        other.request(Method::GET, "/a/1", &[("cookie", cookie)]).await;
        let stats = other.engine.stats();
        let of_replicas = |of: &&PurgeCount| of.source == PurgeSource::Replica && !of.hard;
        let count = stats.purges.iter().find(of_replicas).unwrap().count;
        let took = stats.purge_delays.iter().find(|of| of.source == PurgeSource::Replica);
        (count, buckets(&took.unwrap().took))
    };
    assert_eq!(heard().await, (1, Vec::new()), "it is from before that one began");
    site.advance(minutes(5));
    assert_eq!(heard().await, (2, vec![(Duration::from_millis(2500), 1)]));
}

fn tags(tags: &[&str]) -> Purge {
    Purge { tags: tags.iter().map(|tag| (*tag).to_owned()).collect(), ..Purge::default() }
}

#[tokio::test]
async fn read_counts_by_what_it_came_to() {
    let site = Site::new();
    site.behave(Renders::Reads(1));
    site.get("/a/1").await;
    site.get("/a/2").await;
    let reads = |origin: &str| -> Vec<_> {
        let reads = site.engine.stats().reads.into_iter();
        let reads = reads.filter(|of| of.origin == origin && of.count > 0);
        reads.map(|of| (of.outcome, of.count)).collect()
    };
    assert_eq!(reads("data"), [(ReadOutcome::Kept, 1), (ReadOutcome::New, 1)]);
    let data = site.engine.stats().tiers.into_iter().find(|of| of.tier == Tier::Data).unwrap();
    assert!(data.entries == 1 && data.bytes > 0);
}

#[tokio::test]
async fn what_a_cdn_is_still_to_be_told_is_counted_with_its_age() {
    // Nobody listens there.
    let cdn = Cdn::url("http://127.0.0.1:9/purge", "a token of some length");
    let site = Site::build(routes(), |builder| builder.cdn(cdn));
    let cdns = site.engine.stats().cdns;
    assert_eq!((cdns[0].cdn.as_str(), cdns[0].waiting), ("http://127.0.0.1:9/purge", 0));
    assert_eq!(cdns[0].oldest, Duration::ZERO);
    site.purge_tag("all").await;
    site.advance(seconds(90));
    site.purge_tag("all").await;
    let cdns = site.engine.stats().cdns;
    assert_eq!(cdns[0].waiting, 2);
    // A stamp may be a little ahead of a clock that stands still.
    assert_eq!(cdns[0].oldest.as_secs_f64().round(), 90.0);
}

#[tokio::test]
async fn snapshot_is_json_with_words_and_seconds() {
    let site = Site::build(routes(), |builder| builder.build_id("build-1"));
    site.get("/a/1").await;
    let json = serde_json::to_value(site.engine.stats()).unwrap();
    assert_eq!(json["build"], "build-1");
    assert_eq!(json["routes"][3]["route"], serde_json::Value::Null);
    let row = json["routes"].as_array().unwrap().iter().find(|row| row["route"] == PAGES).unwrap();
    assert_eq!(row["requests"][6]["result"], "miss");
    assert_eq!(row["requests"][6]["answer"], "full");
    assert_eq!(row["requests"][6]["count"], 1);
    assert_eq!(row["render_times"]["buckets"][7]["up_to"], 1.0);
}
