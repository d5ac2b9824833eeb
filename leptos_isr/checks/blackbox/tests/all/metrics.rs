//! What a running server says in metrics, and the alerts and the dashboard that are made of it.
//!
//! `promtool` is of the Debian package `prometheus`. Where it is missing the tests that need it say so
//! and pass, and fail if `CI` is `true`.

use std::{
    collections::{BTreeMap, BTreeSet},
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

#[tokio::test(flavor = "multi_thread")]
async fn dashboard_groups_and_names_by_labels_that_its_metrics_have() {
    let site = used_site().await;
    // Nobody listens there.
    let with_cdn = Site::in_memory(&[("BLACKBOX_CDN", "http://127.0.0.1:9/purge")]).await;
    let mut text = metrics(&site, "application/openmetrics-text").await;
    text += &metrics(&with_cdn, "application/openmetrics-text").await;
    // Where there is no sample, it is as the guide says.
    let mut there = labels_in_guide();
    there.extend(labels(&text));
    let has = |name: &str, label: &str| {
        let labels = there.get(name).unwrap_or_else(|| panic!("there is no sample of {name}"));
        labels.contains(label)
    };
    let dashboard = fs::read_to_string(deploy().join("grafana/dashboard.json")).unwrap();
    let shown = targets(&serde_json::from_str(&dashboard).unwrap());
    assert!(shown.len() > 20, "{shown:?}");
    for (expression, legend) in shown {
        let named: Vec<_> = words(&expression).filter(|word| word.starts_with("isr_")).collect();
        assert!(!named.is_empty(), "{expression}");
        let grouped: Vec<_> = between(&expression, "by (", ")").collect();
        let by: BTreeSet<_> = grouped.iter().flat_map(|labels| words(labels)).collect();
        let selected = between(&expression, "{", "}").flat_map(|all| all.split("\","));
        let selected = selected.filter_map(|one| one.split(['=', '!']).next());
        let asked: BTreeSet<_> =
            selected.chain(by.iter().copied()).filter(|l| !l.is_empty()).collect();
        for (name, label) in named.iter().flat_map(|name| asked.iter().map(move |l| (name, l))) {
            let is_there = has(name, label) || ["job", "instance"].contains(label);
            assert!(is_there, "{name} has no label {label}: {expression}");
        }
        // What is grouped has no other labels.
        for label in between(&legend, "{{", "}}") {
            let is_there = match by.is_empty() {
                true => label == "instance" || has(named[0], label),
                false => by.contains(label),
            };
            assert!(is_there, "{legend} names {label}: {expression}");
        }
    }
}

/// What stands between two texts, each time.
fn between<'a>(text: &'a str, begin: &'a str, end: &'a str) -> impl Iterator<Item = &'a str> {
    text.split(begin).skip(1).filter_map(move |rest| Some(rest.split_once(end)?.0))
}

/// The expressions of all panels, each with the names of its lines.
fn targets(dashboard: &Value) -> Vec<(String, String)> {
    let panels = dashboard["panels"].as_array().unwrap().iter();
    let targets = panels.flat_map(|panel| panel["targets"].as_array().unwrap());
    let text = |target: &Value, name| target[name].as_str().unwrap().to_owned();
    targets.map(|target| (text(target, "expr"), text(target, "legendFormat"))).collect()
}

/// The labels of each metric in the table of the guide.
fn labels_in_guide() -> BTreeMap<String, BTreeSet<String>> {
    let guide = include_str!("../../../../../docs/guide/operating.md");
    let rows = guide.lines().filter(|line| line.starts_with("| `isr_"));
    let rows = rows.map(|row| {
        let mut cells = row.split('|').map(|cell| cell.split('`').skip(1).step_by(2));
        (cells.nth(1).unwrap(), cells.next().unwrap())
    });
    let metrics = rows.flat_map(|(names, labels)| {
        let labels: BTreeSet<_> = labels.map(str::to_owned).collect();
        names.map(move |name| (name.to_owned(), labels.clone()))
    });
    metrics.collect()
}

/// The labels of each metric of which there is a sample.
fn labels(metrics: &str) -> BTreeMap<String, BTreeSet<String>> {
    let mut labels = BTreeMap::<String, BTreeSet<String>>::new();
    for line in metrics.lines().filter(|line| !line.starts_with('#')) {
        let (name, rest) = line.split_once(['{', ' ']).unwrap();
        // Each name is the last word before its value.
        let before_values = rest.split("=\"").collect::<Vec<_>>();
        let names = before_values[..before_values.len() - 1].iter();
        let names = names.filter_map(|text| words(text).last()).map(str::to_owned);
        labels.entry(name.to_owned()).or_default().extend(names);
    }
    labels
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
