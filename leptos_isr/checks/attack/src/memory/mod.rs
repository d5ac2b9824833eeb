//! Renders Leptos pages over and over through the engine and watches the memory
//! of the process: what a render leaves behind adds up.

mod curve;
mod site;

use std::time::{Duration, Instant};

use self::{curve::Curve, site::Site};
use crate::{Error, Report, machine::resident};

/// Pages that one call regenerates.
const AT_ONCE: usize = 50;

/// What a run does.
#[derive(Clone, Debug, clap::Args)]
pub struct Settings {
    /// How often the same page is rendered
    #[arg(long, default_value_t = 100_000)]
    pub same: usize,
    /// How many different pages are rendered, once each
    #[arg(long, default_value_t = 20_000)]
    pub different: usize,
    /// By how many MiB memory may grow: the allocator gives nothing back at once
    #[arg(long, default_value_t = 4)]
    pub allowed_mib: u64,
    /// After how many renders the memory is looked at
    #[arg(long, default_value_t = 5_000)]
    pub step: usize,
}

/// Carries out the attack.
///
/// # Errors
///
/// Fails if the site cannot be set up or a page cannot be rendered.
pub async fn run(settings: &Settings) -> Result<Report, Error> {
    let site = Site::new()?;
    let mut report = Report::default();
    let tasks_before = tasks_alive();
    let began = Instant::now();
    let mut same = Curve::new("the same page", settings.step);
    for render in 1..=settings.same {
        site.regenerate(&["/same".to_owned()]).await?;
        same.rendered(render, resident);
    }
    let mut different = Curve::new("different pages", settings.step.min(settings.different / 8));
    for first in (0..settings.different).step_by(AT_ONCE) {
        let pages = first..(first + AT_ONCE).min(settings.different);
        let pages: Vec<_> = pages.map(|page| format!("/page/{page}")).collect();
        site.regenerate(&pages).await?;
        different.rendered(first + pages.len(), resident);
    }
    let took = began.elapsed().as_secs_f64();
    let (values_alive, tasks_after) = left(&site, tasks_before).await;
    let renders = settings.same + settings.different;
    report.row("renders", renders);
    report.row("seconds", format!("{took:.1}"));
    report.row("renders/s", format!("{:.0}", renders as f64 / took));
    let arenas = std::env::var("MALLOC_ARENA_MAX").unwrap_or_else(|_| "as many as it likes".into());
    report.row("arenas of the system's allocator", arenas);
    report.row("values that pages made", site.values_made());
    report.row("of these still there", values_alive);
    report.row("tasks before", tasks_before);
    report.row("tasks still there", tasks_after);
    for curve in [&same, &different] {
        curve.judge(&mut report, settings.allowed_mib << 20);
    }
    report.expect(site.values_made() >= renders as u64, || "the pages made no values".to_owned());
    report.expect(values_alive == 0, || "values of pages are still there".to_owned());
    report.expect(tasks_after <= tasks_before, || "tasks of pages are still there".to_owned());
    Ok(report)
}

/// The values and tasks that pages left; those that are just ending get a second for it.
async fn left(site: &Site, tasks_before: usize) -> (u64, usize) {
    for _ in 0..200 {
        if site.values_alive() == 0 && tasks_alive() <= tasks_before {
            break;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    (site.values_alive(), tasks_alive())
}

/// Tasks of the runtime that have not ended.
fn tasks_alive() -> usize {
    tokio::runtime::Handle::current().metrics().num_alive_tasks()
}
