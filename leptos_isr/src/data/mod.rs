//! Data that pages are made of, kept between renders.
//!
//! A page and the data that it reads age as one: each read adds its tags to the
//! page and lowers the page's period to what is left of its own. A purge makes
//! data older than it unusable at once, so a page that is rendered after a purge
//! never shows what was read before. What is stale is read anew while the page
//! waits, so periods do not add up. If that fails, the render fails where a page
//! is stored already, which stays; otherwise what is merely stale by time is used
//! once more. What was purged is not.

pub(crate) mod cache;
pub(crate) mod error;
pub(crate) mod fetch;
pub(crate) mod read;
pub(crate) mod reading;
pub(crate) mod reads;
pub(crate) mod value;

pub use self::{
    error::DataError,
    fetch::{Fetch, FetchError, FetchSettings, fetch},
    read::{Read, data},
};
