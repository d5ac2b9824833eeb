//! A few kills; the many are a command of their own, see README.md.

use attack::crash::{Settings, run};

fn settings(kills: usize, damage: bool) -> Settings {
    Settings {
        program: env!("CARGO_BIN_EXE_attack").into(),
        kills,
        damage,
        neighbour: false,
        seed: 7,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_server_serves_what_it_acknowledged() {
    let report = run(&settings(5, false)).await.unwrap();
    assert_eq!(report.violations(), 0, "{report}");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_servers_on_one_folder_hear_each_other_while_one_is_killed() {
    let settings = Settings { neighbour: true, seed: 3, ..settings(4, false) };
    let report = run(&settings).await.unwrap();
    assert_eq!(report.violations(), 0, "{report}");
}

#[tokio::test(flavor = "multi_thread")]
async fn damaged_pages_are_never_served() {
    let report = run(&settings(5, true)).await.unwrap();
    assert_eq!(report.violations(), 0, "{report}");
}
