//! A small flood; the large one is a command of its own, see README.md.

use attack::flood::{Settings, run};

#[tokio::test(flavor = "multi_thread")]
async fn flood_of_unknown_paths_fills_neither_memory_nor_disk() {
    let settings = Settings {
        unknown: 20_000,
        known: 2_000,
        memory: 1 << 20,
        disk: 8 << 20,
        socket: 300,
        seed: 1,
        // Compressing is slow in a build without optimisation.
        compressed: false,
    };
    let report = run(&settings).await.unwrap();
    assert_eq!(report.violations(), 0, "{report}");
}
