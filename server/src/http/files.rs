//! Upload and download.

use axum::Json;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures_util::TryStreamExt;
use http_range_header::parse_range_header;
use percent_encoding::percent_decode_str;
use protocol::model::Attachment;
use protocol::room::Right;
use protocol::{ErrorCode, FileId, RoomId};

use super::ApiError;
use super::quarantine::told;
use crate::App;
use crate::accounts::SignedIn;
use crate::files::{disposition, names};
use crate::store::NewFile;
use crate::time::now_ms;

/// Header with the percent-encoded UTF-8 name of the uploaded file: names are personal and stay out of URLs.
const FILE_NAME: HeaderName = HeaderName::from_static("x-file-name");
const PDF: &str = "application/pdf";
/// Viewers lay their page out by styles of its own.
const PDF_POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; object-src 'self'; \
                          base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// `POST /rooms/{room}/files`: the body is the file.
pub(super) async fn upload(
    State(app): State<App>,
    me: SignedIn,
    Path(room): Path<RoomId>,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<Attachment>, ApiError> {
    let access = app.store.access(&room, &me.person.id).await?;
    access.ok_or(ErrorCode::Forbidden)?.may(Right::Write)?;
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
    let kept = app
        .files
        .keep(name, app.config.file_bytes_max, stream)
        .await;
    let file = match kept {
        Ok(file) => file,
        Err(why) => return Err(told(&app, &room, &me.person.id, why).await?.into()),
    };
    me.acting(&app.store)
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

/// `GET /files/{file}`: always as a download, whatever it is. With a range (RFC 9110 §14), so that a film plays from its
/// middle and a download goes on.
pub(super) async fn download(
    State(app): State<App>,
    me: SignedIn,
    Path(file): Path<FileId>,
    asked: HeaderMap,
) -> Result<Response, ApiError> {
    let file = access(&app, &me, &file).await?;
    let mut response = sent(&app, &file, &asked).await?;
    response.headers_mut().insert(
        header::CONTENT_DISPOSITION,
        disposition::attachment(&file.name),
    );
    Ok(response)
}

/// `GET /files/{file}/pdf`: a PDF to be read in the browser's own viewer, which runs neither in our origin nor with our
/// page's rights. By its content it is one, with `nosniff` it is nothing else, and nothing may be loaded or run by it.
pub(super) async fn pdf(
    State(app): State<App>,
    me: SignedIn,
    Path(file): Path<FileId>,
    asked: HeaderMap,
) -> Result<Response, ApiError> {
    let file = access(&app, &me, &file).await?;
    if file.mime != PDF {
        return Err(ErrorCode::NotFound.into());
    }
    let mut response = sent(&app, &file, &asked).await?;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_DISPOSITION, disposition::inline(&file.name));
    // It is a page of the history: whoever uses the computer next must not find it in the cache.
    headers.insert(
        header::CACHE_CONTROL,
        HeaderValue::from_static("private, no-store"),
    );
    // In a sandbox Safari shows an empty page in place of some.
    headers.insert(
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static(PDF_POLICY),
    );
    Ok(response)
}

async fn sent(app: &App, file: &Attachment, asked: &HeaderMap) -> Result<Response, ApiError> {
    let tag = format!("\"{}\"", file.sha256);
    let asked = |name: HeaderName| asked.get(name).and_then(|value| value.to_str().ok());
    let is_same = asked(header::IF_RANGE).is_none_or(|unless| unless == tag);
    let range = asked(header::RANGE).filter(|_| is_same);
    let part = match range.map_or(Part::Whole, |range| part(range, file.size)) {
        Part::Outside => {
            let whole = [(header::CONTENT_RANGE, format!("bytes */{}", file.size))];
            return Ok((StatusCode::RANGE_NOT_SATISFIABLE, whole).into_response());
        }
        Part::Of(part) => Some(part),
        Part::Whole => None,
    };
    let body = Body::from_stream(app.files.read(&file.id, part.clone()).await?);
    let mut response = guarded(body, &file.mime);
    let length = part
        .as_ref()
        .map_or(file.size, |part| part.end - part.start);
    let given = part.map(|part| format!("bytes {}-{}/{}", part.start, part.end - 1, file.size));
    if given.is_some() {
        *response.status_mut() = StatusCode::PARTIAL_CONTENT;
    }
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_LENGTH, length.into());
    headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    for (name, value) in [(header::ETAG, Some(tag)), (header::CONTENT_RANGE, given)] {
        if let Some(value) = value.and_then(|value| HeaderValue::try_from(value).ok()) {
            headers.insert(name, value);
        }
    }
    Ok(response)
}

/// What a range asks for.
#[derive(Debug, PartialEq, Eq)]
enum Part {
    /// The whole file: also for several ranges, and for what is no range of bytes (RFC 9110 §14.2).
    Whole,
    Of(std::ops::Range<u64>),
    /// Nothing that the file has.
    Outside,
}

fn part(range: &str, size: u64) -> Part {
    let Ok(ranges) = parse_range_header(range) else {
        return Part::Whole;
    };
    match ranges.validate(size).as_deref() {
        Ok([part]) => Part::Of(*part.start()..part.end().saturating_add(1)),
        Ok(_) => Part::Whole,
        // The last bytes, and more of them than there are, are all of them.
        Err(_) if range.starts_with("bytes=-") => Part::Whole,
        Err(_) => Part::Outside,
    }
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

pub(super) fn guarded(body: Body, mime: &str) -> Response {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_range_is_a_part_and_several_are_the_whole() {
        for (text, expected) in [
            ("bytes=0-0", Part::Of(0..1)),
            ("bytes=2-", Part::Of(2..10)),
            ("bytes=-3", Part::Of(7..10)),
            ("bytes=4-100", Part::Of(4..10)),
            ("bytes=-100", Part::Whole),
            ("bytes=0-1, 4-5", Part::Whole),
            ("lines=1-2", Part::Whole),
            ("bytes=x", Part::Whole),
            ("bytes=10-", Part::Outside),
            ("bytes=20-30", Part::Outside),
            ("bytes=18446744073709551615-", Part::Outside),
        ] {
            assert_eq!(part(text, 10), expected, "{text}");
        }
    }
}
