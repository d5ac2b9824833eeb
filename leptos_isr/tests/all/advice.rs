//! Which periods are too short or too long, as an engine finds it out while it serves.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use axum::{Router, extract::Request};
use http::Method;
use leptos_isr::{
    Engine, Isr, days,
    inspect::{Advice, AdviceReport, PageAdvice, SetBy, Verdict},
    minutes,
    route::RouteTable,
    testing::{Answer, TestClock, TestSite},
};
use serde_json::Value;

use crate::support::{Renders, Site};

const TOKEN: &str = "the token for purges";

/// A site whose page `/a/:id` changes when `change` is called, and `/clock` each time.
struct Changing {
    site: TestSite,
    contents: Arc<HashMap<String, AtomicU64>>,
}

impl Changing {
    fn new(routes: RouteTable, pages: &[&str]) -> Self {
        let clock = TestClock::new();
        let builder = Engine::builder(routes).clock(clock.clone()).token(TOKEN);
        let engine = builder.build().unwrap();
        let contents: HashMap<_, _> =
            pages.iter().map(|page| ((*page).to_owned(), AtomicU64::new(0))).collect();
        let contents = Arc::new(contents);
        let shown = Arc::clone(&contents);
        let renderer = Router::new().fallback(move |request: Request| async move {
            let path = request.uri().path();
            let content = &shown[path];
            match path {
                "/clock" => content.fetch_add(1, Ordering::Relaxed).to_string(),
                _ => format!("{path} {}", content.load(Ordering::Relaxed)),
            }
        });
        let app = engine.wrap(renderer);
        Self { site: TestSite::new(&engine, app, clock), contents }
    }

    fn change(&self, page: &str) {
        self.contents[page].fetch_add(1, Ordering::Relaxed);
    }

    async fn visit(&self, page: &str) -> Answer {
        let answer = self.site.get(page).await;
        self.site.idle().await;
        answer
    }

    async fn advice(&self) -> AdviceReport {
        self.site.engine().advice().await.unwrap()
    }
}

fn routes(period: Duration) -> RouteTable {
    RouteTable::new().add("/a/:id", Isr::revalidate(period)).unwrap()
}

fn of<'a>(report: &'a AdviceReport, page: &str) -> Option<&'a PageAdvice> {
    report.pages.iter().find(|of| of.page == page)
}

#[tokio::test]
async fn page_that_hardly_ever_changes_is_advised_a_longer_period_with_the_numbers() {
    let site = Changing::new(routes(minutes(10)), &["/a/1"]);
    site.visit("/a/1").await;
    for visit in 0..100 {
        site.site.advance(minutes(10));
        if visit == 50 {
            site.change("/a/1");
        }
        site.visit("/a/1").await;
    }
    let report = site.advice().await;
    let page = &of(&report, "/a/1").unwrap();
    let PageAdvice { route, set_by, advice, .. } = page;
    assert_eq!((&**route, set_by), ("/a/:id", &SetBy::Route));
    let Advice { verdict, regenerations, changed, interval, .. } = advice;
    assert_eq!((*verdict, *regenerations, *changed), (Verdict::TooShort, 100, 1));
    assert_eq!(*interval, 100 * minutes(10));
    let began =
        "the period of 10m is too short: rendered 100 times in 16h 40m, 1 was different; with ";
    assert!(advice.sentence.starts_with(began), "{}", advice.sentence);
    assert!(advice.advised.unwrap().period > minutes(20), "{advice:?}");
    assert_eq!(report.routes.len(), 1);
    let of_route = &report.routes[0];
    assert_eq!((&*of_route.route, of_route.pages, of_route.limited), ("/a/:id", 1, 0));
    assert_eq!(of_route.advice.sentence, advice.sentence);
}

