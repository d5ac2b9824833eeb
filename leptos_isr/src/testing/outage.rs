//! A data source that is down.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use axum::{
    Router,
    extract::Request,
    response::{IntoResponse, Response},
};
use http::StatusCode;
use tower::ServiceExt;

/// A switch that makes a data source fail. Clones are the same switch.
///
/// If pages read from a function, its stand-in asks [`check`](Outage::check). If they read over
/// HTTP, put [`wrap`](Outage::wrap) around the router of the stand-in.
///
/// # Examples
///
/// ```
/// use leptos_isr::testing::Outage;
///
/// let outage = Outage::new();
/// let load = || outage.check().map(|()| "the text");
/// assert_eq!(load(), Ok("the text"));
/// outage.begin();
/// assert!(load().is_err());
/// outage.end();
/// assert_eq!(load(), Ok("the text"));
/// ```
#[derive(Clone, Debug, Default)]
pub struct Outage(Arc<AtomicBool>);

/// What a data source says during an [`Outage`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the data source is down, as the test wants it")]
pub struct DataDown;

impl Outage {
    /// Makes a switch that is off: the data can be read.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Begins the outage: from now on the data cannot be read.
    pub fn begin(&self) {
        self.0.store(true, Ordering::SeqCst);
    }

    /// Ends the outage: the data can be read again.
    pub fn end(&self) {
        self.0.store(false, Ordering::SeqCst);
    }

    /// Checks whether the data can be read.
    ///
    /// # Errors
    ///
    /// Returns [`DataDown`] while the outage lasts.
    pub fn check(&self) -> Result<(), DataDown> {
        if self.0.load(Ordering::SeqCst) { Err(DataDown) } else { Ok(()) }
    }

    /// Makes the data API `api` answer every request with 503 while the outage lasts.
    pub fn wrap(&self, api: Router) -> Router {
        let outage = self.clone();
        Router::new().fallback(move |request: Request| {
            let (outage, api) = (outage.clone(), api.clone());
            async move { outage.answer(api, request).await }
        })
    }

    async fn answer(&self, api: Router, request: Request) -> Response {
        if let Err(down) = self.check() {
            return (StatusCode::SERVICE_UNAVAILABLE, down.to_string()).into_response();
        }
        match api.oneshot(request).await {
            Ok(response) => response,
            Err(never) => match never {},
        }
    }
}
