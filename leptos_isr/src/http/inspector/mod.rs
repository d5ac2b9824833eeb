//! `/_isr/`: a page for a person, who signs in with the engine's token.
//!
//! - It is HTML that the server makes of what the [engine](crate::engine::inspect) says, and holds
//!   everything that it needs. Nothing outside is loaded, and its policy allows nothing else.
//! - `GET` shows and `POST` does, at the same address. What was done is answered by a redirect to
//!   there, so that nothing is done twice by a reload.
//! - A purge first says what it would reach, and is done when that is confirmed.

mod document;
mod html;
mod overview;
mod pages;
mod shown;
mod story;

use axum::{
    body::to_bytes,
    extract::Request,
    response::{IntoResponse, Response},
};
use http::{HeaderValue, Method, StatusCode, Uri, header, request::Parts};
use tracing::{error, warn};

use self::{
    document::{document, respond},
    html::{Html, html},
    shown::page_link,
};
use super::{
    answer::method_not_allowed,
    inspect::{given, parameters},
};
use crate::{
    access::{attempts::Attempt, bearer::is_bearer, own_form::is_own_form, sign_in::SignIn},
    address::tag::Tag,
    engine::{
        Engine,
        dry_run::PurgeDryRun,
        inspect::list::{PageOrder, PageQuery},
    },
    error::Error,
    order::{
        origins::PurgeSource,
        purge::{Purge, Scope},
    },
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
    Regenerate,
    /// To say what the purge would reach.
    Ask(PurgeForm),
    Purge(PurgeForm),
}

/// What is to be purged of the page that is shown.
struct PurgeForm {
    scope: Scope,
    hard: bool,
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
        let Some(sign_in) = &self.0.sign_in else { return sign_in_form(StatusCode::NOT_FOUND, "") };
        let done = match request.method {
            Method::GET | Method::HEAD if self.is_signed_in(&request) => {
                self.show(&request.uri).await
            }
            Method::GET | Method::HEAD => return sign_in_form(StatusCode::UNAUTHORIZED, ""),
            Method::POST if !is_own_form(&request.uri, &request.headers) => Err(Refusal {
                status: StatusCode::FORBIDDEN,
                problem:
                    "this form was not sent by a page of this site: a proxy must pass on `Host` \
                          as it came"
                        .to_owned(),
            }),
            Method::POST => {
                // The body would have to be shared between threads.
                let body = to_bytes(body, MAX_BODY).await;
                match body.map(|body| Deed::of(&body)) {
                    Ok(Ok(Deed::SignIn(token))) => return self.sign_in(sign_in, &request, &token),
                    Ok(_) if !self.is_signed_in(&request) => {
                        return sign_in_form(StatusCode::UNAUTHORIZED, "Your session has ended.");
                    }
                    Ok(Ok(deed)) => self.act(sign_in, &request.uri, deed).await,
                    Ok(Err(problem)) => Err(problem.into()),
                    Err(_) => Err(Refusal {
                        status: StatusCode::PAYLOAD_TOO_LARGE,
                        problem: format!("a form is at most {MAX_BODY} bytes long"),
                    }),
                }
            }
            _ => return method_not_allowed("Use GET or POST.\n", "GET, HEAD, POST"),
        };
        done.unwrap_or_else(|refusal| refused(&request.uri, &refusal))
    }

    fn is_signed_in(&self, request: &Parts) -> bool {
        let is_bearer =
            self.0.token.as_deref().is_some_and(|token| is_bearer(&request.headers, token));
        let sign_in = self.0.sign_in.as_ref();
        is_bearer
            || sign_in.is_some_and(|sign_in| sign_in.is_signed_in(&request.headers, self.now()))
    }

    fn sign_in(&self, sign_in: &SignIn, request: &Parts, token: &str) -> Response {
        let (visitor, now) = (self.visitor_address(request), self.now());
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

    async fn show(&self, uri: &Uri) -> Result<Response, Refusal> {
        let mut out = Html::default();
        match View::of(uri)? {
            View::Overview(query) => {
                let list = self.pages_within(&query, PATIENCE).await?;
                self.overview_view(&mut out);
                self.list_view(&mut out, &query, list.as_ref());
                let status = match list {
                    Some(_) => StatusCode::OK,
                    None => StatusCode::SERVICE_UNAVAILABLE,
                };
                Ok(respond(status, document("Inspector", out)))
            }
            View::Page(path) => {
                let report = self.page(&path).await?;
                story::story(&mut out, &report);
                Ok(respond(StatusCode::OK, document(&report.page, out)))
            }
        }
    }

    async fn act(&self, sign_in: &SignIn, uri: &Uri, deed: Deed) -> Result<Response, Refusal> {
        if matches!(deed, Deed::SignOut) {
            return Ok(with_cookie(see_other(&Uri::from_static(wire::INSPECTOR)), sign_in.end()));
        }
        let View::Page(path) = View::of(uri)? else {
            return Err("this is done to a page: its address has `?path=`".to_owned().into());
        };
        match deed {
            Deed::Ask(form) => {
                let reached = self.purge_dry_run(&form.to_purge()).await?;
                let mut out = Html::default();
                ask(&mut out, &path, &form, &reached);
                return Ok(respond(StatusCode::OK, document("Purge", out)));
            }
            Deed::Purge(form) => {
                self.purge_for(&form.to_purge(), PurgeSource::Inspector, Vec::new()).await?;
            }
            Deed::Regenerate => {
                let done = self.regenerate(&[path]).await?;
                if let Some(Err(error)) = done.into_iter().next().map(|page| page.result) {
                    let problem = format!("it was not regenerated: {error}");
                    return Err(Refusal { status: StatusCode::BAD_GATEWAY, problem });
                }
            }
            Deed::SignIn(_) | Deed::SignOut => {}
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
            Some("regenerate") => Self::Regenerate,
            Some("ask") => Self::Ask(PurgeForm::of(scope, kind)?),
            Some("purge") => Self::Purge(PurgeForm::of(scope, kind)?),
            _ => return Err("it does not say what is to be done".to_owned()),
        })
    }
}

