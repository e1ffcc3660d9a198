//! What a password that somebody chose must be (NIST SP 800-63B §5.1.1.2): long enough, and not one that is tried first.
//! Nothing is asked about capitals, digits and signs.

use std::collections::HashSet;
use std::sync::LazyLock;

use protocol::limits::{PASSWORD_BYTES_MAX, PASSWORD_CHARS_MIN};
use protocol::{ErrorBody, ErrorCode};

/// The 3,000 most common passwords of eight characters or more, as OWASP ASVS asks for; the most common first. From the list
/// of Royce Williams that Django ships.
static COMMON: LazyLock<HashSet<&'static str>> =
    LazyLock::new(|| include_str!("common-passwords.txt").lines().collect());

/// Rows of keys and of letters; whatever is a stretch of one, in either direction, is no password.
const ROWS: [&str; 6] = [
    "01234567890",
    "qwertyuiop[]asdfghjkl;'zxcvbnm,./",
    "йцукенгшщзхъфывапролджэячсмитьбю",
    "abcdefghijklmnopqrstuvwxyz",
    "абвгдеёжзийклмнопрстуфхцчшщъыьэюя",
    "1q2w3e4r5t6y7u8i9o0p",
];

/// Words that the lists of other countries lack.
const WORDS: [&str; 4] = ["пароль", "парта", "школа", "parta"];

/// Whether this can be the password of whoever has this login.
///
/// # Errors
/// [`ErrorCode::BadRequest`] when it is too short or too long, [`ErrorCode::WeakPassword`] when others try it first.
pub fn check(password: &str, login: &str) -> Result<(), ErrorBody> {
    if password.chars().count() < PASSWORD_CHARS_MIN || password.len() > PASSWORD_BYTES_MAX {
        return Err(ErrorBody::from(ErrorCode::BadRequest).with_text("password"));
    }
    if is_weak(&password.to_lowercase(), login) {
        return Err(ErrorCode::WeakPassword.into());
    }
    Ok(())
}

fn is_weak(password: &str, login: &str) -> bool {
    if COMMON.contains(password) {
        return true;
    }
    let signs: HashSet<char> = password.chars().collect();
    if signs.len() <= 2 || ROWS.iter().any(|row| runs_along(password, row)) {
        return true;
    }
    // What stands around a word, mostly a year or an exclamation mark, is tried with it.
    let core = password.trim_matches(|c: char| !c.is_alphabetic());
    let name = login.split('@').next().unwrap_or(login);
    let names = [login, name, name.trim_matches(|c: char| !c.is_alphabetic())];
    names.contains(&password)
        || (!core.is_empty() && (names.contains(&core) || WORDS.contains(&core)))
}

fn runs_along(password: &str, row: &str) -> bool {
    let back: String = row.chars().rev().collect();
    row.contains(password) || back.contains(password)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_everybody_tries_first_is_no_password() {
        for weak in [
            "password",
            "PassWord1",
            "12345678",
            "qwertyui",
            "йцукенгш",
            "ЙЦУКЕНГШ",
            "87654321",
            "11111111",
            "abababab",
            "абвгдеёж",
            "пароль123",
            "Школа2026!",
            "misha.k1",
            "misha.k1!!",
            "misha2015",
            "1q2w3e4r5t",
            "mishamisha",
        ] {
            let login = if weak == "mishamisha" {
                "mishamisha"
            } else {
                "misha.k1"
            };
            let login = if weak == "misha2015" { "misha" } else { login };
            let told = check(weak, login).map_err(|error| error.c);
            assert_eq!(told, Err(ErrorCode::WeakPassword), "{weak}");
        }
        let login = "anna@school.example";
        assert_eq!(
            check("anna@school.example", login).map_err(|error| error.c),
            Err(ErrorCode::WeakPassword)
        );
    }

    #[test]
    fn length_is_all_that_is_asked_for_beyond_that() {
        for good in [
            "четыре синих кита",
            "корабль плывёт",
            "parta-demo",
            "k7m-4wd-h9t",
            "зима близко",
        ] {
            assert_eq!(check(good, "misha"), Ok(()), "{good}");
        }
        assert_eq!(
            check("8374651902", "1204"),
            Ok(()),
            "a login of digits has no word"
        );
        for bad in ["", "короче7", &"я".repeat(129)] {
            let told = check(bad, "misha").map_err(|error| error.c);
            assert_eq!(told, Err(ErrorCode::BadRequest), "{bad}");
        }
        assert_eq!(COMMON.len(), 3_000);
    }
}
