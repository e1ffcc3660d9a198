//! Uploads that come in pieces and go on where the network broke them off. Their bytes grow in a file beside the place
//! where they will be kept, so that what was received survives the request, the page and the server. An upload that
//! nobody goes on with for a day is removed by [`super::sweep`].

use std::io::{self, Read, SeekFrom};
use std::path::{Path, PathBuf};
use std::time::Duration;

use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use protocol::model::Attachment;
use protocol::recording::Recording;
use protocol::{ErrorCode, FileId, RoomId, UserId};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use tokio::fs::{self, File, OpenOptions};
use tokio::io::{AsyncSeekExt, AsyncWriteExt};
use tokio::time::{sleep, timeout};

pub use super::hold::Held;

use super::quarantine::NotMade;
use super::{Files, HEAD_BYTES};
use crate::store::{Infected, new_id};

/// Name of what was announced, in the upload's folder.
const ANNOUNCED: &str = "upload.json";
/// Name of the bytes so far.
const PARTIAL: &str = "partial";
/// Name of the complete bytes, as [`super::original`] has it.
pub(super) const ORIGINAL: &str = "original";
/// A request that sends nothing for so long is over: the next one goes on.
const SILENT_MAX: Duration = Duration::from_secs(60);
/// Between two looks whether another process has let go of an upload.
const LOOK_AGAIN: Duration = Duration::from_millis(50);
/// Looks before a request is told that another one is at work.
const LOOKS_MAX: u32 = 60;
/// Bytes that are read at once to hash a complete file.
const HASHED_AT_ONCE: usize = 256 * 1_024;

/// What is known of an upload before its bytes are complete.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Announced {
    /// The room that it is for.
    pub room: RoomId,
    /// Who uploads it.
    pub owner: UserId,
    /// Name of the file, already made safe.
    pub name: String,
    /// All its bytes.
    pub size: u64,
    /// What its sender's device says of a recording.
    #[serde(default)]
    pub rec: Option<Recording>,
}

/// Why a piece was not taken, or not to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotTaken {
    /// It does not begin where the bytes so far end.
    Elsewhere,
    /// Another request for the same upload is at work.
    Busy,
    /// Anything else. What came before it was kept.
    Failed(ErrorCode),
}

impl From<ErrorCode> for NotTaken {
    fn from(code: ErrorCode) -> Self {
        Self::Failed(code)
    }
}

impl Files {
    /// Begins an upload.
    ///
    /// # Errors
    /// [`ErrorCode::Internal`] when it cannot be written.
    pub async fn announce(&self, announced: &Announced) -> Result<FileId, ErrorCode> {
        let id = FileId::parse(new_id()).map_err(|_| ErrorCode::Internal)?;
        let text = serde_json::to_vec(announced).map_err(|_| ErrorCode::Internal)?;
        let folder = self.upload(&id);
        let made = async {
            fs::create_dir(&folder).await?;
            File::create(folder.join(PARTIAL)).await?.sync_all().await?;
            let mut file = File::create(folder.join(ANNOUNCED)).await?;
            file.write_all(&text).await?;
            file.sync_all().await
        };
        made.await.map_err(|error| internal(&error))?;
        Ok(id)
    }

    /// What was announced of an upload that is not recorded as a file yet.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`], [`ErrorCode::Internal`].
    pub async fn announced(&self, id: &FileId) -> Result<Announced, ErrorCode> {
        let text = found(fs::read(self.upload(id).join(ANNOUNCED)).await)?;
        // Written in one piece before anybody knew its id: whatever is cut short is nobody's.
        serde_json::from_slice(&text).map_err(|_| ErrorCode::NotFound)
    }

    /// Takes an upload for this request alone. A request of this server's that is at work on it ends, and what it brought
    /// is kept: its client has long gone elsewhere when it comes again.
    ///
    /// # Errors
    /// [`NotTaken::Busy`], [`NotTaken::Failed`].
    pub async fn hold(&self, id: &FileId) -> Result<Held, NotTaken> {
        let held = self.holds.take(id);
        let folder = self.upload(id);
        for _ in 0..LOOKS_MAX {
            let path = folder.join(ANNOUNCED);
            let locked = tokio::task::spawn_blocking(move || lock(&path)).await;
            let locked = locked.map_err(|_| ErrorCode::Internal)?;
            if let Some(file) = found(locked)? {
                return Ok(held.with(file));
            }
            sleep(LOOK_AGAIN).await;
        }
        Err(NotTaken::Busy)
    }

    /// Bytes of an upload that are there.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`], [`ErrorCode::Internal`].
    pub async fn received(&self, id: &FileId) -> Result<u64, ErrorCode> {
        let folder = self.upload(id);
        match fs::metadata(folder.join(ORIGINAL)).await {
            Ok(complete) => Ok(complete.len()),
            Err(_) => found(fs::metadata(folder.join(PARTIAL)).await).map(|partial| partial.len()),
        }
    }

    /// Writes a piece at the end of what is there; gives how many bytes there are then. They are on disk. Whatever breaks
    /// a piece off, what came of it is kept.
    ///
    /// # Errors
    /// [`NotTaken::Elsewhere`] when it is not for byte `at`, [`ErrorCode::TooLarge`] when more comes than was announced,
    /// [`ErrorCode::Interrupted`], [`ErrorCode::Internal`].
    pub async fn append(
        &self,
        held: &Held,
        at: u64,
        size: u64,
        piece: impl Stream<Item = Result<Bytes, ErrorCode>>,
    ) -> Result<u64, NotTaken> {
        if self.received(held.id()).await? != at {
            return Err(NotTaken::Elsewhere);
        }
        if at == size {
            return Ok(at);
        }
        let path = self.upload(held.id()).join(PARTIAL);
        let mut file = found(OpenOptions::new().write(true).open(path).await)?;
        let sought = file.seek(SeekFrom::Start(at)).await;
        sought.map_err(|error| internal(&error))?;
        let taken = write(&mut file, held, size - at, piece).await;
        file.sync_data().await.map_err(|error| internal(&error))?;
        Ok(at + taken?)
    }

