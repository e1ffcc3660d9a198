//! The server is killed in the middle of an upload: afterwards there is no half file, and the same upload succeeds.

use std::path::Path;
use std::time::Duration;

use bytes::Bytes;
use hyper::Method;
use protocol::command::{MsgSend, MsgSent};
use protocol::{ClientId, Command, FileId, RoomEvent, RoomId};
use rand::RngExt;
use sha2::{Digest, Sha256};
use tokio::io::AsyncWriteExt;
use tokio::time::{sleep, timeout};

use super::alone::Alone;
use super::{HEALED_WITHIN, Options, Scenario};
use crate::LoadError;
use crate::http::{Address, Session, download, history, request, upload};
use crate::server::Launch;
use crate::socket::Socket;

/// Larger than the pieces in which the server writes.
const FILE_BYTES: usize = 12 * 1_024 * 1_024;
/// Between looks whether the server has begun to write.
const LOOK: Duration = Duration::from_millis(10);

pub(super) async fn run(options: &Options) -> Result<Scenario, LoadError> {
    let mut scenario = Scenario::default();
    let mut rng = options.rng();
    let mut file = vec![0; FILE_BYTES];
    rng.fill(&mut file[..]);
    let file = Bytes::from(file);
    let mut alone = Alone::start(options, 4, &Launch::default()).await?;
    let (owner, member) = (alone.sessions[0].clone(), alone.sessions[2].clone());
    let room = room_of(&alone.server.address, &owner).await?;
    let kept = alone.installation.data.join("files");
    let mut known = Vec::new();
    for number in 0..options.amount(2, 20) {
        let cut = rng.random_range(1..FILE_BYTES);
        let sending = begin(&alone.server.address, &owner, &room, &file, cut);
        let connection = timeout(HEALED_WITHIN, sending)
            .await
            .map_err(|_| LoadError::TimedOut("half an upload"))??;
        // So that at least the beginning is there.
        timeout(HEALED_WITHIN, async {
            while names(&kept)?.len() <= known.len() {
                sleep(LOOK).await;
            }
            Ok::<_, LoadError>(())
        })
        .await
        .map_err(|_| LoadError::TimedOut("the beginning of an upload"))??;
        alone.server.kill().await?;
        drop(connection);
        alone.start_again(&Launch::default()).await?;
        scenario.happened("kill during an upload", 1);
        let address = &alone.server.address;
        for name in names(&kept)? {
            if known.contains(&name) {
                continue;
            }
            if let Ok(id) = FileId::parse(name.clone()) {
                for session in [&owner, &member] {
                    if download(address, session, &id).await.is_ok() {
                        scenario
                            .broken
                            .push(format!("half a file can be had: {id}"));
                    }
                }
            }
            known.push(name);
        }
        let again = upload(address, &owner, &room, "half.bin", file.clone()).await?;
        known.push(again.id.as_str().to_owned());
        say(address, &owner, &room, number, &again.id).await?;
        let had = download(address, &member, &again.id).await?;
        let right = hex(&file);
        if again.sha256 != right || hex(&had) != right || again.size != FILE_BYTES as u64 {
            let text = format!("{} differs from what was uploaded", again.id);
            scenario.broken.push(text);
        }
        scenario.outcome.acked += 1;
        let events = history(address, &member, &room, 0).await?;
        let listed: Vec<usize> = events.iter().map(attached).collect();
        if listed != vec![1; number + 1] {
            let text = format!(
                "files in the history: {listed:?} after {} kills",
                number + 1
            );
            scenario.broken.push(text);
        }
    }
    alone.server.kill().await?;
    Ok(scenario)
}

// The connection on which the first `cut` bytes went out.
async fn begin(
    address: &Address,
    session: &Session,
    room: &RoomId,
    file: &Bytes,
    cut: usize,
) -> Result<tokio::net::TcpStream, LoadError> {
    let head = request(
        address,
        Method::POST,
        &format!("/rooms/{room}/files"),
        Some(session),
    )
    .body(())
    .map_err(|e| LoadError::Protocol(e.to_string()))?;
    let mut text = format!("POST {} HTTP/1.1\r\n", head.uri());
    for (name, value) in head.headers() {
        let value = value.to_str().unwrap_or_default();
        text.push_str(&format!("{name}: {value}\r\n"));
    }
    text.push_str(&format!("content-length: {}\r\n\r\n", file.len()));
    let mut stream = address.connect().await?;
    stream.write_all(text.as_bytes()).await?;
    stream.write_all(&file[..cut]).await?;
    Ok(stream)
}

// Of the files on disk; there is no folder before the first.
fn names(folder: &Path) -> Result<Vec<String>, LoadError> {
    if !folder.exists() {
        return Ok(Vec::new());
    }
    let mut names = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        names.push(entry?.file_name().to_string_lossy().into_owned());
    }
    Ok(names)
}

async fn room_of(address: &Address, session: &Session) -> Result<RoomId, LoadError> {
    let mut socket = Socket::open(address, session).await?;
    let ok = socket.hello(client_id("device")?, [].into()).await?;
    let room = ok.rooms.into_iter().next().map(|room| room.id);
    room.ok_or_else(|| LoadError::Protocol("no room".to_owned()))
}

async fn say(
    address: &Address,
    session: &Session,
    room: &RoomId,
    number: usize,
    file: &FileId,
) -> Result<(), LoadError> {
    let mut socket = Socket::open(address, session).await?;
    socket.hello(client_id("device")?, [].into()).await?;
    let send = MsgSend {
        r: room.clone(),
        cid: client_id(&format!("upload-{number}"))?,
        body: String::new(),
        re: None,
        att: vec![file.clone()],
        men: Vec::new(),
        poll: None,
        fwd: None,
        ack: false,
        due: None,
        all: false,
        noticed: false,
    };
    let _: MsgSent = socket.call("msg.send", &Command::MsgSend(send)).await?;
    Ok(())
}

fn client_id(text: &str) -> Result<ClientId, LoadError> {
    ClientId::parse(text).map_err(|kind| LoadError::Protocol(kind.to_owned()))
}

const fn attached(event: &RoomEvent) -> usize {
    match event {
        RoomEvent::Msg { d, .. } => d.att.len(),
        RoomEvent::MsgChanged { .. }
        | RoomEvent::MsgReacted { .. }
        | RoomEvent::Poll { .. }
        | RoomEvent::MsgAcked { .. }
        | RoomEvent::MsgReminded { .. }
        | RoomEvent::MsgPinned { .. }
        | RoomEvent::MsgExpired { .. }
        | RoomEvent::CallStarted { .. }
        | RoomEvent::CallEnded { .. } => 0,
    }
}

fn hex(bytes: &[u8]) -> String {
    let digest = Sha256::digest(bytes);
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}
