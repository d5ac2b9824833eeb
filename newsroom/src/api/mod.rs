//! The JSON API over a store.

mod error;
mod etag;
mod reader;

use self::{error::ApiError, etag::Known, reader::Reader};
use crate::{
    model::{Article, ArticleDraft, ArticleOverview, ArticlePage, ArticleSource, Section},
    prepared::InvalidInput,
    store::{ContentStore, StoreError},
};
use axum::{
    Json, Router,
    extract::{
        DefaultBodyLimit, FromRef, FromRequestParts, Path, Query, State,
        rejection::{JsonRejection, PathRejection, QueryRejection},
    },
    http::{StatusCode, header, request::Parts},
    response::{IntoResponse, Response},
    routing::get,
};
use serde::Deserialize;
use std::sync::Arc;
use subtle::ConstantTimeEq;

/// A body of 1 MiB may take six times as much when JSON escapes each of its characters.
const MAX_REQUEST_BYTES: usize = 8 << 20;
const DEFAULT_PER_PAGE: u32 = 20;
const NOT_STORED: [(header::HeaderName, &str); 1] = [(header::CACHE_CONTROL, "no-store")];

/// Builds the JSON API over `store`.
///
/// Anyone may read published articles:
///
/// * `GET /articles?section=S&page=N&per_page=M`: an [`ArticlePage`], newest first;
/// * `GET /articles/{slug}`: an [`Article`];
/// * `GET /sections`: a list of [`Section`];
/// * `GET /aliases`: an object with the slug of each published article that was at another path
///   before, by that path as [`alias_path`](crate::alias_path) spells it; all of them.
///
/// Each has a strong ETag, a hash of its bytes; to `If-None-Match` with it the answer is 304.
///
/// Editors send `Authorization: Bearer` with the `write_token`:
///
/// * `drafts=true` in the query of the above: drafts are read as if they were published, without
///   an ETag; one without a publishing time has an empty one;
/// * `POST /articles`: takes an [`ArticleDraft`], answers 201 with the [`ArticleSource`];
/// * `PUT /articles/{slug}`: takes an [`ArticleDraft`], answers with the [`ArticleSource`];
/// * `DELETE /articles/{slug}`: answers 204;
/// * `GET /articles/{slug}/source`: an [`ArticleSource`], published or not;
/// * `GET /drafts`: a list of [`ArticleOverview`], published or not, newest first.
///
/// Without a `write_token`, or with an empty one, the editors' routes answer 404; to a wrong token
/// they answer 401. Every other failure is JSON as well, `{"error": "…"}`, which says what to
/// change: 400 for a request that cannot be read, 404 for what does not exist, 409 for a slug that
/// is taken, 422 for a draft that cannot be stored. A failure of the store is 500; its cause goes to
/// the log, not to the client.
pub fn router(store: ContentStore, write_token: Option<String>) -> Router {
    let write_token = write_token.filter(|token| !token.is_empty()).map(Arc::from);
    Router::new()
        .route("/articles", get(list).post(create))
        .route("/articles/{slug}", get(article).put(update).delete(delete))
        .route("/articles/{slug}/source", get(source))
        .route("/sections", get(sections))
        .route("/aliases", get(aliases))
        .route("/drafts", get(drafts))
        .layer(DefaultBodyLimit::max(MAX_REQUEST_BYTES))
        .with_state(Api { store, write_token })
}

#[derive(Clone)]
struct Api {
    store: ContentStore,
    write_token: Option<Arc<str>>,
}

impl FromRef<Api> for ContentStore {
    fn from_ref(api: &Api) -> Self {
        api.store.clone()
    }
}

/// Proof that the request carries the write token; extracted before anything else is read.
struct Editor;

impl FromRequestParts<Api> for Editor {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, ApiError> {
        let Some(token) = &api.write_token else {
            return Err(ApiError::no_editing());
        };
        let given = parts
            .headers
            .get(header::AUTHORIZATION)
            .and_then(|value| bearer(value.as_bytes()))
            .ok_or_else(ApiError::unauthorized)?;
        if bool::from(given.ct_eq(token.as_bytes())) {
            Ok(Self)
        } else {
            Err(ApiError::unauthorized())
        }
    }
}

