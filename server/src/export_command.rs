//! `parta export`: a room's history into a file.

use std::fs::File;
use std::io::BufWriter;
use std::path::Path;

use anyhow::{Context, anyhow, bail};
use protocol::RoomId;
use server::config::Config;
use server::export::{Language, Order, write};
use server::files::Files;
use server::open_store;
use server::time::now_ms;
use tokio::runtime::Handle;

use super::print;

/// Writes it beside the wanted name first, so that what bears that name is whole.
pub(super) async fn to_file(
    config: &Config,
    room: &str,
    to: &Path,
    details: bool,
    language: Language,
) -> anyhow::Result<()> {
    let room = RoomId::parse(room).map_err(|_| anyhow!("{room:?} is no id of a room"))?;
    if to.exists() {
        bail!("{} exists already", to.display());
    }
    let mut unfinished = to.as_os_str().to_owned();
    unfinished.push(".part");
    let store = open_store(config).await?;
    let files = Files::in_folder(&config.data.join("files"))?;
    let order = Order {
        room,
        by: None,
        session: None,
        details,
        language,
        organisation: config.organisation.clone(),
        zone: config.zone(),
        now: now_ms(),
    };
    let out = File::create(&unfinished).with_context(|| unfinished.display().to_string())?;
    let reading = store.clone();
    let written = tokio::task::spawn_blocking(move || {
        let done = write(
            &Handle::current(),
            &reading,
            &files,
            &order,
            BufWriter::new(&out),
        )?;
        out.sync_all()?;
        anyhow::Ok(done)
    })
    .await?;
    store.close().await;
    let done = match written {
        Ok(done) => done,
        Err(error) => {
            std::fs::remove_file(&unfinished)?;
            return Err(error);
        }
    };
    std::fs::rename(&unfinished, to)?;
    print(&format!(
        "{} messages, {} files, {} bytes of files{}",
        done.messages,
        done.files,
        done.bytes,
        if done.missing == 0 {
            String::new()
        } else {
            format!(
                "; {} files are lost, see missing.txt in the archive",
                done.missing
            )
        }
    ));
    Ok(())
}