impl PurgeForm {
    fn of(scope: Option<String>, kind: Option<String>) -> Result<Self, String> {
        let scope = scope.unwrap_or_default();
        let (what, name) = scope.split_once(':').unwrap_or_default();
        let scope = match what {
            "path" => Scope::Path(name.to_owned()),
            "prefix" => Scope::Prefix(name.to_owned()),
            "tag" => Scope::Tag(Tag::new(name)),
            _ => return Err("`scope` says what is to be purged".to_owned()),
        };
        match kind.as_deref() {
            Some("soft") => Ok(Self { scope, hard: false }),
            Some("hard") => Ok(Self { scope, hard: true }),
            _ => Err("`kind` is `soft` or `hard`".to_owned()),
        }
    }

    fn to_purge(&self) -> Purge {
        let mut purge = Purge { hard: self.hard, ..Purge::default() };
        match &self.scope {
            Scope::Path(path) => purge.paths.push(path.clone()),
            Scope::Prefix(prefix) => purge.prefixes.push(prefix.clone()),
            Scope::Tag(tag) => purge.tags.push(tag.to_string()),
        }
        purge
    }
}

/// What a purge would reach, and the way to do it.
fn ask(out: &mut Html, path: &str, form: &PurgeForm, reached: &PurgeDryRun) {
    let (kind, what) = if form.hard { ("hard", "A hard purge") } else { ("soft", "A soft purge") };
    html!(out; "<main><h1>Purge</h1><p class=\"why\">" (what) " of ");
    match &form.scope {
        Scope::Path(path) => html!(out; "<code>" (path) "</code>"),
        Scope::Prefix(prefix) => html!(out; "<code>" (prefix) "</code> and what is below it"),
        Scope::Tag(tag) => html!(out; "what carries the tag <code>" (tag) "</code>"),
    }
    html!(out; " reaches <strong>" (shown::pages(reached.pages)) "</strong>");
    if reached.data > 0 {
        html!(out; " and " (shown::count(reached.data as u64)) " stored answers of data routes");
    }
    html!(out; ".</p><p>");
    if form.hard {
        html!(out; "The next visitor of each waits for a render. The old page is served only if that \
            fails.");
    } else {
        html!(out; "They are served as they are until they have been regenerated.");
    }
    html!(out; "</p>");
    if !reached.complete {
        html!(out; "<p class=\"wrong\">Not every stored page was looked at: it may reach more.</p>");
    }
    if reached.unreadable > 0 {
        html!(out; "<p class=\"wrong\">" (shown::pages(reached.unreadable))
            " in the store could not be read, and are not counted.</p>");
    }
    html!(out; "<ul>");
    for page in &reached.sample {
        html!(out; "<li><a class=\"path\" href=\"" (page_link(page)) "\">" (page) "</a>");
    }
    html!(out; "</ul>");
    let others = reached.pages.saturating_sub(reached.sample.len());
    if others > 0 {
        html!(out; "<p class=\"soft\">and " (shown::pages(others)) " more</p>");
    }
    html!(out; "<form method=\"post\"><input type=\"hidden\" name=\"scope\" value=\""
        (form.field()) "\"><input type=\"hidden\" name=\"kind\" value=\"" (kind)
        "\"><button class=\"main\" name=\"do\" value=\"purge\">Purge " (shown::pages(reached.pages))
        "</button> <a href=\"" (page_link(path)) "\">Cancel</a></form></main>");
}

impl PurgeForm {
    /// The value of the form's field `scope`.
    fn field(&self) -> String {
        match &self.scope {
            Scope::Path(path) => format!("path:{path}"),
            Scope::Prefix(prefix) => format!("prefix:{prefix}"),
            Scope::Tag(tag) => format!("tag:{tag}"),
        }
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
    let mut response = respond(refusal.status, document("Inspector", out));
    if refusal.status == StatusCode::SERVICE_UNAVAILABLE {
        response.headers_mut().insert(header::RETRY_AFTER, RETRY_AFTER);
    }
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
    let scheme = HeaderValue::from_static("Bearer");
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
