//! `GET /_isr/page`, `/_isr/pages`, `/_isr/fresh`, `/_isr/advice` and `/_isr/events`: what is known of one
//! page, of all in memory, how one differs from a fresh render of it, what to do about periods, and what
//! happens.

use std::{fmt::Display, str::FromStr};

use axum::{
    Json,
    extract::Request,
    response::{IntoResponse, Response},
};
use http::{Method, StatusCode, header};
use serde::Serialize;
use tracing::error;

use crate::{
    address::path::form_decode,
    engine::{
        Engine,
        events::Event,
        fresh::FreshRender,
        inspect::{
            advice::AdviceReport,
            list::{MOST, PageList, PageQuery},
            report::PageReport,
        },
    },
    error::{Error, RenderError},
    http::{
        answer::{method_not_allowed, plain},
        endpoint::unauthorized,
    },
    rules::headers,
    wire,
};

/// What is asked of the engine's pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Question {
    /// All that is known of one page.
    Page,
    /// The pages in memory, by what they cost or how much they are asked for.
    Pages,
    /// Which periods are too short, or too long.
    Advice,
    /// A stored page beside a fresh render of it.
    Fresh,
    /// The last renders and purges.
    Events,
}

impl Question {
    /// What is asked at this path.
    pub(super) fn of(path: &str) -> Option<Self> {
        match path {
            wire::PAGE => Some(Self::Page),
            wire::PAGES => Some(Self::Pages),
            wire::ADVICE => Some(Self::Advice),
            wire::FRESH => Some(Self::Fresh),
            wire::EVENTS => Some(Self::Events),
            _ => None,
        }
    }
}

/// What has happened since.
#[derive(Serialize)]
struct EventList {
    /// The process whose numbers these are.
    replica: String,
    events: Vec<Event>,
}

/// Why a question is not answered.
enum Refusal {
    /// It is wrong, for this reason.
    Wrong(String),
    Failed(Box<Error>),
    /// A render gave no page.
    NoPage(RenderError),
}

impl From<String> for Refusal {
    fn from(problem: String) -> Self {
        Self::Wrong(problem)
    }
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        match error {
            Error::PagePath { .. } => Self::Wrong(error.to_string()),
            failed => Self::Failed(Box::new(failed)),
        }
    }
}

/// Answers a question with JSON. If it is wrong, the answer is 400, 401 or 405 with a reason, 503 if a
/// route's list cannot be had or a render finds no place, and 502 if it fails.
pub(super) async fn answer(engine: &Engine, question: Question, request: Request) -> Response {
    // Its body would have to be shared between threads.
    let (request, _) = request.into_parts();
    if ![Method::GET, Method::HEAD].contains(&request.method) {
        return method_not_allowed("Use GET.\n", "GET, HEAD");
    }
    if let Some(refusal) = unauthorized(engine, &request.headers) {
        return refusal;
    }
    let query = request.uri.query().unwrap_or_default();
    let answered = match question {
        Question::Page => page(engine, query).await.map(json),
        Question::Pages => pages(engine, query).await.map(json),
        Question::Advice => advice(engine, query).await.map(json),
        Question::Fresh => fresh(engine, query).await.map(json),
        Question::Events => events(engine, query).map(json),
    };
    answered.unwrap_or_else(|refusal| match refusal {
        Refusal::Wrong(problem) => plain(StatusCode::BAD_REQUEST, format!("{problem}.\n")),
        Refusal::Failed(failed) => {
            error!(error = &*failed as &dyn std::error::Error, "cannot tell of pages");
            plain(StatusCode::SERVICE_UNAVAILABLE, format!("{failed}.\n"))
        }
        Refusal::NoPage(error) if error.is_refusal() => {
            plain(StatusCode::SERVICE_UNAVAILABLE, format!("{error}.\n"))
        }
        Refusal::NoPage(error) => plain(StatusCode::BAD_GATEWAY, format!("{error}.\n")),
    })
}

async fn page(engine: &Engine, query: &str) -> Result<PageReport, Refusal> {
    Ok(engine.page(&path(query)?).await?)
}

async fn fresh(engine: &Engine, query: &str) -> Result<FreshRender, Refusal> {
    engine.render_unstored(&path(query)?).await?.map_err(Refusal::NoPage)
}

fn path(query: &str) -> Result<String, String> {
    let [path] = parameters(query, ["path"])?;
    path.ok_or_else(|| "name a page: `?path=/articles/x`, percent-encoded".to_owned())
}

async fn pages(engine: &Engine, query: &str) -> Result<PageList, Refusal> {
    let names = ["sort", "after", "limit", "search", "route", "read"];
    let [sort, after, limit, search, route, read] = parameters(query, names)?;
    let all = PageQuery::default();
    let limit = given("limit", limit)?.unwrap_or(all.limit);
    if !(1..=MOST).contains(&limit) {
        return Err(format!("`limit`: from 1 to {MOST}").into());
    }
    let sort = given("sort", sort)?.unwrap_or(all.sort);
    let query = PageQuery { sort, after: given("after", after)?, limit, search, route, read };
    Ok(engine.pages(&query).await?)
}

async fn advice(engine: &Engine, query: &str) -> Result<AdviceReport, Refusal> {
    if !query.is_empty() {
        return Err(format!("`?{query}` is not known: send no query").into());
    }
    Ok(engine.advice().await?)
}

fn events(engine: &Engine, query: &str) -> Result<EventList, Refusal> {
    let [after] = parameters(query, ["after"])?;
    let after = given("after", after)?.unwrap_or_default();
    let replica = engine.0.order.replica().to_string();
    Ok(EventList { replica, events: engine.0.events.after(after) })
}

pub(super) fn given<T: FromStr<Err: Display>>(
    name: &str,
    value: Option<String>,
) -> Result<Option<T>, String> {
    let parsed = value.map(|value| value.parse()).transpose();
    parsed.map_err(|error| format!("`{name}`: {error}"))
}

/// The values of the parameters `names` in a query that has no others, each once at most.
pub(super) fn parameters<const N: usize>(
    query: &str,
    names: [&str; N],
) -> Result<[Option<String>; N], String> {
    let mut values = [const { None }; N];
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let Some(place) = names.iter().position(|known| *known == name) else {
            let known = names.map(|name| format!("`{name}`")).join(", ");
            return Err(format!("`{name}` is not known: there is {known}"));
        };
        let value = form_decode(value);
        let value = value.map_err(|error| format!("`{name}`: {error}"))?;
        if values[place].replace(value).is_some() {
            return Err(format!("`{name}` is given twice"));
        }
    }
    Ok(values)
}

fn json(answer: impl Serialize) -> Response {
    ([(header::CACHE_CONTROL, headers::PRIVATE)], Json(answer)).into_response()
}
