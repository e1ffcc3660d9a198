//! Answers to mails come in: a mail server hands them over by LMTP (RFC 2033).

mod incoming;
mod intake;
mod quoted;
mod session;
mod verdict;

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use protocol::UserId;
use protocol::limits::{
    LMTP_CONNECTIONS_MAX, MAIL_REPLIERS_REMEMBERED, MAIL_REPLIES_BURST, MAIL_REPLIES_PER_SECOND,
};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::time::sleep;

use crate::App;
use crate::ws::rate::Bucket;
use session::Session;

/// After a failure to take a connection.
const AGAIN_AFTER: Duration = Duration::from_millis(200);

/// How often answers of a person are taken.
#[derive(Debug, Default)]
struct Turns(Mutex<HashMap<UserId, Bucket>>);

impl Turns {
    fn take(&self, person: &UserId, now: Instant) -> bool {
        let mut turns = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if turns.len() >= MAIL_REPLIERS_REMEMBERED && !turns.contains_key(person) {
            turns.retain(|_, bucket| !bucket.is_full(now));
            if turns.len() >= MAIL_REPLIERS_REMEMBERED {
                return false;
            }
        }
        let fresh = || Bucket::new(now, MAIL_REPLIES_PER_SECOND, MAIL_REPLIES_BURST);
        let turn = turns.entry(person.clone()).or_insert_with(fresh);
        turn.take(now).is_ok()
    }
}

/// Opens the address of the settings, if there is one.
///
/// # Errors
/// The address, and why it cannot be opened.
pub async fn listen(address: &str) -> Result<Option<TcpListener>, (SocketAddr, std::io::Error)> {
    let Ok(at) = address.parse::<SocketAddr>() else {
        return Ok(None);
    };
    TcpListener::bind(at)
        .await
        .map(Some)
        .map_err(|error| (at, error))
}

/// Takes connections for as long as the server runs.
pub async fn serve(listener: TcpListener, app: App) {
    let places = Arc::new(Semaphore::new(LMTP_CONNECTIONS_MAX));
    let turns = Arc::new(Turns::default());
    loop {
        // A mail server that finds no place waits for one.
        let Ok(place) = Arc::clone(&places).acquire_owned().await else {
            return;
        };
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(error) => {
                tracing::warn!(%error, "a mail server could not be let in");
                sleep(AGAIN_AFTER).await;
                continue;
            }
        };
        let session = Session::new(app.clone(), Arc::clone(&turns));
        tokio::spawn(async move {
            if let Err(error) = session.run(stream).await {
                tracing::debug!(%error, "a mail server broke off");
            }
            drop(place);
        });
    }
}
