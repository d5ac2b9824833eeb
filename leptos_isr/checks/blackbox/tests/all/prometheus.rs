//! A Prometheus that collects from a running server.
//!
//! It is of the Debian package `prometheus`. Where it is missing the test says so and passes, and fails
//! if `CI` is `true`.

use std::{fs, net::SocketAddr, path::Path, process::Command, time::Duration};

use blackbox::wire::{self, Request};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;
use tokio::time::{sleep, timeout};

use crate::{
    program::{LIMIT, Program, free_addr, installed},
    support::Site,
};

const HITS: u64 = 30;

/// How often Prometheus is asked whether it has what is waited for.
const ASKED_EVERY: Duration = Duration::from_millis(100);

/// One that asks the site each second, with the alerts of `deploy`; `None` where it is missing.
fn start(site: &Site) -> Option<Program> {
    let mut command = Command::new(installed("prometheus", "prometheus")?);
    let (addr, folder) = (free_addr(), tempfile::tempdir().unwrap());
    let alerts =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../deploy/prometheus/alerts.yml");
    let (target, alerts) = (site.url(), alerts.canonicalize().unwrap());
    let config = format!(
        "global: {{ scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 1s }}\n\
         rule_files: [{alerts:?}]\n\
         scrape_configs:\n\
         - job_name: site\n  metrics_path: /_isr/metrics\n  \
         authorization: {{ credentials: the token for purges }}\n  \
         static_configs: [{{ targets: [{:?}] }}]\n",
        target.trim_start_matches("http://"),
    );
    let file = folder.path().join("prometheus.yml");
    fs::write(&file, config).unwrap();
    command.arg(format!("--config.file={}", file.display()));
    command.arg(format!("--storage.tsdb.path={}", folder.path().join("data").display()));
    command.args([format!("--web.listen-address={addr}"), "--log.level=warn".to_owned()]);
    Some(Program::start(command, addr, folder))
}

async fn ask(prometheus: SocketAddr, path: &str) -> Value {
    let answer = wire::exchange(prometheus, Request::get(path)).await.unwrap();
    // Until it is ready it says so in words.
    serde_json::from_str(&answer.text()).unwrap_or_default()
}

/// The value of an expression that has one; `None` while it has none.
async fn value(prometheus: SocketAddr, expression: &str) -> Option<f64> {
    let query = utf8_percent_encode(expression, NON_ALPHANUMERIC);
    let answer = ask(prometheus, &format!("/api/v1/query?query={query}")).await;
    assert_ne!(answer["status"], "error", "{expression}: {answer}");
    let result = answer["data"]["result"].as_array()?;
    assert!(result.len() < 2, "{expression} has several values: {answer}");
    result.first()?["value"][1].as_str()?.parse().ok()
}

/// Asks until the value is as it should be.
async fn wait_for(prometheus: SocketAddr, expression: &str, is_right: impl Fn(f64) -> bool) {
    let mut last = None;
    let wait = async {
        loop {
            last = value(prometheus, expression).await;
            if last.is_some_and(&is_right) {
                return;
            }
            sleep(ASKED_EVERY).await;
        }
    };
    let is_in_time = timeout(LIMIT, wait).await.is_ok();
    assert!(is_in_time, "{expression} is {last:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn prometheus_that_collects_sees_what_was_asked_and_the_alerts_are_at_rest() {
    let site = Site::with(&[]).await;
    let Some(program) = start(&site) else { return };
    let at = program.addr;
    wait_for(at, r#"up{job="site"}"#, |up| up == 1.0).await;
    site.get("/open/a").await;
    for _ in 0..HITS {
        site.get("/open/a").await.assert_fresh(2);
    }
    let hits = r#"isr_requests_total{route="/open/:slug",result="hit",answer="full"}"#;
    wait_for(at, hits, |count| count == HITS as f64).await;
    wait_for(at, r#"count_over_time(up{job="site"}[1m])"#, |scrapes| scrapes >= 4.0).await;
    let made = format!("max_over_time({hits}[1m]) - min_over_time({hits}[1m])");
    assert_eq!(value(at, &made).await, Some(HITS as f64));
    // Of a rate Prometheus makes as if it had gone on for as long as a scrape before and after.
    let increase = value(at, &format!("rate({hits}[1m]) * 60")).await.unwrap();
    assert!((HITS as f64..2.0 * HITS as f64).contains(&increase), "{increase}");
    assert_eq!(value(at, r#"min_over_time(up{job="site"}[1m])"#).await, Some(1.0));
    let targets = ask(at, "/api/v1/targets").await;
    assert_eq!(targets["data"]["activeTargets"][0]["lastError"], "", "{targets}");

    let mut rules = Value::Null;
    let evaluated = async {
        loop {
            rules = ask(at, "/api/v1/rules").await["data"]["groups"][0]["rules"].take();
            if rules.as_array().is_some_and(|all| all.iter().all(|rule| rule["health"] == "ok")) {
                return;
            }
            sleep(ASKED_EVERY).await;
        }
    };
    let are_evaluated = timeout(LIMIT, evaluated).await.is_ok();
    assert!(are_evaluated, "{rules}");
    let rules = rules.as_array().unwrap();
    assert_eq!(rules.len(), 6);
    assert!(rules.iter().all(|rule| rule["state"] == "inactive"), "{rules:?}");
}
