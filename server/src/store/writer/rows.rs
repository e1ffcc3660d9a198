//! One statement for many rows, in the SQL that both databases understand.

use std::sync::Arc;

use sqlx::AssertSqlSafe;

/// Most rows of one statement. SQLite looks up each placeholder's name in a list, so longer statements cost more per
/// row again.
pub(crate) const ROWS_MAX: usize = 32;

/// The statement exists for these numbers of rows only, so that a connection prepares few texts; what is left
/// over is filled with rows of NULLs.
const SIZES: [usize; 6] = [1, 2, 4, 8, 16, ROWS_MAX];

/// A statement with a list of rows in it.
pub(crate) struct Rows {
    texts: [Arc<str>; SIZES.len()],
}

impl Rows {
    /// The statement `before (row), (row), … after`. In `row`, each `?` stands for a value and `#` for the row's
    /// place, from 0.
    pub(crate) fn new(before: &str, row: &str, after: &str) -> Self {
        let texts = SIZES.map(|rows| {
            let mut text = before.to_owned();
            let mut value = 0;
            for place in 0..rows {
                text.push_str(if place == 0 { "(" } else { ", (" });
                for letter in row.chars() {
                    match letter {
                        '?' => {
                            value += 1;
                            text.push_str(&format!("${value}"));
                        }
                        '#' => text.push_str(&place.to_string()),
                        other => text.push(other),
                    }
                }
                text.push(')');
            }
            text.push_str(after);
            Arc::from(text)
        });
        Self { texts }
    }

    /// The text for one row.
    pub(crate) fn one(&self) -> AssertSqlSafe<Arc<str>> {
        AssertSqlSafe(Arc::clone(&self.texts[0]))
    }

    /// The text for these rows, which are at most [`ROWS_MAX`], and the rows with what fills them up.
    pub(crate) fn with<'r, T>(
        &self,
        rows: &'r [T],
    ) -> (AssertSqlSafe<Arc<str>>, impl Iterator<Item = Option<&'r T>>) {
        let size = SIZES.partition_point(|size| *size < rows.len());
        let size = size.min(SIZES.len() - 1);
        let filled = rows
            .iter()
            .map(Some)
            .chain(std::iter::repeat(None))
            .take(SIZES[size]);
        // The text is made of constants alone.
        (AssertSqlSafe(Arc::clone(&self.texts[size])), filled)
    }
}
