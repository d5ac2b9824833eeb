//! Failures as the API answers them: a status and `{"error": "…"}`.

use crate::{prepared::InvalidInput, store::StoreError};
use axum::{
    Json,
    extract::rejection::{JsonRejection, PathRejection, QueryRejection},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Serialize;
use std::error::Error;

#[derive(Debug)]
pub(super) struct ApiError {
    status: StatusCode,
    message: String,
}

#[derive(Serialize)]
struct Body {
    error: String,
}

impl ApiError {
    pub(super) fn bad_request(invalid: &InvalidInput) -> Self {
        Self { status: StatusCode::BAD_REQUEST, message: invalid.to_string() }
    }

    pub(super) fn unauthorized() -> Self {
        let message = "send the write token as `Authorization: Bearer <token>`".to_owned();
        Self { status: StatusCode::UNAUTHORIZED, message }
    }

    pub(super) fn no_editing() -> Self {
        let message = "this server is not set up for editing".to_owned();
        Self { status: StatusCode::NOT_FOUND, message }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let body = Json(Body { error: self.message });
        if self.status == StatusCode::UNAUTHORIZED {
            (self.status, [(header::WWW_AUTHENTICATE, "Bearer")], body).into_response()
        } else {
            (self.status, body).into_response()
        }
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        let status = match &error {
            StoreError::Invalid(_) => StatusCode::UNPROCESSABLE_ENTITY,
            StoreError::NotFound { .. } => StatusCode::NOT_FOUND,
            StoreError::SlugTaken { .. } => StatusCode::CONFLICT,
            _ => {
                tracing::error!(error = &error as &dyn Error, "answered 500 to an API request");
                let message = "the content store failed; the server's log has the cause".to_owned();
                return Self { status: StatusCode::INTERNAL_SERVER_ERROR, message };
            }
        };
        Self { status, message: error.to_string() }
    }
}

impl From<JsonRejection> for ApiError {
    fn from(rejection: JsonRejection) -> Self {
        Self { status: rejection.status(), message: rejection.body_text() }
    }
}

impl From<PathRejection> for ApiError {
    fn from(rejection: PathRejection) -> Self {
        Self { status: rejection.status(), message: rejection.body_text() }
    }
}

impl From<QueryRejection> for ApiError {
    fn from(rejection: QueryRejection) -> Self {
        Self { status: rejection.status(), message: rejection.body_text() }
    }
}
