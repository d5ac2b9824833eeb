//! The command line and the environment. Each setting is a flag and a variable.

mod sanity;

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use app::data::listing::PrerenderedArticles;
use clap::{Args, Parser, Subcommand, ValueEnum};
use leptos::config::{Env, LeptosOptions};
use leptos_isr::{TrustedProxies, purge::SharedCache};

pub use self::sanity::Sanity;

/// A news site whose pages are rendered once, stored, and regenerated behind
/// the reader.
///
/// Without a command it serves. Build the site first: `cargo leptos build`.
#[derive(Debug, Parser)]
#[command(name = "server", version)]
pub struct Cli {
    /// What to do; serve by default.
    #[command(subcommand)]
    pub command: Option<Command>,
    /// The settings, which all commands share.
    #[command(flatten)]
    pub config: Config,
}

/// What the program does.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Serve the site until Ctrl-C or SIGTERM
    Serve,
    /// Render and store every page that the routes list; `cargo leptos build` does this
    Prerender {
        /// How many pages are rendered at once [default: two for each processor]
        #[arg(long, value_parser = clap::value_parser!(u16).range(1..))]
        jobs: Option<u16>,
    },
    /// Look at every listed page for what would surprise once it is stored; fails if there is any
    Check {
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Read a folder of Markdown files with YAML or TOML front matter into the database
    Import {
        /// The folder; its sub-folders are read too
        folder: PathBuf,
        /// Where a file names no date, take that of the commit that added it; needs the command git
        #[arg(long)]
        dates_from_git: bool,
    },
}

