//! The first page of documents, drawn by the program that comes with the product (Debian's poppler-utils and LibreOffice) and
//! by worse ones.

use std::io::{Cursor, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use hyper::{Method, StatusCode};
use serde_json::{Value, json};

use crate::harness::{Person, ROOM, Server, room_named};

/// The program of the repository.
fn program() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../config/document-preview")
}

async fn server(program: PathBuf) -> Server {
    Server::start_as(tempfile::tempdir().unwrap(), true, |config| {
        config.document_preview = program;
    })
    .await
}

/// A PDF (ISO 32000-1, 7.5) of two pages of 300 × 400 points: a red one, and a blue one.
fn pdf() -> Vec<u8> {
    let page = |contents: u8| {
        format!("<</Type/Page/Parent 2 0 R/MediaBox[0 0 300 400]/Contents {contents} 0 R>>")
    };
    let fill = |colour: &str| {
        let text = format!("{colour} rg 0 0 300 400 re f");
        format!("<</Length {}>>stream\n{text}\nendstream", text.len())
    };
    let objects = [
        "<</Type/Catalog/Pages 2 0 R>>".to_owned(),
        "<</Type/Pages/Kids[3 0 R 5 0 R]/Count 2>>".to_owned(),
        page(4),
        fill("1 0 0"),
        page(6),
        fill("0 0 1"),
    ];
    let mut text = "%PDF-1.4\n".to_owned();
    let mut places = Vec::new();
    for (n, object) in (1..).zip(&objects) {
        places.push(format!("{:010} 00000 n \n", text.len()));
        text += &format!("{n} 0 obj\n{object}\nendobj\n");
    }
    let xref = text.len();
    text += &format!("xref\n0 {}\n0000000000 65535 f \n", objects.len() + 1);
    text += &places.concat();
    text += &format!(
        "trailer<</Size {}/Root 1 0 R>>\nstartxref\n{xref}\n%%EOF\n",
        objects.len() + 1
    );
    text.into_bytes()
}

/// A text of OpenDocument 1.3 with this body, whose style `red` has a red ground.
fn odt(body: &str) -> Vec<u8> {
    let urn = |name: &str| format!("urn:oasis:names:tc:opendocument:xmlns:{name}:1.0");
    let namespaces: String = [
        ("office", urn("office")),
        ("style", urn("style")),
        ("text", urn("text")),
        ("draw", urn("drawing")),
        ("fo", urn("xsl-fo-compatible")),
        ("svg", urn("svg-compatible")),
        ("xlink", "http://www.w3.org/1999/xlink".to_owned()),
    ]
    .iter()
    .map(|(name, urn)| format!(" xmlns:{name}=\"{urn}\""))
    .collect();
    let kind = "application/vnd.oasis.opendocument.text";
    let manifest = format!(
        r#"<m:manifest xmlns:m="{}"><m:file-entry m:full-path="/" m:media-type="{kind}"/><m:file-entry m:full-path="content.xml" m:media-type="text/xml"/></m:manifest>"#,
        urn("manifest")
    );
    let content = format!(
        r##"<office:document-content{namespaces} office:version="1.3"><office:automatic-styles><style:style style:name="red" style:family="paragraph"><style:paragraph-properties fo:background-color="#ff0000"/></style:style></office:automatic-styles><office:body><office:text>{body}</office:text></office:body></office:document-content>"##
    );
    archive(&[
        ("mimetype", kind),
        ("META-INF/manifest.xml", &manifest),
        ("content.xml", &content),
    ])
}

/// A text of WordprocessingML (ECMA-376, 17) of one paragraph on a red ground.
fn docx() -> Vec<u8> {
    let office = "http://schemas.openxmlformats.org";
    let kind = "application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml";
    let package = "application/vnd.openxmlformats-package.relationships+xml";
    let types = format!(
        r#"<Types xmlns="{office}/package/2006/content-types"><Default Extension="rels" ContentType="{package}"/><Override PartName="/word/document.xml" ContentType="{kind}"/></Types>"#
    );
    let relationships = format!(
        r#"<Relationships xmlns="{office}/package/2006/relationships"><Relationship Id="r1" Type="{office}/officeDocument/2006/relationships/officeDocument" Target="word/document.xml"/></Relationships>"#
    );
    let document = format!(
        r#"<w:document xmlns:w="{office}/wordprocessingml/2006/main"><w:body><w:p><w:pPr><w:shd w:val="clear" w:color="auto" w:fill="FF0000"/></w:pPr><w:r><w:t>1</w:t></w:r></w:p></w:body></w:document>"#
    );
    archive(&[
        ("[Content_Types].xml", &types),
        ("_rels/.rels", &relationships),
        ("word/document.xml", &document),
    ])
}

