//! Upload and download.

use axum::Json;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use futures_util::TryStreamExt;
use percent_encoding::percent_decode_str;
use protocol::model::Attachment;
use protocol::{ErrorCode, FileId, RoomId};

use super::ApiError;
use crate::App;
use crate::accounts::SignedIn;
use crate::files::{disposition, names};
use crate::store::NewFile;
use crate::time::now_ms;

/// Header with the percent-encoded UTF-8 name of the uploaded file: names are personal and stay out of URLs.
const FILE_NAME: HeaderName = HeaderName::from_static("x-file-name");

/// `POST /rooms/{room}/files`: the body is the file.
pub(super) async fn upload(
    State(app): State<App>,
    me: SignedIn,
    Path(room): Path<RoomId>,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<Attachment>, ApiError> {
    if !app.store.is_member(&room, &me.person.id).await? {
        return Err(ErrorCode::Forbidden.into());
    }
    if let Some(length) = content_length(&headers) {
        match length {
            0 => return Err(ErrorCode::Empty.into()),
            n if n > app.config.file_bytes_max => return Err(ErrorCode::TooLarge.into()),
            _ => {}
        }
    }
    let name = headers
        .get(FILE_NAME)
        .and_then(|name| name.to_str().ok())
        .unwrap_or_default();
    let name = names::safe(&percent_decode_str(name).decode_utf8_lossy());
    let stream = body.into_data_stream().map_err(|_| ErrorCode::Interrupted);
    let file = app
        .files
        .keep(name, app.config.file_bytes_max, stream)
        .await?;
    app.store
        .add_file(
            NewFile {
                room: &room,
                owner: &me.person.id,
                file: &file,
            },
            now_ms(),
        )
        .await?;
    tracing::info!(user = %me.person.id, %room, file = %file.id, bytes = file.size, "file uploaded");
    Ok(Json(file))
}

/// `GET /files/{file}`: always as a download, whatever it is.
pub(super) async fn download(
    State(app): State<App>,
    me: SignedIn,
    Path(file): Path<FileId>,
) -> Result<Response, ApiError> {
    let file = access(&app, &me, &file).await?;
    let body = Body::from_stream(app.files.read(&file.id).await?);
    let mut response = guarded(body, &file.mime);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_LENGTH, file.size.into());
    headers.insert(
        header::CONTENT_DISPOSITION,
        disposition::attachment(&file.name),
    );
    Ok(response)
}

/// `GET /files/{file}/preview`: a small JPEG of a picture.
pub(super) async fn preview(
    State(app): State<App>,
    me: SignedIn,
    Path(file): Path<FileId>,
) -> Result<Response, ApiError> {
    let file = access(&app, &me, &file).await?;
    if file.preview.is_none() {
        return Err(ErrorCode::NotFound.into());
    }
    Ok(guarded(
        Body::from_stream(app.files.read_preview(&file.id).await?),
        "image/jpeg",
    ))
}

async fn access(app: &App, me: &SignedIn, file: &FileId) -> Result<Attachment, ApiError> {
    let access = app.store.file_for(file, &me.person.id).await?;
    Ok(access.ok_or(ErrorCode::NotFound)?.file)
}

fn guarded(body: Body, mime: &str) -> Response {
    let mime =
        HeaderValue::from_str(mime).unwrap_or(HeaderValue::from_static("application/octet-stream"));
    let headers = [
        (header::CONTENT_TYPE, mime),
        // A file's content never changes; only this person's browser may keep it.
        (
            header::CACHE_CONTROL,
            HeaderValue::from_static("private, max-age=31536000, immutable"),
        ),
        (
            header::CONTENT_SECURITY_POLICY,
            HeaderValue::from_static("default-src 'none'; sandbox"),
        ),
    ];
    (headers, body).into_response()
}

fn content_length(headers: &HeaderMap) -> Option<u64> {
    headers
        .get(header::CONTENT_LENGTH)?
        .to_str()
        .ok()?
        .parse()
        .ok()
}