#[tokio::test]
async fn nothing_is_said_below_twenty_renders_and_changes_that_were_purged_do_not_count() {
    let site = Changing::new(routes(minutes(10)), &["/a/1"]);
    site.visit("/a/1").await;
    let visit = async |purged: bool| {
        site.site.advance(minutes(10));
        site.change("/a/1");
        match purged {
            true => site.site.purge_path("/a/1").await,
            false => {
                site.contents["/a/1"].fetch_sub(1, Ordering::Relaxed);
            }
        }
        site.visit("/a/1").await;
    };
    for _ in 0..30 {
        visit(true).await;
    }
    for _ in 0..19 {
        visit(false).await;
    }
    let report = site.advice().await;
    assert_eq!(of(&report, "/a/1"), None);
    assert_eq!(report.routes[0].advice.verdict, Verdict::TooEarly);
    visit(false).await;
    let report = site.advice().await;
    let advice = &report.routes[0].advice;
    assert_ne!(advice.verdict, Verdict::TooEarly);
    assert_eq!((advice.regenerations, advice.changed, advice.purged), (20, 0, 30));
    let end = "purges told of changes 30 times, and missed none";
    assert!(advice.sentence.ends_with(end), "{}", advice.sentence);
}

#[tokio::test]
async fn page_that_differs_each_time_can_be_advised_nothing() {
    let page = Isr::revalidate(minutes(1));
    let routes = RouteTable::new().add("/clock", page).unwrap();
    let site = Changing::new(routes, &["/clock"]);
    site.visit("/clock").await;
    for _ in 0..25 {
        site.site.advance(minutes(1));
        site.visit("/clock").await;
    }
    let report = site.advice().await;
    let advice = &of(&report, "/clock").unwrap().advice;
    assert_eq!((advice.verdict, advice.advised), (Verdict::DiffersEachTime, None));
    assert!(advice.sentence.contains("its bytes differ each time"), "{}", advice.sentence);
    assert_eq!(report.routes[0].differ_each_time, 1);
}

#[tokio::test]
async fn who_sets_a_shorter_period_than_the_route_is_said() {
    let site = Site::build(routes(minutes(10)), |builder| builder);
    site.behave(Renders::SaysPeriod(minutes(1)));
    site.get_kept("/a/1").await;
    for _ in 0..25 {
        site.advance(minutes(1));
        site.get_kept("/a/1").await;
    }
    let report = site.engine.advice().await.unwrap();
    let page = of(&report, "/a/1").unwrap();
    assert_eq!((&page.set_by, page.advice.period), (&SetBy::Code, Some(minutes(1))));
    assert_eq!((report.routes[0].pages, report.routes[0].limited), (1, 1));
}

#[tokio::test]
async fn advice_is_given_as_json_to_whoever_has_the_token() {
    let site = Changing::new(routes(minutes(10)), &["/a/1"]);
    site.visit("/a/1").await;
    site.site.get("/_isr/advice").await.assert_status(401);
    let bearer = format!("Bearer {TOKEN}");
    let headers = [("authorization", &*bearer)];
    let ask = async |path: &str| site.site.request(Method::GET, path, &headers).await;
    let answer = ask("/_isr/advice").await;
    assert_eq!(answer.header("cache-control"), "private, no-store");
    let json: Value = serde_json::from_str(&answer.assert_status(200).body).unwrap();
    let route = &json["routes"][0];
    assert_eq!((&route["route"], &route["verdict"]), (&"/a/:id".into(), &"too_early".into()));
    assert_eq!((&route["period"], &json["pages"]), (&600.0.into(), &Value::Array(Vec::new())));
    let wrong = ask("/_isr/advice?route=/a").await;
    wrong.assert_status(400).assert_body("`?route=/a` is not known: send no query.\n");
}

