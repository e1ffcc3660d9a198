//! Bodies come before questions: a request whose body is held back says who asks when the body is there, by the session of then.

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{DefaultBodyLimit, FromRequest, Request};
use axum::middleware::{self, Next};
use axum::response::Response;
use futures_util::stream;

use crate::App;

/// These routes with bodies of at most so many bytes, each read to its end before anything of the request is looked at.
pub(super) fn bodies_first(routes: Router<App>, bytes: usize) -> Router<App> {
    routes
        .layer(middleware::from_fn(read))
        .layer(DefaultBodyLimit::max(bytes))
}

async fn read(request: Request, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    let read = Bytes::from_request(Request::from_parts(parts.clone(), body), &()).await;
    let body = match read {
        Ok(bytes) => Body::from(bytes),
        // Whoever has no session is told that first.
        Err(rejection) => Body::from_stream(stream::iter([Err::<Bytes, _>(rejection)])),
    };
    next.run(Request::from_parts(parts, body)).await
}
