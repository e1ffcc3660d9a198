//! The web client's files, built into the binary.

use std::sync::LazyLock;

use axum::extract::Request;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use rust_embed::RustEmbed;

#[derive(RustEmbed)]
#[folder = "../client-web/build"]
#[allow_missing = true]
struct Client;

const PAGE: &str = "index.html";
/// Files under this path carry their content's hash in their name.
const IMMUTABLE: &str = "_app/immutable/";

/// A file of the client; for every other address the page, which knows its own addresses.
pub(super) async fn page(request: Request) -> Response {
    let path = request.uri().path().trim_start_matches('/');
    let (path, file) = match Client::get(path) {
        Some(file) if !path.is_empty() => (path, file),
        _ => match Client::get(PAGE) {
            Some(file) => (PAGE, file),
            None => {
                return (StatusCode::NOT_FOUND, "The web client is not built in.").into_response();
            }
        },
    };
    let mut response = file.data.into_owned().into_response();
    let headers = response.headers_mut();
    let mime = HeaderValue::from_str(file.metadata.mimetype());
    headers.insert(
        header::CONTENT_TYPE,
        mime.unwrap_or(HeaderValue::from_static("application/octet-stream")),
    );
    let keep = if path.starts_with(IMMUTABLE) {
        "public, max-age=31536000, immutable"
    } else {
        "no-cache"
    };
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(keep));
    headers.insert(header::CONTENT_SECURITY_POLICY, POLICY.clone());
    response
}

// Nothing from elsewhere, no code from text. The page's one inline script is allowed by its hash, which the
// build writes into the page's own policy; this header adds what a <meta> cannot say.
static POLICY: LazyLock<HeaderValue> = LazyLock::new(|| {
    let inline =
        Client::get(PAGE).map(|page| inline_script_hashes(&String::from_utf8_lossy(&page.data)));
    let policy = format!(
        "default-src 'self'; script-src 'self'{}; style-src 'self' 'unsafe-inline'; img-src 'self' blob: data:; \
         media-src 'self' blob:; connect-src 'self'; font-src 'self'; object-src 'none'; base-uri 'none'; \
         form-action 'self'; frame-ancestors 'none'",
        inline.unwrap_or_default()
    );
    HeaderValue::from_str(&policy).unwrap_or(HeaderValue::from_static("default-src 'self'"))
});

fn inline_script_hashes(page: &str) -> String {
    use base64::Engine;
    use sha2::{Digest, Sha256};
    page.split("<script>")
        .skip(1)
        .filter_map(|rest| rest.split_once("</script>"))
        .map(|(script, _)| {
            let hash =
                base64::engine::general_purpose::STANDARD.encode(Sha256::digest(script.as_bytes()));
            format!(" 'sha256-{hash}'")
        })
        .collect()
}
