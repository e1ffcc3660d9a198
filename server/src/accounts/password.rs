//! Argon2id (RFC 9106) behind a semaphore: a class signing in at once must not take all memory and both cores.

use std::sync::Arc;

use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use argon2::{Algorithm, Argon2, Params, Version};
use tokio::sync::Semaphore;

/// Memory per hash, KiB: OWASP's recommended floor for Argon2id.
const MEMORY_KIB: u32 = 19 * 1_024;
/// Passes over the memory.
const PASSES: u32 = 2;

/// Why a password could not be hashed.
#[derive(Debug, thiserror::Error)]
#[error("password hashing: {0}")]
pub struct HashError(String);

/// Hashes and checks passwords, a few at a time. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Hasher {
    permits: Arc<Semaphore>,
    /// What an unknown login is checked against, so that it costs the same.
    decoy: Arc<str>,
}

impl Hasher {
    /// A hasher that does at most `parallel` at once.
    ///
    /// # Errors
    /// When the system gives no random numbers.
    pub fn new(parallel: usize) -> Result<Self, HashError> {
        let decoy = hash_now("a password that nobody has")?;
        Ok(Self {
            permits: Arc::new(Semaphore::new(parallel.max(1))),
            decoy: decoy.into(),
        })
    }

    /// Hashes a password into its PHC string.
    ///
    /// # Errors
    /// When the system gives no random numbers.
    pub async fn hash(&self, password: String) -> Result<String, HashError> {
        // The semaphore is never closed.
        let _permit = self.permits.acquire().await;
        match tokio::task::spawn_blocking(move || hash_now(&password)).await {
            Ok(hash) => hash,
            Err(error) => Err(HashError(error.to_string())),
        }
    }

    /// Whether the password fits the hash. Without a hash it never does, after the same work.
    pub async fn verify(&self, password: String, hash: Option<String>) -> bool {
        let known = hash.is_some();
        let hash = hash.unwrap_or_else(|| self.decoy.to_string());
        let _permit = self.permits.acquire().await;
        let fits = tokio::task::spawn_blocking(move || verify_now(&password, &hash))
            .await
            .unwrap_or(false);
        known && fits
    }
}

fn argon2() -> Result<Argon2<'static>, HashError> {
    let params = Params::new(MEMORY_KIB, PASSES, 1, None).map_err(|e| HashError(e.to_string()))?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

fn hash_now(password: &str) -> Result<String, HashError> {
    let hash = argon2()?
        .hash_password(password.as_bytes())
        .map_err(|e| HashError(e.to_string()))?;
    Ok(hash.to_string())
}

fn verify_now(password: &str, hash: &str) -> bool {
    let Ok(hash) = PasswordHash::new(hash) else {
        return false;
    };
    Argon2::default()
        .verify_password(password.as_bytes(), &hash)
        .is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_the_right_password_fits() {
        let hasher = Hasher::new(1).unwrap();
        let hash = hasher.hash("парта и доска".to_owned()).await.unwrap();
        assert!(hash.starts_with("$argon2id$"));
        assert!(
            hasher
                .verify("парта и доска".to_owned(), Some(hash.clone()))
                .await
        );
        assert!(!hasher.verify("парта и мел".to_owned(), Some(hash)).await);
        assert!(
            !hasher
                .verify("a password that nobody has".to_owned(), None)
                .await
        );
    }
}
