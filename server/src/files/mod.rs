//! Files' bytes: in `object_store`, under random ids, never under names that people gave.

mod ballots;
pub mod disposition;
mod documents;
mod hold;
mod intake;
pub mod names;
mod office;
pub mod partial;
mod preview;
pub mod quarantine;
mod removal;
pub mod scan;
pub mod sweep;

use std::ops::Range;
use std::path::{Path as FsPath, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use futures_util::{Stream, StreamExt, TryStreamExt};
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{GetOptions, GetRange, ObjectStore, ObjectStoreExt, WriteMultipart};
use protocol::model::Attachment;
use protocol::{ErrorCode, FileId};
use sha2::{Digest, Sha256};
use tokio::sync::Semaphore;

use crate::store::{Infected, new_id};
pub use ballots::KEY_BYTES;
pub use documents::Draughtsman;
use hold::Holds;
pub use intake::{Alone, Intake};
use office::RTF;
use partial::ORIGINAL;
use quarantine::NotMade;
use scan::Scanner;

/// Bytes by which the kind of a file is judged.
const HEAD_BYTES: usize = 8_192;
/// Pictures that are made smaller at the same time; each may take some 200 MB for a moment.
const PREVIEWS_AT_ONCE: usize = 2;

/// The place for files. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Files {
    objects: Arc<dyn ObjectStore>,
    folder: Arc<FsPath>,
    holds: Holds,
    previews: Arc<Semaphore>,
    ballots: ballots::Key,
    scanner: Option<Arc<Scanner>>,
    draughtsman: Option<Draughtsman>,
}

impl Files {
    /// Files in a folder, which is made when missing.
    ///
    /// # Errors
    /// When the folder cannot be made or used.
    pub fn in_folder(folder: &FsPath) -> Result<Self, std::io::Error> {
        std::fs::create_dir_all(folder)?;
        let objects = LocalFileSystem::new_with_prefix(folder)
            .map_err(std::io::Error::other)?
            .with_fsync(true);
        Ok(Self {
            objects: Arc::new(objects),
            folder: Arc::from(folder),
            holds: Holds::default(),
            previews: Arc::new(Semaphore::new(PREVIEWS_AT_ONCE)),
            ballots: ballots::Key::default(),
            scanner: None,
            draughtsman: None,
        })
    }

    /// Nothing is to be had before this scanner has looked at it.
    #[must_use]
    pub fn behind(mut self, scanner: Option<Scanner>) -> Self {
        self.scanner = scanner.map(Arc::new);
        self
    }

    /// Documents have a picture of their first page, drawn so.
    #[must_use]
    pub fn drawn_by(mut self, draughtsman: Option<Draughtsman>) -> Self {
        self.draughtsman = draughtsman;
        self
    }

    /// Keeps a file. It is complete, or not there at all.
    ///
    /// # Errors
    /// [`ErrorCode::Empty`], [`ErrorCode::TooLarge`] above `bytes_max`, what the stream fails with,
    /// [`ErrorCode::Unscanned`], or [`ErrorCode::Internal`] when it cannot be written; or it is infected.
    pub async fn keep(
        &self,
        name: String,
        bytes_max: u64,
        stream: impl Stream<Item = Result<Bytes, ErrorCode>>,
    ) -> Result<Attachment, NotMade> {
        let id = new_id();
        let upload = self
            .objects
            .put_multipart(&original(&id))
            .await
            .map_err(internal)?;
        let mut writer = WriteMultipart::new(upload);
        let taken = match take(&mut writer, bytes_max, stream).await {
            Ok(taken) => taken,
            Err(code) => {
                if let Err(error) = writer.abort().await {
                    tracing::warn!(%error, "an unfinished upload was not removed");
                }
                return Err(code.into());
            }
        };
        writer.finish().await.map_err(internal)?;
        let file = FileId::parse(&*id).map_err(|_| ErrorCode::Internal)?;
        match self.virus_in(&id).await {
            Ok(None) => {}
            Ok(Some(virus)) => {
                let (size, sha256) = (taken.size, taken.sha256);
                let id = file;
                return Err(self
                    .put_aside(Infected {
                        id,
                        name,
                        size,
                        sha256,
                        virus,
                    })
                    .await);
            }
            // Whoever sends in one request has it still, and sends it again.
            Err(code) => {
                if let Err(error) = self.objects.delete(&original(&id)).await {
                    tracing::warn!(%error, "a file that was not looked at was not removed");
                }
                return Err(code.into());
            }
        }
        let (mime, preview) = self.look_at(&id, &taken.head).await;
        Ok(Attachment {
            id: file,
            name,
            size: taken.size,
            mime,
            sha256: taken.sha256,
            preview,
            rec: None,
        })
    }

