//! What office programs write, told apart by what is in it: its first bytes are those of any ZIP archive or, in files older
//! than 2007, of any compound file.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;

use zip::ZipArchive;

const WORD: &str = "application/msword";
const EXCEL: &str = "application/vnd.ms-excel";
const POWERPOINT: &str = "application/vnd.ms-powerpoint";
const DOCX: &str = "application/vnd.openxmlformats-officedocument.wordprocessingml.document";
const XLSX: &str = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";
const PPTX: &str = "application/vnd.openxmlformats-officedocument.presentationml.presentation";
const ODT: &str = "application/vnd.oasis.opendocument.text";
const ODS: &str = "application/vnd.oasis.opendocument.spreadsheet";
const ODP: &str = "application/vnd.oasis.opendocument.presentation";
/// Text with a layout, which is known by its first bytes.
pub(super) const RTF: &str = "application/rtf";

/// PKWARE APPNOTE 4.3.7.
const ZIP_MAGIC: &[u8] = b"PK\x03\x04";
/// [MS-CFB] 2.2.
const COMPOUND_MAGIC: &[u8] = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1";
/// Largest file that is looked into, in bytes: a list of its parts takes several times as much memory as it does in the file.
const BYTES_MAX: u64 = 32 * 1_024 * 1_024;

/// Whether a file that begins so is worth looking into.
pub(super) fn may_be(head: &[u8]) -> bool {
    head.starts_with(ZIP_MAGIC) || head.starts_with(COMPOUND_MAGIC)
}

/// Its kind, where it is a text, a table or a presentation without macros.
pub(super) fn kind_of(file: &Path) -> Option<&'static str> {
    let file = File::open(file).ok()?;
    if file.metadata().ok()?.len() > BYTES_MAX {
        return None;
    }
    let mut file = BufReader::new(file);
    if file.fill_buf().ok()?.starts_with(ZIP_MAGIC) {
        in_archive(file)
    } else {
        in_compound(file)
    }
}

fn in_archive(file: BufReader<File>) -> Option<&'static str> {
    let mut archive = ZipArchive::new(file).ok()?;
    // OpenDocument 1.3 part 2, 3.3.
    if let Some(said) = said_in(&mut archive) {
        if archive
            .file_names()
            .flatten()
            .any(|name| name.starts_with("Basic/"))
        {
            return None;
        }
        return [ODT, ODS, ODP].into_iter().find(|kind| *kind == said);
    }
    // ECMA-376 lets the main part have any name; what writes such files has used these alone.
    [
        ("word/document.xml", "word/vbaProject.bin", DOCX),
        ("xl/workbook.xml", "xl/vbaProject.bin", XLSX),
        ("ppt/presentation.xml", "ppt/vbaProject.bin", PPTX),
    ]
    .into_iter()
    .find(|(main, macros, _)| {
        archive.index_for_name(main).is_some() && archive.index_for_name(macros).is_none()
    })
    .map(|(_, _, kind)| kind)
}

fn said_in(archive: &mut ZipArchive<BufReader<File>>) -> Option<String> {
    let mut said = String::new();
    let entry = archive.by_name("mimetype").ok()?;
    entry.take(100).read_to_string(&mut said).ok()?;
    Some(said)
}

fn in_compound(file: BufReader<File>) -> Option<&'static str> {
    let compound = cfb::CompoundFile::open(file).ok()?;
    // [MS-OVBA] 2.2.1: where the macros of a text and of a table are. Those of a presentation are in its one stream.
    if ["/Macros", "/_VBA_PROJECT_CUR"]
        .iter()
        .any(|macros| compound.exists(macros))
    {
        return None;
    }
    [
        ("/WordDocument", WORD),
        ("/Workbook", EXCEL),
        ("/Book", EXCEL),
        ("/PowerPoint Document", POWERPOINT),
    ]
    .into_iter()
    .find(|(main, _)| compound.is_stream(main))
    .map(|(_, kind)| kind)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn archive(entries: &[(&str, &str)]) -> Vec<u8> {
        let mut writer = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
        for (name, text) in entries {
            writer
                .start_file(*name, zip::write::SimpleFileOptions::default())
                .unwrap();
            writer.write_all(text.as_bytes()).unwrap();
        }
        writer.finish().unwrap().into_inner()
    }

    fn compound(stream: &str) -> Vec<u8> {
        let mut file = cfb::CompoundFile::create(std::io::Cursor::new(Vec::new())).unwrap();
        // Longer than what the kind of other files is judged by.
        let mut stream = file.create_stream(stream).unwrap();
        stream.write_all(&[7; 20_000]).unwrap();
        drop(stream);
        file.into_inner().into_inner()
    }

    fn kind(bytes: &[u8]) -> Option<&'static str> {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(bytes).unwrap();
        may_be(bytes).then(|| kind_of(file.path()))?
    }

    #[test]
    fn documents_are_known_by_their_parts_in_any_order() {
        let long = "x".repeat(20_000);
        for (entries, expected) in [
            (&[("a", &*long), ("word/document.xml", "")][..], Some(DOCX)),
            (
                &[("[Content_Types].xml", ""), ("xl/workbook.xml", "")],
                Some(XLSX),
            ),
            (
                &[("ppt/presentation.xml", ""), ("docProps/app.xml", "")],
                Some(PPTX),
            ),
            (&[("mimetype", ODT), ("content.xml", "")], Some(ODT)),
            (&[("mimetype", ODP)], Some(ODP)),
            (&[("mimetype", ODT), ("Basic/script-lc.xml", "")], None),
            (&[("mimetype", "application/epub+zip")], None),
            (
                &[("word/document.xml", ""), ("word/vbaProject.bin", "")],
                None,
            ),
            (&[("photo.jpg", "")], None),
        ] {
            assert_eq!(kind(&archive(entries)), expected, "{:?}", entries[0].0);
        }
        assert_eq!(kind(&compound("/WordDocument")), Some(WORD));
        assert_eq!(kind(&compound("/Workbook")), Some(EXCEL));
        assert_eq!(kind(&compound("/PowerPoint Document")), Some(POWERPOINT));
        assert_eq!(kind(&compound("/Contents")), None);
        let mut file = cfb::CompoundFile::create(std::io::Cursor::new(Vec::new())).unwrap();
        file.create_stream("/WordDocument").unwrap();
        file.create_storage("/Macros").unwrap();
        assert_eq!(kind(&file.into_inner().into_inner()), None);
    }

    #[test]
    fn what_is_cut_off_or_only_begins_like_one_is_none() {
        let whole = archive(&[("word/document.xml", "")]);
        assert_eq!(kind(&whole[..whole.len() - 10]), None);
        assert_eq!(kind(&compound("/WordDocument")[..600]), None);
        for magic in [ZIP_MAGIC, COMPOUND_MAGIC] {
            assert_eq!(kind(magic), None);
        }
        assert_eq!(kind(b"a text"), None);
    }
}
