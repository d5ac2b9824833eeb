//! Whether a request asks for drafts, and may.

use super::{Api, Editor, NOT_STORED, error::ApiError, etag::Known};
use crate::prepared::InvalidInput;
use axum::{
    Json,
    extract::{FromRequestParts, Query, rejection::QueryRejection},
    http::request::Parts,
    response::{IntoResponse, Response},
};
use serde::{Deserialize, Serialize};

/// What a request may read.
#[derive(Clone, Copy)]
pub(super) enum Reader {
    /// Anyone: published articles.
    Public,
    /// An editor who asked for drafts too.
    Editor,
}

impl Reader {
    /// What was read, as JSON, or 304; no cache may keep drafts, so they have no ETag.
    pub(super) fn answer<T: Serialize>(self, known: &Known, read: &T) -> Response {
        match self {
            Self::Public => known.answer(read),
            Self::Editor => (NOT_STORED, Json(read)).into_response(),
        }
    }
}

#[derive(Deserialize)]
struct Asked {
    drafts: Option<String>,
}

impl FromRequestParts<Api> for Reader {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, ApiError> {
        let asked: Result<Query<Asked>, QueryRejection> = Query::try_from_uri(&parts.uri);
        match asked?.0.drafts.as_deref() {
            None | Some("" | "false") => Ok(Self::Public),
            Some("true") => Editor::from_request_parts(parts, api).await.map(|_| Self::Editor),
            Some(text) => {
                let problem = format!("is `{text}`: write `true`, or leave it out");
                Err(ApiError::bad_request(&InvalidInput::new("drafts", problem)))
            }
        }
    }
}