    /// The bytes of a file, or those in a range of them.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`] when they are not there.
    pub async fn read(
        &self,
        id: &FileId,
        range: Option<Range<u64>>,
    ) -> Result<impl Stream<Item = Result<Bytes, std::io::Error>> + Send + 'static, ErrorCode> {
        self.open(original(id.as_str()), range).await
    }

    /// The bytes of a file's preview.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`] when it has none.
    pub async fn read_preview(
        &self,
        id: &FileId,
    ) -> Result<impl Stream<Item = Result<Bytes, std::io::Error>> + Send + 'static, ErrorCode> {
        self.open(preview_of(id.as_str()), None).await
    }

    async fn open(
        &self,
        path: Path,
        range: Option<Range<u64>>,
    ) -> Result<impl Stream<Item = Result<Bytes, std::io::Error>> + Send + 'static, ErrorCode> {
        let options = GetOptions {
            range: range.map(GetRange::Bounded),
            ..GetOptions::default()
        };
        match self.objects.get_opts(&path, options).await {
            Ok(found) => Ok(found.into_stream().map_err(std::io::Error::other)),
            Err(object_store::Error::NotFound { .. }) => Err(ErrorCode::NotFound),
            Err(error) => Err(internal(error)),
        }
    }

    /// A small square JPEG of a picture's middle, as rooms have it. Nothing is kept.
    ///
    /// # Errors
    /// [`ErrorCode::BadRequest`] when it is no picture that can be read.
    pub async fn square(&self, picture: Bytes) -> Result<Vec<u8>, ErrorCode> {
        if !preview::is_picture(&kind(&picture)) {
            return Err(ErrorCode::BadRequest);
        }
        let permit = self.previews.acquire().await;
        let _permit = permit.map_err(|_| ErrorCode::Internal)?;
        let made = tokio::task::spawn_blocking(move || preview::square(&picture)).await;
        let made = made.map_err(|_| ErrorCode::Internal)?;
        made.map_err(|_| ErrorCode::BadRequest)
    }

    /// What kind of file it is, by its first bytes or what is in it, and a preview if it is a picture or a document.
    async fn look_at(&self, id: &str, head: &[u8]) -> (String, Option<protocol::model::Preview>) {
        let office = self.office_kind(id, head).await;
        let mime = office.map_or_else(|| kind(head), str::to_owned);
        // What has macros looks like a document by its first bytes, and is not drawn.
        let is_document = office.is_some() || matches!(&*mime, "application/pdf" | RTF);
        let preview = self.make_preview(id, &mime, is_document).await;
        (mime, preview)
    }

    fn path_of(&self, id: &str) -> PathBuf {
        self.folder.join(id).join(ORIGINAL)
    }

    // Its parts take memory as those of a picture do.
    async fn office_kind(&self, id: &str, head: &[u8]) -> Option<&'static str> {
        if !office::may_be(head) {
            return None;
        }
        let _permit = self.previews.acquire().await.ok()?;
        let path = self.path_of(id);
        let kind = tokio::task::spawn_blocking(move || office::kind_of(&path)).await;
        kind.inspect_err(|error| tracing::error!(%error, file = id, "not looked into"))
            .ok()?
    }

    // What cannot be read is still a file.
    async fn make_preview(
        &self,
        id: &str,
        mime: &str,
        is_document: bool,
    ) -> Option<protocol::model::Preview> {
        let is_picture = preview::is_picture(mime);
        let draughtsman = self.draughtsman.as_ref();
        let draughtsman = draughtsman.filter(|_| is_document);
        if !is_picture && draughtsman.is_none() {
            return None;
        }
        let found = self.objects.get(&original(id)).await.ok()?;
        let most = if is_picture {
            preview::SOURCE_BYTES_MAX
        } else {
            documents::DOCUMENT_BYTES_MAX
        };
        if found.meta.size > most {
            return None;
        }
        let bytes = match draughtsman {
            Some(draughtsman) => {
                let drawn = draughtsman.draw(self.path_of(id), mime).await;
                let drawn =
                    drawn.inspect_err(|error| tracing::warn!(%error, file = id, "no preview"));
                Bytes::from(drawn.ok()?)
            }
            None => found.bytes().await.ok()?,
        };
        let _permit = self.previews.acquire().await.ok()?;
        let made = tokio::task::spawn_blocking(move || preview::make(&bytes))
            .await
            .ok()?;
        let (jpeg, size) = made
            .inspect_err(|error| tracing::debug!(%error, "no preview"))
            .ok()?;
        self.objects.put(&preview_of(id), jpeg.into()).await.ok()?;
        Some(size)
    }
}

struct Taken {
    size: u64,
    sha256: String,
    head: Vec<u8>,
}

async fn take(
    writer: &mut WriteMultipart,
    bytes_max: u64,
    stream: impl Stream<Item = Result<Bytes, ErrorCode>>,
) -> Result<Taken, ErrorCode> {
    let mut stream = std::pin::pin!(stream);
    let mut size = 0_u64;
    let mut hash = Sha256::new();
    let mut head = Vec::with_capacity(HEAD_BYTES);
    while let Some(bytes) = stream.next().await.transpose()? {
        size += bytes.len() as u64;
        if size > bytes_max {
            return Err(ErrorCode::TooLarge);
        }
        hash.update(&bytes);
        head.extend(bytes.iter().take(HEAD_BYTES - head.len()));
        writer.wait_for_capacity(4).await.map_err(internal)?;
        writer.put(bytes);
    }
    if size == 0 {
        return Err(ErrorCode::Empty);
    }
    Ok(Taken {
        size,
        sha256: hex::encode(hash.finalize()),
        head,
    })
}

// By content alone: what a name or a browser claims is not trusted.
fn kind(head: &[u8]) -> String {
    match infer::get(head) {
        Some(kind) => kind.mime_type().to_owned(),
        None if std::str::from_utf8(head).is_ok_and(|text| !text.contains('\0')) => {
            "text/plain".to_owned()
        }
        None => "application/octet-stream".to_owned(),
    }
}

fn original(id: &str) -> Path {
    Path::from(format!("{id}/original"))
}

fn preview_of(id: &str) -> Path {
    Path::from(format!("{id}/preview"))
}

#[expect(clippy::needless_pass_by_value, reason = "used with map_err")]
fn internal(error: object_store::Error) -> ErrorCode {
    tracing::error!(%error, "files could not be reached");
    ErrorCode::Internal
}
