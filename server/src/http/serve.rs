//! Accepting connections: for pages, and for media where UDP is blocked. Slow or endless beginnings end here, before any
//! of our code runs.

use std::future::Future;
use std::net::SocketAddr;
use std::pin::pin;
use std::time::Duration;

use axum::Router;
use axum::extract::ConnectInfo;
use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use signalling::{Media, Opening};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::time::timeout;

use super::opening::opening;
use super::tls::Https;

/// Most bytes of a request's head.
const HEAD_BYTES_MAX: usize = 16_384;
/// Time for a request's head to arrive.
const HEAD_TIMEOUT: Duration = Duration::from_secs(5);
/// Time for the first bytes of a connection.
const OPENING_TIMEOUT: Duration = Duration::from_secs(5);
/// Time for a TLS handshake.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);
/// Pause after a connection could not be accepted: when the system has no more file numbers, hurry does not help.
const ACCEPT_PAUSE: Duration = Duration::from_millis(200);

/// What connections are handed to. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Door {
    /// For TLS; without it requests are answered in the clear.
    pub https: Option<Https>,
    /// For requests.
    pub router: Router,
    /// For the rest.
    pub media: Media,
}

/// Serves until `shutdown` completes, and then until requests that are under way are answered.
pub async fn serve(listener: TcpListener, door: Door, shutdown: impl Future<Output = ()>) {
    let (stop, stopping) = watch::channel(());
    tokio::pin!(shutdown);
    loop {
        let (stream, peer) = tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    tracing::warn!(%error, "a connection could not be accepted");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                    continue;
                }
            },
            () = &mut shutdown => break,
        };
        tokio::spawn(door.clone().open(at_once(stream), peer, stopping.clone()));
    }
    drop((listener, stopping));
    stop.send_replace(());
    stop.closed().await;
}

impl Door {
    async fn open(self, stream: TcpStream, peer: SocketAddr, mut stopping: watch::Receiver<()>) {
        let opened = tokio::select! {
            opened = timeout(OPENING_TIMEOUT, opening(stream)) => opened,
            _ = stopping.changed() => return,
        };
        let Ok(Ok((opening, stream))) = opened else {
            return;
        };
        match (opening, &self.https) {
            (Opening::Tls, Some(https)) => {
                let handshake = timeout(HANDSHAKE_TIMEOUT, https.acceptor.accept(stream)).await;
                if let Ok(Ok(stream)) = handshake {
                    self.open_inside(stream, peer, stopping).await;
                }
            }
            (Opening::Other, Some(https)) => send_to(&https.origin, stream).await,
            (Opening::Tls | Opening::Other, None) => {
                answer(self.router, stream, peer, stopping).await;
            }
            (Opening::Media(wire), _) => {
                // Ends with the media.
                drop((self.router, stopping));
                self.media.carry(wire, peer, stream).await;
            }
        }
    }

    // Inside TLS.
    async fn open_inside(
        self,
        stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
        peer: SocketAddr,
        mut stopping: watch::Receiver<()>,
    ) {
        let opened = tokio::select! {
            opened = timeout(OPENING_TIMEOUT, opening(stream)) => opened,
            _ = stopping.changed() => return,
        };
        match opened {
            Ok(Ok((Opening::Media(wire), stream))) => {
                drop((self.router, stopping));
                self.media.carry(wire, peer, stream).await;
            }
            Ok(Ok((Opening::Tls | Opening::Other, stream))) => {
                answer(self.router, stream, peer, stopping).await;
            }
            Ok(Err(_)) | Err(_) => {}
        }
    }
}

// Who comes in the clear is told where to come, whatever it asks for.
async fn send_to(origin: &str, mut stream: impl AsyncRead + AsyncWrite + Unpin) {
    let answer = format!(
        "HTTP/1.1 308 Permanent Redirect\r\nLocation: {origin}/\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    );
    let told = async {
        // Unread bytes would turn the end of the connection into a reset, and the answer might be lost.
        let mut head = [0; 1_024];
        let _ = stream.read(&mut head).await;
        let _ = stream.write_all(answer.as_bytes()).await;
        let _ = stream.shutdown().await;
    };
    let _ = timeout(HEAD_TIMEOUT, told).await;
}

async fn answer(
    router: Router,
    stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
    peer: SocketAddr,
    mut stopping: watch::Receiver<()>,
) {
    let inner = TowerToHyperService::new(router);
    let service = service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(ConnectInfo(peer));
        inner.call(request)
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .max_buf_size(HEAD_BYTES_MAX)
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades();
    let mut connection = pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        _ = stopping.changed() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    // Whoever sends nonsense or goes away is nobody's fault here.
    if let Err(error) = ended {
        tracing::debug!(%error, "an HTTP connection ended");
    }
}

// Small frames must not wait for more to come.
fn at_once(stream: TcpStream) -> TcpStream {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "TCP_NODELAY could not be set");
    }
    stream
}
