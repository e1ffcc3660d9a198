//! A real mail server, Debian's Exim, on a free port: it takes what Parta sends, puts mails to example.test into a Maildir, and
//! hands mails to parta.test to Parta by LMTP. With mailboxes ([`Boxes`]) all of it goes there.

use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use lettre::address::Envelope;
use lettre::{AsyncSmtpTransport, AsyncTransport, Tokio1Executor};
use server::config::Config;
use server::mail::settings::MailTls;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::boxes::Boxes;
use crate::harness::PATIENCE;

/// The user and password that Exim asks for before it takes mails to addresses of others.
const USER: &str = "parta";
const PASSWORD: &str = "пароль почты";

/// The mail server.
pub(crate) struct Post {
    process: Child,
    folder: tempfile::TempDir,
    pub(crate) smtp: u16,
    pub(crate) lmtp: u16,
    boxes: Option<Boxes>,
}

/// A mail that came.
pub(crate) struct Came {
    pub(crate) bytes: Vec<u8>,
}

impl Came {
    pub(crate) fn parsed(&self) -> mail_parser::Message<'_> {
        mail_parser::MessageParser::default()
            .parse(&self.bytes)
            .unwrap()
    }

    pub(crate) fn text(&self) -> String {
        self.parsed().body_text(0).unwrap().replace("\r\n", "\n")
    }

    pub(crate) fn to(&self) -> String {
        let mail = self.parsed();
        mail.to()
            .unwrap()
            .first()
            .unwrap()
            .address()
            .unwrap()
            .to_owned()
    }

    pub(crate) fn reply_to(&self) -> String {
        let mail = self.parsed();
        let to = mail.reply_to().unwrap().first().unwrap();
        to.address().unwrap().to_owned()
    }

    pub(crate) fn header(&self, name: &'static str) -> String {
        self.parsed()
            .header_raw(name)
            .unwrap_or_default()
            .trim()
            .to_owned()
    }

    /// Six digits that stand alone in a line.
    pub(crate) fn code(&self) -> String {
        let text = self.text();
        let mut lines = text.lines().map(str::trim);
        let is_code = |line: &&str| line.len() == 6 && line.bytes().all(|b| b.is_ascii_digit());
        lines.find(is_code).unwrap().to_owned()
    }

    /// What stands behind `mark` in the text.
    pub(crate) fn behind(&self, mark: &str) -> String {
        let text = self.text();
        let (_, rest) = text.split_once(mark).unwrap();
        rest.split_whitespace().next().unwrap().to_owned()
    }
}

pub(super) fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

impl Post {
    /// Answers as soon as this is done.
    pub(crate) async fn start() -> Self {
        Self::start_before(None).await
    }

    /// The same before mailboxes: of people, and of the school.
    pub(crate) async fn with_boxes() -> Self {
        Self::start_before(Some(Boxes::start().await)).await
    }

    async fn start_before(boxes: Option<Boxes>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let smtp = free_port();
        let (lmtp, mailboxes) = match &boxes {
            Some(boxes) => (boxes.lmtp, "parta"),
            None => (free_port(), "maildir"),
        };
        for (name, mode) in [
            ("", 0o755),
            ("mail", 0o777),
            ("log", 0o777),
            ("spool", 0o777),
        ] {
            let path = folder.path().join(name);
            std::fs::create_dir_all(&path).unwrap();
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        }
        let key = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
        std::fs::write(folder.path().join("cert.pem"), key.cert.pem()).unwrap();
        let secret = folder.path().join("key.pem");
        std::fs::write(&secret, key.signing_key.serialize_pem()).unwrap();
        std::fs::set_permissions(&secret, std::fs::Permissions::from_mode(0o644)).unwrap();
        let settings = folder.path().join("exim.conf");
        let text = settings_of(folder.path(), smtp, lmtp, mailboxes);
        std::fs::write(&settings, text).unwrap();
        std::fs::set_permissions(&settings, std::fs::Permissions::from_mode(0o644)).unwrap();
        let process = run(&settings);
        let post = Self {
            process,
            folder,
            smtp,
            lmtp,
            boxes,
        };
        post.answers().await;
        post
    }

    /// It is not there any more; its mails are.
    pub(crate) fn stop(&mut self) {
        drop(self.process.kill());
        drop(self.process.wait());
    }

