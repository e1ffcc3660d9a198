//! Files that are to go for good.

use std::path::Path;

use protocol::FileId;
use tokio::fs;

use super::Files;
use super::quarantine::places;

impl Files {
    /// Removes the bytes of files that the database does not know any more, with their previews. What cannot be removed now is
    /// swept away later.
    pub async fn remove_all(&self, files: &[FileId]) {
        for file in files {
            remove(&self.folder.join(file.as_str())).await;
        }
    }

    /// The same of files in quarantine; nobody sweeps there.
    pub async fn remove_quarantined(&self, files: &[FileId]) {
        for quarantine in places(&self.folder) {
            for file in files {
                remove(&quarantine.join(file.as_str())).await;
            }
        }
    }
}

async fn remove(folder: &Path) {
    match fs::remove_dir_all(folder).await {
        Ok(()) => {}
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
        Err(error) => {
            tracing::warn!(folder = %folder.display(), %error, "a file's bytes could not be removed")
        }
    }
}
