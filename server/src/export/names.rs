//! Names of files in an archive: safe on every system, and no two the same.

use protocol::limits::FILE_NAME_BYTES_MAX;

use crate::files::names;

/// The folder of the files.
const FOLDER: &str = "files";

/// Where a file is in the archive: with the number of its message and its place on it before its own name, so that two of the
/// same name lie beside each other, also where small and capital letters are the same.
pub(super) fn path(no: i64, place: usize, name: &str) -> String {
    let prefix = format!("{no:06}-{:02} ", place + 1);
    let name = names::within(&names::safe(name), FILE_NAME_BYTES_MAX - prefix.len());
    format!("{FOLDER}/{prefix}{name}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stay_in_the_folder_and_apart() {
        assert_eq!(
            path(7, 0, "Лекция №1 (ё).pdf"),
            "files/000007-01 Лекция №1 (ё).pdf"
        );
        assert_ne!(path(7, 0, "a.txt"), path(7, 1, "a.txt"));
        assert_ne!(path(7, 0, "a.txt"), path(8, 0, "A.TXT"));
        for hostile in [
            "../../etc/passwd",
            "..\\..\\boot.ini",
            "/etc/passwd",
            "a\0b",
            "",
            "..",
        ] {
            let path = path(1, 0, hostile);
            let rest = path.strip_prefix("files/").unwrap();
            assert!(!rest.contains(['/', '\\', '\0']), "{path}");
            assert!(rest.len() > "000001-01 ".len(), "{path}");
        }
    }

    #[test]
    fn long_names_are_short_enough_and_keep_their_kind() {
        let path = path(123_456_789, 19, &format!("{}.pdf", "я".repeat(400)));
        let name = path.strip_prefix("files/").unwrap();
        assert!(name.len() <= FILE_NAME_BYTES_MAX, "{}", name.len());
        assert!(path.ends_with("я.pdf"));
    }
}
