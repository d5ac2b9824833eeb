//! `/_isr/`: a page for a person, who signs in with the engine's token.
//!
//! - It is HTML that the server makes of what the [engine](crate::engine::inspect) says, and holds
//!   everything that it needs. Nothing outside is loaded, and its policy allows nothing else.
//! - Only a cookie opens it. The token is given in a form, where guesses are limited, and counts as
//!   nothing in a header.
//! - `GET` shows and `POST` does, at the same address. What was done is answered by a redirect to
//!   there, so that nothing is done twice by a reload.
//! - A purge first says what it would reach, and is done when that is confirmed.

mod document;
mod html;
mod overview;
mod pages;
mod purge;
mod shown;
mod story;
#[cfg(test)]
mod tests;

use axum::{
    body::{Body, to_bytes},
    extract::Request,
    response::{IntoResponse, Response},
};
use http::{HeaderValue, Method, StatusCode, Uri, header, request::Parts};
use tokio::time::timeout;
use tracing::{error, warn};

use self::{
    document::{document, respond},
    html::{Html, html},
    purge::PurgeForm,
    shown::page_link,
};
use super::{
    answer::method_not_allowed,
    inspect::{given, parameters},
};
use crate::{
    access::{attempts::Attempt, sign_in::SignIn},
    engine::{
        Engine,
        inspect::list::{PageOrder, PageQuery},
    },
    error::Error,
    order::origins::PurgeSource,
    period,
    rules::headers,
    wire,
};

/// The largest body of a form, in bytes.
const MAX_BODY: usize = 8 << 10;

/// How long a list waits for others to be made.
const PATIENCE: std::time::Duration = period::seconds(1);

/// How long to wait after a list or a dry run found another under way, in seconds.
const RETRY_AFTER: HeaderValue = HeaderValue::from_static("5");

/// What the address asks for.
enum View {
    /// What the server does, and pages of this query.
    Overview(PageQuery),
    /// The page at this path.
    Page(String),
}

/// What a form asks for.
enum Deed {
    SignIn(String),
    SignOut,
    /// Something that is done to the page that is shown.
    ToPage(PageDeed),
}

enum PageDeed {
    Regenerate,
    /// To say what the purge would reach.
    Ask(PurgeForm),
    Purge(PurgeForm),
}

/// Why nothing is shown or done.
struct Refusal {
    status: StatusCode,
    problem: String,
}

impl From<String> for Refusal {
    fn from(problem: String) -> Self {
        Self { status: StatusCode::BAD_REQUEST, problem }
    }
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        let status = match &error {
            Error::PagePath { .. } | Error::PurgePath { .. } | Error::RegeneratePath { .. } => {
                StatusCode::BAD_REQUEST
            }
            Error::DryRunUnderWay => StatusCode::SERVICE_UNAVAILABLE,
            failed => {
                error!(error = failed as &dyn std::error::Error, "the inspector cannot answer");
                StatusCode::SERVICE_UNAVAILABLE
            }
        };
        Self { status, problem: error.to_string() }
    }
}

impl Engine {
    /// Shows something, does something, or asks to sign in.
    ///
    /// If it is refused, the answer is 400, 401, 403, 405, 413, 429, 502 or 503 with a reason.
    pub(super) async fn answer_inspector(&self, request: Request) -> Response {
        let (request, body) = request.into_parts();
        let done = match request.method {
            Method::GET | Method::HEAD if self.is_signed_in(&request) => {
                self.show(&request.uri).await
            }
            Method::GET | Method::HEAD => return sign_in_form(StatusCode::UNAUTHORIZED, ""),
            Method::POST => self.answer_form(&request, body).await,
            _ => return method_not_allowed("Use GET or POST.\n", "GET, HEAD, POST"),
        };
        done.unwrap_or_else(|refusal| refused(&request.uri, &refusal))
    }

