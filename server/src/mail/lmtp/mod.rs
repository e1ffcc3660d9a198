//! Answers to mails come in: a mail server hands them over by LMTP (RFC 2033).

mod session;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use protocol::limits::LMTP_CONNECTIONS_MAX;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::time::sleep;

use crate::App;
use session::Session;

/// After a failure to take a connection.
const AGAIN_AFTER: Duration = Duration::from_millis(200);

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
    let Some(turns) = app.mail.as_ref().map(super::Mail::turns) else {
        return;
    };
    let places = Arc::new(Semaphore::new(LMTP_CONNECTIONS_MAX));
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
