//! Uploads that go on where they were broken off: tus 1.0.0 with its extensions `creation` and `termination`. Beside it,
//! `GET` of an upload gives the file that was made of it, since tus itself has no word for that.

use axum::body::Body;
use axum::extract::DefaultBodyLimit;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::MethodRouter;
use axum::{Json, Router};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use futures_util::TryStreamExt;
use protocol::model::Attachment;
use protocol::recording::Recording;
use protocol::room::Right;
use protocol::{ErrorCode, FileId, RoomId};

use super::ApiError;
use super::quarantine::told;
use crate::App;
use crate::accounts::SignedIn;
use crate::files::names;
use crate::files::partial::{Announced, Held, NotTaken};
use crate::store::{NewFile, StoreError};
use crate::time::now_ms;

const RESUMABLE: HeaderName = HeaderName::from_static("tus-resumable");
const VERSIONS: HeaderName = HeaderName::from_static("tus-version");
const EXTENSIONS: HeaderName = HeaderName::from_static("tus-extension");
const MAX_SIZE: HeaderName = HeaderName::from_static("tus-max-size");
const LENGTH: HeaderName = HeaderName::from_static("upload-length");
const OFFSET: HeaderName = HeaderName::from_static("upload-offset");
const METADATA: HeaderName = HeaderName::from_static("upload-metadata");
const VERSION: HeaderValue = HeaderValue::from_static("1.0.0");
const PIECE: &[u8] = b"application/offset+octet-stream";

/// Where uploads are begun, and where each goes on.
pub(super) fn routes() -> Router<App> {
    let upload = MethodRouter::new()
        .head(stand)
        .get(made)
        .patch(go_on)
        .delete(end)
        .options(abilities);
    Router::new()
        .route(
            "/rooms/{room}/uploads",
            axum::routing::post(begin).options(abilities),
        )
        .route("/uploads/{upload}", upload)
        .layer(DefaultBodyLimit::disable())
}

/// A request that failed, in the words of tus where it has some.
#[derive(Debug)]
enum Failed {
    /// Of the versions that the client speaks this server knows none.
    Version,
    /// The piece is not for where the upload stands.
    Elsewhere,
    /// The upload is held by another request.
    Locked,
    /// The body is no piece.
    NoPiece,
    Other(ApiError),
}

impl From<ErrorCode> for Failed {
    fn from(code: ErrorCode) -> Self {
        Self::Other(code.into())
    }
}

impl From<StoreError> for Failed {
    fn from(error: StoreError) -> Self {
        Self::Other(error.into())
    }
}

impl From<NotTaken> for Failed {
    fn from(why: NotTaken) -> Self {
        match why {
            NotTaken::Elsewhere => Self::Elsewhere,
            NotTaken::Busy => Self::Locked,
            NotTaken::Failed(code) => code.into(),
        }
    }
}

impl IntoResponse for Failed {
    fn into_response(self) -> Response {
        let mut response = match self {
            Self::Version => {
                (StatusCode::PRECONDITION_FAILED, [(VERSIONS, VERSION)]).into_response()
            }
            Self::Elsewhere => StatusCode::CONFLICT.into_response(),
            Self::Locked => StatusCode::LOCKED.into_response(),
            Self::NoPiece => StatusCode::UNSUPPORTED_MEDIA_TYPE.into_response(),
            Self::Other(error) => error.into_response(),
        };
        response.headers_mut().insert(RESUMABLE, VERSION);
        response
    }
}

/// `OPTIONS`: what this server can.
async fn abilities(State(app): State<App>) -> impl IntoResponse {
    let headers = [
        (RESUMABLE, VERSION),
        (VERSIONS, VERSION),
        (EXTENSIONS, HeaderValue::from_static("creation,termination")),
        (MAX_SIZE, app.config.file_bytes_max.into()),
    ];
    (StatusCode::NO_CONTENT, headers)
}

