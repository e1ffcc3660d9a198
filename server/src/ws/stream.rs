//! The protocol over plain HTTP, for networks that let no WebSocket through: frames to the client as server-sent
//! events, commands as requests.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::{HeaderValue, StatusCode};
use axum::response::sse::{Event, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::stream::{self, Stream};
use protocol::{CloseCode, ErrorCode};
use serde_json::json;
use tokio::sync::{mpsc, oneshot};

use super::admit;
use super::connection::{Client, Received};
use super::queue::Next;
use super::switchboard::Connection;
use crate::App;
use crate::accounts::{SignedIn, random_token};
use crate::http::ApiError;

/// Requests of one stream that may wait for their turn; further ones wait in their connection.
const REQUESTS_MAX: usize = 16;

/// Where the commands of a stream go.
#[derive(Debug)]
pub(super) struct Inlet {
    session: String,
    commands: mpsc::Sender<Received>,
}

/// `POST /api/v1/stream`.
///
/// # Errors
/// `Overloaded` when too many come at once.
pub async fn open(
    State(app): State<App>,
    me: SignedIn,
    body: String,
) -> Result<Response, ApiError> {
    admit(&app)?;
    let (commands, received) = mpsc::channel(REQUESTS_MAX);
    let (guard, gone) = oneshot::channel::<Infallible>();
    let name = random_token();
    let session = me.session.clone();
    let client = Client::open(app.clone(), me);
    let outlet = Outlet {
        connection: Arc::clone(&client.connection),
        frames: VecDeque::from([opened(&name)]),
        over: false,
        _guard: guard,
    };
    // The channel is empty, so this does not wait.
    let _ = commands.send(Received::Text(body.into())).await;
    let streams = app.switchboard.streams();
    streams.insert(name.clone(), Inlet { session, commands });
    tokio::spawn(async move {
        let arriving = Box::pin(stream::unfold(received, |mut received| async {
            Some((received.recv().await?, received))
        }));
        // The guard goes when the response is over, however it ends.
        client.serve(arriving, async { drop(gone.await) }).await;
        app.switchboard.streams().remove(&name);
    });
    let mut response = Sse::new(outlet.events()).into_response();
    let headers = response.headers_mut();
    // nginx would keep the frames to itself until it has a buffer full of them.
    headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
    Ok(response)
}

/// `POST /api/v1/stream/{name}`.
///
/// # Errors
/// `NotFound` when there is no such stream of this session on this server.
pub async fn command(
    State(app): State<App>,
    me: SignedIn,
    Path(name): Path<String>,
    body: String,
) -> Result<StatusCode, ApiError> {
    let inlet = app.switchboard.streams().get(&name).and_then(|inlet| {
        let own = inlet.session == me.session;
        own.then(|| inlet.commands.clone())
    });
    let Some(commands) = inlet else {
        return Err(ErrorCode::NotFound.into());
    };
    match commands.send(Received::Text(body.into())).await {
        Ok(()) => Ok(StatusCode::NO_CONTENT),
        Err(_) => Err(ErrorCode::NotFound.into()),
    }
}

/// The frames of a connection as events.
struct Outlet {
    connection: Arc<Connection>,
    frames: VecDeque<Event>,
    over: bool,
    _guard: oneshot::Sender<Infallible>,
}

impl Outlet {
    fn events(self) -> impl Stream<Item = Result<Event, Infallible>> {
        stream::unfold(self, |mut outlet| async {
            loop {
                if let Some(event) = outlet.frames.pop_front() {
                    return Some((Ok(event), outlet));
                }
                if outlet.over {
                    return None;
                }
                match outlet.connection.queue.next().await {
                    Next::Frames(frames) => {
                        let events = frames
                            .iter()
                            .map(|text| Event::default().data(text.as_str()));
                        outlet.frames.extend(events);
                    }
                    Next::Close(code) => {
                        outlet.over = true;
                        outlet.frames.push_back(closed(code));
                    }
                }
            }
        })
    }
}

fn opened(name: &str) -> Event {
    Event::default()
        .event("open")
        .data(json!({ "c": name }).to_string())
}

fn closed(code: CloseCode) -> Event {
    Event::default()
        .event("close")
        .data(json!({ "c": code.code() }).to_string())
}
