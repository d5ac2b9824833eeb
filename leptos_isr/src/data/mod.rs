//! Data that pages are made of, kept between renders.
//!
//! A page and the data that it reads age as one:
//!
//! - Each read adds its tags to the page, and lowers the page's period to what is left of its own.
//! - A purge makes earlier data that it reaches unusable at once. A page that is rendered after a
//!   purge never shows what was read before it.
//! - Stale data is read again while the page waits, so periods do not add up.
//! - A read that fails fails the render, unless it is optional: a stored page stays. Where no page
//!   is stored, data that is merely stale by time is used once more. Purged data is never used.

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
pub use crate::tls::client_builder;
