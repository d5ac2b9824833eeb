//! Some renders; the many are a command of their own, see README.md.

use attack::memory::{Settings, run};

#[tokio::test(flavor = "multi_thread")]
async fn render_leaves_nothing_behind() {
    let settings = Settings { same: 400, different: 200, step: 25, allowed_mib: 16 };
    let report = run(&settings).await.unwrap();
    assert_eq!(report.violations(), 0, "{report}");
}
