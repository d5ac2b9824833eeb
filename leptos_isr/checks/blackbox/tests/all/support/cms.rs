//! The stand-in for a content service: says what a test wants, counts what it
//! is asked.

use std::{
    collections::HashMap,
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use axum::{
    Router,
    extract::{Path, State},
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::get,
};
use tokio::{net::TcpListener, sync::Semaphore};

/// What the service answers for one key.
#[derive(Clone, Debug)]
pub(crate) enum Answer {
    /// `{n}` stands for how often the key was loaded.
    Text(&'static str),
    Bytes(&'static [u8]),
    /// A text of this many bytes.
    Long(usize),
    Gone,
    Moved(u16, &'static str),
    /// A status that is no answer.
    Broken(u16),
}

#[derive(Default)]
struct Content {
    answers: HashMap<String, Answer>,
    lists: HashMap<String, Vec<String>>,
    tags: HashMap<String, &'static str>,
    within: HashMap<String, u64>,
    gates: HashMap<String, Arc<Semaphore>>,
    loads: HashMap<String, usize>,
}

#[derive(Clone)]
pub(crate) struct Cms {
    pub(crate) addr: SocketAddr,
    content: Arc<Mutex<Content>>,
}

impl Cms {
    pub(crate) async fn start() -> Self {
        let content = Arc::<Mutex<Content>>::default();
        let router = Router::new()
            .route("/content/{key}", get(answer))
            .route("/list/{name}", get(list))
            .with_state(Arc::clone(&content));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { addr, content }
    }

    /// From now on `key` is this. What was never set is the text `key #{n}`.
    pub(crate) fn set(&self, key: &str, answer: Answer) {
        self.content.lock().unwrap().answers.insert(key.to_owned(), answer);
    }

    /// `key` is its text again.
    pub(crate) fn unset(&self, key: &str) {
        self.content.lock().unwrap().answers.remove(key);
    }

    pub(crate) fn set_list(&self, name: &str, values: &[&str]) {
        let values = values.iter().map(|value| (*value).to_owned()).collect();
        self.content.lock().unwrap().lists.insert(name.to_owned(), values);
    }

    /// The tags that the data of `key` carry, separated by commas.
    pub(crate) fn set_tags(&self, key: &str, tags: &'static str) {
        self.content.lock().unwrap().tags.insert(key.to_owned(), tags);
    }

    /// For how many seconds the data of `key` are good.
    pub(crate) fn set_within(&self, key: &str, seconds: u64) {
        self.content.lock().unwrap().within.insert(key.to_owned(), seconds);
    }

    /// Holds every answer for `key` until it gets a permit.
    pub(crate) fn hold(&self, key: &str) -> Arc<Semaphore> {
        let gate = Arc::new(Semaphore::new(0));
        self.content.lock().unwrap().gates.insert(key.to_owned(), Arc::clone(&gate));
        gate
    }

    /// How often `key` was loaded.
    pub(crate) fn loads(&self, key: &str) -> usize {
        self.content.lock().unwrap().loads.get(key).copied().unwrap_or_default()
    }

    /// How often anything was loaded.
    pub(crate) fn all_loads(&self) -> usize {
        self.content.lock().unwrap().loads.values().sum()
    }
}

async fn answer(State(content): State<Arc<Mutex<Content>>>, Path(key): Path<String>) -> Response {
    let gate = {
        let mut content = content.lock().unwrap();
        *content.loads.entry(key.clone()).or_default() += 1;
        content.gates.get(&key).cloned()
    };
    if let Some(gate) = gate {
        gate.acquire().await.unwrap().forget();
    }
    let content = content.lock().unwrap();
    let mut response = match content.answers.get(&key) {
        None => format!("{key} #{}", content.loads[&key]).into_response(),
        Some(Answer::Text(text)) => {
            text.replace("{n}", &content.loads[&key].to_string()).into_response()
        }
        Some(Answer::Long(bytes)) => "x".repeat(*bytes).into_response(),
        Some(Answer::Bytes(bytes)) => bytes.into_response(),
        Some(Answer::Gone) => StatusCode::NOT_FOUND.into_response(),
        Some(Answer::Moved(status, to)) => {
            (StatusCode::from_u16(*status).unwrap(), [("location", *to)]).into_response()
        }
        Some(Answer::Broken(status)) => {
            (StatusCode::from_u16(*status).unwrap(), "an error of the source").into_response()
        }
    };
    let headers = response.headers_mut();
    if let Some(tags) = content.tags.get(&key) {
        headers.insert("x-tags", tags.parse().unwrap());
    }
    if let Some(seconds) = content.within.get(&key) {
        headers.insert("x-within", (*seconds).into());
    }
    response
}

async fn list(State(content): State<Arc<Mutex<Content>>>, Path(name): Path<String>) -> String {
    content.lock().unwrap().lists.get(&name).map(|list| list.join("\n")).unwrap_or_default()
}
