//! What a running server says in metrics, and the alerts and the dashboard that are made of it.
//!
//! `promtool` is of the Debian package `prometheus`. Where it is missing the tests that need it say so
//! and pass, and fail if `CI` is `true`.

use std::{
    collections::BTreeSet,
    fs,
    io::Write,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

use serde_json::Value;

use crate::{
    program::installed,
    support::{Answer, Site},
};

const METRICS: &str = "/_isr/metrics";
const BEARER: (&str, &str) = ("Authorization", "Bearer the token for purges");

fn deploy() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../deploy")
}

/// A site of which everything was asked once: hits, stale and failing pages, purges, data.
async fn used_site() -> Site {
    let site = Site::with(&[("blog", &["built"]), ("closed", &[])]).await;
    for path in ["/", "/blog/built", "/open/a", "/closed/none", "/live", "/nowhere"] {
        site.get(path).await;
    }
    site.advance(60);
    site.get_twice("/blog/built").await;
    site.cms.set("open:a", Answer::Broken(500));
    site.get_twice("/open/a").await;
    site.purge(&["/"]).await;
    site
}

/// What the metrics of a site are, as OpenMetrics or as it was before.
async fn metrics(site: &Site, accept: &str) -> String {
    let answer = site.get_with(METRICS, &[BEARER, ("Accept", accept)]).await;
    answer.assert_status(200);
    answer.text()
}

fn promtool(args: &[&str], folder: &Path, input: &str) -> Option<Output> {
    let mut command = Command::new(installed("promtool", "prometheus")?);
    command.args(args).current_dir(folder);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    Some(child.wait_with_output().unwrap())
}

fn assert_success(output: &Output) {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(output.status.success(), "{}{}", text(&output.stdout), text(&output.stderr));
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics_are_as_prometheus_wants_them() {
    let site = used_site().await;
    let text = metrics(&site, "text/plain;version=0.0.4").await;
    assert!(
        text.contains(r#"isr_requests_total{route="/open/:slug",result="stale_error""#),
        "{text}"
    );
    let Some(output) = promtool(&["check", "metrics"], &deploy(), &text) else { return };
    assert_success(&output);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.is_empty(), "{said}");
}

/// Prometheus reads this one when it collects. Its tool reads it where each sample has a time.
#[tokio::test(flavor = "multi_thread")]
async fn prometheus_reads_the_metrics_as_open_metrics() {
    let site = used_site().await;
    let text = metrics(&site, "application/openmetrics-text;version=1.0.0").await;
    let lines = text.lines().map(|line| match line.starts_with('#') {
        true => format!("{line}\n"),
        false => format!("{line} 1800000000\n"),
    });
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("metrics"), lines.collect::<String>()).unwrap();
    let args = ["tsdb", "create-blocks-from", "openmetrics", "metrics", "blocks"];
    let Some(output) = promtool(&args, folder.path(), "") else { return };
    assert_success(&output);
}

#[test]
fn alerts_are_raised_when_they_should_be() {
    let folder = deploy().join("prometheus");
    for args in [["check", "rules", "alerts.yml"], ["test", "rules", "alerts.test.yml"]] {
        let Some(output) = promtool(&args, &folder, "") else { return };
        assert_success(&output);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn alerts_and_the_dashboard_ask_for_metrics_and_labels_that_there_are() {
    let site = used_site().await;
    let text = metrics(&site, "application/openmetrics-text").await;
    let alerts = fs::read_to_string(deploy().join("prometheus/alerts.yml")).unwrap();
    let dashboard = fs::read_to_string(deploy().join("grafana/dashboard.json")).unwrap();
    let dashboard: Value = serde_json::from_str(&dashboard).unwrap();
    let mut asked: Vec<String> = alerts.lines().map(str::to_owned).collect();
    asked.extend(expressions(&dashboard));
    let asked = asked.join("\n");

    let there = names(&text);
    let named: BTreeSet<_> = words(&asked).filter(|word| word.starts_with("isr_")).collect();
    let missing: Vec<_> = named.iter().filter(|name| !there.contains(**name)).collect();
    assert!(missing.is_empty(), "{missing:?} are not in {there:#?}");
    let shown: BTreeSet<_> = there.iter().filter(|name| named.contains(name.as_str())).collect();
    assert!(shown.len() > 18, "the dashboard shows {shown:?} only");

    for value in
        asked.split(['"', '|']).filter(|value| value.contains("error") || *value == "refused")
    {
        assert!(text.contains(&format!("=\"{value}\"")), "no label is {value}");
    }
}

/// The expressions of all panels and variables.
fn expressions(value: &Value) -> Vec<String> {
    match value {
        Value::Object(fields) => {
            let own = ["expr", "query"].iter().filter_map(|name| fields.get(*name)?.as_str());
            let own: Vec<_> = own.map(str::to_owned).collect();
            own.into_iter().chain(fields.values().flat_map(expressions)).collect()
        }
        Value::Array(values) => values.iter().flat_map(expressions).collect(),
        _ => Vec::new(),
    }
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_')
}

/// The names of all samples that there may be.
fn names(metrics: &str) -> BTreeSet<String> {
    let types = metrics.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split_once(' '));
    let names = types.flat_map(|(name, kind)| {
        let ends: &[&str] = match kind {
            "counter" => &["_total"],
            "histogram" => &["_bucket", "_sum", "_count"],
            "info" => &["_info"],
            _ => &[""],
        };
        ends.iter().map(move |end| format!("{name}{end}"))
    });
    names.collect()
}
