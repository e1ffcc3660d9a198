//! One request to a push service (RFC 8030 §5), over TLS by rustls. Nothing that it says leads anywhere else: redirections
//! are not followed.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use axum::http::{Method, Request, StatusCode, header};
use bytes::Bytes;
use http_body_util::Full;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use super::PushError;
use super::endpoint::Endpoint;

/// How long a push service may take.
const ANSWER: Duration = Duration::from_secs(20);
/// Seconds for which it keeps what it cannot deliver: what is older than a day is no news.
const KEEP_SECONDS: u32 = 86_400;
/// Longest wait that it may ask for; longer ones are cut.
const WAIT_MAX: Duration = Duration::from_secs(60);

/// What became of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The push service has it.
    Taken,
    /// The browser is not there any more.
    Gone,
    /// Not now; maybe after this time.
    Later(Option<Duration>),
    /// It will not take this, whenever it comes.
    Refused(StatusCode),
}

/// What is sent.
#[derive(Debug)]
pub struct Word<'a> {
    /// Where to.
    pub to: &'a Endpoint,
    /// Who says so: see [`super::vapid`].
    pub authorization: String,
    /// Sealed.
    pub body: Vec<u8>,
    /// What waits under the same topic at the push service is replaced (RFC 8030 §5.4).
    pub topic: String,
    /// Whether a phone that saves power is to be woken (RFC 8030 §5.3).
    pub urgent: bool,
}

/// Speaks to push services. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Courier(Client<HttpsConnector<HttpConnector>, Full<Bytes>>);

impl Courier {
    /// Trusts these authorities (PEM), or those of the system without a file.
    ///
    /// # Errors
    /// When there are none.
    pub fn new(authorities: &Path) -> Result<Self, PushError> {
        let connector = HttpsConnectorBuilder::new()
            .with_tls_config(client_tls(authorities)?)
            .https_only()
            .enable_http1()
            .build();
        Ok(Self(Client::builder(TokioExecutor::new()).build(connector)))
    }

    /// Sends it.
    pub async fn send(&self, word: Word<'_>) -> Outcome {
        let request = Request::builder()
            .method(Method::POST)
            .uri(word.to.uri())
            .header(header::AUTHORIZATION, word.authorization)
            .header(header::CONTENT_TYPE, "application/octet-stream")
            .header(header::CONTENT_ENCODING, "aes128gcm")
            .header("ttl", KEEP_SECONDS)
            .header("urgency", if word.urgent { "high" } else { "normal" })
            .header("topic", word.topic)
            .body(Full::new(Bytes::from(word.body)));
        let Ok(request) = request else {
            return Outcome::Refused(StatusCode::BAD_REQUEST);
        };
        let answer = match tokio::time::timeout(ANSWER, self.0.request(request)).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(error)) => {
                tracing::debug!(service = word.to.origin(), %error, "a push service could not be reached");
                return Outcome::Later(None);
            }
            Err(_) => return Outcome::Later(None),
        };
        let status = answer.status();
        let after = answer.headers().get(header::RETRY_AFTER);
        let after = after.and_then(|text| text.to_str().ok()?.parse().ok());
        outcome(status, after)
    }
}

/// TLS of one who calls, trusting these authorities (PEM), or those of the system without a file.
///
/// # Errors
/// When there are none.
pub(crate) fn client_tls(authorities: &Path) -> Result<ClientConfig, PushError> {
    let mut roots = RootCertStore::empty();
    if authorities.as_os_str().is_empty() {
        // Some that cannot be read do no harm as long as there are others.
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    } else {
        let wrong = |error| PushError::Authorities(authorities.to_owned(), error);
        for one in CertificateDer::pem_file_iter(authorities).map_err(wrong)? {
            roots.add_parsable_certificates([one.map_err(wrong)?]);
        }
    }
    if roots.is_empty() {
        return Err(PushError::NoAuthorities);
    }
    let provider = Arc::new(aws_lc_rs::default_provider());
    Ok(ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth())
}

fn outcome(status: StatusCode, after: Option<u64>) -> Outcome {
    if status.is_success() {
        return Outcome::Taken;
    }
    if status == StatusCode::NOT_FOUND || status == StatusCode::GONE {
        return Outcome::Gone;
    }
    if status == StatusCode::TOO_MANY_REQUESTS || status.is_server_error() {
        let after = after.map(Duration::from_secs);
        return Outcome::Later(after.map(|after| after.min(WAIT_MAX)));
    }
    Outcome::Refused(status)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_push_service_answers_is_taken_as_it_is_meant() {
        let after = |status: u16, seconds| outcome(StatusCode::from_u16(status).unwrap(), seconds);
        for status in [200, 201, 202, 204] {
            assert_eq!(after(status, None), Outcome::Taken);
        }
        for status in [404, 410] {
            assert_eq!(after(status, Some(1)), Outcome::Gone);
        }
        let minute = Some(Duration::from_secs(60));
        assert_eq!(after(429, Some(9_999)), Outcome::Later(minute));
        assert_eq!(after(503, None), Outcome::Later(None));
        // A redirection may lead inside.
        for status in [301, 307, 400, 401, 403, 413] {
            assert!(
                matches!(after(status, None), Outcome::Refused(_)),
                "{status}"
            );
        }
    }
}
