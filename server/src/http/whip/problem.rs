//! What WHIP clients get instead of an answer: a problem (RFC 9457) that also has the code of the protocol's own errors.

use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use protocol::{ErrorBody, ErrorCode};
use serde::Serialize;

use super::super::errors::status;
use super::{ACCEPT_PATCH, ACCEPT_POST, FRAGMENT};

/// A failed request of a device's.
#[derive(Debug)]
pub(super) struct Problem {
    status: StatusCode,
    error: ErrorBody,
    header: Option<(HeaderName, HeaderValue)>,
}

/// Why a request opened nothing.
#[derive(Clone, Copy, Debug)]
pub(super) enum WithoutToken {
    /// There was none.
    Missing,
    /// Nobody has it, or nobody has it any more.
    Unknown,
}

/// As it is written.
#[derive(Serialize)]
struct Body<'a> {
    title: &'a str,
    status: u16,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<&'a str>,
    c: ErrorCode,
}

impl Problem {
    /// The body is of another type than this one.
    pub(super) fn unsupported_media_type(wanted: &'static str) -> Self {
        let name = if wanted == FRAGMENT {
            ACCEPT_PATCH
        } else {
            ACCEPT_POST
        };
        Self {
            status: StatusCode::UNSUPPORTED_MEDIA_TYPE,
            error: ErrorCode::BadRequest.into(),
            header: Some((name, HeaderValue::from_static(wanted))),
        }
    }

    /// There is no `If-Match` (RFC 6585 §3).
    pub(super) fn precondition_required() -> Self {
        Self::plain(StatusCode::PRECONDITION_REQUIRED)
    }

    /// `If-Match` names another ICE session (RFC 9110 §13.1.1).
    pub(super) fn precondition_failed() -> Self {
        Self::plain(StatusCode::PRECONDITION_FAILED)
    }

    fn plain(status: StatusCode) -> Self {
        Self {
            status,
            error: ErrorCode::BadRequest.into(),
            header: None,
        }
    }
}

impl From<WithoutToken> for Problem {
    // RFC 6750 §3: the challenge names an error only when there was a token.
    fn from(why: WithoutToken) -> Self {
        let challenge = match why {
            WithoutToken::Missing => "Bearer realm=\"parta\"",
            WithoutToken::Unknown => "Bearer realm=\"parta\", error=\"invalid_token\"",
        };
        Self {
            status: StatusCode::UNAUTHORIZED,
            error: ErrorCode::Unauthorized.into(),
            header: Some((
                header::WWW_AUTHENTICATE,
                HeaderValue::from_static(challenge),
            )),
        }
    }
}

impl From<ErrorBody> for Problem {
    fn from(error: ErrorBody) -> Self {
        let status = if error.c == ErrorCode::MediaRefused {
            // RFC 9725 §4.4.3.
            StatusCode::UNPROCESSABLE_ENTITY
        } else if error.c == ErrorCode::CallFull {
            // There will be a place again: the client may wait (§4.5).
            StatusCode::SERVICE_UNAVAILABLE
        } else {
            status(error.c)
        };
        Self {
            status,
            error,
            header: None,
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let body = Body {
            title: self.status.canonical_reason().unwrap_or_default(),
            status: self.status.as_u16(),
            detail: self.error.text.as_deref(),
            c: self.error.c,
        };
        let mut response = (self.status, axum::Json(body)).into_response();
        let headers = response.headers_mut();
        headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/problem+json"),
        );
        if let Some(millis) = self.error.after {
            let seconds = millis.div_ceil(1_000).max(1);
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        headers.extend(self.header);
        response
    }
}