/// `POST /rooms/{room}/uploads`: begins one, whose bytes come by `PATCH`.
async fn begin(
    State(app): State<App>,
    me: SignedIn,
    Path(room): Path<RoomId>,
    headers: HeaderMap,
) -> Result<Response, Failed> {
    speaks_tus(&headers)?;
    let access = app.store.access(&room, &me.person.id).await?;
    access.ok_or(ErrorCode::Forbidden)?.may(Right::Write)?;
    let size = number(&headers, &LENGTH).ok_or(ErrorCode::BadRequest)?;
    match size {
        0 => return Err(ErrorCode::Empty.into()),
        size if size > app.config.file_bytes_max => return Err(ErrorCode::TooLarge.into()),
        _ => {}
    }
    let announced = Announced {
        room,
        owner: me.person.id,
        name: names::safe(&named(&headers).ok_or(ErrorCode::BadRequest)?),
        size,
        rec: recorded_as(&headers)?,
    };
    let id = app.files.announce(&announced).await?;
    let address = HeaderValue::try_from(format!("/api/v1/uploads/{id}"));
    let address = address.map_err(|_| ErrorCode::Internal)?;
    let headers = [(header::LOCATION, address), (RESUMABLE, VERSION)];
    Ok((StatusCode::CREATED, headers).into_response())
}

/// `HEAD`: how far it is.
async fn stand(
    State(app): State<App>,
    me: SignedIn,
    Path(id): Path<FileId>,
    headers: HeaderMap,
) -> Result<Response, Failed> {
    speaks_tus(&headers)?;
    if let Some(file) = recorded(&app, &me, &id).await? {
        return Ok(stands(StatusCode::OK, file.size, file.size));
    }
    let announced = own(&app, &me, &id).await?;
    let held = app.files.hold(&id).await?;
    let received = app.files.received(&id).await?;
    let size = announced.size;
    if received == size {
        unless_it_waits(make(&app, &me, held, announced).await)?;
    }
    Ok(stands(StatusCode::OK, received, size))
}