    /// Makes a file of an upload whose bytes are all there. Safe to repeat.
    ///
    /// # Errors
    /// [`ErrorCode::Interrupted`] when bytes are missing, [`ErrorCode::Unscanned`] when it has to wait for the scanner,
    /// [`ErrorCode::Internal`]; or it is infected.
    pub async fn complete(&self, held: &Held, announced: Announced) -> Result<Attachment, NotMade> {
        let id = held.id();
        if self.received(id).await? != announced.size {
            return Err(ErrorCode::Interrupted.into());
        }
        let folder = self.upload(id);
        let placed = tokio::task::spawn_blocking(move || place(&folder)).await;
        let placed = placed.map_err(|_| ErrorCode::Internal)?;
        let (sha256, head) = placed.map_err(|error| internal(&error))?;
        if let Some(virus) = self.virus_in(id.as_str()).await? {
            let infected = Infected {
                id: id.clone(),
                name: announced.name,
                size: announced.size,
                sha256,
                virus,
            };
            return Err(self.put_aside(infected).await);
        }
        let (mime, preview) = self.look_at(id.as_str(), &head).await;
        // Whatever it was called, what cannot be played is a file like others.
        let rec = announced.rec.filter(|_| is_played(&mime));
        Ok(Attachment {
            id: id.clone(),
            name: announced.name,
            size: announced.size,
            mime,
            sha256,
            preview,
            rec,
        })
    }

    /// The file of an upload was recorded: nothing is left of the upload.
    pub async fn recorded(&self, held: Held) {
        let path = self.upload(held.id()).join(ANNOUNCED);
        if let Err(error) = fs::remove_file(path).await {
            tracing::warn!(%error, "what was announced of an upload was not removed");
        }
    }

    /// Ends an upload; its bytes are gone.
    ///
    /// # Errors
    /// [`ErrorCode::Internal`].
    pub async fn discard(&self, held: Held) -> Result<(), ErrorCode> {
        let removed = fs::remove_dir_all(self.upload(held.id())).await;
        removed.map_err(|error| internal(&error))
    }

    fn upload(&self, id: &FileId) -> PathBuf {
        self.folder.join(id.as_str())
    }
}

/// Gives how many bytes were taken, at most `room`; on failure those before it are in the file.
async fn write(
    file: &mut File,
    held: &Held,
    room: u64,
    piece: impl Stream<Item = Result<Bytes, ErrorCode>>,
) -> Result<u64, ErrorCode> {
    let mut piece = std::pin::pin!(piece);
    let mut taken = 0;
    loop {
        let next = tokio::select! {
            next = timeout(SILENT_MAX, piece.next()) => next,
            () = held.wanted_elsewhere() => return flushed(file, Err(ErrorCode::Interrupted)).await,
        };
        let bytes = match next {
            Ok(Some(Ok(bytes))) => bytes,
            Ok(None) => return flushed(file, Ok(taken)).await,
            Ok(Some(Err(code))) => return flushed(file, Err(code)).await,
            Err(_) => return flushed(file, Err(ErrorCode::Interrupted)).await,
        };
        if bytes.len() as u64 > room - taken {
            return flushed(file, Err(ErrorCode::TooLarge)).await;
        }
        let written = file.write_all(&bytes).await;
        written.map_err(|error| internal(&error))?;
        taken += bytes.len() as u64;
    }
}

async fn flushed(file: &mut File, what: Result<u64, ErrorCode>) -> Result<u64, ErrorCode> {
    file.flush().await.map_err(|error| internal(&error))?;
    what
}

/// A lock that also holds against other servers on the same folder; `None` when somebody has it.
fn lock(path: &Path) -> io::Result<Option<std::fs::File>> {
    let file = std::fs::File::open(path)?;
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(std::fs::TryLockError::WouldBlock) => Ok(None),
        Err(std::fs::TryLockError::Error(error)) => Err(error),
    }
}

/// Puts the bytes where they stay; gives their SHA-256 and the first of them.
fn place(folder: &Path) -> io::Result<(String, Vec<u8>)> {
    let original = folder.join(ORIGINAL);
    // A server that was killed after the move comes here again.
    if !original.try_exists()? {
        std::fs::rename(folder.join(PARTIAL), &original)?;
        std::fs::File::open(folder)?.sync_all()?;
    }
    let mut file = std::fs::File::open(original)?;
    let mut hash = Sha256::new();
    let mut head = Vec::with_capacity(HEAD_BYTES);
    let mut bytes = vec![0; HASHED_AT_ONCE];
    loop {
        let read = file.read(&mut bytes)?;
        if read == 0 {
            return Ok((hex::encode(hash.finalize()), head));
        }
        hash.update(&bytes[..read]);
        head.extend(bytes[..read].iter().take(HEAD_BYTES - head.len()));
    }
}

fn is_played(mime: &str) -> bool {
    mime.starts_with("audio/") || mime.starts_with("video/")
}

fn found<T>(result: io::Result<T>) -> Result<T, ErrorCode> {
    result.map_err(|error| {
        if error.kind() == io::ErrorKind::NotFound {
            ErrorCode::NotFound
        } else {
            internal(&error)
        }
    })
}

fn internal(error: &io::Error) -> ErrorCode {
    tracing::error!(%error, "an upload could not be read or written");
    ErrorCode::Internal
}
