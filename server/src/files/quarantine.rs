//! Files in which a virus was found: put aside before anybody can have them, and never served.

use std::path::Path;

use protocol::{ErrorCode, FileId};
use tokio::fs;

use super::Files;
use super::partial::ORIGINAL;
use super::scan::{Verdict, WhileDown};
use crate::store::Infected;

/// Name of the folder beside the files'.
pub(super) const QUARANTINE: &str = "quarantine";

/// Why nobody gets a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NotMade {
    /// It is in quarantine.
    Infected(Infected),
    /// Anything else. [`ErrorCode::Unscanned`]: it waits for the scanner.
    Failed(ErrorCode),
}

impl From<ErrorCode> for NotMade {
    fn from(code: ErrorCode) -> Self {
        Self::Failed(code)
    }
}

impl Files {
    /// Looks at a file that is complete and that nobody has yet; gives the name of a virus that is in it.
    ///
    /// # Errors
    /// [`ErrorCode::Unscanned`] while the scanner gives no verdict and files are held.
    pub(super) async fn virus_in(&self, id: &str) -> Result<Option<String>, ErrorCode> {
        let Some(scanner) = self.scanner.as_deref() else {
            return Ok(None);
        };
        let path = self.folder.join(id).join(ORIGINAL);
        match (scanner.look(&path).await, scanner.while_down()) {
            (Ok(Verdict::Clean), _) => Ok(None),
            (Ok(Verdict::Found(virus)), _) => Ok(Some(virus)),
            (Err(error), WhileDown::Hold) => {
                tracing::error!(file = %id, %error, "a file waits for the scanner");
                Err(ErrorCode::Unscanned)
            }
            (Err(error), WhileDown::Pass) => {
                tracing::error!(file = %id, %error, "a file went through without a look for viruses");
                Ok(None)
            }
        }
    }

    /// Puts a file where nobody gets it.
    pub(super) async fn put_aside(&self, infected: Infected) -> NotMade {
        let id = &infected.id;
        tracing::warn!(file = %id, virus = infected.virus, "a file goes into quarantine");
        match move_aside(&self.folder, id).await {
            Ok(()) => NotMade::Infected(infected),
            Err(error) => {
                tracing::error!(file = %id, %error, "an infected file could not be put aside");
                NotMade::Failed(ErrorCode::Internal)
            }
        }
    }
}

async fn move_aside(files: &Path, id: &FileId) -> std::io::Result<()> {
    let quarantine = files.with_file_name(QUARANTINE);
    fs::create_dir_all(&quarantine).await?;
    fs::rename(files.join(id.as_str()), quarantine.join(id.as_str())).await
}
