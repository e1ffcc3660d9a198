//! The names under which people vote in anonymous polls. The key that makes them lies beside the files and never in the
//! database: who has a copy of the database alone cannot tell whose a vote is. All servers of a school have the same files.

use std::fmt;
use std::sync::Arc;

use hmac::{Hmac, KeyInit, Mac};
use object_store::path::Path;
use object_store::{ObjectStoreExt, PutMode};
use protocol::{ErrorCode, MessageId, UserId};
use rand::RngExt;
use sha2::Sha256;
use tokio::sync::OnceCell;

use super::{Files, internal};

/// No file's id has a dot, so that the sweep of files leaves it alone.
const PLACE: &str = "keys.d/ballots";
/// Bytes of a key.
pub const KEY_BYTES: usize = 32;

/// The key, once it was needed.
#[derive(Clone, Default)]
pub(super) struct Key(Arc<OnceCell<[u8; KEY_BYTES]>>);

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key")
    }
}

impl Files {
    /// What stands for a person in an anonymous poll: always the same there, and another one in every other poll
    /// (HMAC-SHA-256, RFC 2104, in hexadecimal).
    ///
    /// # Errors
    /// [`ErrorCode::Internal`] when the key can neither be read nor made.
    pub async fn ballot(&self, poll: &MessageId, person: &UserId) -> Result<String, ErrorCode> {
        let key = self
            .ballots
            .0
            .get_or_try_init(|| self.kept_key(PLACE))
            .await?;
        let mut mac = Hmac::<Sha256>::new_from_slice(key).map_err(|_| ErrorCode::Internal)?;
        // No id has a space.
        mac.update(format!("{poll} {person}").as_bytes());
        Ok(hex::encode(mac.finalize().into_bytes()))
    }

    /// A key that lies beside the files, made when it is first needed. Of several servers that make it at once one is the first,
    /// and all read what that one has written. `place` has a dot.
    ///
    /// # Errors
    /// [`ErrorCode::Internal`] when it can neither be read nor made.
    pub async fn kept_key(&self, place: &str) -> Result<[u8; KEY_BYTES], ErrorCode> {
        let name = place;
        let place = Path::from(place);
        let mut fresh = [0_u8; KEY_BYTES];
        rand::rng().fill(&mut fresh);
        let made = self
            .objects
            .put_opts(&place, fresh.to_vec().into(), PutMode::Create.into())
            .await;
        match made {
            Ok(_) => return Ok(fresh),
            Err(object_store::Error::AlreadyExists { .. }) => {}
            Err(error) => return Err(internal(error)),
        }
        let found = self.objects.get(&place).await.map_err(internal)?;
        let bytes = found.bytes().await.map_err(internal)?;
        bytes.as_ref().try_into().map_err(|_| {
            tracing::error!(key = name, "a key has another length");
            ErrorCode::Internal
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_person_has_one_name_in_a_poll_on_all_servers_and_another_in_the_next() {
        let folder = tempfile::tempdir().unwrap();
        let [one, other] = [(); 2].map(|()| Files::in_folder(folder.path()).unwrap());
        let [m1, m2] = ["M1", "M2"].map(|id| MessageId::parse(id).unwrap());
        let [u1, u2] = ["U1", "U2"].map(|id| UserId::parse(id).unwrap());
        let (first, again) = tokio::join!(one.ballot(&m1, &u1), other.ballot(&m1, &u1));
        let first = first.unwrap();
        assert_eq!(again.unwrap(), first);
        assert_eq!(first.len(), 2 * KEY_BYTES);
        for (poll, person) in [(&m1, &u2), (&m2, &u1)] {
            assert_ne!(one.ballot(poll, person).await.unwrap(), first);
        }
        // Another school has another key.
        let elsewhere = tempfile::tempdir().unwrap();
        let elsewhere = Files::in_folder(elsewhere.path()).unwrap();
        assert_ne!(elsewhere.ballot(&m1, &u1).await.unwrap(), first);
    }
}
