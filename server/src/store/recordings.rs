//! What a file's record says of a recording.

use protocol::recording::{Recording, RecordingKind};

use super::{StoreError, StoreResult};

/// Levels are digits of this base.
const BASE: u32 = 32;

/// Three columns of `files`.
#[derive(Clone, sqlx::FromRow)]
pub(super) struct RecordedRow {
    recorded: String,
    recorded_ms: i64,
    wave: String,
}

impl RecordedRow {
    pub(super) fn of(recording: Option<&Recording>) -> Self {
        Self {
            recorded: recording.map_or("", |it| name(it.kind)).to_owned(),
            recorded_ms: recording.map_or(0, |it| i64::from(it.ms)),
            wave: recording.map_or_else(String::new, |it| digits(&it.wave)),
        }
    }

    pub(super) fn columns(&self) -> (&str, i64, &str) {
        (&self.recorded, self.recorded_ms, &self.wave)
    }

    pub(super) fn into_recording(self) -> StoreResult<Option<Recording>> {
        let wrong = || StoreError::Inconsistent("files.recorded");
        let kind = match self.recorded.as_str() {
            "" => return Ok(None),
            "voice" => RecordingKind::Voice,
            "video" => RecordingKind::Video,
            _ => return Err(wrong()),
        };
        let levels: Option<Vec<u8>> = self.wave.chars().map(level).collect();
        Ok(Some(Recording {
            kind,
            ms: u32::try_from(self.recorded_ms).map_err(|_| wrong())?,
            wave: levels.ok_or_else(wrong)?,
        }))
    }
}

const fn name(kind: RecordingKind) -> &'static str {
    match kind {
        RecordingKind::Voice => "voice",
        RecordingKind::Video => "video",
    }
}

fn digits(wave: &[u8]) -> String {
    let digit = |level: &u8| char::from_digit(u32::from(*level).min(BASE - 1), BASE);
    wave.iter().filter_map(digit).collect()
}

fn level(digit: char) -> Option<u8> {
    u8::try_from(digit.to_digit(BASE)?).ok()
}
