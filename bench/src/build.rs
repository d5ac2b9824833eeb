//! What a page costs when it is built: `server prerender` beside `next build`.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use clap::Args;

use crate::{
    Result,
    contender::free_addr,
    machine,
    site::{Site, program},
};

/// Articles in the two builds of this server: what lies between them is what articles cost.
const OURS: [usize; 2] = [10, 510];

/// As many for Next.js, each in both of its routers.
const NEXT: [usize; 2] = [10, 260];

/// How builds are compared.
#[derive(Args)]
pub(crate) struct Options {
    /// How often each is built
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// The folder of the Next.js app
    #[arg(long, default_value = "bench/next")]
    next: PathBuf,
}

/// What one build took.
#[derive(Clone, Copy)]
struct Cost {
    wall: Duration,
    processor: Duration,
}

/// What one more page takes, in milliseconds.
struct PerPage {
    wall: f64,
    processor: f64,
}

impl PerPage {
    fn of(pages: usize, [small, large]: [Cost; 2]) -> Self {
        let each = |of: fn(&Cost) -> Duration| {
            (of(&large).as_secs_f64() - of(&small).as_secs_f64()) * 1e3 / pages as f64
        };
        Self { wall: each(|cost| cost.wall), processor: each(|cost| cost.processor) }
    }
}

pub(crate) async fn run(options: &Options) -> Result<()> {
    machine::adopt_orphans()?;
    let scratch = tempfile::tempdir()?;
    let next = crate::serve::next_command(&options.next)?;
    // Next.js reads its articles from a server's API.
    let source = Site { scratch: &scratch.path().join("source"), articles: NEXT[1] };
    source.write()?;
    let content_addr = free_addr()?;
    let server = source.start(&free_addr()?, &content_addr).await?;
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for round in 0..options.rounds {
        eprintln!("round {} of {}", round + 1, options.rounds);
        let mut costs = Vec::new();
        for articles in OURS {
            let folder = scratch.path().join(format!("ours-{round}-{articles}"));
            costs.push(build(prerender(&folder, articles, server.pid())?, server.pid())?);
        }
        ours.push(PerPage::of(OURS[1] - OURS[0], [costs[0], costs[1]]));
        let mut costs = Vec::new();
        for articles in NEXT {
            let mut command = next(&["build"], &content_addr);
            command.env("BENCH_PAGES", articles.to_string());
            costs.push(build(command, server.pid())?);
        }
        theirs.push(PerPage::of(2 * (NEXT[1] - NEXT[0]), [costs[0], costs[1]]));
    }
    println!("| build | wall time per page, ms | processor time per page, ms |\n|---|--:|--:|");
    let median =
        |rounds: &[PerPage], of: fn(&PerPage) -> f64| machine::median(rounds.iter().map(of));
    for (name, rounds) in
        [("leptos_isr: `server prerender`", &ours), ("Next.js: `next build`", &theirs)]
    {
        println!(
            "| {name} | {:.2} | {:.2} |",
            median(rounds, |page| page.wall),
            median(rounds, |page| page.processor)
        );
    }
    println!(
        "\nMedians of {} rounds; {} more article pages of 32 kB for this server, {} for Next.js, \
         half of them in each of its routers. Processor time: {:.2} of that of Next.js.",
        options.rounds,
        OURS[1] - OURS[0],
        2 * (NEXT[1] - NEXT[0]),
        median(&ours, |page| page.processor) / median(&theirs, |page| page.processor)
    );
    Ok(())
}

/// Renders the pages of a site without scripts: compressing those is no part of a page. Nor is
/// filling the database, which is done before.
fn prerender(folder: &Path, articles: usize, server: u32) -> Result<Command> {
    let site = Site { scratch: folder, articles };
    site.write()?;
    let files = folder.join("site");
    fs::create_dir_all(&files)?;
    let command = || -> Result<Command> {
        let mut command = site.command(&program("server")?, "ours", &free_addr()?);
        command.env("CONTENT_ADDR", free_addr()?).env("LEPTOS_SITE_ROOT", &files);
        command.env("LEPTOS_HASH_FILES", "false");
        command.env("ISR_PRERENDER_ARTICLES", articles.to_string());
        Ok(command)
    };
    let mut import = command()?;
    import.arg("import").arg(folder.join("content"));
    build(import, server)?;
    let mut prerender = command()?;
    prerender.arg("prerender");
    Ok(prerender)
}

/// Runs a build and those of its processes that outlive it; `server` is a child that stays.
fn build(mut command: Command, server: u32) -> Result<Cost> {
    let (began, used) = (std::time::Instant::now(), machine::waited_for());
    let built = command.output()?;
    if !built.status.success() {
        let said = String::from_utf8_lossy(&built.stderr).into_owned();
        return Err(format!("{:?}: {said}", command.get_program()).into());
    }
    let wall = began.elapsed();
    machine::wait_for_orphans(server)?;
    Ok(Cost { wall, processor: machine::waited_for().saturating_sub(used) })
}
