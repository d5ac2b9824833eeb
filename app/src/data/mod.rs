//! What the pages show: plain values, how they are read, and the server
//! functions that carry them to the browser.

pub mod article;
pub mod date;
pub mod editor;
pub mod failure;
pub mod front;
pub mod json_text;
pub mod live;
pub mod moved;
pub mod pagination;
pub mod search;
pub mod section;
pub mod settings;
pub mod site;

#[cfg(not(feature = "ssr"))]
#[path = "listing_browser.rs"]
pub(crate) mod listing;
#[cfg(feature = "ssr")]
pub mod listing;
#[cfg(not(feature = "ssr"))]
#[path = "refusal_browser.rs"]
mod refusal;
#[cfg(feature = "ssr")]
mod refusal;
#[cfg(not(feature = "ssr"))]
#[path = "title_browser.rs"]
pub(crate) mod title;
#[cfg(feature = "ssr")]
pub(crate) mod title;

#[cfg(feature = "ssr")]
pub mod answer;
#[cfg(feature = "ssr")]
pub mod attempts;
#[cfg(feature = "ssr")]
pub mod feed;
#[cfg(feature = "ssr")]
mod reads;
#[cfg(feature = "ssr")]
pub mod session;
#[cfg(feature = "ssr")]
pub mod source;
#[cfg(feature = "ssr")]
pub mod source_error;
#[cfg(feature = "ssr")]
mod tags;
#[cfg(feature = "ssr")]
pub mod writer;

#[cfg(feature = "ssr")]
pub use self::reads::reads;
