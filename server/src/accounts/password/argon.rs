//! Argon2id (RFC 9106) in memory that its caller keeps: no hash asks the system for any, whoever signs in.

use argon2::password_hash::phc::{Output, ParamsString, PasswordHash, Salt};
use argon2::{Algorithm, Argon2, Block, Params, Version};

use super::HashError;

/// Memory of a new hash, KiB: OWASP's recommended floor for Argon2id.
const MEMORY_KIB: u32 = 19 * 1_024;
/// Passes of a new hash over its memory.
const PASSES: u32 = 2;
/// Bytes of a new hash.
const OUTPUT_BYTES: usize = 32;
/// Most memory that a stored hash may ask for, KiB. Hashes that were made elsewhere may be dearer than ours.
const MEMORY_KIB_MAX: u32 = 64 * 1_024;
/// Most passes that a stored hash may ask for.
const PASSES_MAX: u32 = 10;
/// Most lanes that a stored hash may ask for.
const LANES_MAX: u32 = 8;

/// A hash that costs as much to check as one of ours, and that no password fits: salt and output are all zero.
pub(super) fn decoy() -> String {
    let (salt, output) = ("A".repeat(22), "A".repeat(43));
    format!("$argon2id$v=19$m={MEMORY_KIB},t={PASSES},p=1${salt}${output}")
}

/// What a hash is computed in: empty until the first one, then as large as one of ours needs.
#[derive(Default)]
pub(super) struct Memory(Vec<Block>);

impl Memory {
    /// Hashes a password into its PHC string.
    pub(super) fn hash(&mut self, password: &str) -> Result<String, HashError> {
        let params =
            Params::new(MEMORY_KIB, PASSES, 1, Some(OUTPUT_BYTES)).map_err(HashError::failed)?;
        let salt = rand::random::<[u8; Salt::RECOMMENDED_LENGTH]>();
        let shown = ParamsString::try_from(&params).map_err(HashError::failed)?;
        let mut out = [0; OUTPUT_BYTES];
        self.fill(
            &Argon2::new(Algorithm::Argon2id, Version::V0x13, params),
            password,
            &salt,
            &mut out,
        )?;
        let hash = PasswordHash {
            algorithm: Algorithm::Argon2id.ident(),
            version: Some(Version::V0x13.into()),
            params: shown,
            salt: Some(Salt::new(&salt).map_err(HashError::failed)?),
            hash: Some(Output::new(&out).map_err(HashError::failed)?),
        };
        Ok(hash.to_string())
    }

    /// Whether the password fits a PHC string, by the parameters in it.
    ///
    /// # Errors
    /// When the string is none of Argon2's, or asks for more than is allowed.
    pub(super) fn verify(&mut self, password: &str, hash: &str) -> Result<bool, HashError> {
        let hash = PasswordHash::new(hash).map_err(HashError::failed)?;
        let (Some(salt), Some(expected)) = (&hash.salt, &hash.hash) else {
            return Err(HashError::failed("no salt or no hash"));
        };
        let params = Params::try_from(&hash).map_err(HashError::failed)?;
        if params.m_cost() > MEMORY_KIB_MAX
            || params.t_cost() > PASSES_MAX
            || params.p_cost() > LANES_MAX
        {
            return Err(HashError::failed("a stored hash asks for too much"));
        }
        let algorithm = Algorithm::try_from(hash.algorithm.as_str()).map_err(HashError::failed)?;
        let version = hash.version.map(Version::try_from).transpose();
        let version = version.map_err(HashError::failed)?.unwrap_or_default();
        let mut buffer = [0; Output::MAX_LENGTH];
        let out = buffer
            .get_mut(..expected.len())
            .ok_or_else(|| HashError::failed("too long a hash"))?;
        self.fill(
            &Argon2::new(algorithm, version, params),
            password,
            salt,
            out,
        )?;
        // `Output` compares in constant time.
        Ok(Output::new(out).map_err(HashError::failed)? == *expected)
    }