fn bearer(authorization: &[u8]) -> Option<&[u8]> {
    let (scheme, token) = authorization.split_at_checked("Bearer ".len())?;
    scheme.eq_ignore_ascii_case(b"Bearer ").then(|| token.trim_ascii())
}

#[derive(Deserialize)]
struct ListQuery {
    section: Option<String>,
    page: Option<String>,
    per_page: Option<String>,
}

async fn list(
    reader: Reader,
    known: Known,
    State(store): State<ContentStore>,
    query: Result<Query<ListQuery>, QueryRejection>,
) -> Result<Response, ApiError> {
    let Query(query) = query?;
    let page = number("page", query.page.as_deref(), 1)?;
    let per_page = number("per_page", query.per_page.as_deref(), DEFAULT_PER_PAGE)?;
    let section = query.section.as_deref().filter(|section| !section.is_empty());
    let read = match reader {
        Reader::Public => store.list(section, page, per_page).await,
        Reader::Editor => store.list_with_drafts(section, page, per_page).await,
    };
    match read {
        Ok(page) => Ok(reader.answer::<ArticlePage>(&known, &page)),
        Err(StoreError::Invalid(invalid)) => Err(ApiError::bad_request(&invalid)),
        Err(error) => Err(error.into()),
    }
}

fn number(field: &'static str, text: Option<&str>, default: u32) -> Result<u32, ApiError> {
    text.map_or(Ok(default), |text| {
        text.parse().map_err(|_| {
            let problem = format!("is `{text}`: give a whole number from 1");
            ApiError::bad_request(&InvalidInput::new(field, problem))
        })
    })
}

async fn article(
    reader: Reader,
    known: Known,
    State(store): State<ContentStore>,
    slug: Result<Path<String>, PathRejection>,
) -> Result<Response, ApiError> {
    let Path(slug) = slug?;
    let article = match reader {
        Reader::Public => store.get(&slug).await?,
        Reader::Editor => store.get_with_drafts(&slug).await?,
    };
    let article: Article = article.ok_or(StoreError::NotFound { slug })?;
    Ok(reader.answer(&known, &article))
}

async fn sections(
    reader: Reader,
    known: Known,
    State(store): State<ContentStore>,
) -> Result<Response, ApiError> {
    let sections = match reader {
        Reader::Public => store.sections().await?,
        Reader::Editor => store.sections_with_drafts().await?,
    };
    Ok(reader.answer::<Vec<Section>>(&known, &sections))
}

async fn aliases(known: Known, State(store): State<ContentStore>) -> Result<Response, ApiError> {
    Ok(known.answer(&store.aliases().await?))
}

async fn source(
    _: Editor,
    State(store): State<ContentStore>,
    slug: Result<Path<String>, PathRejection>,
) -> Result<impl IntoResponse, ApiError> {
    let Path(slug) = slug?;
    let source = store.source(&slug).await?;
    Ok((NOT_STORED, Json(source.ok_or(StoreError::NotFound { slug })?)))
}

async fn drafts(
    _: Editor,
    State(store): State<ContentStore>,
) -> Result<impl IntoResponse, ApiError> {
    let drafts: Vec<ArticleOverview> = store.drafts().await?;
    Ok((NOT_STORED, Json(drafts)))
}

async fn create(
    _: Editor,
    State(store): State<ContentStore>,
    draft: Result<Json<ArticleDraft>, JsonRejection>,
) -> Result<(StatusCode, Json<ArticleSource>), ApiError> {
    let Json(draft) = draft?;
    Ok((StatusCode::CREATED, Json(store.create(draft).await?)))
}

async fn update(
    _: Editor,
    State(store): State<ContentStore>,
    slug: Result<Path<String>, PathRejection>,
    draft: Result<Json<ArticleDraft>, JsonRejection>,
) -> Result<Json<ArticleSource>, ApiError> {
    let (Path(slug), Json(draft)) = (slug?, draft?);
    Ok(Json(store.update(&slug, draft).await?))
}

async fn delete(
    _: Editor,
    State(store): State<ContentStore>,
    slug: Result<Path<String>, PathRejection>,
) -> Result<StatusCode, ApiError> {
    let Path(slug) = slug?;
    store.delete(&slug).await?;
    Ok(StatusCode::NO_CONTENT)
}