/// The settings.
#[derive(Args, Clone, Debug)]
pub struct Config {
    /// Where the site listens
    #[arg(
        long,
        env = "LEPTOS_SITE_ADDR",
        global = true,
        default_value = "127.0.0.1:3000",
        value_parser = parse_addr,
        value_name = "LEPTOS_SITE_ADDR",
        help_heading = "Site"
    )]
    pub site_addr: SocketAddr,

    /// How readers reach the site, for feeds and links, as `https://news.example`
    /// [default: http:// and the address]
    #[arg(long, env = "SITE_URL", global = true, value_name = "SITE_URL", help_heading = "Site",
        value_parser = parse_url)]
    pub site_url: Option<String>,

    /// The proxies that name the visitor's address, in `X-Forwarded-For` or `Forwarded`, as
    /// `127.0.0.1, 10.0.0.0/8` [default: none, so all visitors behind a proxy count as one]
    #[arg(long, env = "ISR_TRUSTED_PROXIES", global = true, value_name = "ISR_TRUSTED_PROXIES",
        help_heading = "Site", value_parser = parse_proxies)]
    pub isr_trusted_proxies: Option<TrustedProxies>,

    /// Where `GET /_isr/metrics` is answered too, and nothing else, without a token, as `127.0.0.1:9464`
    /// [default: nowhere; with ISR_TOKEN at the site's own address, for its bearers]
    #[arg(long, env = "ISR_METRICS_ADDR", global = true, value_name = "ISR_METRICS_ADDR",
        help_heading = "Site", value_parser = parse_addr)]
    pub isr_metrics_addr: Option<SocketAddr>,

    /// The folder of scripts and styles that `cargo leptos build` wrote
    #[arg(
        long,
        env = "LEPTOS_SITE_ROOT",
        global = true,
        default_value = "target/site",
        value_name = "LEPTOS_SITE_ROOT",
        help_heading = "Site"
    )]
    pub site_root: PathBuf,

    /// Whether those files have hashed names
    /// [default: if `hash.txt` lies beside this program]
    #[arg(
        long,
        env = "LEPTOS_HASH_FILES",
        global = true,
        value_name = "LEPTOS_HASH_FILES",
        help_heading = "Site"
    )]
    pub hash_files: Option<bool>,

    /// Where pages and purges are kept
    #[arg(
        long,
        env = "ISR_DIR",
        global = true,
        default_value = "target/isr",
        value_name = "ISR_DIR",
        help_heading = "Stored pages"
    )]
    pub isr_dir: PathBuf,

    /// The Redis that this site's servers share, as `redis://:password@host:6379/0`, or `rediss://`
    /// for TLS; ISR_DIR is this server's own copy then [default: none, one machine]
    #[arg(long, env = "ISR_REDIS_URL", global = true, value_name = "ISR_REDIS_URL",
        hide_env_values = true, help_heading = "Stored pages", value_parser = parse_secret)]
    pub isr_redis_url: Option<String>,

    /// Where pages are kept instead of in that Redis, which has the purges: `s3://bucket/prefix`,
    /// `gs://…`, `az://…` or `file:///folder`
    #[arg(long, env = "ISR_STORE_URL", global = true, value_name = "ISR_STORE_URL",
        requires = "isr_redis_url", help_heading = "Stored pages", value_parser = parse_secret)]
    pub isr_store_url: Option<String>,

    /// The site's name in that Redis, which several sites may share
    #[arg(
        long,
        env = "ISR_SITE",
        global = true,
        default_value = "newsroom",
        value_name = "ISR_SITE",
        help_heading = "Stored pages"
    )]
    pub isr_site: String,

    /// How many replicas of that Redis must have a purge before it is answered
    #[arg(
        long,
        env = "ISR_REDIS_ACKS",
        global = true,
        default_value_t = 0,
        value_name = "ISR_REDIS_ACKS",
        help_heading = "Stored pages"
    )]
    pub isr_redis_acks: u32,

    /// Which build this is, for `prerender` and `serve` alike
    /// [default: a hash of this program and of the files' names]
    #[arg(
        long,
        env = "ISR_BUILD_ID",
        global = true,
        value_name = "ISR_BUILD_ID",
        help_heading = "Stored pages"
    )]
    pub isr_build_id: Option<String>,

    /// How many of the newest articles are rendered at build; the others when they are first
    /// asked for
    #[arg(long, env = "ISR_PRERENDER_ARTICLES", global = true,
        default_value_t = PrerenderedArticles::default().0,
        value_name = "ISR_PRERENDER_ARTICLES", help_heading = "Stored pages")]
    pub isr_prerender_articles: usize,

    /// How much memory pages may take, in MiB
    #[arg(long, env = "ISR_MEMORY_MIB", global = true, default_value_t = 64,
        value_name = "ISR_MEMORY_MIB", help_heading = "Stored pages",
        value_parser = clap::value_parser!(u64).range(1..))]
    pub isr_memory_mib: u64,

    /// How much of the disk pages may take, in MiB; the least recently used go first
    #[arg(long, env = "ISR_DISK_MIB", global = true, default_value_t = 1024,
        value_name = "ISR_DISK_MIB", help_heading = "Stored pages",
        value_parser = clap::value_parser!(u64).range(1..))]
    pub isr_disk_mib: u64,

    /// Other periods than the routes declare, as `/articles/:slug=2s; /=1min`
    #[arg(
        long,
        env = "ISR_REVALIDATE",
        global = true,
        value_name = "ISR_REVALIDATE",
        help_heading = "Stored pages"
    )]
    pub isr_revalidate: Option<String>,

    /// Switches on `POST /_isr/purge` and `/_isr/regenerate` for bearers of this token, at least 16
    /// bytes long
    #[arg(long, env = "ISR_TOKEN", global = true, value_name = "ISR_TOKEN", hide_env_values = true,
        help_heading = "Stored pages", value_parser = parse_secret)]
    pub isr_token: Option<String>,

    /// Switches on draft mode for bearers of this secret, at least 16 bytes long
    /// [default: a random one where there is an editor]
    #[arg(long, env = "ISR_DRAFT_SECRET", global = true, value_name = "ISR_DRAFT_SECRET",
        hide_env_values = true, help_heading = "Stored pages", value_parser = parse_secret)]
    pub isr_draft_secret: Option<String>,

    /// Switches on the webhooks that this TOML file describes, at `POST /_isr/hooks/{name}`
    #[arg(
        long,
        env = "ISR_HOOKS",
        global = true,
        value_name = "ISR_HOOKS",
        help_heading = "Stored pages"
    )]
    pub isr_hooks: Option<PathBuf>,

    /// Tells this Fastly service of each purge; needs `SITE_URL` and `ISR_CACHE_TAG`
    #[arg(long, env = "ISR_CDN_FASTLY_SERVICE", global = true, value_name = "ISR_CDN_FASTLY_SERVICE",
        help_heading = "Stored pages", value_parser = parse_secret)]
    pub isr_cdn_fastly_service: Option<String>,

    /// A Fastly API token that may purge that service
    #[arg(long, env = "ISR_CDN_FASTLY_TOKEN", global = true, value_name = "ISR_CDN_FASTLY_TOKEN", hide_env_values = true,
        help_heading = "Stored pages", value_parser = parse_secret)]
    pub isr_cdn_fastly_token: Option<String>,

    /// Tells this Cloudflare zone of each purge; needs `SITE_URL` and `ISR_CACHE_TAG`
    #[arg(long, env = "ISR_CDN_CLOUDFLARE_ZONE", global = true, value_name = "ISR_CDN_CLOUDFLARE_ZONE",
        help_heading = "Stored pages", value_parser = parse_secret)]
    pub isr_cdn_cloudflare_zone: Option<String>,

    /// A Cloudflare API token that may purge that zone's cache
    #[arg(long, env = "ISR_CDN_CLOUDFLARE_TOKEN", global = true, value_name = "ISR_CDN_CLOUDFLARE_TOKEN", hide_env_values = true,
        help_heading = "Stored pages", value_parser = parse_secret)]
    pub isr_cdn_cloudflare_token: Option<String>,

    /// Tells the Varnish that listens at this address of each purge; needs `SITE_URL`,
    /// `ISR_CACHE_TAG` and `ISR_SHARED_CACHE=varnish`
    #[arg(long, env = "ISR_CDN_VARNISH_URL", global = true, value_name = "ISR_CDN_VARNISH_URL",
        help_heading = "Stored pages", value_parser = parse_url)]
    pub isr_cdn_varnish_url: Option<String>,

    /// The bearer token that its VCL takes
    #[arg(long, env = "ISR_CDN_VARNISH_TOKEN", global = true, value_name = "ISR_CDN_VARNISH_TOKEN", hide_env_values = true,
        help_heading = "Stored pages", value_parser = parse_secret)]
    pub isr_cdn_varnish_token: Option<String>,

    /// Has the nginx that listens at this address fetch each path anew that is purged; needs
    /// `SITE_URL` and `ISR_SHARED_CACHE=cache-control`
    #[arg(long, env = "ISR_CDN_NGINX_URL", global = true, value_name = "ISR_CDN_NGINX_URL",
        help_heading = "Stored pages", value_parser = parse_url)]
    pub isr_cdn_nginx_url: Option<String>,

    /// The token that its configuration takes in `x-isr-refresh`
    #[arg(long, env = "ISR_CDN_NGINX_TOKEN", global = true, value_name = "ISR_CDN_NGINX_TOKEN", hide_env_values = true,
        help_heading = "Stored pages", value_parser = parse_secret)]
    pub isr_cdn_nginx_token: Option<String>,

    /// Posts each purge as JSON to this address; `/_isr/purge` of another server takes it
    #[arg(long, env = "ISR_CDN_URL", global = true, value_name = "ISR_CDN_URL",
        help_heading = "Stored pages", value_parser = parse_url)]
    pub isr_cdn_url: Option<String>,

    /// The bearer token that is sent there
    #[arg(long, env = "ISR_CDN_URL_TOKEN", global = true, value_name = "ISR_CDN_URL_TOKEN", hide_env_values = true,
        help_heading = "Stored pages", value_parser = parse_secret)]
    pub isr_cdn_url_token: Option<String>,

    /// How long one render may take
    #[arg(long, env = "ISR_RENDER_TIMEOUT", global = true, default_value = "30s",
        value_name = "ISR_RENDER_TIMEOUT", help_heading = "Stored pages", value_parser = parse_duration)]
    pub isr_render_timeout: Duration,

    /// How many pages are rendered at once [default: four for each processor]
    #[arg(long, env = "ISR_MAX_RENDERS", global = true, value_name = "ISR_MAX_RENDERS",
        help_heading = "Stored pages", value_parser = clap::value_parser!(u16).range(1..))]
    pub isr_max_renders: Option<u16>,

    /// How many pages visitors may wait for; those of others get 503 with `Retry-After`
    #[arg(long, env = "ISR_MAX_WAITING", global = true, default_value_t = 1000,
        value_name = "ISR_MAX_WAITING", help_heading = "Stored pages",
        value_parser = clap::value_parser!(u32).range(1..))]
    pub isr_max_waiting: u32,

    /// What the shared cache in front reads: `cdn-cache-control` (Cloudflare), `cache-control`
    /// (nginx, CloudFront, Google, Azure), `fastly` or `varnish`
    #[arg(long, env = "ISR_SHARED_CACHE", global = true, default_value = "cdn-cache-control",
        value_name = "ISR_SHARED_CACHE", help_heading = "Stored pages",
        value_parser = parse_shared_cache)]
    pub isr_shared_cache: SharedCache,

    /// Send each page's tags to shared caches, as `Cache-Tag` or as the one in front reads them
    #[arg(long, env = "ISR_CACHE_TAG", global = true, default_value_t = false,
        value_name = "ISR_CACHE_TAG", action = clap::ArgAction::Set, help_heading = "Stored pages")]
    pub isr_cache_tag: bool,

    /// Store pages in `cargo leptos watch` too; otherwise each request is rendered there
    #[arg(long, env = "ISR_IN_WATCH", global = true, default_value_t = false,
        value_name = "ISR_IN_WATCH", action = clap::ArgAction::Set, help_heading = "Stored pages")]
    pub isr_in_watch: bool,

    /// Read content from this API; no database is opened then, and there is no editor
    #[arg(long, env = "CONTENT_API_URL", global = true, value_name = "CONTENT_API_URL",
        help_heading = "Content", value_parser = parse_url)]
    pub content_api_url: Option<String>,

    /// Content from Sanity.
    #[command(flatten)]
    pub sanity: Sanity,

    /// The SQLite database; made when it is not there
    #[arg(
        long,
        env = "CONTENT_DB",
        global = true,
        default_value = "data/newsroom.db",
        value_name = "CONTENT_DB",
        help_heading = "Content"
    )]
    pub content_db: PathBuf,

    /// Markdown files that an empty database is filled from
    #[arg(
        long,
        env = "CONTENT_DIR",
        global = true,
        default_value = "content",
        value_name = "CONTENT_DIR",
        help_heading = "Content"
    )]
    pub content_dir: PathBuf,

    /// Where the pictures of imported files are kept
    #[arg(
        long,
        env = "CONTENT_PICTURES",
        global = true,
        default_value = "data/pictures",
        value_name = "CONTENT_PICTURES",
        help_heading = "Content"
    )]
    pub content_pictures: PathBuf,

    /// Where the built-in content API listens; port 0 takes a free one
    #[arg(
        long,
        env = "CONTENT_ADDR",
        global = true,
        default_value = "127.0.0.1:0",
        value_parser = parse_addr,
        value_name = "CONTENT_ADDR",
        help_heading = "Content"
    )]
    pub content_addr: SocketAddr,

    /// The token for writing through the built-in content API, and for reading drafts
    /// [default: a random one that only this server knows]
    #[arg(long, env = "CONTENT_TOKEN", global = true, value_name = "CONTENT_TOKEN",
        hide_env_values = true, help_heading = "Content", value_parser = parse_secret)]
    pub content_token: Option<String>,

    /// Switches on the editor at /editor, with this password
    #[arg(long, env = "EDITOR_PASSWORD", global = true, value_name = "EDITOR_PASSWORD",
        hide_env_values = true, help_heading = "Content", value_parser = parse_secret)]
    pub editor_password: Option<String>,

    /// How log lines are written; `RUST_LOG` chooses which [default: info]
    #[arg(
        long,
        env = "LOG_FORMAT",
        global = true,
        default_value = "text",
        value_name = "LOG_FORMAT",
        help_heading = "Logs"
    )]
    pub log_format: LogFormat,

    /// Set by `cargo leptos watch`
    #[arg(long, env = "LEPTOS_WATCH", global = true, hide = true, default_value_t = false,
        action = clap::ArgAction::Set)]
    pub watch: bool,

    /// Set by cargo-leptos
    #[arg(long, env = "LEPTOS_RELOAD_PORT", global = true, hide = true, default_value_t = 3001)]
    pub reload_port: u32,
}

