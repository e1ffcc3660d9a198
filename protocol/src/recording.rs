//! Recordings that were made in the page, to be heard or seen in the conversation at once: what is told of one beside its
//! bytes, so that a page can draw it before any of them has come.

use serde::{Deserialize, Serialize};
use ts_rs::TS;

use crate::limits::{
    RECORDING_MILLIS_MAX, RECORDING_NOTE_BYTES_MAX, VIDEO_NOTE_MILLIS_MAX, WAVE_LEVEL_MAX,
    WAVE_LEVELS_MAX,
};

/// What was recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum RecordingKind {
    /// A voice message.
    Voice,
    /// A short video message.
    Video,
}

/// A recording as its sender's device measured it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(deny_unknown_fields)]
pub struct Recording {
    /// What was recorded.
    pub kind: RecordingKind,
    /// Length in milliseconds, at most [`RECORDING_MILLIS_MAX`], of a video [`VIDEO_NOTE_MILLIS_MAX`].
    pub ms: u32,
    /// How loud it is from beginning to end, in equal steps: at most [`WAVE_LEVELS_MAX`] levels of 0 to
    /// [`WAVE_LEVEL_MAX`]. Of a video it may be empty.
    #[serde(default)]
    #[ts(type = "number[]")]
    pub wave: Vec<u8>,
}

impl Recording {
    /// Reads what a client tells; `None` when it is no recording, or out of its bounds.
    #[must_use]
    pub fn parse(json: &[u8]) -> Option<Self> {
        if json.len() > RECORDING_NOTE_BYTES_MAX {
            return None;
        }
        let told: Self = serde_json::from_slice(json).ok()?;
        told.is_within_bounds().then_some(told)
    }

    fn is_within_bounds(&self) -> bool {
        let millis_max = match self.kind {
            RecordingKind::Voice => RECORDING_MILLIS_MAX,
            RecordingKind::Video => VIDEO_NOTE_MILLIS_MAX,
        };
        (1..=millis_max).contains(&self.ms)
            && self.wave.len() <= WAVE_LEVELS_MAX
            && self.wave.iter().all(|level| *level <= WAVE_LEVEL_MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_out_of_bounds_is_no_recording() {
        let told = |kind: &str, ms: u32, wave: Vec<u8>| {
            let json = serde_json::json!({"kind": kind, "ms": ms, "wave": wave});
            Recording::parse(json.to_string().as_bytes()).is_some()
        };
        assert!(told("voice", 1, vec![]));
        assert!(told(
            "voice",
            RECORDING_MILLIS_MAX,
            vec![31; WAVE_LEVELS_MAX]
        ));
        assert!(told("video", VIDEO_NOTE_MILLIS_MAX, vec![0]));
        assert!(!told("voice", 0, vec![]));
        assert!(!told("voice", RECORDING_MILLIS_MAX + 1, vec![]));
        assert!(!told("video", VIDEO_NOTE_MILLIS_MAX + 1, vec![]));
        assert!(!told("voice", 1, vec![0; WAVE_LEVELS_MAX + 1]));
        assert!(!told("voice", 1, vec![WAVE_LEVEL_MAX + 1]));
        assert!(!told("song", 1, vec![]));
        for wrong in [
            "",
            "null",
            "[]",
            r#"{"kind":"voice"}"#,
            r#"{"kind":"voice","ms":-1}"#,
            r#"{"kind":"voice","ms":1.5}"#,
            r#"{"kind":"voice","ms":1,"wave":[256]}"#,
            r#"{"kind":"voice","ms":1,"by":"x"}"#,
        ] {
            assert_eq!(Recording::parse(wrong.as_bytes()), None, "{wrong}");
        }
        let padded = format!("{}{}", r#"{"kind":"voice","ms":1}"#, " ".repeat(2_000));
        assert_eq!(Recording::parse(padded.as_bytes()), None);
    }
}
