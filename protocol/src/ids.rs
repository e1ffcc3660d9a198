//! Opaque identifiers. Each is its own type, so that two kinds cannot be swapped by mistake.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize};
use ts_rs::TS;

use crate::limits::ID_BYTES_MAX;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, TS)]
        #[ts(type = "string")]
        pub struct $name(String);

        impl $name {
            /// Accepts 1 to [`ID_BYTES_MAX`] bytes of ASCII letters, digits, `-` and `_`.
            ///
            /// # Errors
            /// Returns the type's name when the text has another form.
            pub fn parse(text: impl Into<String>) -> Result<Self, &'static str> {
                let text = text.into();
                if is_id(&text) { Ok(Self(text)) } else { Err(stringify!($name)) }
            }

            /// The identifier as it stands on the wire.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = String::deserialize(deserializer)?;
                Self::parse(text).map_err(|kind| serde::de::Error::custom(format!("not a {kind}")))
            }
        }
    };
}

id!(
    /// A person with an account.
    UserId
);
id!(
    /// A chat room.
    RoomId
);
id!(
    /// A stored message.
    MessageId
);
id!(
    /// A stored file.
    FileId
);
id!(
    /// A live lesson. A room has at most one at a time; each start makes a new id.
    CallId
);
id!(
    /// A message's name, made once by the client that wrote it (UUIDv7). Unique per sender, so a retry
    /// is recognised.
    ClientId
);
id!(
    /// An address to which a room's messages are sent.
    WebhookId
);
id!(
    /// A device of a room: a camera that publishes, a display that plays.
    DeviceId
);
id!(
    /// The presence of one browser or device in a call. A person with two tabs is two peers.
    PeerId
);

fn is_id(text: &str) -> bool {
    (1..=ID_BYTES_MAX).contains(&text.len())
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_short_plain_ascii() {
        assert!(RoomId::parse("0192f0c3-aaaa_B").is_ok());
        for bad in ["", "a b", "ы", "a/../b", "a\n", &"x".repeat(65)] {
            assert!(RoomId::parse(bad).is_err(), "{bad:?}");
            assert!(serde_json::from_value::<RoomId>(serde_json::json!(bad)).is_err());
        }
    }
}
