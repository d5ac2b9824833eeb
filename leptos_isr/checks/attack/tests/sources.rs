//! A few phases of a source that misbehaves; the many are a command of their own, see README.md.

use attack::sources::{Settings, run};

#[tokio::test(flavor = "multi_thread")]
async fn misbehaving_source_costs_no_reader_a_good_page() {
    let settings = Settings {
        requests: 600,
        seed: 7,
        server: None,
        // What a page of another article's address should be is not settled by the site yet.
        honest: true,
        retry_after: false,
        logs: None,
    };
    let report = run(&settings).await.unwrap();
    assert_eq!(report.violations(), 0, "{report}");
}
