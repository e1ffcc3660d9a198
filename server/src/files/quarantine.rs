//! Files in which a virus was found: put aside before anybody can have them, and never served.

use std::path::{Path, PathBuf};

use protocol::{ErrorCode, FileId};
use tokio::fs;

use super::Files;
use super::scan::{Verdict, WhileDown};
use crate::store::Infected;

/// Name of the folder beside the files'.
const QUARANTINE: &str = "quarantine";
/// Name of the folder among the files', where the other one cannot be had: when the files' is a file system of its own. No
/// file has such an id.
const QUARANTINE_WITHIN: &str = ".quarantine";

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
        let path = self.path_of(id);
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

/// Where files in quarantine may lie, for files in this folder.
pub(super) fn places(files: &Path) -> [PathBuf; 2] {
    [
        files.with_file_name(QUARANTINE),
        files.join(QUARANTINE_WITHIN),
    ]
}

async fn move_aside(files: &Path, id: &FileId) -> std::io::Result<()> {
    let [beside, within] = places(files);
    let Err(error) = move_into(&beside, files, id).await else {
        return Ok(());
    };
    tracing::warn!(file = %id, %error, "the file goes into quarantine among the other files");
    move_into(&within, files, id).await
}

async fn move_into(quarantine: &Path, files: &Path, id: &FileId) -> std::io::Result<()> {
    fs::create_dir_all(quarantine).await?;
    fs::rename(files.join(id.as_str()), quarantine.join(id.as_str())).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn where_nothing_can_lie_beside_the_files_the_quarantine_is_among_them() {
        let data = tempfile::tempdir().unwrap();
        let files = data.path().join("files");
        let id = FileId::parse("0198c0de-0000-7000-8000-000000000001").unwrap();
        std::fs::create_dir_all(files.join(id.as_str())).unwrap();
        // As good as another file system: no folder can be made here.
        std::fs::write(data.path().join(QUARANTINE), "").unwrap();
        move_aside(&files, &id).await.unwrap();
        assert!(!files.join(id.as_str()).exists());
        assert!(files.join(QUARANTINE_WITHIN).join(id.as_str()).is_dir());
        assert!(
            FileId::parse(QUARANTINE_WITHIN).is_err(),
            "nobody can ask for it"
        );
    }
}
