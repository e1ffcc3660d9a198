//! One request to an address. Nothing that it answers leads anywhere else or is read but its status: redirections are not followed.

use std::error::Error;
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::http::{Method, Request, StatusCode, header};
use bytes::Bytes;
use http_body_util::Full;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::dns::Name;
use hyper_util::rt::TokioExecutor;
use protocol::webhook::WebhookFault;
use tower_service::Service;

use super::target::{Target, may_call};
use crate::push::{PushError, client_tls};

/// How long an address may take, from its name to the head of its answer.
const ANSWER: Duration = Duration::from_secs(10);

/// Finds the addresses of a name, without those where it must not lead: asked with each connection, so that a name that leads
/// elsewhere later leads nowhere.
#[derive(Clone, Copy, Debug)]
struct Resolver {
    secure: bool,
}

impl Service<Name> for Resolver {
    type Response = std::vec::IntoIter<SocketAddr>;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Self::Response>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, name: Name) -> Self::Future {
        let secure = self.secure;
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let fine: Vec<SocketAddr> = found.filter(|at| may_call(at.ip(), secure)).collect();
            if fine.is_empty() {
                return Err(io::Error::from(io::ErrorKind::PermissionDenied));
            }
            Ok(fine.into_iter())
        })
    }
}

/// What is sent.
#[derive(Debug)]
pub(super) struct Letter {
    /// The same with each try.
    pub(super) id: String,
    /// Seconds since 1970.
    pub(super) timestamp: i64,
    /// See [`super::sign`].
    pub(super) signature: String,
    /// JSON.
    pub(super) body: String,
}

/// Speaks to the addresses. Cheap to clone.
#[derive(Clone, Debug)]
pub(super) struct Courier {
    secure: Client<HttpsConnector<HttpConnector<Resolver>>, Full<Bytes>>,
    plain: Client<HttpConnector<Resolver>, Full<Bytes>>,
}

impl Courier {
    /// Trusts these authorities (PEM), or those of the system without a file.
    pub(super) fn new(authorities: &Path) -> Result<Self, PushError> {
        let connector = |secure| {
            let mut connector = HttpConnector::new_with_resolver(Resolver { secure });
            connector.enforce_http(false);
            connector
        };
        let https = HttpsConnectorBuilder::new()
            .with_tls_config(client_tls(authorities)?)
            .https_only()
            .enable_http1()
            .wrap_connector(connector(true));
        Ok(Self {
            secure: Client::builder(TokioExecutor::new()).build(https),
            plain: Client::builder(TokioExecutor::new()).build(connector(false)),
        })
    }

    /// Sends it; an error says why it was not taken.
    pub(super) async fn send(
        &self,
        to: &Target,
        letter: Letter,
    ) -> Result<(), (WebhookFault, Option<StatusCode>)> {
        let request = Request::builder()
            .method(Method::POST)
            .uri(to.uri())
            .header(header::CONTENT_TYPE, "application/json")
            .header(header::USER_AGENT, "Parta")
            .header("webhook-id", letter.id)
            .header("webhook-timestamp", letter.timestamp)
            .header("webhook-signature", letter.signature)
            .body(Full::new(Bytes::from(letter.body)))
            .map_err(|_| (WebhookFault::NotAllowed, None))?;
        let answer = async {
            if to.is_secure() {
                self.secure.request(request).await
            } else {
                self.plain.request(request).await
            }
        };
        let answer = tokio::time::timeout(ANSWER, answer)
            .await
            .map_err(|_| (WebhookFault::Slow, None))?;
        match answer {
            Ok(answer) if answer.status().is_success() => Ok(()),
            Ok(answer) if answer.status() == StatusCode::GONE => Err((WebhookFault::Gone, None)),
            Ok(answer) => Err((WebhookFault::Status, Some(answer.status()))),
            Err(error) if leads_astray(&error) => Err((WebhookFault::NotAllowed, None)),
            Err(error) => {
                tracing::debug!(host = to.host(), %error, "a webhook could not be reached");
                Err((WebhookFault::Unreachable, None))
            }
        }
    }
}

fn leads_astray(error: &(dyn Error + 'static)) -> bool {
    let is = error
        .downcast_ref::<io::Error>()
        .is_some_and(|error| error.kind() == io::ErrorKind::PermissionDenied);
    is || error.source().is_some_and(leads_astray)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_name_of_this_machine_is_not_found() {
        for secure in [true, false] {
            let name: Name = "localhost".parse().unwrap();
            let found = Resolver { secure }.call(name).await;
            assert_eq!(found.unwrap_err().kind(), io::ErrorKind::PermissionDenied);
        }
    }
}
