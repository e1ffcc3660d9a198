//! The web client's files, built into the binary.

use std::borrow::Cow;
use std::sync::LazyLock;

use axum::body::Bytes;
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use rust_embed::RustEmbed;

#[derive(RustEmbed)]
#[folder = "../client-web/build"]
#[allow_missing = true]
struct Client;

const PAGE: &str = "index.html";
/// Files under this path carry their content's hash in their name.
const IMMUTABLE: &str = "_app/immutable/";
/// Under it there is no page: whoever asks for a file of another version must not get the page in its place, and keep it.
const PARTS: &str = "_app/";

/// What the client's build puts beside a file that becomes smaller by it (RFC 9110 §8.4.1), best first.
const ENCODINGS: [(&str, &str); 2] = [("br", ".br"), ("gzip", ".gz")];

/// A file of the client; for every other address the page, which knows its own addresses.
pub(super) async fn page(request: Request) -> Response {
    let path = request.uri().path().trim_start_matches('/');
    let beside = ENCODINGS.iter().any(|(_, end)| path.ends_with(end));
    let (path, file) = match Client::get(path) {
        Some(file) if !path.is_empty() && !beside => (path, file),
        _ if path.starts_with(PARTS) => return StatusCode::NOT_FOUND.into_response(),
        _ => match Client::get(PAGE) {
            Some(file) => (PAGE, file),
            None => {
                return (StatusCode::NOT_FOUND, "The web client is not built in.").into_response();
            }
        },
    };
    let encoded = ENCODINGS
        .iter()
        .filter(|(coding, _)| accepts(request.headers(), coding))
        .find_map(|(coding, end)| Some((*coding, Client::get(&format!("{path}{end}"))?)));
    let (coding, data) = match encoded {
        Some((coding, file)) => (Some(coding), file.data),
        None => (None, file.data),
    };
    let data = match data {
        Cow::Borrowed(data) => Bytes::from_static(data),
        Cow::Owned(data) => data.into(),
    };
    let mut response = data.into_response();
    let headers = response.headers_mut();
    let mime = HeaderValue::from_str(file.metadata.mimetype());
    headers.insert(
        header::CONTENT_TYPE,
        mime.unwrap_or(HeaderValue::from_static("application/octet-stream")),
    );
    if let Some(coding) = coding {
        headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static(coding));
    }
    headers.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
    let keep = if path.starts_with(IMMUTABLE) {
        "public, max-age=31536000, immutable"
    } else {
        "no-cache"
    };
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(keep));
    // Pages and workers have a policy; with every script it would only be a tenth more to fetch.
    if !path.starts_with(IMMUTABLE) {
        headers.insert(header::CONTENT_SECURITY_POLICY, POLICY.clone());
    }
    response
}

// RFC 9110 §12.5.3. Whether it is named without `q=0`; what is not named is not sent, also for `*`.
fn accepts(headers: &HeaderMap, coding: &str) -> bool {
    headers
        .get_all(header::ACCEPT_ENCODING)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|one| {
            let (name, weight) = one.split_once(';').unwrap_or((one, ""));
            let weight = weight.trim().strip_prefix("q=").map(str::parse::<f32>);
            name.trim().eq_ignore_ascii_case(coding) && !matches!(weight, Some(Ok(0.0) | Err(_)))
        })
}

// Nothing from elsewhere, no code from text. The page's one inline script is allowed by its hash. No sheet of styles may stand in the
// page: all of them are files. Attributes may: SvelteKit hides by one what it tells screen readers, and KaTeX sizes tall brackets by
// others, whose values cannot be named by hashes. Browsers from before `style-src-elem` (Safari 15.4, Firefox 108) know only the
// first of the three, which therefore allows what they need.
static POLICY: LazyLock<HeaderValue> = LazyLock::new(|| {
    let inline =
        Client::get(PAGE).map(|page| inline_script_hashes(&String::from_utf8_lossy(&page.data)));
    let policy = format!(
        "default-src 'self'; script-src 'self'{}; style-src 'self' 'unsafe-inline'; \
         style-src-elem 'self'; style-src-attr 'unsafe-inline'; img-src 'self' blob: data:; \
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_browser_takes_is_read_as_it_is_meant() {
        let takes = |value: &str, coding: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT_ENCODING, value.parse().unwrap());
            accepts(&headers, coding)
        };
        for value in [
            "br",
            "gzip, deflate, br, zstd",
            "gzip;q=0.5,BR ; q=0.1",
            "br;q=1",
        ] {
            assert!(takes(value, "br"), "{value}");
        }
        for value in [
            "",
            "gzip",
            "br;q=0",
            "gzip, br; q=0.0",
            "brotli",
            "br;q=x",
            "identity",
            "*",
        ] {
            assert!(!takes(value, "br"), "{value}");
        }
        assert!(!accepts(&HeaderMap::new(), "gzip"));
    }
}