/// How log lines are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

impl Config {
    /// How readers reach the site, without a slash at the end.
    #[must_use]
    pub fn site_url(&self) -> String {
        match &self.site_url {
            Some(url) => url.trim_end_matches('/').to_owned(),
            None => format!("http://{}", self.site_addr),
        }
    }

    /// Whether pages are kept: not while `cargo leptos watch` runs, unless asked.
    #[must_use]
    pub fn stores_pages(&self) -> bool {
        !self.watch || self.isr_in_watch
    }

    /// What Leptos wants to know.
    #[must_use]
    pub fn leptos_options(&self) -> LeptosOptions {
        LeptosOptions::builder()
            .output_name("newsroom")
            .site_root(self.site_root.to_string_lossy())
            .site_addr(self.site_addr)
            .reload_port(self.reload_port)
            .hash_files(self.hash_files.unwrap_or_else(has_hash_file))
            .env(if self.watch { Env::DEV } else { Env::PROD })
            .build()
    }
}

fn has_hash_file() -> bool {
    let program = std::env::current_exe();
    program.is_ok_and(|program| program.with_file_name("hash.txt").exists())
}

fn parse_addr(text: &str) -> Result<SocketAddr, String> {
    text.parse().map_err(|_| "write an IP address and a port, as `127.0.0.1:3000`".to_owned())
}

