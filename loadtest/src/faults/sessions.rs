//! Who signs out on one node loses their connections on the others.

use std::time::Duration;

use protocol::{ClientId, CloseCode};
use tokio::time::{Instant, timeout};

use super::cluster::Cluster;
use super::{Options, Scenario};
use crate::LoadError;
use crate::http::{sign_in, sign_out};
use crate::server::PASSWORD;
use crate::socket::Socket;

/// A person who signed out hears nothing more after this long. The short form runs beside other tests, where nothing
/// can be said of times.
const REVOKED_WITHIN: Duration = Duration::from_secs(2);
/// Nobody waits longer than this.
const GIVEN_UP_AFTER: Duration = Duration::from_secs(30);
/// Who signs out: somebody in both of whose sessions nobody writes.
const LOGIN: &str = "load11";

/// Signs out on the first node and waits for the connections on the others to be closed.
pub(super) async fn sign_out_reaches(
    cluster: &Cluster,
    options: &Options,
    scenario: &mut Scenario,
    when: &str,
) -> Result<(), LoadError> {
    let home = &cluster.nodes[0].address;
    let session = sign_in(home, LOGIN, PASSWORD).await?;
    let device =
        ClientId::parse("elsewhere").map_err(|kind| LoadError::Protocol(kind.to_owned()))?;
    let mut sockets = Vec::new();
    for node in &cluster.nodes[1..] {
        let mut socket = Socket::open(&node.address, &session).await?;
        socket.hello(device.clone(), [].into()).await?;
        sockets.push(socket);
    }
    sign_out(home, &session).await?;
    let begin = Instant::now();
    let mut closed = Vec::new();
    for mut socket in sockets {
        closed.push(async move {
            let code = timeout(GIVEN_UP_AFTER, async {
                loop {
                    match socket.next().await {
                        Ok(_) => {}
                        Err(LoadError::Closed(code)) => return code,
                        Err(_) => return None,
                    }
                }
            })
            .await;
            (code, begin.elapsed())
        });
    }
    scenario.happened("signed out elsewhere", closed.len());
    let within = options.amount(GIVEN_UP_AFTER, REVOKED_WITHIN);
    for (code, took) in futures_util::future::join_all(closed).await {
        if code != Ok(Some(CloseCode::LoggedOut.code())) || took > within {
            let text =
                format!("{when}, a session ended elsewhere was closed as {code:?} after {took:?}");
            scenario.broken.push(text);
        }
    }
    Ok(())
}