    async fn answer_form(&self, request: &Parts, body: Body) -> Result<Response, Refusal> {
        let is_own = |sign_in: &SignIn| sign_in.is_own_form(&request.uri, &request.headers);
        if !self.0.sign_in.as_ref().is_some_and(is_own) {
            let problem = "this form was not sent by a page of this site; a proxy in front must pass \
                           on `Host` as it came, and a site that is reached by `http://` needs \
                           `Builder::draft_over_http`";
            return Err(Refusal { status: StatusCode::FORBIDDEN, problem: problem.to_owned() });
        }
        let Ok(body) = to_bytes(body, MAX_BODY).await else {
            let problem = format!("a form is at most {MAX_BODY} bytes long");
            return Err(Refusal { status: StatusCode::PAYLOAD_TOO_LARGE, problem });
        };
        match Deed::of(&body) {
            Ok(Deed::SignIn(token)) => Ok(self.sign_in(request, &token)),
            _ if !self.is_signed_in(request) => {
                Ok(sign_in_form(StatusCode::UNAUTHORIZED, "Your session has ended."))
            }
            Ok(Deed::SignOut) => Ok(self.sign_out()),
            Ok(Deed::ToPage(deed)) => self.act(&request.uri, deed).await,
            Err(problem) => Err(problem.into()),
        }
    }

    fn is_signed_in(&self, request: &Parts) -> bool {
        let sign_in = self.0.sign_in.as_ref();
        sign_in.is_some_and(|sign_in| sign_in.is_signed_in(&request.headers, self.now()))
    }

    fn sign_in(&self, request: &Parts, token: &str) -> Response {
        let (visitor, now) = (self.visitor_address(request), self.now());
        let Some(sign_in) = &self.0.sign_in else {
            return sign_in_form(StatusCode::UNAUTHORIZED, "");
        };
        match sign_in.attempt(token, visitor, now) {
            Attempt::Right => with_cookie(see_other(&request.uri), sign_in.begin(now)),
            Attempt::Wrong => {
                warn!(?visitor, "refused a wrong token for the inspector");
                sign_in_form(StatusCode::UNAUTHORIZED, "That is not the token.")
            }
            Attempt::TooMany(wait) => {
                let mut response = sign_in_form(
                    StatusCode::TOO_MANY_REQUESTS,
                    "Too many wrong tokens. Wait a minute, then try again.",
                );
                let wait = HeaderValue::from(wait.as_secs() + 1);
                response.headers_mut().insert(header::RETRY_AFTER, wait);
                response
            }
        }
    }

    fn sign_out(&self) -> Response {
        let response = see_other(&Uri::from_static(wire::INSPECTOR));
        match &self.0.sign_in {
            Some(sign_in) => with_cookie(response, sign_in.end()),
            None => response,
        }
    }

    async fn show(&self, uri: &Uri) -> Result<Response, Refusal> {
        let mut out = Html::default();
        match View::of(uri)? {
            View::Overview(query) => {
                let list = self.pages_within(&query, PATIENCE).await?;
                // It looks through the pages too, and is not worth waiting for.
                let advice = timeout(PATIENCE, self.recent_advice()).await.ok().transpose()?;
                self.overview_view(&mut out, advice.as_deref());
                self.list_view(&mut out, &query, list.as_ref());
                let page = document("Inspector", out);
                Ok(match list {
                    Some(_) => respond(StatusCode::OK, page),
                    None => later(respond(StatusCode::SERVICE_UNAVAILABLE, page)),
                })
            }
            View::Page(path) => {
                let report = self.page(&path).await?;
                story::story(&mut out, &report, self.advice_of(&report.page).as_ref());
                Ok(respond(StatusCode::OK, document(&report.page, out)))
            }
        }
    }

    async fn act(&self, uri: &Uri, deed: PageDeed) -> Result<Response, Refusal> {
        let View::Page(path) = View::of(uri)? else {
            return Err("this is done to a page: its address has `?path=`".to_owned().into());
        };
        match deed {
            PageDeed::Regenerate => {
                let done = self.regenerate(&[path]).await?;
                if let Some(Err(error)) = done.into_iter().next().map(|page| page.result) {
                    let problem = format!("it was not regenerated: {error}");
                    return Err(Refusal { status: StatusCode::BAD_GATEWAY, problem });
                }
            }
            PageDeed::Ask(form) => {
                let reached = self.purge_dry_run(&form.to_purge()).await?;
                let mut out = Html::default();
                purge::ask(&mut out, &path, &form, &reached);
                return Ok(respond(StatusCode::OK, document("Purge", out)));
            }
            PageDeed::Purge(form) => {
                self.purge_for(&form.to_purge(), PurgeSource::Inspector, Vec::new()).await?;
            }
        }
        Ok(see_other(uri))
    }
}

