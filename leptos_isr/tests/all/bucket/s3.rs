//! As much of S3 as `object_store` asks for, over objects in memory. A condition is checked and the
//! object written in one step, as S3 does.

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
};

use axum::{
    Router,
    body::{Body, Bytes},
    extract::{Path, Query, State},
    response::{IntoResponse, Response},
    routing::{get, put},
};
use futures::TryStreamExt;
use http::{HeaderMap, StatusCode, header};
use leptos_isr::data::client_builder;
use object_store::{
    Error, GetOptions, GetRange, GetResult, ObjectStore, ObjectStoreExt, PutMode, UpdateVersion,
    aws::AmazonS3Builder, memory::InMemory, path::Path as Name,
};
use tokio::net::TcpListener;

pub(super) const KEY: &str = "a-key";
pub(super) const SECRET: &str = "a-secret";

/// How many objects a list has before the next page of it: few, so that there are some.
const LISTED: usize = 5;

/// A bucket, named `bucket`, on a port of this machine.
pub(super) struct S3 {
    pub(super) objects: Arc<InMemory>,
    pub(super) endpoint: String,
}

impl S3 {
    pub(super) async fn start() -> Self {
        let objects = Arc::new(InMemory::new());
        let app = Router::new()
            .route("/bucket", get(list).post(delete))
            .route("/bucket/{*name}", put(write).get(read))
            .with_state(Arc::clone(&objects));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, app).await });
        Self { objects, endpoint }
    }

    pub(super) fn client(&self) -> Arc<dyn ObjectStore> {
        // Chooses the crypto provider, without which there are no clients.
        drop(client_builder());
        let builder = AmazonS3Builder::new()
            .with_endpoint(&self.endpoint)
            .with_allow_http(true)
            .with_bucket_name("bucket")
            .with_access_key_id(KEY)
            .with_secret_access_key(SECRET);
        Arc::new(builder.build().unwrap())
    }
}

fn is_signed(headers: &HeaderMap) -> bool {
    let said = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    said.is_some_and(|said| said.starts_with(&format!("AWS4-HMAC-SHA256 Credential={KEY}/")))
}

fn failed(error: &Error) -> Response {
    let status = match error {
        Error::NotFound { .. } => StatusCode::NOT_FOUND,
        Error::AlreadyExists { .. } | Error::Precondition { .. } => StatusCode::PRECONDITION_FAILED,
        _ => StatusCode::RANGE_NOT_SATISFIABLE,
    };
    status.into_response()
}

async fn write(
    State(objects): State<Arc<InMemory>>,
    Path(name): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    if !is_signed(&headers) {
        return StatusCode::FORBIDDEN.into_response();
    }
    let mode = match (headers.get(header::IF_NONE_MATCH), headers.get(header::IF_MATCH)) {
        (Some(_), _) => PutMode::Create,
        (_, Some(tag)) => {
            let tag = tag.to_str().unwrap().to_owned();
            PutMode::Update(UpdateVersion { e_tag: Some(tag), version: None })
        }
        _ => PutMode::Overwrite,
    };
    match objects.put_opts(&Name::from(name), body.into(), mode.into()).await {
        Ok(put) => [(header::ETAG, put.e_tag.unwrap())].into_response(),
        Err(error) => failed(&error),
    }
}

async fn read(
    State(objects): State<Arc<InMemory>>,
    Path(name): Path<String>,
    headers: HeaderMap,
) -> Response {
    let range = headers.get(header::RANGE).map(|range| {
        let (from, to) = range.to_str().unwrap()["bytes=".len()..].split_once('-').unwrap();
        GetRange::Bounded(from.parse().unwrap()..to.parse::<u64>().unwrap() + 1)
    });
    let is_part = range.is_some();
    match objects.get_opts(&Name::from(name), GetOptions::new().with_range(range)).await {
        Ok(found) => object(found, is_part),
        Err(error) => failed(&error),
    }
}

fn object(found: GetResult, is_part: bool) -> Response {
    let (meta, range) = (found.meta.clone(), found.range.clone());
    let mut answer = Response::builder()
        .header(header::ETAG, meta.e_tag.unwrap())
        .header(header::LAST_MODIFIED, httpdate::fmt_http_date(meta.last_modified.into()));
    if is_part {
        let part = format!("bytes {}-{}/{}", range.start, range.end - 1, meta.size);
        answer = answer.status(StatusCode::PARTIAL_CONTENT).header(header::CONTENT_RANGE, part);
    }
    answer = answer.header(header::CONTENT_LENGTH, range.end - range.start);
    answer.body(Body::from_stream(found.into_stream())).unwrap()
}

async fn list(
    State(objects): State<Arc<InMemory>>,
    Query(query): Query<HashMap<String, String>>,
) -> Response {
    let said = |name: &str| query.get(name).map_or("", String::as_str);
    let (prefix, after) = (said("prefix"), said("continuation-token"));
    let mut all: Vec<_> = objects.list(None).try_collect().await.unwrap();
    all.sort_by(|one, other| one.location.cmp(&other.location));
    all.retain(|object| object.location.as_ref().starts_with(prefix));
    let mut folders = BTreeSet::new();
    if !said("delimiter").is_empty() {
        all.retain(|object| {
            let folder = object.location.as_ref()[prefix.len()..].split_once('/');
            folder.is_none_or(|(folder, _)| {
                folders.insert(format!("{prefix}{folder}/"));
                false
            })
        });
    }
    all.retain(|object| object.location.as_ref() > after);
    let mut xml = "<ListBucketResult>".to_owned();
    for folder in folders {
        xml += &format!("<CommonPrefixes><Prefix>{folder}</Prefix></CommonPrefixes>");
    }
    for object in all.iter().take(LISTED) {
        let (name, size) = (&object.location, object.size);
        let time = object.last_modified.to_rfc3339();
        xml += &format!(
            "<Contents><Key>{name}</Key><Size>{size}</Size><LastModified>{time}</LastModified>\
             </Contents>"
        );
    }
    if all.len() > LISTED {
        let last = &all[LISTED - 1].location;
        xml += &format!("<NextContinuationToken>{last}</NextContinuationToken>");
    }
    (xml + "</ListBucketResult>").into_response()
}

/// The one form of deleting that `object_store` uses.
async fn delete(State(objects): State<Arc<InMemory>>, body: String) -> Response {
    let mut xml = "<DeleteResult>".to_owned();
    for part in body.split("<Key>").skip(1) {
        let name = part.split_once("</Key>").unwrap().0;
        let _ = objects.delete(&Name::from(name)).await;
        xml += &format!("<Deleted><Key>{name}</Key></Deleted>");
    }
    (xml + "</DeleteResult>").into_response()
}
