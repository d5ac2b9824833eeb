//! A few kills; the many are a command of their own, see README.md.

use attack::crash::{Settings, run};

fn settings(kills: usize, damage: bool) -> Settings {
    Settings { program: env!("CARGO_BIN_EXE_attack").into(), kills, damage, seed: 7 }
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_server_serves_what_it_acknowledged() {
    let report = run(&settings(5, false)).await.unwrap();
    assert_eq!(report.violations(), 0, "{report}");
}

#[tokio::test(flavor = "multi_thread")]
async fn damaged_pages_are_never_served() {
    let report = run(&settings(5, true)).await.unwrap();
    assert_eq!(report.violations(), 0, "{report}");
}
