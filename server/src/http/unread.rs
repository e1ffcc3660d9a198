//! What a request still sends when its answer is already known.
//!
//! Closing a connection on which bytes arrive that nobody reads resets it, and the reset may overtake the answer (RFC
//! 9112 §9.6): a browser then sees a broken connection, and a proxy says 502, where the server had said why.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody};
use axum::extract::Request;
use futures_util::StreamExt;
use hyper::body::{Frame, SizeHint};
use tokio::runtime::Handle;
use tokio::time::timeout;

/// Time for the rest of a body; then the connection is closed nevertheless.
const LINGER: Duration = Duration::from_secs(5);

/// Sees to it that the body is read to its end, also when whoever answers has no use for it.
pub(super) async fn hear_out(request: Request) -> Request {
    request.map(|body| Body::new(HeardOut(Some(body))))
}

/// `None` when it is over.
struct HeardOut(Option<Body>);

impl HttpBody for HeardOut {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let Some(body) = &mut self.0 else {
            return Poll::Ready(None);
        };
        let frame = ready!(Pin::new(body).poll_frame(cx));
        if !matches!(frame, Some(Ok(_))) {
            self.0 = None;
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.0.as_ref().is_none_or(HttpBody::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.0
            .as_ref()
            .map_or_else(|| SizeHint::with_exact(0), HttpBody::size_hint)
    }
}

impl Drop for HeardOut {
    fn drop(&mut self) {
        let rest = self.0.take().filter(|body| !body.is_end_stream());
        if let (Some(rest), Ok(runtime)) = (rest, Handle::try_current()) {
            let mut rest = rest.into_data_stream();
            runtime.spawn(timeout(LINGER, async move {
                while let Some(Ok(_)) = rest.next().await {}
            }));
        }
    }
}
