//! Parta's HTTP interface as a browser uses it: plain HTTP/1.1, a connection for each request.

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::header::{CONTENT_TYPE, COOKIE, HOST, HeaderMap, HeaderName, ORIGIN, SET_COOKIE};
use hyper::http::request::Builder;
use hyper::{Method, Request, StatusCode};
use hyper_util::rt::TokioIo;
use protocol::event::RoomEvent;
use protocol::http::{EventsPage, Login};
use protocol::limits::PAGE_EVENTS_MAX;
use protocol::model::Attachment;
use protocol::search::{Found, Search};
use protocol::{FileId, RoomId};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;

use crate::LoadError;

const COOKIE_NAME: &str = "parta_session";
const FILE_NAME: HeaderName = HeaderName::from_static("x-file-name");

/// Where a server is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    /// Host and port.
    pub authority: String,
    /// The origin (RFC 6454) that its own pages have.
    pub origin: String,
}

impl Address {
    /// Reads `http://host:port`.
    ///
    /// # Errors
    /// [`LoadError::Address`] for every other form.
    pub fn parse(url: &str) -> Result<Self, LoadError> {
        let origin = url.trim_end_matches('/');
        let authority = origin
            .strip_prefix("http://")
            .filter(|rest| !rest.is_empty() && !rest.contains('/'))
            .ok_or_else(|| LoadError::Address(url.to_owned()))?;
        let has_port = authority
            .rsplit_once(':')
            .is_some_and(|(_, port)| port.parse::<u16>().is_ok());
        Ok(Self {
            authority: if has_port {
                authority.to_owned()
            } else {
                format!("{authority}:80")
            },
            origin: origin.to_owned(),
        })
    }

    /// Opens a TCP connection.
    ///
    /// # Errors
    /// [`LoadError::Io`].
    pub async fn connect(&self) -> Result<TcpStream, LoadError> {
        let stream = TcpStream::connect(&self.authority).await?;
        stream.set_nodelay(true)?;
        Ok(stream)
    }
}

/// A session of a signed-in person: the value of the `Cookie` header.
#[derive(Clone, Debug)]
pub struct Session(pub(crate) String);

impl Session {
    /// The session with this token.
    #[must_use]
    pub fn from_token(token: &str) -> Self {
        Self(format!("{COOKIE_NAME}={token}"))
    }
}

