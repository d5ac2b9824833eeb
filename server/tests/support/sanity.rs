//! A stand-in for Sanity's query API, over documents in memory.
//!
//! It takes the site's queries, and no others, at the documented path with the
//! documented parameters, and answers what they come to for its documents.

use std::{
    cmp::Reverse,
    collections::HashMap,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard},
};

use axum::{
    Json, Router,
    extract::{Path, Query, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use serde_json::{Value, json};
use tokio::{net::TcpListener, task::AbortHandle};

use super::ANY_PORT;

pub(crate) const TOKEN: &str = "sk-a-token-that-nobody-is-shown";

/// The site's queries, as it has them.
const LIST: &str = include_str!("../../../app/src/data/source/sanity/list.groq");
const LIST_OF_SECTION: &str =
    include_str!("../../../app/src/data/source/sanity/list_of_section.groq");
const ARTICLE: &str = include_str!("../../../app/src/data/source/sanity/article.groq");
const SECTIONS: &str = include_str!("../../../app/src/data/source/sanity/sections.groq");

/// Ends when dropped.
pub(crate) struct Sanity {
    pub(crate) url: String,
    state: Arc<Mutex<Dataset>>,
    serving: AbortHandle,
}

#[derive(Default)]
struct Dataset {
    documents: Vec<Value>,
    /// What every request is answered, if something is wrong.
    fault: Option<(u16, &'static str)>,
    asked: Vec<Asked>,
}

/// A request that was answered.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Asked {
    pub(crate) perspective: String,
    pub(crate) has_token: bool,
}

impl Drop for Sanity {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl Sanity {
    pub(crate) async fn start(documents: Vec<Value>) -> Self {
        let state = Arc::new(Mutex::new(Dataset { documents, ..Dataset::default() }));
        let api = Router::new()
            .route("/v2025-02-19/data/query/{dataset}", get(query))
            .fallback(async || said(404, "Not Found", "No such resource"))
            .with_state(Arc::clone(&state));
        let listener = TcpListener::bind(SocketAddr::from(ANY_PORT)).await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let serving = tokio::spawn(async move { axum::serve(listener, api).await }).abort_handle();
        Self { url, state, serving }
    }

    fn state(&self) -> MutexGuard<'_, Dataset> {
        self.state.lock().unwrap()
    }

    /// Adds a document, or replaces that of its id.
    pub(crate) fn put(&self, document: Value) {
        let mut state = self.state();
        state.documents.retain(|old| old["_id"] != document["_id"]);
        state.documents.push(document);
    }

    /// Answers every request with this status and body from now on.
    pub(crate) fn break_with(&self, status: u16, body: &'static str) {
        self.state().fault = Some((status, body));
    }

    /// The requests since the last call.
    pub(crate) fn asked(&self) -> Vec<Asked> {
        std::mem::take(&mut self.state().asked)
    }
}

async fn query(
    State(state): State<Arc<Mutex<Dataset>>>,
    Path(dataset): Path<String>,
    Query(mut parameters): Query<HashMap<String, String>>,
    headers: HeaderMap,
) -> Response {
    let mut state = state.lock().unwrap();
    if let Some((status, body)) = state.fault {
        return (StatusCode::from_u16(status).unwrap(), body).into_response();
    }
    if dataset != "production" {
        return said(404, "Not Found", "Dataset not found");
    }
    let bearer = headers.get(header::AUTHORIZATION).map(|value| value.to_str().unwrap());
    if bearer.is_some_and(|bearer| bearer != format!("Bearer {TOKEN}")) {
        return said(401, "Unauthorized", "Session not found");
    }
    let perspective = parameters.remove("perspective").unwrap_or_default();
    let documents = match (&*perspective, bearer) {
        ("published", _) => published(&state.documents),
        ("drafts", Some(_)) => with_drafts(&state.documents),
        ("drafts", None) => return said(401, "Unauthorized", "Drafts need a token"),
        _ => return said(400, "Bad Request", "Unknown perspective"),
    };
    let query = parameters.remove("query").unwrap_or_default();
    state.asked.push(Asked { perspective, has_token: bearer.is_some() });
    match evaluate(&query, &documents, &parameters) {
        Some(result) => {
            Json(json!({"query": query, "result": result, "syncTags": [], "ms": 1})).into_response()
        }
        None => {
            let error = json!({"description": "unknown query or parameter", "query": query,
                "type": "queryParseError", "start": 0, "end": 1});
            (StatusCode::BAD_REQUEST, Json(json!({"error": error}))).into_response()
        }
    }
}

fn said(status: u16, error: &str, message: &str) -> Response {
    let said = json!({"statusCode": status, "error": error, "message": message});
    (StatusCode::from_u16(status).unwrap(), Json(said)).into_response()
}

fn id(document: &Value) -> &str {
    document["_id"].as_str().unwrap()
}

fn published(documents: &[Value]) -> Vec<Value> {
    documents.iter().filter(|document| !id(document).starts_with("drafts.")).cloned().collect()
}

/// Each draft in the place of what is published.
fn with_drafts(documents: &[Value]) -> Vec<Value> {
    let mut shown = published(documents);
    for draft in documents {
        if let Some(id) = id(draft).strip_prefix("drafts.") {
            shown.retain(|document| document["_id"] != id);
            let mut draft = draft.clone();
            draft["_id"] = json!(id);
            shown.push(draft);
        }
    }
    shown
}

/// The result of a query; none if it, or a parameter, is not known.
fn evaluate(
    query: &str,
    documents: &[Value],
    parameters: &HashMap<String, String>,
) -> Option<Value> {
    let is = |known: &str| known.split_whitespace().eq(query.split_whitespace());
    let names: &[&str] = match () {
        () if is(LIST) => &["$from", "$to"],
        () if is(LIST_OF_SECTION) => &["$from", "$section", "$to"],
        () if is(ARTICLE) => &["$slug"],
        () if is(SECTIONS) => &[],
        () => return None,
    };
    let mut given: Vec<_> = parameters.keys().map(String::as_str).collect();
    given.sort_unstable();
    if given != names {
        return None;
    }
    let parameter = |name: &str| serde_json::from_str::<Value>(&parameters[name]).ok();
    let all = Documents(documents);
    if is(ARTICLE) {
        let slug = parameter("$slug")?;
        let article = all.articles().into_iter().find(|article| article["slug"] == slug);
        return Some(article.unwrap_or(Value::Null));
    }
    if is(SECTIONS) {
        return Some(all.sections());
    }
    let mut articles = all.articles();
    if is(LIST_OF_SECTION) {
        let section = parameter("$section")?;
        articles.retain(|article| article["section"] == section);
    }
    let index = |name| Some(usize::try_from(parameter(name)?.as_u64()?).unwrap());
    let (from, to) = (index("$from")?, index("$to")?);
    let page: Vec<_> = articles.iter().skip(from).take(to.checked_sub(from)?).cloned().collect();
    Some(json!({"articles": page, "total": articles.len()}))
}

struct Documents<'a>(&'a [Value]);

impl Documents<'_> {
    /// Newest first.
    fn articles(&self) -> Vec<Value> {
        let is_article =
            |it: &&Value| it["_type"] == "article" && it["slug"]["current"].is_string();
        let mut articles: Vec<_> =
            self.0.iter().filter(is_article).map(|it| self.article(it)).collect();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        articles.sort_by_cached_key(|it| (Reverse(text(&it["published_at"])), text(&it["slug"])));
        articles
    }

    fn article(&self, document: &Value) -> Value {
        let section = &document["section"];
        let (section, name) = match self.referred(section) {
            Some(section) => (&section["slug"]["current"], &section["title"]),
            None => (section, section),
        };
        let date = match &document["publishedAt"] {
            Value::Null => &document["_createdAt"],
            date => date,
        };
        json!({
            "slug": document["slug"]["current"], "title": document["title"],
            "summary": document["summary"], "section": section, "section_name": name,
            "author": document["author"], "published_at": date,
            "updated_at": document["_updatedAt"], "body": document["body"],
        })
    }

    fn referred(&self, reference: &Value) -> Option<&Value> {
        let id = reference["_ref"].as_str()?;
        self.0.iter().find(|document| document["_id"] == id)
    }

    fn sections(&self) -> Value {
        let of = |section: &Value| {
            let articles = self.0.iter().filter(|it| it["_type"] == "article");
            articles.filter(|it| it["section"]["_ref"] == section["_id"]).count()
        };
        let documents = self.0.iter().filter(|document| of(document) > 0).map(|section| {
            json!({"slug": section["slug"]["current"], "name": section["title"],
                "count": of(section)})
        });
        let words = self.0.iter().map(|document| &document["section"]);
        json!({
            "documents": documents.collect::<Vec<_>>(),
            "words": words.filter(|section| section.is_string()).collect::<Vec<_>>(),
        })
    }
}
