//! A few phases of a source that misbehaves; the many are a command of their own, see README.md.

use attack::sources::{Settings, run};

#[tokio::test(flavor = "multi_thread")]
async fn misbehaving_source_costs_no_reader_a_good_page() {
    let settings = Settings { requests: 600, seed: 7, server: None, logs: None };
    let report = run(&settings).await.unwrap();
    assert_eq!(report.violations(), 0, "{report}");
}
