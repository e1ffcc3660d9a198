//! The one-time link that makes the first administrator.

use std::sync::{Arc, Mutex, PoisonError};

use crate::accounts::{random_token, token_hash};

/// A token that works once, or none. Cheap to clone.
#[derive(Clone, Debug)]
pub struct SetupToken(Arc<Mutex<Option<String>>>);

impl SetupToken {
    /// A fresh random token.
    #[must_use]
    pub fn fresh() -> Self {
        Self(Arc::new(Mutex::new(Some(random_token()))))
    }

    /// None: accounts exist.
    #[must_use]
    pub fn none() -> Self {
        Self(Arc::default())
    }

    /// The token to print, while it is unused.
    #[must_use]
    pub fn reveal(&self) -> Option<String> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Whether this is the token. Hashes are compared, so the time taken tells nothing about it.
    #[must_use]
    pub fn accepts(&self, given: &str) -> bool {
        self.reveal()
            .is_some_and(|token| token_hash(&token) == token_hash(given))
    }

    /// The token has been used.
    pub fn spend(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}
