//! The first page of a document, drawn by a program that the settings name: what reads such files is large and has faults, so
//! it is none of ours, runs in a process of its own and can be shut in.

use std::io;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::AsyncReadExt;
use tokio::process::Command;
use tokio::sync::Semaphore;
use tokio::time::timeout;

use super::preview::SOURCE_BYTES_MAX;

/// Whoever sent the document waits for the picture, and no longer than this.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long it waits for its turn. When there are many, they go without.
const TURN_WITHIN: Duration = Duration::from_secs(10);
/// Documents that are drawn at the same time.
const AT_ONCE: usize = 2;
/// Largest document of which a page is drawn, in bytes.
pub(super) const DOCUMENT_BYTES_MAX: u64 = 100 * 1_024 * 1_024;
/// So much of what it says when it fails stands in the log, in bytes.
const REASON_BYTES_MAX: u64 = 500;
/// Of the server's own environment the program gets this.
const PASSED_ON: &str = "PATH";

/// Why there is no picture.
#[derive(Debug, thiserror::Error)]
pub(super) enum NotDrawn {
    #[error("the program of `document_preview` cannot be run: {0}")]
    Program(#[from] io::Error),
    #[error("the program of `document_preview` ended with {0}: {1}")]
    Failed(std::process::ExitStatus, String),
    #[error("the program of `document_preview` was not ready after {} s", PATIENCE.as_secs())]
    Late,
    #[error("too many documents come at once")]
    Busy,
    #[error("the program of `document_preview` made a picture of {0} bytes")]
    TooLarge(u64),
}

/// Draws documents. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Draughtsman {
    program: PathBuf,
    turns: Arc<Semaphore>,
}

impl Draughtsman {
    /// With this program, which is called with a document's path, its kind (MIME) and where it is to put a PNG or JPEG of the
    /// first page, in an empty folder that is removed afterwards. `None` when the path is empty.
    #[must_use]
    pub fn with(program: &Path) -> Option<Self> {
        (!program.as_os_str().is_empty()).then(|| Self {
            program: program.to_owned(),
            turns: Arc::new(Semaphore::new(AT_ONCE)),
        })
    }

    /// The picture's bytes.
    pub(super) async fn draw(&self, document: PathBuf, mime: &str) -> Result<Vec<u8>, NotDrawn> {
        let turn = timeout(TURN_WITHIN, self.turns.clone().acquire_owned()).await;
        let turn = turn
            .map_err(|_| NotDrawn::Busy)?
            .map_err(|_| NotDrawn::Busy)?;
        let (own, mime) = (self.clone(), mime.to_owned());
        // Whoever waits for it may go away; its turn lasts as long as the program.
        let drawing = tokio::spawn(async move {
            let drawn = own.run(&document, &mime).await;
            drop(turn);
            drawn
        });
        drawing.await.map_err(io::Error::other)?
    }

    async fn run(&self, document: &Path, mime: &str) -> Result<Vec<u8>, NotDrawn> {
        let desk = tempfile::tempdir()?;
        let picture = desk.path().join("page");
        let document = tokio::fs::canonicalize(document).await?;
        let said = desk.path().join("said");
        let mut program = Command::new(&self.program)
            .arg(document)
            .arg(mime)
            .arg(&picture)
            .current_dir(desk.path())
            .env_clear()
            .envs(std::env::var_os(PASSED_ON).map(|value| (PASSED_ON, value)))
            .env("HOME", desk.path())
            .env("TMPDIR", desk.path())
            .env("LANG", "C.UTF-8")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(std::fs::File::create(&said)?)
            .kill_on_drop(true)
            .spawn()?;
        let ended = timeout(PATIENCE, program.wait()).await;
        let ended = ended.map_err(|_| NotDrawn::Late)??;
        if !ended.success() {
            return Err(NotDrawn::Failed(ended, beginning(&said).await));
        }
        let size = tokio::fs::metadata(&picture).await?.len();
        if size > SOURCE_BYTES_MAX {
            return Err(NotDrawn::TooLarge(size));
        }
        Ok(tokio::fs::read(&picture).await?)
    }
}

async fn beginning(file: &Path) -> String {
    let mut bytes = Vec::new();
    if let Ok(file) = tokio::fs::File::open(file).await {
        // Without its words the reason is still the status.
        let _ = file.take(REASON_BYTES_MAX).read_to_end(&mut bytes).await;
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
