//! Errors of the HTTP interface: a status and an [`ErrorBody`].

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use protocol::{ErrorBody, ErrorCode};

use crate::store::StoreError;
use crate::ws::commands::to_user;

/// A failed request.
#[derive(Debug)]
pub struct ApiError(pub ErrorBody);

impl From<ErrorBody> for ApiError {
    fn from(body: ErrorBody) -> Self {
        Self(body)
    }
}

impl From<ErrorCode> for ApiError {
    fn from(code: ErrorCode) -> Self {
        Self(code.into())
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        Self(to_user(error))
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let wait = self.0.after.map(|millis| millis.div_ceil(1_000).max(1));
        let mut response = (status(self.0.c), Json(self.0)).into_response();
        if let Some(seconds) = wait {
            let headers = response.headers_mut();
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

/// Answer for an address under `/api/v1` that does not exist.
pub(super) async fn not_found() -> ApiError {
    ErrorCode::NotFound.into()
}

pub(super) const fn status(code: ErrorCode) -> StatusCode {
    match code {
        ErrorCode::BadRequest
        | ErrorCode::UnknownMethod
        | ErrorCode::UnsupportedVersion
        | ErrorCode::Empty
        | ErrorCode::Interrupted
        | ErrorCode::MediaRefused => StatusCode::BAD_REQUEST,
        ErrorCode::Unauthorized | ErrorCode::BadCredentials | ErrorCode::PasswordExpired => {
            StatusCode::UNAUTHORIZED
        }
        ErrorCode::Forbidden
        | ErrorCode::ForeignOrigin
        | ErrorCode::ReadOnly
        | ErrorCode::ChoosePassword
        | ErrorCode::Muted => StatusCode::FORBIDDEN,
        ErrorCode::NotFound => StatusCode::NOT_FOUND,
        ErrorCode::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        ErrorCode::Taken
        | ErrorCode::Archived
        | ErrorCode::NoStaff
        | ErrorCode::AloneWithLearners
        | ErrorCode::NoticeUnseen
        | ErrorCode::RulesChanged
        | ErrorCode::RecentlyReset
        | ErrorCode::PollClosed
        | ErrorCode::Sent
        | ErrorCode::DueOver
        | ErrorCode::Handled
        | ErrorCode::Voted
        | ErrorCode::CallEnded
        | ErrorCode::CallFull => StatusCode::CONFLICT,
        ErrorCode::Infected
        | ErrorCode::BadWords
        | ErrorCode::BadLinks
        | ErrorCode::WeakPassword => StatusCode::UNPROCESSABLE_ENTITY,
        ErrorCode::RateLimited | ErrorCode::AllLimit | ErrorCode::Slow => {
            StatusCode::TOO_MANY_REQUESTS
        }
        ErrorCode::Overloaded | ErrorCode::Unscanned => StatusCode::SERVICE_UNAVAILABLE,
        ErrorCode::Internal => StatusCode::INTERNAL_SERVER_ERROR,
    }
}