/// Signs in.
///
/// # Errors
/// [`LoadError::Busy`] when too many do so, [`LoadError::Status`] when it is refused, and those of the network.
pub async fn sign_in(address: &Address, login: &str, password: &str) -> Result<Session, LoadError> {
    let body = Login {
        login: login.to_owned(),
        password: password.to_owned(),
    };
    let body = serde_json::to_vec(&body).map_err(|e| LoadError::Protocol(e.to_string()))?;
    let request =
        request(address, Method::POST, "/session", None).header(CONTENT_TYPE, "application/json");
    let answer = ask(address, request, body.into()).await?;
    let cookie = answer
        .headers
        .get_all(SET_COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .find(|value| {
            value
                .split_once('=')
                .is_some_and(|(name, _)| name == COOKIE_NAME)
        })
        .ok_or_else(|| LoadError::Protocol("signing in set no cookie".to_owned()))?;
    Ok(Session(
        cookie.split(';').next().unwrap_or(cookie).to_owned(),
    ))
}

/// Asks who one is, as every page does when it is opened.
///
/// # Errors
/// [`LoadError::Status`] when the session is none, and those of the network.
pub async fn session_is_good(address: &Address, session: &Session) -> Result<(), LoadError> {
    let request = request(address, Method::GET, "/session", Some(session));
    ask(address, request, Bytes::new()).await?.bytes().await?;
    Ok(())
}

/// Reads a page of a room's history after a position, and whether more follows.
///
/// # Errors
/// [`LoadError::Status`] when it is refused, [`LoadError::Protocol`], and those of the network.
pub async fn page(
    address: &Address,
    session: &Session,
    room: &RoomId,
    after: i64,
) -> Result<(Vec<RoomEvent>, bool), LoadError> {
    let path = format!("/rooms/{room}/events?after={after}&limit={PAGE_EVENTS_MAX}");
    let request = request(address, Method::GET, &path, Some(session));
    let body = ask(address, request, Bytes::new()).await?.bytes().await?;
    let page: EventsPage =
        serde_json::from_slice(&body).map_err(|e| LoadError::Protocol(e.to_string()))?;
    let moves = page.events.last().is_none_or(|last| last.seq() > after);
    if !moves || (page.more && page.events.is_empty()) {
        let text = "a history page does not move on".to_owned();
        return Err(LoadError::Protocol(text));
    }
    Ok((page.events, page.more))
}

/// Reads a room's whole history after a position, page by page.
///
/// # Errors
/// Those of [`page`].
pub async fn history(
    address: &Address,
    session: &Session,
    room: &RoomId,
    after: i64,
) -> Result<Vec<RoomEvent>, LoadError> {
    let (mut events, mut more) = page(address, session, room, after).await?;
    while more {
        let after = events.last().map_or(after, RoomEvent::seq);
        let (next, left) = page(address, session, room, after).await?;
        events.extend(next);
        more = left;
    }
    Ok(events)
}

/// Searches messages.
///
/// # Errors
/// [`LoadError::Status`] when it is refused, [`LoadError::Protocol`], and those of the network.
pub async fn search(
    address: &Address,
    session: &Session,
    search: &Search,
) -> Result<Found, LoadError> {
    let wrong = |error: serde_json::Error| LoadError::Protocol(error.to_string());
    let body = serde_json::to_vec(search).map_err(wrong)?;
    let request = request(address, Method::POST, "/search", Some(session))
        .header(CONTENT_TYPE, "application/json");
    let body = ask(address, request, body.into()).await?.bytes().await?;
    serde_json::from_slice(&body).map_err(wrong)
}

/// Uploads a file into a room.
///
/// # Errors
/// [`LoadError::Status`] when it is refused, [`LoadError::Protocol`], and those of the network.
pub async fn upload(
    address: &Address,
    session: &Session,
    room: &RoomId,
    name: &str,
    bytes: Bytes,
) -> Result<Attachment, LoadError> {
    let path = format!("/rooms/{room}/files");
    let request = request(address, Method::POST, &path, Some(session)).header(FILE_NAME, name);
    let body = ask(address, request, bytes).await?.bytes().await?;
    serde_json::from_slice(&body).map_err(|e| LoadError::Protocol(e.to_string()))
}

/// Downloads a file.
///
/// # Errors
/// [`LoadError::Status`] when it is refused, and those of the network.
pub async fn download(
    address: &Address,
    session: &Session,
    file: &FileId,
) -> Result<Bytes, LoadError> {
    let path = format!("/files/{file}");
    let request = request(address, Method::GET, &path, Some(session));
    ask(address, request, Bytes::new()).await?.bytes().await
}

/// Reads a figure that the server tells Prometheus at an address of its own.
///
/// # Errors
/// [`LoadError::Status`] when there are none, [`LoadError::Protocol`] when this one is missing, and those of the network.
pub async fn figure(metrics: &Address, name: &str) -> Result<u64, LoadError> {
    let request = Request::builder()
        .uri("/metrics")
        .header(HOST, &metrics.authority);
    let body = ask(metrics, request, Bytes::new()).await?.bytes().await?;
    let text = String::from_utf8_lossy(&body);
    let mut lines = text.lines().filter_map(|line| line.split_once(' '));
    lines
        .find(|(of, _)| *of == name)
        .and_then(|(_, value)| value.parse().ok())
        .ok_or_else(|| LoadError::Protocol(format!("no figure {name}")))
}

/// Signs out.
///
/// # Errors
/// [`LoadError::Status`] when it is refused, and those of the network.
pub async fn sign_out(address: &Address, session: &Session) -> Result<(), LoadError> {
    let request = request(address, Method::DELETE, "/session", Some(session));
    ask(address, request, Bytes::new()).await.map(drop)
}

/// The head of a request to `/api/v1` with what a browser adds.
pub(crate) fn request(
    address: &Address,
    method: Method,
    path: &str,
    session: Option<&Session>,
) -> Builder {
    let mut request = Request::builder()
        .method(method)
        .uri(format!("/api/v1{path}"))
        .header(HOST, &address.authority)
        .header(ORIGIN, &address.origin);
    if let Some(session) = session {
        request = request.header(COOKIE, &session.0);
    }
    request
}

/// An answer of 2xx whose body may still be on its way.
pub(crate) struct Answer {
    /// Headers.
    pub(crate) headers: HeaderMap,
    /// Body.
    pub(crate) body: Incoming,
    /// Ends the connection with it.
    _connection: Connection,
}

impl Answer {
    async fn bytes(self) -> Result<Bytes, LoadError> {
        Ok(self.body.collect().await?.to_bytes())
    }
}

struct Connection(JoinHandle<hyper::Result<()>>);

impl Drop for Connection {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Sends a request on a connection of its own.
///
/// # Errors
/// [`LoadError::Busy`] for 503, [`LoadError::Status`] for every other answer but 2xx, and those of the network.
pub(crate) async fn ask(
    address: &Address,
    request: Builder,
    body: Bytes,
) -> Result<Answer, LoadError> {
    let request = request
        .body(Full::new(body))
        .map_err(|e| LoadError::Protocol(e.to_string()))?;
    let what = format!("{} {}", request.method(), request.uri());
    let stream = TokioIo::new(address.connect().await?);
    let (mut sender, connection) = hyper::client::conn::http1::handshake(stream).await?;
    let connection = Connection(tokio::spawn(connection));
    let (head, body) = sender.send_request(request).await?.into_parts();
    let answer = Answer {
        headers: head.headers,
        body,
        _connection: connection,
    };
    if head.status.is_success() {
        return Ok(answer);
    }
    if head.status == StatusCode::SERVICE_UNAVAILABLE {
        return Err(LoadError::busy(&answer.headers));
    }
    let body = answer.bytes().await?;
    Err(LoadError::Status {
        what,
        status: head.status.as_u16(),
        body: String::from_utf8_lossy(&body).into_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_http_addresses_are_taken() {
        let address = Address::parse("http://localhost:8420/").unwrap();
        assert_eq!(address.authority, "localhost:8420");
        assert_eq!(address.origin, "http://localhost:8420");
        assert_eq!(
            Address::parse("http://[::1]").unwrap().authority,
            "[::1]:80"
        );
        for bad in [
            "https://a:1",
            "localhost:1",
            "http://",
            "http://a:1/path",
            "",
        ] {
            assert!(Address::parse(bad).is_err(), "{bad}");
        }
    }
}