    /// It is there again.
    pub(crate) async fn begin_anew(&mut self) {
        self.process = run(&self.folder.path().join("exim.conf"));
        self.answers().await;
    }

    async fn answers(&self) {
        tokio::time::timeout(PATIENCE, async {
            while TcpStream::connect(("127.0.0.1", self.smtp)).await.is_err() {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        })
        .await
        .expect("Exim of Debian's exim4-daemon-light answers");
    }

    /// Settings of a Parta that sends by it.
    pub(crate) fn set(&self, config: &mut Config) {
        let mail = &mut config.mail;
        mail.host = "localhost".to_owned();
        mail.port = self.smtp;
        mail.tls = MailTls::Starttls;
        mail.authorities = self.folder.path().join("cert.pem");
        mail.user = USER.to_owned();
        mail.password = PASSWORD.to_owned();
        mail.from = "Школа № 5 <parta@parta.test>".to_owned();
        mail.soon_minutes = 0;
        mail.reply = "reply@parta.test".to_owned();
        mail.reply_bytes_max = 300_000;
        match &self.boxes {
            Some(boxes) => boxes.set(mail, &self.folder.path().join("cert.pem")),
            None => mail.lmtp_listen = format!("127.0.0.1:{}", self.lmtp),
        }
    }

    /// The mailboxes.
    pub(crate) fn boxes(&self) -> &Boxes {
        self.boxes.as_ref().unwrap()
    }

    /// The same, to be stopped.
    pub(crate) fn boxes_mut(&mut self) -> &mut Boxes {
        self.boxes.as_mut().unwrap()
    }

    fn inbox(&self) -> PathBuf {
        self.folder.path().join("mail/new")
    }

    /// The next mail that came, whoever it is for. It is taken out.
    pub(crate) async fn next(&self) -> Came {
        let came = async {
            loop {
                let came = match &self.boxes {
                    Some(boxes) => boxes.take().await,
                    None => self.take(),
                };
                if let Some(came) = came {
                    return came;
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        match tokio::time::timeout(PATIENCE, came).await {
            Ok(came) => came,
            Err(_) => {
                let boxes = self.boxes.as_ref().map(Boxes::log).unwrap_or_default();
                panic!("no mail came; Exim says:\n{}{boxes}", self.log())
            }
        }
    }

    /// One that has come already, if any has.
    pub(crate) fn take(&self) -> Option<Came> {
        let mut names: Vec<PathBuf> = std::fs::read_dir(self.inbox())
            .ok()?
            .map(|entry| entry.unwrap().path())
            .collect();
        names.sort();
        let first = names.first()?;
        let bytes = std::fs::read(first).unwrap();
        std::fs::remove_file(first).unwrap();
        Some(Came { bytes })
    }

    /// What Exim did.
    pub(crate) fn log(&self) -> String {
        let read = |name: &str| {
            std::fs::read_to_string(self.folder.path().join("log").join(name)).unwrap_or_default()
        };
        format!("{}{}", read("mainlog"), read("paniclog"))
    }

    /// Somebody's mail program hands a mail to it, in the clear and without a password: to parta.test it is taken.
    pub(crate) async fn hand_over(&self, from: &str, to: &str, mail: &[u8]) {
        let transport = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous("127.0.0.1")
            .port(self.smtp)
            .build();
        let from = (!from.is_empty()).then(|| from.parse().unwrap());
        let envelope = Envelope::new(from, vec![to.parse().unwrap()]);
        transport.send_raw(&envelope.unwrap(), mail).await.unwrap();
    }
}

impl Drop for Post {
    fn drop(&mut self) {
        self.stop();
    }
}

fn run(settings: &Path) -> Child {
    Command::new("/usr/sbin/exim4")
        .arg("-C")
        .arg(settings)
        .arg("-bdf")
        .arg("-q1s")
        .stdout(Stdio::null())
        .spawn()
        .expect("Exim of Debian's exim4-daemon-light")
}

// For root it delivers as Debian's user for Exim, for everybody else as themselves.
fn settings_of(folder: &Path, smtp: u16, lmtp: u16, mailboxes: &str) -> String {
    let is_root = std::fs::metadata("/proc/self").is_ok_and(|about| {
        use std::os::unix::fs::MetadataExt;
        about.uid() == 0
    });
    let (drop_privilege, user) = if is_root {
        ("false", "user = Debian-exim\n  group = Debian-exim")
    } else {
        ("true", "")
    };
    let folder = folder.display();
    format!(
        r#"
primary_hostname = localhost
spool_directory = {folder}/spool
log_file_path = {folder}/log/%slog
pid_file_path = {folder}/exim.pid
local_interfaces = 127.0.0.1
daemon_smtp_ports = {smtp}
deliver_drop_privilege = {drop_privilege}
acl_smtp_rcpt = rcpt
acl_smtp_data = accept
tls_advertise_hosts = *
tls_certificate = {folder}/cert.pem
tls_privatekey = {folder}/key.pem
keep_environment =
add_environment = PATH=/usr/bin
host_lookup =
rfc1413_hosts =
recipient_unqualified_hosts =
message_size_limit = 50M
bounce_return_message = false
smtp_accept_queue_per_connection = 0

begin acl
rcpt:
  deny domains = example.test
       local_parts = nobody
       message = No such mailbox
  defer domains = example.test
        local_parts = busy
  accept domains = parta.test
  accept authenticated = *
         encrypted = *
  deny message = Sign in first

begin routers
answers:
  driver = accept
  domains = parta.test
  transport = parta
mailboxes:
  driver = accept
  domains = example.test
  transport = {mailboxes}

begin transports
parta:
  driver = smtp
  protocol = lmtp
  hosts = 127.0.0.1
  port = {lmtp}
  allow_localhost
maildir:
  driver = appendfile
  directory = {folder}/mail
  maildir_format
  {user}

begin retry
* * F,1h,1s

begin authenticators
plain:
  driver = plaintext
  public_name = PLAIN
  server_prompts = :
  server_condition = ${{if and {{{{eq{{$auth2}}{{{USER}}}}}{{eq{{$auth3}}{{{PASSWORD}}}}}}}}}
  server_advertise_condition = ${{if def:tls_in_cipher}}
  server_set_id = $auth2
"#
    )
}

/// A mail server's connection to Parta, that says what it likes.
pub(crate) struct Lmtp {
    stream: TcpStream,
    text: String,
}

impl Lmtp {
    /// After the greeting.
    pub(crate) async fn open(port: u16) -> Self {
        let stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
        let mut line = Self {
            stream,
            text: String::new(),
        };
        assert!(line.reply().await.starts_with("220 "));
        line
    }

    /// The same, ready for mails.
    pub(crate) async fn ready(port: u16) -> Self {
        let mut line = Self::open(port).await;
        assert!(line.say("LHLO localhost\r\n").await.contains("250 SIZE"));
        line
    }

    pub(crate) async fn write(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).await.unwrap();
    }

    /// Says something; gives the answer, all its lines.
    pub(crate) async fn say(&mut self, text: &str) -> String {
        self.write(text.as_bytes()).await;
        self.reply().await
    }

    /// The next answer; empty when the line is closed.
    pub(crate) async fn reply(&mut self) -> String {
        let mut reply = String::new();
        loop {
            while let Some((line, rest)) = self.text.split_once("\r\n") {
                let is_last = line.as_bytes().get(3) != Some(&b'-');
                reply += &format!("{line}\n");
                self.text = rest.to_owned();
                if is_last {
                    return reply;
                }
            }
            let mut buffer = [0; 4_096];
            let read = tokio::time::timeout(PATIENCE, self.stream.read(&mut buffer));
            let read = read.await.expect("Parta says something").unwrap_or(0);
            if read == 0 {
                return String::new();
            }
            self.text += std::str::from_utf8(&buffer[..read]).unwrap();
        }
    }

    /// Hands a mail over; gives the answer to it, or to the recipient when that is refused.
    pub(crate) async fn mail(&mut self, from: &str, to: &str, mail: &[u8]) -> String {
        let answer = self.say(&format!("MAIL FROM:<{from}>\r\n")).await;
        assert!(answer.starts_with("250 "), "{answer}");
        let answer = self.say(&format!("RCPT TO:<{to}>\r\n")).await;
        if !answer.starts_with("250 ") {
            self.say("RSET\r\n").await;
            return answer;
        }
        assert!(self.say("DATA\r\n").await.starts_with("354 "));
        self.write(mail).await;
        self.write(b"\r\n.\r\n").await;
        self.reply().await
    }
}
