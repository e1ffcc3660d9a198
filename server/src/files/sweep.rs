//! Removing what uploads left behind that ended between the bytes and the database: the server was killed, or the disk
//! was full.

use std::path::Path;
use std::time::{Duration, SystemTime};

use protocol::FileId;
use tokio::fs;

use crate::store::Store;

/// Between two looks.
pub const SWEEP_EVERY: Duration = Duration::from_secs(24 * 60 * 60);
/// What was touched later than this long ago may belong to an upload that is still under way.
pub const LEFT_AFTER: Duration = Duration::from_secs(24 * 60 * 60);
/// Folders that are looked up in the database at once.
const AT_ONCE: usize = 500;

/// Removes folders of `folder` that are older than `left_after` and belong to no file of the database; gives how many.
/// Whatever cannot be read or removed is left for the next time.
///
/// # Errors
/// When the folder cannot be read.
pub async fn sweep(folder: &Path, store: &Store, left_after: Duration) -> std::io::Result<usize> {
    let mut entries = fs::read_dir(folder).await?;
    let (mut old, mut removed) = (Vec::new(), 0);
    while let Some(entry) = entries.next_entry().await? {
        let id = FileId::parse(entry.file_name().to_string_lossy());
        let touched = last_touched(&entry.path()).await;
        let age = touched.and_then(|touched| SystemTime::now().duration_since(touched).ok());
        if let (Ok(id), Some(age)) = (id, age)
            && age >= left_after
        {
            old.push(id);
        }
        if old.len() == AT_ONCE {
            removed += remove_unknown(folder, store, &std::mem::take(&mut old)).await;
        }
    }
    Ok(removed + remove_unknown(folder, store, &old).await)
}

// A folder's own time tells of new names in it only; a file that still grows is younger.
async fn last_touched(folder: &Path) -> Option<SystemTime> {
    let mut last = fs::metadata(folder).await.ok()?.modified().ok()?;
    let mut entries = fs::read_dir(folder).await.ok()?;
    while let Some(entry) = entries.next_entry().await.ok()? {
        last = last.max(entry.metadata().await.ok()?.modified().ok()?);
    }
    Some(last)
}

async fn remove_unknown(folder: &Path, store: &Store, ids: &[FileId]) -> usize {
    let known = match store.known_files(ids).await {
        Ok(known) => known,
        Err(error) => {
            tracing::warn!(%error, "files could not be compared with the database");
            return 0;
        }
    };
    let mut removed = 0;
    for id in ids.iter().filter(|id| !known.contains(id.as_str())) {
        match fs::remove_dir_all(folder.join(id.as_str())).await {
            Ok(()) => removed += 1,
            Err(error) => tracing::warn!(%id, %error, "what an upload left could not be removed"),
        }
    }
    removed
}
