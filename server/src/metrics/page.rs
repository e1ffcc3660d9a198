//! `GET /metrics`, at an address of its own: nobody signs in there, so it is not where everybody comes.

use axum::Router;
use axum::extract::State;
use axum::http::header;
use axum::response::IntoResponse;
use axum::routing::get;
use signalling::Media;
use tokio::net::TcpListener;

use super::Snapshot;
use crate::App;

const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Serves the page for as long as the runtime lives.
pub async fn serve(listener: TcpListener, app: App, media: Media) {
    let router = Router::new()
        .route("/metrics", get(page))
        .with_state((app, media));
    if let Err(error) = axum::serve(listener, router).await {
        tracing::error!(%error, "the page of metrics is served no more");
    }
}

async fn page(State((app, media)): State<(App, Media)>) -> impl IntoResponse {
    let now = Snapshot {
        connections: app.switchboard.count(),
        drops: app.switchboard.drops(),
        lessons: app.lessons.figures(),
        media: media.stats().await,
    };
    (
        [(header::CONTENT_TYPE, OPEN_METRICS)],
        app.metrics.page(&now),
    )
}