fn parse_duration(text: &str) -> Result<Duration, String> {
    match humantime::parse_duration(text) {
        Ok(Duration::ZERO) => Err("it must be longer than zero".to_owned()),
        Ok(duration) => Ok(duration),
        Err(error) => Err(format!("{error}; write `500ms`, `30s` or `2min`")),
    }
}

fn parse_url(text: &str) -> Result<String, String> {
    let rest = text.strip_prefix("http://").or_else(|| text.strip_prefix("https://"));
    match rest {
        Some(host) if !host.is_empty() && !host.starts_with('/') => Ok(text.to_owned()),
        _ => Err("write an address that begins with http:// or https://".to_owned()),
    }
}

fn parse_shared_cache(text: &str) -> Result<SharedCache, String> {
    match text {
        "cdn-cache-control" => Ok(SharedCache::CdnCacheControl),
        "cache-control" => Ok(SharedCache::CacheControl),
        "fastly" => Ok(SharedCache::Fastly),
        "varnish" => Ok(SharedCache::Varnish),
        _ => Err("write `cdn-cache-control`, `cache-control`, `fastly` or `varnish`".to_owned()),
    }
}

fn parse_proxies(text: &str) -> Result<TrustedProxies, String> {
    text.parse().map_err(|error: leptos_isr::Error| error.to_string())
}