    fn fill(
        &mut self,
        argon2: &Argon2<'_>,
        password: &str,
        salt: &[u8],
        out: &mut [u8],
    ) -> Result<(), HashError> {
        let usual = MEMORY_KIB as usize;
        let needed = argon2.params().block_count().max(usual);
        self.0.resize(needed, Block::new());
        let done =
            argon2.hash_password_into_with_memory(password.as_bytes(), salt, out, &mut self.0);
        if needed > usual {
            self.0.truncate(usual);
            self.0.shrink_to_fit();
        }
        done.map_err(HashError::failed)
    }
}

#[cfg(test)]
mod tests {
    use argon2::PasswordHasher;

    use super::*;

    #[test]
    fn others_verify_what_is_hashed_here() {
        use argon2::PasswordVerifier;
        let hash = Memory::default().hash("парта и доска").unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"));
        let theirs = Argon2::default();
        assert!(
            theirs
                .verify_password("парта и доска".as_bytes(), &*hash)
                .is_ok()
        );
        assert!(
            theirs
                .verify_password("парта и мел".as_bytes(), &*hash)
                .is_err()
        );
    }

    #[test]
    fn hashes_with_other_parameters_verify_in_memory_that_was_used_before() {
        // The second is from the reference implementation's tests, the third from an older version of the algorithm.
        let mut memory = Memory::default();
        let dear = Params::new(MEMORY_KIB_MAX, 1, 4, Some(64)).unwrap();
        let dear = Argon2::new(Algorithm::Argon2id, Version::V0x13, dear);
        let old = Params::new(256, 3, 1, None).unwrap();
        let old = Argon2::new(Algorithm::Argon2i, Version::V0x10, old);
        for hash in [
            dear.hash_password(b"password").unwrap().to_string(),
            "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4"
                .to_owned(),
            old.hash_password(b"password").unwrap().to_string(),
            memory.hash("password").unwrap(),
        ] {
            assert_eq!(memory.verify("password", &hash).ok(), Some(true), "{hash}");
            assert_eq!(memory.verify("passwort", &hash).ok(), Some(false), "{hash}");
        }
    }

    #[test]
    fn the_memory_is_the_same_after_every_hash() {
        let mut memory = Memory::default();
        memory.hash("one").unwrap();
        let place = memory.0.as_ptr();
        for password in ["two", "three"] {
            memory.hash(password).unwrap();
            assert_eq!(memory.0.as_ptr(), place);
        }
        let dear = Params::new(MEMORY_KIB_MAX, 1, 1, None).unwrap();
        let dear = Argon2::from(dear)
            .hash_password(b"dear")
            .unwrap()
            .to_string();
        memory.verify("dear", &dear).unwrap();
        assert_eq!(memory.0.capacity(), MEMORY_KIB as usize);
    }

    #[test]
    fn the_decoy_has_the_form_and_cost_of_a_hash() {
        let mut memory = Memory::default();
        let (ours, decoy) = (memory.hash("password").unwrap(), decoy());
        let cost = |hash: &str| Params::try_from(&PasswordHash::new(hash).unwrap()).unwrap();
        assert_eq!(cost(&ours), cost(&decoy));
        assert_eq!(ours.len(), decoy.len());
        assert_eq!(memory.verify("", &decoy).ok(), Some(false));
    }

    #[test]
    fn what_asks_for_too_much_or_is_no_hash_is_an_error() {
        let mut memory = Memory::default();
        let end = "$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4";
        for start in [
            "$argon2id$v=19$m=65537,t=2,p=1",
            "$argon2id$v=19$m=256,t=11,p=1",
            "$argon2id$v=19$m=256,t=2,p=9",
            "$argon2id$v=19$m=4294967295,t=4294967295,p=16777215",
            "$argon2id$v=18$m=256,t=2,p=1",
            "$scrypt$v=19$m=256,t=2,p=1",
            "nonsense",
        ] {
            assert!(
                memory.verify("password", &format!("{start}{end}")).is_err(),
                "{start}"
            );
        }
        for no_hash in [
            "",
            "$argon2id$v=19$m=256,t=2,p=1",
            "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ",
        ] {
            assert!(memory.verify("", no_hash).is_err(), "{no_hash}");
        }
        assert_eq!(memory.0.capacity(), 0, "nothing was computed");
    }
}
