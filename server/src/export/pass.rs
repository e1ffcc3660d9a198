//! A walk through a room's messages. There are three: for programs, for people, and for the files.

use std::io::Write;

use futures_util::StreamExt;
use protocol::ErrorCode;
use protocol::model::Attachment;
use tokio::runtime::Handle;
use zip::CompressionMethod;
use zip::write::SimpleFileOptions;

use super::{ExportError, Exported, LARGE, MISSING, Order, PAGE, Zip, names};
use crate::files::Files;
use crate::store::{ExportedMessage, Store};
use crate::time::now_ms;

pub(super) struct Pass<'a> {
    pub(super) handle: &'a Handle,
    pub(super) store: &'a Store,
    pub(super) order: &'a Order,
    /// The last message.
    pub(super) upto: i64,
}

impl Pass<'_> {
    /// Reads the messages a page at a time and shows each.
    pub(super) fn each(
        &self,
        details: bool,
        mut show: impl FnMut(ExportedMessage) -> Result<(), ExportError>,
    ) -> Result<(), ExportError> {
        let mut after = 0;
        while after < self.upto {
            self.still_asked()?;
            let upto = after.saturating_add(PAGE).min(self.upto);
            let room = &self.order.room;
            let page = self.store.export_page(room, after, upto, details);
            for message in self.handle.block_on(page)? {
                show(message)?;
            }
            after = upto;
        }
        Ok(())
    }

    // An archive takes minutes, and whoever asks for one may be signed out meanwhile.
    fn still_asked(&self) -> Result<(), ExportError> {
        let Some(session) = &self.order.session else {
            return Ok(());
        };
        let open = self.store.session(session, now_ms());
        match self.handle.block_on(open)? {
            Some(open) if !open.choose => Ok(()),
            _ => Err(ExportError::Over),
        }
    }
}

/// Puts the files of all messages into the archive, as they are: most kinds of files are compressed already.
pub(super) fn files<W: Write>(
    zip: &mut Zip<W>,
    files: &Files,
    pass: &Pass<'_>,
) -> Result<Exported, ExportError> {
    let mut done = Exported::default();
    let mut missing = String::new();
    pass.each(false, |ExportedMessage { message, .. }| {
        for (place, file) in message.att.iter().enumerate() {
            let path = names::path(message.no, place, &file.name);
            pass.still_asked()?;
            if put(zip, files, pass.handle, &path, file)? {
                done.files += 1;
                done.bytes += file.size;
            } else {
                tracing::error!(file = %file.id, "a file's bytes are lost: it is not in the export");
                done.missing += 1;
                missing.push_str(&path);
                missing.push_str("\r\n");
            }
        }
        Ok(())
    })?;
    if !missing.is_empty() {
        zip.start_file(MISSING, SimpleFileOptions::default())?;
        zip.write_all(missing.as_bytes())?;
    }
    Ok(done)
}

/// Whether its bytes are there.
fn put<W: Write>(
    zip: &mut Zip<W>,
    files: &Files,
    handle: &Handle,
    path: &str,
    file: &Attachment,
) -> Result<bool, ExportError> {
    let stream = match handle.block_on(files.read(&file.id, None)) {
        Ok(stream) => stream,
        Err(ErrorCode::NotFound) => return Ok(false),
        Err(code) => return Err(ExportError::File(code)),
    };
    let options = SimpleFileOptions::default()
        .compression_method(CompressionMethod::Stored)
        .large_file(file.size >= LARGE);
    zip.start_file(path, options)?;
    let mut stream = std::pin::pin!(stream);
    while let Some(bytes) = handle.block_on(stream.next()) {
        zip.write_all(&bytes?)?;
    }
    Ok(true)
}
