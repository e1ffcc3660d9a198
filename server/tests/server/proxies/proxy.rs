//! nginx and HAProxy, Debian's, in the foreground, with the samples of `config/reverse-proxy`.

use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use http_body_util::Empty;
use hyper::Request;
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::net::UnixStream;

use crate::door::{Answer, At, Door, Https, PROTOCOLS};
use crate::harness::PATIENCE;

/// The address in the samples.
pub(crate) const ORIGIN: &str = "https://parta.example.ru";
const HOST: &str = "parta.example.ru";
pub(crate) const KINDS: [Kind; 2] = [Kind::Nginx, Kind::Haproxy];

#[derive(Clone, Copy, Debug)]
pub(crate) enum Kind {
    Nginx,
    Haproxy,
}

/// It listens on sockets in its own folder, so that no port has to be found.
pub(crate) struct Proxy {
    kind: Kind,
    doors: [Door; 2],
    folder: tempfile::TempDir,
    child: Child,
}

impl Proxy {
    pub(crate) async fn start(kind: Kind, servers: &[SocketAddr]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let own = rcgen::generate_simple_self_signed([HOST.to_owned()]).unwrap();
        let (certificate, key) = (own.cert.pem(), own.signing_key.serialize_pem());
        let path = folder.path();
        std::fs::write(path.join("key"), &key).unwrap();
        std::fs::write(path.join("certificate"), certificate + &key).unwrap();
        for (name, text) in kind.files(path, servers) {
            std::fs::write(path.join(name), text).unwrap();
        }
        let doors = PROTOCOLS.map(|protocol| {
            let https = Https {
                at: At::Socket(path.join("https")),
                certificate: own.cert.der().clone(),
                protocol,
            };
            Door::behind(https, ORIGIN.to_owned())
        });
        let mut proxy = Self {
            kind,
            doors,
            child: kind.spawn(path),
            folder,
        };
        proxy.listens().await;
        proxy
    }

    /// That of most browsers.
    pub(crate) fn door(&self) -> &Door {
        &self.doors[0]
    }

    /// One for each of [`PROTOCOLS`].
    pub(crate) fn doors(&self) -> &[Door] {
        &self.doors
    }

    /// The answer to somebody who comes without TLS.
    pub(crate) async fn plain(&self, path: &str) -> Answer {
        let wire = UnixStream::connect(self.folder.path().join("http")).await;
        let wire = TokioIo::new(wire.unwrap());
        let (mut sender, connection) = http1::handshake(wire).await.unwrap();
        tokio::spawn(connection);
        let request = Request::get(path).header("host", HOST);
        let request = request.body(Empty::<Bytes>::new()).unwrap();
        Answer::whole(sender.send_request(request).await.unwrap()).await
    }

    /// In the middle of whatever it does.
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        // nginx does not take a place where a dead one listened.
        for name in ["http", "http6", "https", "https6"] {
            let _ = std::fs::remove_file(self.folder.path().join(name));
        }
    }

    pub(crate) async fn start_again(&mut self) {
        self.child = self.kind.spawn(self.folder.path());
        self.listens().await;
    }

    async fn listens(&mut self) {
        let socket = self.folder.path().join("https");
        let listening = async {
            while UnixStream::connect(&socket).await.is_err() {
                let ended = self.child.try_wait().unwrap();
                assert_eq!(ended, None, "{:?}: {}", self.kind, self.log());
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(PATIENCE, listening).await.unwrap();
    }

    /// What it complained of.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.kill();
        if std::thread::panicking() {
            eprintln!("{:?} said: {}", self.kind, self.log());
        }
    }
}

impl Kind {
    pub(crate) fn sample(self) -> String {
        let name = match self {
            Self::Nginx => "nginx.conf",
            Self::Haproxy => "haproxy.cfg",
        };
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../config/reverse-proxy");
        std::fs::read_to_string(folder.join(name)).unwrap()
    }

    // The sample, and what Debian's own configuration has around it, for a folder.
    fn files(self, folder: &Path, servers: &[SocketAddr]) -> [(&'static str, String); 2] {
        let folder = folder.display();
        let (around, places) = match self {
            Self::Nginx => nginx(&folder.to_string(), servers),
            Self::Haproxy => haproxy(&folder.to_string(), servers),
        };
        let sample = places.into_iter().fold(self.sample(), |text, (from, to)| {
            assert_eq!(text.matches(from).count(), 1, "{from} in the sample");
            text.replace(from, &to)
        });
        [("main", around), ("parta", sample)]
    }

    fn spawn(self, folder: &Path) -> Child {
        let (program, arguments): (_, &[&str]) = match self {
            // Debian keeps it where only root looks.
            Self::Nginx => (
                "/usr/sbin/nginx",
                &["-e", "stderr", "-p", ".", "-c", "main"],
            ),
            Self::Haproxy => ("/usr/sbin/haproxy", &["-db", "-f", "main", "-f", "parta"]),
        };
        let log = std::fs::File::create(folder.join("log")).unwrap();
        Command::new(program)
            .args(arguments)
            .current_dir(folder)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap_or_else(|error| panic!("{program}: {error}; run the tests with `make test`"))
    }
}

/// Text of a sample, and what stands there instead in a test: nothing changes but where things are.
type Places = Vec<(&'static str, String)>;

fn nginx(folder: &str, servers: &[SocketAddr]) -> (String, Places) {
    let temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .map(|what| format!("{what}_temp_path {folder}/{what}; "));
    let around = format!(
        "daemon off; master_process off; pid {folder}/pid; error_log stderr warn;\n\
         events {{ worker_connections 256; }}\n\
         http {{ access_log off; {} include {folder}/parta; }}\n",
        temporary.concat()
    );
    let servers = servers.iter().map(|server| format!("server {server}; "));
    let listen = |name: &str| format!("listen unix:{folder}/{name}");
    let places = vec![
        ("server 127.0.0.1:8080;", servers.collect()),
        ("listen 80", listen("http")),
        ("listen [::]:80", listen("http6")),
        ("listen 443", listen("https")),
        ("listen [::]:443", listen("https6")),
        (
            "/etc/letsencrypt/live/parta.example.ru/fullchain.pem",
            format!("{folder}/certificate"),
        ),
        (
            "/etc/letsencrypt/live/parta.example.ru/privkey.pem",
            format!("{folder}/key"),
        ),
    ];
    (around, places)
}

fn haproxy(folder: &str, servers: &[SocketAddr]) -> (String, Places) {
    let servers = servers
        .iter()
        .enumerate()
        .map(|(k, server)| format!("server parta{} {server}\n    ", k + 1));
    let places = vec![
        ("server parta1 127.0.0.1:8080", servers.collect()),
        (":::80 v4v6", format!("unix@{folder}/http")),
        (":::443 v4v6", format!("unix@{folder}/https")),
        ("/etc/haproxy/parta.pem", format!("{folder}/certificate")),
    ];
    ("global\n    maxconn 256\n".to_owned(), places)
}