/// `PATCH`: the next bytes. With the last of them there is a file.
async fn go_on(
    State(app): State<App>,
    me: SignedIn,
    Path(id): Path<FileId>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Failed> {
    speaks_tus(&headers)?;
    if headers.get(header::CONTENT_TYPE).map(HeaderValue::as_bytes) != Some(PIECE) {
        return Err(Failed::NoPiece);
    }
    let at = number(&headers, &OFFSET).ok_or(ErrorCode::BadRequest)?;
    let announced = own(&app, &me, &id).await?;
    let size = announced.size;
    let held = app.files.hold(&id).await?;
    let piece = body.into_data_stream().map_err(|_| ErrorCode::Interrupted);
    let received = app.files.append(&held, at, size, piece).await?;
    if received == size {
        unless_it_waits(make(&app, &me, held, announced).await)?;
    }
    Ok(stands(StatusCode::NO_CONTENT, received, size))
}

/// `DELETE`: it is not wanted any more.
async fn end(
    State(app): State<App>,
    me: SignedIn,
    Path(id): Path<FileId>,
    headers: HeaderMap,
) -> Result<Response, Failed> {
    speaks_tus(&headers)?;
    own(&app, &me, &id).await?;
    let held = app.files.hold(&id).await?;
    // What became a file meanwhile stays one.
    if recorded(&app, &me, &id).await?.is_some() {
        return Err(ErrorCode::NotFound.into());
    }
    app.files.discard(held).await?;
    Ok((StatusCode::NO_CONTENT, [(RESUMABLE, VERSION)]).into_response())
}

/// `GET`: the file that an upload became. One that waits for the scanner is looked at again.
async fn made(
    State(app): State<App>,
    me: SignedIn,
    Path(id): Path<FileId>,
) -> Result<Json<Attachment>, ApiError> {
    if let Some(file) = recorded(&app, &me, &id).await? {
        return Ok(Json(file));
    }
    let tried = async {
        let announced = own(&app, &me, &id).await?;
        if app.files.received(&id).await? != announced.size {
            return Err(ErrorCode::NotFound.into());
        }
        let held = app.files.hold(&id).await?;
        make(&app, &me, held, announced).await
    };
    match tried.await {
        Ok(()) => {}
        Err(Failed::Other(error)) => return Err(error),
        Err(Failed::Locked) => return Err(ErrorCode::Unscanned.into()),
        Err(Failed::Version | Failed::Elsewhere | Failed::NoPiece) => {
            return Err(ErrorCode::BadRequest.into());
        }
    }
    let file = recorded(&app, &me, &id).await?;
    Ok(Json(file.ok_or(ErrorCode::NotFound)?))
}

/// All bytes are there, which is what was asked; `GET` tells that the file waits.
fn unless_it_waits(made: Result<(), Failed>) -> Result<(), Failed> {
    match made {
        Err(Failed::Other(ApiError(error))) if error.c == ErrorCode::Unscanned => Ok(()),
        made => made,
    }
}

/// The upload, which is this person's and for a room that they may still write in.
async fn own(app: &App, me: &SignedIn, id: &FileId) -> Result<Announced, Failed> {
    let announced = app.files.announced(id).await?;
    if announced.owner != me.person.id {
        return Err(ErrorCode::NotFound.into());
    }
    let access = app.store.access(&announced.room, &me.person.id).await?;
    access.ok_or(ErrorCode::NotFound)?.may(Right::Write)?;
    Ok(announced)
}

/// The file that an upload of this person's became.
async fn recorded(app: &App, me: &SignedIn, id: &FileId) -> Result<Option<Attachment>, StoreError> {
    let found = app.store.file_for(id, &me.person.id).await?;
    Ok(found
        .filter(|found| found.owner == me.person.id)
        .map(|found| found.file))
}

/// Makes the file, unless another request has just done so.
async fn make(app: &App, me: &SignedIn, held: Held, announced: Announced) -> Result<(), Failed> {
    if app
        .store
        .known_files(std::slice::from_ref(held.id()))
        .await?
        .is_empty()
    {
        let (room, owner) = (announced.room.clone(), announced.owner.clone());
        let file = match app.files.complete(&held, announced).await {
            Ok(file) => file,
            Err(why) => return Err(told(app, &room, &owner, why).await?.into()),
        };
        let new = NewFile {
            room: &room,
            owner: &owner,
            file: &file,
        };
        me.acting(&app.store).add_file(new, now_ms()).await?;
        tracing::info!(user = %owner, %room, file = %file.id, bytes = file.size, "file uploaded");
    }
    app.files.recorded(held).await;
    Ok(())
}

fn stands(status: StatusCode, received: u64, size: u64) -> Response {
    let headers = [
        (RESUMABLE, VERSION),
        (OFFSET, received.into()),
        (LENGTH, size.into()),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
    ];
    (status, headers).into_response()
}

fn speaks_tus(headers: &HeaderMap) -> Result<(), Failed> {
    match headers.get(RESUMABLE) {
        Some(version) if version == VERSION => Ok(()),
        _ => Err(Failed::Version),
    }
}

fn number(headers: &HeaderMap, name: &HeaderName) -> Option<u64> {
    headers.get(name)?.to_str().ok()?.parse().ok()
}

/// The name of the file; empty when none is told, `None` when it cannot be read.
fn named(headers: &HeaderMap) -> Option<String> {
    match metadata(headers, "filename") {
        Told::Nothing => Some(String::new()),
        Told::Bytes(name) => Some(String::from_utf8_lossy(&name).into_owned()),
        Told::Wrong => None,
    }
}

/// What is told of a recording.
fn recorded_as(headers: &HeaderMap) -> Result<Option<Recording>, ErrorCode> {
    match metadata(headers, "recording") {
        Told::Nothing => Ok(None),
        Told::Bytes(json) => Recording::parse(&json)
            .map(Some)
            .ok_or(ErrorCode::BadRequest),
        Told::Wrong => Err(ErrorCode::BadRequest),
    }
}

enum Told {
    Nothing,
    Bytes(Vec<u8>),
    Wrong,
}

/// A value of the metadata: pairs of a key and a value in base64, between commas.
fn metadata(headers: &HeaderMap, key: &str) -> Told {
    let Some(pairs) = headers.get(METADATA) else {
        return Told::Nothing;
    };
    let Ok(pairs) = pairs.to_str() else {
        return Told::Wrong;
    };
    let mut pairs = pairs.split(',').map(str::trim);
    let value = pairs.find_map(|pair| pair.strip_prefix(key)?.strip_prefix(' '));
    match value.map(|value| STANDARD.decode(value.trim())) {
        None => Told::Nothing,
        Some(Ok(bytes)) => Told::Bytes(bytes),
        Some(Err(_)) => Told::Wrong,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_is_one_of_several_pairs() {
        let name = |text: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(METADATA, HeaderValue::from_static(text));
            named(&headers)
        };
        assert_eq!(
            name("filetype dGV4dA==,filename 0YPRgNC+0LouZG9j").as_deref(),
            Some("урок.doc")
        );
        assert_eq!(name("is_confidential").as_deref(), Some(""));
        assert_eq!(name("filename !").as_deref(), None);
        assert_eq!(named(&HeaderMap::new()).as_deref(), Some(""));
    }
}
