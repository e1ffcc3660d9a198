//! Only pages of this server may change anything: the `Origin` header (RFC 6454) must equal one of ours exactly.

use axum::extract::{Request, State};
use axum::http::{HeaderMap, Method, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use protocol::ErrorCode;

use super::ApiError;
use crate::App;
use crate::config::Config;

/// Whether a request comes from a page of this server. A missing or doubled header does not.
#[must_use]
pub fn is_ours(config: &Config, headers: &HeaderMap) -> bool {
    let mut given = headers.get_all(header::ORIGIN).iter();
    match (given.next(), given.next()) {
        (Some(origin), None) => config
            .origins
            .iter()
            .any(|ours| origin.as_bytes() == ours.as_bytes()),
        _ => false,
    }
}

/// Refuses requests that could change something and come from elsewhere.
pub(super) async fn guard(State(app): State<App>, request: Request, next: Next) -> Response {
    let harmless = matches!(*request.method(), Method::GET | Method::HEAD);
    if harmless || is_ours(&app.config, request.headers()) {
        return next.run(request).await;
    }
    ApiError::from(ErrorCode::ForeignOrigin).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn look_alikes_are_strangers() {
        let config = Config {
            origins: vec!["https://parta.ru".to_owned()],
            ..Config::default()
        };
        let ours = |values: &[&str]| {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(header::ORIGIN, value.parse().unwrap());
            }
            is_ours(&config, &headers)
        };
        assert!(ours(&["https://parta.ru"]));
        for stranger in [
            "http://parta.ru",
            "https://parta.ru:444",
            "https://parta.ru.evil.ru",
            "https://evil.ru/https://parta.ru",
            "https://parta.ru/",
            "https://PARTA.ru",
            "null",
            "",
            "https://parta`ru",
        ] {
            assert!(!ours(&[stranger]), "{stranger}");
        }
        assert!(!ours(&[]));
        assert!(!ours(&["https://parta.ru", "https://parta.ru"]));
    }
}