/// A month of ten pages, with changes and visits that come by themselves at known rates.
///
/// What is to hold of each page: the estimated rate of change is within a factor of two of the true one,
/// or of four if the page changed three times or fewer; and with the advised period, by the true
/// rates, at most 12 % of answers are old where 5 % or a little more was said.
#[tokio::test]
async fn advice_after_a_simulated_month_is_right_for_the_true_rates() {
    const PERIOD: Duration = minutes(60);
    // Seconds between changes, and between visits.
    let pages: [(&str, f64, f64); 10] = [
        ("/a/0", 30.0 * 86_400.0, 900.0),
        ("/a/1", 10.0 * 86_400.0, 900.0),
        ("/a/2", 5.0 * 86_400.0, 1800.0),
        ("/a/3", 2.0 * 86_400.0, 900.0),
        ("/a/4", 86_400.0, 1200.0),
        ("/a/5", 10.0 * 3600.0, 900.0),
        ("/a/6", 4.0 * 3600.0, 900.0),
        ("/a/7", 2.0 * 3600.0, 600.0),
        ("/a/8", 3600.0, 1200.0),
        ("/a/9", 6.0 * 3600.0, 10_800.0),
    ];
    let names = pages.map(|(page, ..)| page);
    let site = Changing::new(routes(PERIOD), &names);
    let mut random = fastrand::Rng::with_seed(15);
    let mut events = Vec::new();
    for (page, change, visit) in pages {
        for (is_change, mean) in [(true, change), (false, visit)] {
            let mut at = 0.0;
            loop {
                at -= (1.0 - random.f64()).ln() * mean;
                if at > days(30).as_secs_f64() {
                    break;
                }
                events.push((Duration::from_secs_f64(at), page, is_change));
            }
        }
    }
    events.sort_by_key(|(at, ..)| *at);
    let mut now = Duration::ZERO;
    for (at, page, is_change) in events {
        site.site.advance(at - now);
        now = at;
        match is_change {
            true => site.change(page),
            false => drop(site.visit(page).await),
        }
    }
    let report = site.advice().await;
    let mut said = Vec::new();
    for (page, change, visit) in pages {
        let Some(advice) = of(&report, page).map(|of| &of.advice) else {
            said.push((page, Verdict::Fits));
            continue;
        };
        let true_old = |period: Duration| old_share(1.0 / change, 1.0 / visit, period);
        said.push((page, advice.verdict));
        let found = advice.changes_per_day.unwrap() * change / 86_400.0;
        let (least, most) = if change >= 864_000.0 { (0.25, 4.0) } else { (0.5, 2.0) };
        assert!((least..most).contains(&found), "{page} changes {found} times as often as said");
        if let (Verdict::TooShort | Verdict::TooLong, Some(advised)) =
            (advice.verdict, advice.advised)
        {
            let old = true_old(advised.period);
            assert!(old < 0.12, "{page}: {old} of answers are old; {}", advice.sentence);
        }
    }
    let verdicts: Vec<_> = said.iter().map(|(_, verdict)| *verdict).collect();
    use Verdict::{Fits, NoneHelps, TooLong, TooShort};
    let (short, long) = ([TooShort; 5], [TooLong; 2]);
    assert_eq!(verdicts, [&short[..], &[Fits], &long, &[NoneHelps; 2]].concat(), "{report:#?}");
}

/// The share of answers that are old, found by trying: for true rates.
fn old_share(changes: f64, requests: f64, period: Duration) -> f64 {
    let (mut random, mut now, mut is_old) = (fastrand::Rng::with_seed(1), 0.0, false);
    let mut wait = |rate: f64| -(1.0 - random.f64()).ln() / rate;
    let (mut next_change, mut rendered_at, mut old) = (wait(changes), 0.0, 0);
    for _ in 0..100_000 {
        now += wait(requests);
        while next_change <= now {
            is_old = true;
            next_change += wait(changes);
        }
        old += u32::from(is_old);
        if now - rendered_at >= period.as_secs_f64() {
            (rendered_at, is_old) = (now, false);
        }
    }
    f64::from(old) / 100_000.0
}
