//! The words of a batch's messages, stored with them.

use std::collections::HashMap;
use std::sync::LazyLock;

use super::super::StoreResult;
use super::super::files::AttachmentRow;
use super::super::pool::{Tx, within};
use super::super::search::words_text;
use super::questions::FileRow;
use super::rows::{ROWS_MAX, Rows};
use super::statements::NewRow;
use crate::search::Document;

static WORDS: LazyLock<Rows> = LazyLock::new(|| {
    Rows::new(
        "INSERT INTO search (message_id, words) SELECT column1, CAST(column2 AS search_text) FROM (VALUES ",
        "?, ?",
        ") AS input WHERE column1 IS NOT NULL",
    )
});

/// Writes what these messages are found by.
pub(super) async fn insert_words(
    tx: &mut Tx<'_>,
    messages: &[NewRow<'_>],
    files: &HashMap<String, FileRow>,
) -> StoreResult<()> {
    let words: Vec<(&str, String)> = messages
        .iter()
        .map(|m| {
            let files = m.files.iter().filter_map(|id| files.get(id.as_str()));
            let names = files.map(|file| AttachmentRow::name(&file.attachment));
            let options = m.poll.iter().flat_map(|poll| &poll.options);
            let texts = std::iter::once(m.body).chain(options.map(String::as_str));
            let document = Document::new(m.room, m.by, m.at, texts, names);
            (m.id.as_str(), words_text(tx, &document))
        })
        .collect();
    for chunk in words.chunks(ROWS_MAX) {
        let (text, rows) = WORDS.with(chunk);
        within!(tx, db => {
            let mut query = sqlx::query(text);
            for row in rows {
                query = query.bind(row.map(|(id, _)| *id)).bind(row.map(|(_, words)| words.as_str()));
            }
            query.execute(db).await?;
        });
    }
    Ok(())
}
