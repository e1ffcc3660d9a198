//! Encoding of what the server sends.

use axum::extract::ws::Utf8Bytes;
use protocol::{ErrorBody, Reply};
use serde::Serialize;

/// A frame, encoded once for everybody who gets it.
pub fn encode<T: Serialize>(value: &T) -> Utf8Bytes {
    // Our wire types are plain structs with text keys, which always serialise.
    serde_json::to_string(value).unwrap_or_default().into()
}

/// A reply with a result.
pub(super) fn reply_ok<T: Serialize>(i: u32, ok: T) -> Utf8Bytes {
    encode(&Reply::Ok { i, ok })
}

/// A reply with an error.
pub(super) fn reply_err(i: u32, err: ErrorBody) -> Utf8Bytes {
    encode(&Reply::<()>::Err { i, err })
}
