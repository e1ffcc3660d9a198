//! A push service over TLS, and a browser that opens what comes (RFC 8291 §3, from the other side).

use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use aws_lc_rs::aead::{AES_128_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::agreement::{ECDH_P256, PrivateKey, UnparsedPublicKey, agree};
use aws_lc_rs::hkdf::{HKDF_SHA256, KeyType, Salt};
use aws_lc_rs::signature::{self, ECDSA_P256_SHA256_FIXED};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use http_body_util::{BodyExt, Empty};
use hyper::body::{Bytes, Incoming};
use hyper::header::HeaderMap;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::aws_lc_rs as provider;
use tokio_rustls::rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

use crate::harness::PATIENCE;

/// What came.
pub(super) struct Pushed {
    pub(super) path: String,
    pub(super) headers: HeaderMap,
    pub(super) body: Vec<u8>,
}

impl Pushed {
    pub(super) fn header(&self, name: &str) -> &str {
        self.headers[name].to_str().unwrap()
    }

    pub(super) fn head(&self) -> String {
        format!("{} {:?}", self.path, self.headers)
    }
}

pub(super) struct Service {
    port: u16,
    pub(super) certificate: String,
    /// The school's key.
    pub(super) sender: String,
    came: mpsc::UnboundedReceiver<Pushed>,
    taken: Arc<AtomicUsize>,
}

impl Service {
    pub(super) async fn start() -> Self {
        let own = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(own.signing_key.serialize_der()));
        let config = ServerConfig::builder_with_provider(provider::default_provider().into())
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![own.cert.der().clone()], key)
            .unwrap();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (tell, came) = mpsc::unbounded_channel();
        let taken = Arc::new(AtomicUsize::new(0));
        let answers = Answers {
            tell,
            taken: Arc::clone(&taken),
            asked: Arc::default(),
        };
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (acceptor, answers) = (acceptor.clone(), answers.clone());
                tokio::spawn(async move {
                    let stream = acceptor.accept(stream).await.unwrap();
                    let answer = service_fn(|request| answers.answer(request));
                    let http = hyper::server::conn::http1::Builder::new();
                    // Fails when the server is stopped.
                    let _ = http.serve_connection(TokioIo::new(stream), answer).await;
                });
            }
        });
        Self {
            port,
            certificate: own.cert.pem(),
            sender: String::new(),
            came,
            taken,
        }
    }

    pub(super) fn host(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    pub(super) async fn next(&mut self) -> Pushed {
        let next = tokio::time::timeout(PATIENCE, self.came.recv()).await;
        next.expect("nothing was pushed").unwrap()
    }

    /// How many were taken so far.
    pub(super) fn taken(&self) -> usize {
        self.taken.load(Ordering::Acquire)
    }

    /// That the school's key signed it for this service; gives whom to write to.
    pub(super) fn signed_by_the_school(&self, pushed: &Pushed) -> String {
        let word = pushed.header("authorization");
        let (token, key) = word
            .strip_prefix("vapid t=")
            .unwrap()
            .split_once(", k=")
            .unwrap();
        assert_eq!(key, self.sender);
        let (signed, proof) = token.rsplit_once('.').unwrap();
        let key = BASE64.decode(key).unwrap();
        let key = signature::UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, key);
        let proof = BASE64.decode(proof).unwrap();
        key.verify(signed.as_bytes(), &proof).unwrap();
        let claims = BASE64.decode(signed.split_once('.').unwrap().1).unwrap();
        let claims: Value = serde_json::from_slice(&claims).unwrap();
        assert_eq!(claims["aud"], json!(format!("https://{}", self.host())));
        claims["sub"].as_str().unwrap().to_owned()
    }
}

#[derive(Clone)]
struct Answers {
    tell: mpsc::UnboundedSender<Pushed>,
    taken: Arc<AtomicUsize>,
    asked: Arc<Mutex<HashMap<String, usize>>>,
}

impl Answers {
    async fn answer(
        &self,
        request: Request<Incoming>,
    ) -> Result<Response<Empty<Bytes>>, Infallible> {
        let (head, body) = request.into_parts();
        let path = head.uri.path().to_owned();
        let asked = {
            let mut asked = self.asked.lock().unwrap();
            let times = asked.entry(path.clone()).or_default();
            *times += 1;
            *times
        };
        let answer = match path.as_str() {
            "/gone" => Response::builder().status(410),
            "/busy" if asked == 1 => Response::builder().status(429).header("retry-after", "0"),
            _ => {
                self.taken.fetch_add(1, Ordering::AcqRel);
                Response::builder().status(201)
            }
        };
        let body = body.collect().await.unwrap().to_bytes().to_vec();
        let headers = head.headers;
        let pushed = Pushed {
            path,
            headers,
            body,
        };
        self.tell.send(pushed).unwrap();
        Ok(answer.body(Empty::new()).unwrap())
    }
}

pub(super) struct Browser {
    key: PrivateKey,
    auth: [u8; 16],
}

struct Length(usize);

impl KeyType for Length {
    fn len(&self) -> usize {
        self.0
    }
}

impl Browser {
    pub(super) fn new() -> Self {
        let mut auth = [0; 16];
        aws_lc_rs::rand::fill(&mut auth).unwrap();
        let key = PrivateKey::generate(&ECDH_P256).unwrap();
        Self { key, auth }
    }

    fn point(&self) -> Vec<u8> {
        self.key.compute_public_key().unwrap().as_ref().to_vec()
    }

    pub(super) fn subscription(&self, service: &Service, path: &str) -> Value {
        json!({
            "endpoint": format!("https://{}{path}", service.host()),
            "p256dh": BASE64.encode(self.point()),
            "auth": BASE64.encode(self.auth),
        })
    }

    /// Opens the one record of a body (RFC 8188 §2).
    pub(super) fn open(&self, body: &[u8]) -> Value {
        let (salt, rest) = body.split_at(16);
        let size = u32::from_be_bytes(rest[..4].try_into().unwrap());
        let (point, sealed) = rest[5..].split_at(usize::from(rest[4]));
        assert!(u32::try_from(sealed.len()).unwrap() <= size);
        let theirs = UnparsedPublicKey::new(&ECDH_P256, point);
        let (key, nonce) = agree(&self.key, theirs, (), |shared| {
            let info = [&b"WebPush: info\0"[..], &self.point(), point].concat();
            let input = expand::<32>(&self.auth, shared, &info);
            let key = expand::<16>(salt, &input, b"Content-Encoding: aes128gcm\0");
            let nonce = expand::<12>(salt, &input, b"Content-Encoding: nonce\0");
            Ok((key, nonce))
        })
        .unwrap();
        let key = LessSafeKey::new(UnboundKey::new(&AES_128_GCM, &key).unwrap());
        let mut sealed = sealed.to_vec();
        let nonce = Nonce::assume_unique_for_key(nonce);
        let plain = key.open_in_place(nonce, Aad::empty(), &mut sealed).unwrap();
        let (end, plain) = plain.split_last().unwrap();
        assert_eq!(*end, 2);
        serde_json::from_slice(plain).unwrap()
    }
}

fn expand<const N: usize>(salt: &[u8], input: &[u8], info: &[u8]) -> [u8; N] {
    let mut out = [0; N];
    let secret = Salt::new(HKDF_SHA256, salt).extract(input);
    let info = [info];
    secret
        .expand(&info, Length(N))
        .unwrap()
        .fill(&mut out)
        .unwrap();
    out
}
