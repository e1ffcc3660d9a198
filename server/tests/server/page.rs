//! The web client's files.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::harness::Server;

/// The head and the body of the answer to `GET {path}`.
async fn file(server: &Server, path: &str, accept: &str) -> (String, Vec<u8>) {
    get(server.address(), path, accept).await
}

/// The same of whatever listens there.
pub(crate) async fn get(at: SocketAddr, path: &str, accept: &str) -> (String, Vec<u8>) {
    let mut stream = TcpStream::connect(at).await.unwrap();
    let request = format!(
        "GET {path} HTTP/1.1\r\nHost: x\r\nAccept-Encoding: {accept}\r\nConnection: close\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    let end = answer
        .windows(4)
        .position(|four| four == b"\r\n\r\n")
        .unwrap();
    let body = answer.split_off(end + 4);
    (String::from_utf8(answer).unwrap(), body)
}

#[tokio::test]
async fn the_page_and_its_scripts_come_in_the_smallest_form_that_the_browser_takes() {
    let server = Server::start_empty().await;
    let built = Path::new(env!("CARGO_MANIFEST_DIR")).join("../client-web/build");
    let scripts = std::fs::read_dir(built.join("_app/immutable/chunks"));
    let scripts = scripts
        .expect("the client; run `make client`")
        .map(Result::unwrap);
    let scripts = scripts.filter(|one| one.path().extension() == Some("js".as_ref()));
    let largest = scripts
        .max_by_key(|one| one.metadata().unwrap().len())
        .unwrap();
    let script = format!("/_app/immutable/chunks/{}", largest.file_name().display());
    for (path, name, keep) in [
        ("/", "index.html", "no-cache"),
        ("/room/R1", "index.html", "no-cache"),
        (
            script.as_str(),
            &script[1..],
            "public, max-age=31536000, immutable",
        ),
    ] {
        let mut sizes = Vec::new();
        for (accept, coding, end) in [
            ("gzip, deflate, br, zstd", Some("br"), ".br"),
            ("br;q=0, gzip", Some("gzip"), ".gz"),
            ("identity", None, ""),
        ] {
            let (head, body) = file(&server, path, accept).await;
            let has = |line: &str| head.lines().any(|one| one.eq_ignore_ascii_case(line));
            assert!(head.starts_with("HTTP/1.1 200"), "{path}: {head}");
            assert!(has("vary: accept-encoding"), "{path}: {head}");
            assert!(has(&format!("cache-control: {keep}")), "{path}: {head}");
            let told = coding.map(|coding| format!("content-encoding: {coding}"));
            match told {
                Some(told) => assert!(has(&told), "{path}: {head}"),
                None => assert!(
                    !head.to_lowercase().contains("content-encoding"),
                    "{path}: {head}"
                ),
            }
            let kind = if name.ends_with(".js") {
                "text/javascript"
            } else {
                "text/html"
            };
            assert!(has(&format!("content-type: {kind}")), "{path}: {head}");
            assert_eq!(
                body,
                std::fs::read(built.join(format!("{name}{end}"))).unwrap()
            );
            sizes.push(body.len());
        }
        assert!(sizes.is_sorted(), "{path}: {sizes:?}");
    }
    let (head, _) = file(&server, &format!("{script}.br"), "identity").await;
    assert!(head.starts_with("HTTP/1.1 404"), "{head}");
}

#[tokio::test]
async fn a_part_of_another_version_is_not_there_and_is_not_the_page() {
    let server = Server::start_empty().await;
    for path in ["/_app/immutable/chunks/gone.js", "/_app/", "/_app/x"] {
        let (head, body) = file(&server, path, "br").await;
        assert!(head.starts_with("HTTP/1.1 404"), "{path}: {head}");
        assert!(body.is_empty());
    }
}

/// The directives of an answer's only policy, by name.
fn policy(head: &str) -> BTreeMap<String, Vec<String>> {
    let lines: Vec<&str> = head
        .lines()
        .filter_map(|line| line.strip_prefix("content-security-policy: "))
        .collect();
    let [policy] = lines[..] else {
        panic!("one policy: {head}")
    };
    let directives = policy.split(';').map(|one| {
        let mut words = one.split_whitespace().map(str::to_owned);
        (words.next().unwrap(), words.collect())
    });
    let directives: Vec<(String, Vec<String>)> = directives.collect();
    let count = directives.len();
    let by_name = BTreeMap::from_iter(directives);
    assert_eq!(by_name.len(), count, "each once, as the first one counts");
    by_name
}

#[tokio::test]
async fn every_page_runs_its_own_scripts_alone_and_loads_from_no_other_host() {
    let server = Server::start_empty().await;
    let (_, page) = file(&server, "/", "identity").await;
    let page = String::from_utf8(page).unwrap();
    let inline: Vec<&str> = page
        .split("<script>")
        .skip(1)
        .map(|rest| rest.split_once("</script>").unwrap().0)
        .collect();
    let hashes: Vec<String> = inline
        .iter()
        .map(|script| format!("'sha256-{}'", STANDARD.encode(Sha256::digest(script))))
        .collect();
    assert!(!hashes.is_empty() && !page.contains("http-equiv"));
    // Whatever the address, also of what is no file: the page answers for all of them.
    for path in [
        "/",
        "/index.html",
        "/setup",
        "/room/R1",
        "/room/R1?x=%3Cscript%3E",
        "/unknown/../path",
        "/icon.svg",
        "/service-worker.js",
        "/manifest.webmanifest",
    ] {
        for accept in ["identity", "br", "gzip"] {
            let (head, _) = file(&server, path, accept).await;
            assert!(head.starts_with("HTTP/1.1 200"), "{path}: {head}");
            let policy = policy(&head);
            let of = |name: &str| -> Vec<&str> {
                let sources = policy.get(name).unwrap_or_else(|| panic!("{path}: {name}"));
                sources.iter().map(String::as_str).collect()
            };
            let mut scripts = vec!["'self'"];
            scripts.extend(hashes.iter().map(String::as_str));
            assert_eq!(of("script-src"), scripts, "{path}");
            for (name, sources) in [
                ("default-src", &["'self'"][..]),
                ("style-src", &["'self'", "'unsafe-inline'"]),
                ("style-src-elem", &["'self'"]),
                ("style-src-attr", &["'unsafe-inline'"]),
                ("img-src", &["'self'", "blob:", "data:"]),
                ("media-src", &["'self'", "blob:"]),
                ("connect-src", &["'self'"]),
                ("font-src", &["'self'"]),
                ("object-src", &["'none'"]),
                ("base-uri", &["'none'"]),
                ("form-action", &["'self'"]),
                ("frame-ancestors", &["'none'"]),
            ] {
                assert_eq!(of(name), sources, "{path}: {name}");
            }
            assert_eq!(policy.len(), 13, "{path}: {policy:?}");
        }
    }
}