fn parse_secret(text: &str) -> Result<String, String> {
    if text.trim().is_empty() {
        return Err("it is empty: set it, or unset the variable to switch this off".to_owned());
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn wrong_value_names_the_setting_the_value_and_the_remedy() {
        for (flag, value, remedy) in [
            ("--isr-render-timeout", "0s", "longer than zero"),
            ("--isr-render-timeout", "5", "write `500ms`"),
            ("--content-api-url", "localhost:80", "begins with http://"),
            ("--editor-password", " ", "unset the variable"),
            ("--isr-memory-mib", "0", "not in"),
            ("--isr-shared-cache", "nginx", "write `cdn-cache-control`"),
            ("--isr-trusted-proxies", "proxy.example", "as `127.0.0.1, 10.0.0.0/8`"),
            ("--isr-trusted-proxies", "0.0.0.0/0", "list your proxies"),
            ("--site-addr", "3000", "as `127.0.0.1:3000`"),
            ("--isr-metrics-addr", "localhost:9464", "as `127.0.0.1:3000`"),
        ] {
            let error = Cli::try_parse_from(["server", flag, value]).unwrap_err().to_string();
            let command = Cli::command();
            let arg = command.get_arguments().find(|arg| arg.get_long() == flag.strip_prefix("--"));
            let variable = arg.and_then(clap::Arg::get_env).unwrap().to_str().unwrap();
            for part in [flag, variable, value, remedy] {
                assert!(error.contains(part), "{flag} {value}: {error}");
            }
        }
    }

    #[test]
    fn table_of_settings_has_one_row_for_each() {
        let page = include_str!("../../../docs/newsroom.md");
        let rows = page.lines().filter(|line| line.contains("` | `--"));
        let mut rows: Vec<String> =
            rows.map(|row| row.split_inclusive('|').take(3).collect()).collect();
        let command = Cli::command();
        let args = command.get_arguments().filter(|arg| !arg.is_hide_set());
        let settings = args.filter_map(|arg| Some((arg.get_env()?, arg.get_long()?)));
        let mut settings: Vec<String> = settings
            .map(|(variable, flag)| format!("| `{}` | `--{flag}` |", variable.display()))
            .collect();
        rows.sort_unstable();
        settings.sort_unstable();
        assert_eq!(rows, settings, "the rows of docs/newsroom.md and the flags");
    }

    #[test]
    fn watch_stores_nothing_unless_asked() {
        for (args, stores) in [
            (&["server"][..], true),
            (&["server", "--watch", "true"], false),
            (&["server", "--watch", "true", "--isr-in-watch", "true"], true),
        ] {
            assert_eq!(Cli::parse_from(args).config.stores_pages(), stores, "{args:?}");
        }
    }
}
