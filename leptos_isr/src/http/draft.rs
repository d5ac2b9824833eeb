//! `POST /_isr/draft` begins draft mode, `DELETE /_isr/draft` ends it.

use axum::{
    extract::Request,
    response::{IntoResponse, Response},
};
use http::{HeaderValue, Method, StatusCode, header};

use crate::{
    access::draft::DraftMode,
    engine::Engine,
    http::answer::{method_not_allowed, plain},
    rules::headers,
};

impl Engine {
    /// The `Set-Cookie` value that begins draft mode for a visitor.
    ///
    /// Whoever gets this cookie sees drafts until it expires, so find out first who is asking.
    ///
    /// Returns `None` if draft mode is not enabled.
    ///
    /// # Examples
    ///
    /// ```
    /// use axum::{http::StatusCode, response::{IntoResponse, Response}};
    /// use leptos_isr::Engine;
    ///
    /// fn preview(engine: &Engine) -> Response {
    ///     match engine.draft_cookie() {
    ///         Some(cookie) => ([("set-cookie", cookie)], "You see drafts.").into_response(),
    ///         None => StatusCode::NOT_FOUND.into_response(),
    ///     }
    /// }
    /// # let _ = preview;
    /// ```
    #[must_use]
    pub fn draft_cookie(&self) -> Option<HeaderValue> {
        self.0.draft.as_ref().map(|mode| mode.begin(self.now()))
    }

    /// The `Set-Cookie` value that ends draft mode; `None` if draft mode is not enabled.
    #[must_use]
    pub fn end_draft_cookie(&self) -> Option<HeaderValue> {
        self.0.draft.as_ref().map(DraftMode::end)
    }

    /// Whether the request comes from a visitor in draft mode.
    pub(super) fn is_of_draft(&self, request: &Request) -> bool {
        let mode = self.0.draft.as_ref();
        mode.is_some_and(|mode| mode.is_good(request.headers(), self.now()))
    }

    /// Begins draft mode for bearers of the secret, and ends it for anybody.
    pub(super) fn answer_draft(&self, request: &Request) -> Response {
        let Some(mode) = &self.0.draft else {
            return plain(StatusCode::NOT_FOUND, "There is no draft mode.\n".to_owned());
        };
        let cookie = match *request.method() {
            Method::POST if mode.is_bearer(request.headers()) => mode.begin(self.now()),
            Method::POST => {
                let text = "Send `Authorization: Bearer` with the draft secret.\n".to_owned();
                let mut response = plain(StatusCode::UNAUTHORIZED, text);
                let scheme = HeaderValue::from_static("Bearer");
                response.headers_mut().insert(header::WWW_AUTHENTICATE, scheme);
                return response;
            }
            Method::DELETE => mode.end(),
            _ => {
                let text = "Begin draft mode with POST, end it with DELETE.\n";
                return method_not_allowed(text, "POST, DELETE");
            }
        };
        let headers = [(header::CACHE_CONTROL, headers::PRIVATE), (header::SET_COOKIE, cookie)];
        (StatusCode::NO_CONTENT, headers).into_response()
    }
}
