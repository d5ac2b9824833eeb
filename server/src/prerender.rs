//! `server prerender`: every listed page, with a progress bar and a table; and
//! the site's files, compressed.

use std::{
    io::{IsTerminal, Write, stderr, stdout},
    net::{Ipv4Addr, SocketAddr},
    thread::available_parallelism,
};

use app::data::source::left_out;
use indicatif::{ProgressBar, ProgressStyle};
use leptos_isr::{
    SystemClock,
    prerender::{PageOutcome, PageResult, PrerenderError},
};

use crate::{
    compress::compress_files,
    config::Config,
    content,
    error::Error,
    report::{bytes, table},
    site::site,
};

/// Renders and stores all listed pages.
pub(crate) async fn prerender(config: &Config, jobs: Option<u16>) -> Result<(), Error> {
    // A server may be running on the configured address.
    let any_port = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let content = content::open(config, any_port).await?;
    let site = site(config, &content, SystemClock).await?;
    let jobs = jobs.map_or_else(|| 2 * available_parallelism().map_or(1, usize::from), usize::from);

    let files = |source| Error::SiteFiles { path: config.site_root.clone(), source };
    compress_files(&config.site_root).map_err(files)?;
    let progress = Progress::new();
    let bar = progress.bar.clone();
    let plan = |pages| bar.set_length(pages as u64);
    let rendered = site.isr.prerender(jobs, plan, |page| progress.show(page)).await;
    progress.bar.finish_and_clear();
    let report = match &rendered {
        Ok(report) => report,
        Err(PrerenderError::Pages(report)) => report,
        Err(_) => return rendered.map(drop).map_err(Error::Prerender),
    };
    write!(stdout().lock(), "{}", table(report, &left_out())).map_err(Error::Print)?;
    rendered.map(drop).map_err(Error::Prerender)
}

/// A bar on a terminal, a line for each page elsewhere.
struct Progress {
    bar: ProgressBar,
    is_terminal: bool,
}

impl Progress {
    fn new() -> Self {
        let style = ProgressStyle::with_template("{bar:30} {pos}/{len} pages, {eta} left  {msg}")
            .expect("the template is right");
        Self { bar: ProgressBar::new(0).with_style(style), is_terminal: stderr().is_terminal() }
    }

    fn show(&self, page: &PageResult) {
        self.bar.inc(1);
        let line = match &page.outcome {
            PageOutcome::Stored { bytes: size } => {
                if self.is_terminal {
                    self.bar.set_message(page.path.clone());
                    return;
                }
                format!("rendered {} {} {} ms", page.path, bytes(*size), page.duration.as_millis())
            }
            PageOutcome::Redirected { status, location } => {
                format!("moved    {} leads to `{location}` ({status}): list that", page.path)
            }
            PageOutcome::LeftForLater { cause } => {
                format!("later    {} (rendered on demand): {cause}", page.path)
            }
            PageOutcome::Failed { cause } => format!("FAILED   {}: {cause}", page.path),
        };
        if self.is_terminal {
            self.bar.println(line);
        } else {
            eprintln!("{line}");
        }
    }
}