fn archive(entries: &[(&str, &str)]) -> Vec<u8> {
    let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (name, text) in entries {
        let plain = zip::write::SimpleFileOptions::default()
            .compression_method(zip::CompressionMethod::Stored);
        writer.start_file(*name, plain).unwrap();
        writer.write_all(text.as_bytes()).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

/// Pixels of the preview that are red.
async fn red_pixels(person: &Person<'_>, file: &Value) -> usize {
    let path = format!("/files/{}/preview", file["id"].as_str().unwrap());
    let answer = person.get(&path).await;
    assert_eq!(answer.status, StatusCode::OK, "{file}");
    let page = image::load_from_memory(&answer.body).unwrap().to_rgb8();
    let red = |[red, green, blue]: [u8; 3]| red > 200 && green < 60 && blue < 60;
    page.pixels().filter(|pixel| red(pixel.0)).count()
}

/// Uploads a file into the room of the demo; what it became.
async fn upload(person: &Person<'_>, bytes: Vec<u8>) -> Value {
    let (_socket, hello) = person.hello().await;
    let (room, _) = room_named(&hello, ROOM);
    let name = [("x-file-name", "1.pdf")];
    let path = format!("/rooms/{room}/files");
    let answer = person.send(Method::POST, &path, &name, bytes).await;
    assert_eq!(answer.status, StatusCode::OK);
    answer.json()
}

#[tokio::test]
async fn the_first_page_of_a_pdf_is_its_preview_for_those_who_may_have_the_file() {
    let server = server(program()).await;
    let teacher = server.sign_in("teacher").await;
    let file = upload(&teacher, pdf()).await;
    assert_eq!(file["mime"], "application/pdf");
    // As large as a picture is made, and as high as wide.
    assert_eq!(file["preview"], json!({"w": 960, "h": 1_280}));
    let path = format!("/files/{}/preview", file["id"].as_str().unwrap());
    let answer = teacher.get(&path).await;
    assert_eq!(answer.header("content-type"), "image/jpeg");
    let page = image::load_from_memory(&answer.body).unwrap().to_rgb8();
    let [red, _, blue] = page.get_pixel(480, 640).0;
    assert!(red > 200 && blue < 60, "the first page, and not the second");
    let stranger = server.sign_in("student1").await;
    assert_eq!(stranger.get(&path).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn the_first_page_of_a_text_is_its_preview_and_shows_nothing_of_the_servers_other_files() {
    let server = server(program()).await;
    let teacher = server.sign_in("teacher").await;
    let file = upload(&teacher, odt(r#"<text:p text:style-name="red">1</text:p>"#)).await;
    assert_eq!(file["mime"], "application/vnd.oasis.opendocument.text");
    assert!(red_pixels(&teacher, &file).await > 1_000);

    // What reads such a file also opens others that it names.
    let folder = tempfile::tempdir().unwrap();
    let secret = folder.path().join("secret.png");
    let picture = image::RgbImage::from_pixel(50, 50, image::Rgb([255, 0, 0]));
    picture.save(&secret).unwrap();
    let link = format!(
        r#"<text:p><draw:frame text:anchor-type="as-char" svg:width="10cm" svg:height="10cm"><draw:image xlink:href="file://{}" xlink:type="simple" xlink:show="embed" xlink:actuate="onLoad"/></draw:frame></text:p>"#,
        secret.display()
    );
    let file = upload(&teacher, odt(&link)).await;
    assert_eq!(red_pixels(&teacher, &file).await, 0);
}

#[tokio::test]
async fn the_first_page_of_what_word_writes_is_its_preview() {
    let server = server(program()).await;
    let teacher = server.sign_in("teacher").await;
    let file = upload(&teacher, docx()).await;
    assert_eq!(
        file["mime"],
        "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
    );
    assert!(red_pixels(&teacher, &file).await > 1_000);
}

#[tokio::test]
async fn what_has_macros_is_not_drawn() {
    let folder = tempfile::tempdir().unwrap();
    let page = folder.path().join("page.png");
    image::RgbImage::new(8, 8).save(&page).unwrap();
    let program = folder.path().join("any");
    std::fs::write(
        &program,
        format!("#!/bin/sh\ncp {} \"$3\"\n", page.display()),
    )
    .unwrap();
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
    let server = server(program).await;
    let teacher = server.sign_in("teacher").await;
    let parts = ["[Content_Types].xml", "_rels/.rels", "word/document.xml"].map(|name| (name, "x"));
    let file = upload(&teacher, archive(&parts)).await;
    assert_eq!(file["preview"], json!({"w": 8, "h": 8}));
    let macros = [&parts[..], &[("word/vbaProject.bin", "x")]].concat();
    let file = upload(&teacher, archive(&macros)).await;
    assert_eq!(file["preview"], Value::Null);
}

#[tokio::test]
async fn a_document_that_cannot_be_drawn_is_a_file_all_the_same() {
    let server = server(program()).await;
    let teacher = server.sign_in("teacher").await;
    let file = upload(&teacher, b"%PDF-1.4\nnothing of the kind".to_vec()).await;
    assert_eq!(
        (&file["mime"], &file["preview"]),
        (&json!("application/pdf"), &Value::Null)
    );
    let text = upload(&teacher, b"no document".to_vec()).await;
    assert_eq!(text["preview"], Value::Null);
}

#[tokio::test]
async fn a_program_that_is_missing_or_draws_rubbish_takes_nothing_away() {
    let folder = tempfile::tempdir().unwrap();
    let own = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        path
    };
    for program in [
        folder.path().join("missing"),
        own("rubbish", "#!/bin/sh\necho rubbish > \"$3\"\n"),
        own("silent", "#!/bin/sh\n"),
        own("failing", "#!/bin/sh\ncp \"$1\" \"$3\"\nexit 1\n"),
    ] {
        let server = server(program.clone()).await;
        let teacher = server.sign_in("teacher").await;
        let file = upload(&teacher, pdf()).await;
        assert_eq!(file["preview"], Value::Null, "{}", program.display());
    }
}