impl View {
    fn of(uri: &Uri) -> Result<Self, String> {
        let names = ["path", "sort", "after", "search", "route", "read"];
        let values = parameters(uri.query().unwrap_or_default(), names)?;
        // A form sends what is left empty too.
        let values = values.map(|value| value.filter(|value| !value.is_empty()));
        let [path, sort, after, search, route, read] = values;
        if let Some(path) = path {
            return Ok(Self::Page(path));
        }
        let sort = given("sort", sort)?.unwrap_or(PageOrder::Demand);
        let after = given("after", after)?;
        Ok(Self::Overview(PageQuery { sort, after, search, route, read, ..PageQuery::default() }))
    }
}

impl Deed {
    fn of(body: &[u8]) -> Result<Self, String> {
        let body = str::from_utf8(body).map_err(|_| "a form is UTF-8".to_owned())?;
        let [what, token, scope, kind] = parameters(body, ["do", "token", "scope", "kind"])?;
        Ok(match what.as_deref() {
            Some("sign-in") => Self::SignIn(token.unwrap_or_default()),
            Some("sign-out") => Self::SignOut,
            Some("regenerate") => Self::ToPage(PageDeed::Regenerate),
            Some("ask") => Self::ToPage(PageDeed::Ask(PurgeForm::of(scope, kind)?)),
            Some("purge") => Self::ToPage(PageDeed::Purge(PurgeForm::of(scope, kind)?)),
            _ => return Err("it does not say what is to be done".to_owned()),
        })
    }
}

fn refused(uri: &Uri, refusal: &Refusal) -> Response {
    let mut out = Html::default();
    let back = match View::of(uri) {
        Ok(View::Page(path)) => page_link(&path),
        _ => wire::INSPECTOR.to_owned(),
    };
    html!(out; "<main><h1>" (refusal.status) "</h1><p class=\"why wrong\">" (refusal.problem)
        "</p><p><a href=\"" (back) "\">Back</a></p></main>");
    // It may be somebody who has not signed in.
    let response = respond(refusal.status, document::signed_out("Inspector", out));
    match refusal.status {
        StatusCode::SERVICE_UNAVAILABLE => later(response),
        _ => response,
    }
}

fn later(mut response: Response) -> Response {
    response.headers_mut().insert(header::RETRY_AFTER, RETRY_AFTER);
    response
}

fn sign_in_form(status: StatusCode, problem: &'static str) -> Response {
    let mut out = Html::default();
    html!(out; "<main><h1>Sign in</h1>");
    if !problem.is_empty() {
        html!(out; "<p class=\"why wrong\" role=\"alert\" id=\"problem\">" (problem) "</p>");
    }
    html!(out; "<form method=\"post\"><label>The engine’s token<input type=\"password\" name=\"token\" \
        autocomplete=\"current-password\" required autofocus aria-describedby=\"problem\"></label>\
        <button class=\"main\" name=\"do\" value=\"sign-in\">Sign in</button></form></main>");
    let mut response = respond(status, document::signed_out("Sign in", out));
    // RFC 9110, section 15.5.2, wants one; browsers know none for forms, and show the page.
    let scheme = HeaderValue::from_static("Cookie form-action=\"/_isr/\"");
    response.headers_mut().insert(header::WWW_AUTHENTICATE, scheme);
    response
}

/// To the same address, to be shown.
fn see_other(uri: &Uri) -> Response {
    let location = match uri.query() {
        Some(query) => format!("{}?{query}", wire::INSPECTOR),
        None => wire::INSPECTOR.to_owned(),
    };
    let location = HeaderValue::try_from(location).expect("an address is visible ASCII");
    let headers = [(header::CACHE_CONTROL, headers::PRIVATE), (header::LOCATION, location)];
    (StatusCode::SEE_OTHER, headers).into_response()
}

fn with_cookie(mut response: Response, cookie: HeaderValue) -> Response {
    response.headers_mut().insert(header::SET_COOKIE, cookie);
    response
}
