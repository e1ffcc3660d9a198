//! Where people come in: at a server itself, or at a proxy that stands before it.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::{http1, http2};
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioExecutor, TokioIo};
use serde_json::{Value, json};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use crate::harness::Person;

const HTTP_1: &str = "http/1.1";
/// What a browser that meets a proxy may speak: the old one where something in between takes TLS apart.
pub(crate) const PROTOCOLS: [&str; 2] = ["h2", HTTP_1];

#[derive(Clone)]
pub(crate) struct Door {
    origin: String,
    way: Way,
}

#[derive(Clone)]
enum Way {
    Port(SocketAddr),
    Tls(Https),
}

/// Something that speaks TLS: a proxy, or the server itself.
#[derive(Clone)]
pub(crate) struct Https {
    pub(crate) at: At,
    /// By which it is known.
    pub(crate) certificate: CertificateDer<'static>,
    /// What requests are made in: `h2` or `http/1.1`.
    pub(crate) protocol: &'static str,
}

#[derive(Clone)]
pub(crate) enum At {
    Port(SocketAddr),
    Socket(PathBuf),
}

pub(crate) trait Wire: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Wire for T {}

#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: hyper::HeaderMap,
    pub(crate) body: Bytes,
}

impl Answer {
    pub(crate) async fn whole(answer: Response<Incoming>) -> Self {
        let (parts, body) = answer.into_parts();
        Self {
            status: parts.status,
            headers: parts.headers,
            body: body.collect().await.unwrap().to_bytes(),
        }
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or(Value::Null)
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().unwrap())
    }
}

/// A connection that ends when nobody needs it any more.
pub(crate) struct Line(tokio::task::AbortHandle);

impl Drop for Line {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Door {
    /// A server's own.
    pub(crate) fn at(address: SocketAddr, origin: String) -> Self {
        Self {
            origin,
            way: Way::Port(address),
        }
    }

    /// That of something that speaks TLS.
    pub(crate) fn behind(https: Https, origin: String) -> Self {
        Self {
            origin,
            way: Way::Tls(https),
        }
    }

    /// Of the pages that come from here.
    pub(crate) fn origin(&self) -> &str {
        &self.origin
    }

    /// The name in [`Self::origin`].
    pub(crate) fn host(&self) -> &str {
        self.origin.split_once("://").unwrap().1
    }

    /// A connection for a WebSocket, which knows HTTP/1.1 only.
    pub(crate) async fn connect(&self) -> std::io::Result<Box<dyn Wire>> {
        self.connect_for(HTTP_1).await
    }

    async fn connect_for(&self, protocol: &str) -> std::io::Result<Box<dyn Wire>> {
        let https = match &self.way {
            Way::Port(address) => return Ok(Box::new(TcpStream::connect(address).await?)),
            Way::Tls(https) => https,
        };
        let mut trusted = RootCertStore::empty();
        trusted.add(https.certificate.clone()).unwrap();
        let mut config =
            ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
                .with_safe_default_protocol_versions()
                .unwrap()
                .with_root_certificates(trusted)
                .with_no_client_auth();
        config.alpn_protocols = vec![protocol.as_bytes().to_vec()];
        let host = self.host();
        let host = host.rsplit_once(':').map_or(host, |(host, _)| host);
        let name = ServerName::try_from(host.to_owned()).unwrap();
        let wire: Box<dyn Wire> = match &https.at {
            At::Port(address) => Box::new(TcpStream::connect(address).await?),
            At::Socket(path) => Box::new(UnixStream::connect(path).await?),
        };
        let wire = TlsConnector::from(Arc::new(config))
            .connect(name, wire)
            .await?;
        let agreed = wire.get_ref().1.alpn_protocol();
        assert_eq!(agreed, Some(protocol.as_bytes()), "{protocol}");
        Ok(Box::new(wire))
    }

    /// The begin of the answer to a request to `/api/v1{path}`, on a connection of its own.
    pub(crate) async fn request(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: Vec<u8>,
    ) -> (Response<Incoming>, Line) {
        let mut request = Request::builder().method(method);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let body = Full::new(Bytes::from(body));
        let protocol = match &self.way {
            Way::Port(_) => HTTP_1,
            Way::Tls(https) => https.protocol,
        };
        let wire = TokioIo::new(self.connect_for(protocol).await.unwrap());
        let (answer, line) = if protocol == HTTP_1 {
            let (mut sender, connection) = http1::handshake(wire).await.unwrap();
            let line = tokio::spawn(connection).abort_handle();
            let request = request.uri(placed(path)).header("host", self.host());
            (sender.send_request(request.body(body).unwrap()).await, line)
        } else {
            let (mut sender, connection) =
                http2::handshake(TokioExecutor::new(), wire).await.unwrap();
            let line = tokio::spawn(connection).abort_handle();
            let request = request.uri(format!("{}{}", self.origin, placed(path)));
            (sender.send_request(request.body(body).unwrap()).await, line)
        };
        (answer.unwrap(), Line(line))
    }

    /// The whole answer to a request with these headers; `Origin` is not added.
    pub(crate) async fn raw(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: Vec<u8>,
    ) -> Answer {
        let (answer, _line) = self.request(method, path, headers, body).await;
        Answer::whole(answer).await
    }

    pub(crate) async fn sign_in(&self, login: &str) -> Person<'_> {
        self.sign_in_with(login, "parta-demo").await.unwrap()
    }

    pub(crate) async fn sign_in_with(
        &self,
        login: &str,
        password: &str,
    ) -> Result<Person<'_>, Answer> {
        self.sign_in_as(login, password, &[]).await
    }

    /// With headers beside the usual ones.
    pub(crate) async fn sign_in_as(
        &self,
        login: &str,
        password: &str,
        more: &[(&str, &str)],
    ) -> Result<Person<'_>, Answer> {
        let body = json!({"login": login, "password": password}).to_string();
        let mut headers = vec![
            ("origin", self.origin()),
            ("content-type", "application/json"),
        ];
        headers.extend_from_slice(more);
        let answer = self
            .raw(Method::POST, "/session", &headers, body.into())
            .await;
        if answer.status != StatusCode::OK {
            return Err(answer);
        }
        let cookie = answer.header("set-cookie");
        let cookie = cookie.split(';').next().unwrap().to_owned();
        Ok(Person { door: self, cookie })
    }
}

/// Below the address of the interface, unless it says where it is.
fn placed(path: &str) -> String {
    if path.starts_with("/api/") {
        path.to_owned()
    } else {
        format!("/api/v1{path}")
    }
}
