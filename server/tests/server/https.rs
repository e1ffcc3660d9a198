//! HTTPS by the server itself.

use std::path::Path;

use hyper::{Method, StatusCode};
use server::config::Config;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::rustls::pki_types::CertificateDer;

use crate::door::{At, Door, Https};
use crate::harness::{PATIENCE, Server};

/// A server with a certificate of its own for `localhost`.
async fn start() -> (Server, CertificateDer<'static>) {
    start_with(|_| {}).await
}

/// The same with other settings than usual.
pub(crate) async fn start_with(
    change: impl FnOnce(&mut Config),
) -> (Server, CertificateDer<'static>) {
    let folder = tempfile::tempdir().unwrap();
    let own = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let file = |name: &str, text: String| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    };
    let certificate = file("certificate.pem", own.cert.pem());
    let key = file("key.pem", own.signing_key.serialize_pem());
    let server = Server::start_as(folder, true, |config| {
        config.tls_certificate = certificate;
        config.tls_key = key;
        change(config);
    });
    (server.await, own.cert.der().clone())
}

pub(crate) fn door(server: &Server, certificate: CertificateDer<'static>) -> Door {
    let https = Https {
        at: At::Port(server.address()),
        certificate,
        protocol: "http/1.1",
    };
    Door::behind(
        https,
        format!("https://localhost:{}", server.address().port()),
    )
}

#[tokio::test]
async fn a_server_with_a_certificate_needs_no_proxy() {
    let (server, certificate) = start().await;
    let door = door(&server, certificate);
    let health = door.raw(Method::GET, "/health", &[], Vec::new()).await;
    assert_eq!(health.status, StatusCode::OK);
    assert_eq!(
        health.header("strict-transport-security"),
        "max-age=31536000"
    );
    let body = br#"{"login":"teacher","password":"parta-demo"}"#.to_vec();
    let headers = [
        ("origin", door.origin()),
        ("content-type", "application/json"),
    ];
    let signed_in = door.raw(Method::POST, "/session", &headers, body).await;
    assert!(signed_in.header("set-cookie").contains("Secure"));
    let teacher = door.sign_in("teacher").await;
    let (mut socket, _) = teacher.hello().await;
    let nowhere = serde_json::json!({"r": "nowhere", "after": 0});
    assert!(socket.ask("sync", nowhere).await.is_err());
}

#[tokio::test]
async fn who_comes_in_the_clear_is_sent_to_https_and_told_nothing_else() {
    let (server, _) = start().await;
    let mut stream = TcpStream::connect(server.address()).await.unwrap();
    let request = b"GET /api/v1/start HTTP/1.1\r\nHost: localhost\r\n\r\n";
    stream.write_all(request).await.unwrap();
    let mut answer = String::new();
    let read = tokio::time::timeout(PATIENCE, stream.read_to_string(&mut answer));
    read.await.unwrap().unwrap();
    assert!(answer.starts_with("HTTP/1.1 308 "), "{answer}");
    let port = server.address().port();
    assert!(answer.contains(&format!("\r\nLocation: https://localhost:{port}/\r\n")));
    assert!(answer.ends_with("\r\n\r\n"));
}

#[tokio::test]
async fn a_server_does_not_start_without_the_certificate_it_should_have() {
    let folder = tempfile::tempdir().unwrap();
    let config = Config {
        listen: ([127, 0, 0, 1], 0).into(),
        media_port: 0,
        data: folder.path().to_owned(),
        tls_certificate: Path::new("/nowhere.pem").to_owned(),
        tls_key: Path::new("/nowhere.key").to_owned(),
        ..Config::default()
    };
    let ended = server::run(config, false, std::future::pending(), |_, _| {}).await;
    assert!(ended.unwrap_err().to_string().contains("/nowhere.pem"));
}
