//! What the pages show: where it is read, how it is written, and how it is named.

pub mod answer;
pub mod attempts;
pub mod date;
pub mod editor;
pub mod failure;
pub mod feed;
pub mod listing;
pub mod pagination;
pub mod session;
pub mod site;
pub mod source;
pub mod source_error;
mod tags;
pub(crate) mod title;
pub mod writer;
