//! The content of the news site: articles and sections, where they are stored, how they are read
//! and written over HTTP, and how a folder of Markdown becomes articles.
//!
//! Without features the crate is only the [model](ArticleSummary): plain serde types, compiled for
//! the browser as well. Feature `markdown` adds `render_markdown`, feature `dates` adds `moment`,
//! feature `aliases` adds `alias_path`, and feature `backend` these and the rest:
//!
//! * `ContentStore`: one SQLite file. A body is rendered and sanitised when it is written, so
//!   reading an article renders nothing.
//! * `router`: the JSON API over a store; writing needs a token.
//! * `Import`: a folder of Markdown files as Hugo, Jekyll, Zola, Astro and mdBook lay them out.
#![warn(missing_docs)]

#[cfg(feature = "aliases")]
mod alias;
#[cfg(feature = "backend")]
mod api;
#[cfg(feature = "backend")]
mod date;
#[cfg(feature = "backend")]
mod import;
#[cfg(feature = "markdown")]
mod markdown;
mod model;
#[cfg(feature = "dates")]
mod moment;
#[cfg(feature = "backend")]
mod prepared;
#[cfg(feature = "backend")]
mod slug;
#[cfg(feature = "backend")]
mod store;

#[cfg(feature = "aliases")]
pub use self::alias::alias_path;
#[cfg(feature = "markdown")]
pub use self::markdown::{TooDeep, render_markdown};
pub use self::model::{
    Article, ArticleDraft, ArticleOverview, ArticlePage, ArticleSource, ArticleSummary, Section,
};
#[cfg(feature = "dates")]
pub use self::moment::moment;
#[cfg(feature = "backend")]
pub use self::{
    api::router,
    import::{Import, ImportError, ImportReport, PICTURES_PATH, Skipped},
    prepared::InvalidInput,
    store::{ContentStore, StoreError},
};
