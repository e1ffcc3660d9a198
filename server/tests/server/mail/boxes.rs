//! Mailboxes of a provider: Debian's Dovecot on free ports, with settings, keys and mails of its own. Exim hands it mails by LMTP;
//! everybody in example.test has one mailbox together, and so has parta.test.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use async_imap::{Client, Session};
use futures_util::StreamExt;
use server::mail::settings::{MailSettings, MailTls};
use tokio::net::TcpStream;

use super::post::{Came, free_port};
use crate::harness::PATIENCE;

/// Of everybody.
const PASSWORD: &str = "пароль-ящика";
/// The school's.
const SCHOOL: &str = "reply@parta.test";
/// Of one who gets mails.
const PERSON: &str = "misha@example.test";
/// In which of them answers arrive.
pub(crate) const INBOX: &str = "INBOX";
pub(crate) const REFUSED: &str = "Parta-refused";

/// The mailboxes.
pub(crate) struct Boxes {
    process: Child,
    folder: tempfile::TempDir,
    imap: u16,
    imaps: u16,
    pub(crate) lmtp: u16,
}

impl Boxes {
    /// Answers as soon as this is done.
    pub(crate) async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        for (name, mode) in [("", 0o755), ("mail", 0o777)] {
            let path = folder.path().join(name);
            std::fs::create_dir_all(&path).unwrap();
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        }
        let key = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
        std::fs::write(folder.path().join("cert.pem"), key.cert.pem()).unwrap();
        let secret = folder.path().join("key.pem");
        std::fs::write(&secret, key.signing_key.serialize_pem()).unwrap();
        let (imap, imaps, lmtp) = (free_port(), free_port(), free_port());
        let text = settings_of(folder.path(), imap, imaps, lmtp);
        std::fs::write(folder.path().join("dovecot.conf"), text).unwrap();
        let process = run(folder.path());
        let boxes = Self {
            process,
            folder,
            imap,
            imaps,
            lmtp,
        };
        boxes.answers().await;
        boxes
    }

    /// It is not there any more; its mails are.
    pub(crate) fn stop(&mut self) {
        // Its other processes end with it.
        let conf = self.folder.path().join("dovecot.conf");
        let stop = Command::new("/usr/sbin/dovecot")
            .arg("-c")
            .arg(conf)
            .arg("stop")
            .stderr(Stdio::null())
            .status();
        drop(stop);
        drop(self.process.kill());
        drop(self.process.wait());
    }

    /// It is there again.
    pub(crate) async fn begin_anew(&mut self) {
        self.process = run(self.folder.path());
        self.answers().await;
    }

    async fn answers(&self) {
        for port in [self.imap, self.lmtp] {
            let answering = async {
                while TcpStream::connect(("127.0.0.1", port)).await.is_err() {
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
            };
            let answered = tokio::time::timeout(PATIENCE, answering).await;
            answered.unwrap_or_else(|_| {
                panic!("Dovecot of Debian's dovecot-imapd says:\n{}", self.log())
            });
        }
    }

    /// What Dovecot did.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    /// Settings of a Parta that fetches answers here and sends by a server with this certificate.
    pub(crate) fn set(&self, mail: &mut MailSettings, other: &Path) {
        let own = self.folder.path().join("cert.pem");
        let both = [own.as_path(), other].map(|path| std::fs::read_to_string(path).unwrap());
        let authorities = self.folder.path().join("both.pem");
        std::fs::write(&authorities, both.concat()).unwrap();
        mail.authorities = authorities;
        mail.imap_host = "localhost".to_owned();
        mail.imap_port = self.imaps;
        mail.imap_user = SCHOOL.to_owned();
        mail.imap_password = PASSWORD.to_owned();
        mail.imap_seconds = 1;
    }

    /// The same by the other port, at which TLS begins later and nothing is told by itself.
    pub(crate) fn set_plain(&self, mail: &mut MailSettings) {
        mail.imap_port = self.imap;
        mail.imap_tls = MailTls::Starttls;
        mail.imap_idle = false;
        mail.reply_plus = false;
    }

    async fn open(&self, user: &str) -> Session<TcpStream> {
        let stream = TcpStream::connect(("127.0.0.1", self.imap)).await.unwrap();
        let mut client = Client::new(stream);
        client.read_response().await.unwrap().unwrap();
        match client.login(user, PASSWORD).await {
            Ok(session) => session,
            Err((error, _)) => panic!("{error}: {}", self.log()),
        }
    }

    /// A mail that has come to people, if any has; it is taken out, as by a mail program.
    pub(crate) async fn take(&self) -> Option<Came> {
        let mut session = self.open(PERSON).await;
        session.select(INBOX).await.unwrap();
        let came = fetched(&mut session, "BODY.PEEK[]").await;
        let (uid, bytes, _) = came.into_iter().next()?;
        let gone = format!("UID STORE {uid} +FLAGS.SILENT (\\Deleted)");
        session.run_command_and_check_ok(gone).await.unwrap();
        session.run_command_and_check_ok("EXPUNGE").await.unwrap();
        session.logout().await.unwrap();
        Some(Came { bytes })
    }

    /// Subjects of the mails in a folder of the school's mailbox, with a mark before those that are read.
    pub(crate) async fn subjects(&self, folder: &str) -> Vec<String> {
        let mut session = self.open(SCHOOL).await;
        if session.select(folder).await.is_err() {
            return Vec::new();
        }
        let mails = fetched(&mut session, "FLAGS BODY.PEEK[]").await;
        session.logout().await.unwrap();
        let subject = |(_, bytes, seen): (u32, Vec<u8>, bool)| {
            let mail = mail_parser::MessageParser::default().parse(&bytes).unwrap();
            let mark = if seen { "✓" } else { "" };
            format!("{mark}{}", mail.subject().unwrap_or_default())
        };
        mails.into_iter().map(subject).collect()
    }
}

impl Drop for Boxes {
    fn drop(&mut self) {
        self.stop();
    }
}

async fn fetched(session: &mut Session<TcpStream>, what: &str) -> Vec<(u32, Vec<u8>, bool)> {
    let mut mails = Vec::new();
    let mut told = session
        .uid_fetch("1:*", format!("(UID {what})"))
        .await
        .unwrap();
    while let Some(mail) = told.next().await {
        let mail = mail.unwrap();
        let seen = mail
            .flags()
            .any(|flag| flag == async_imap::types::Flag::Seen);
        if let Some(body) = mail.body() {
            mails.push((mail.uid.unwrap(), body.to_vec(), seen));
        }
    }
    mails
}

fn run(folder: &Path) -> Child {
    Command::new("/usr/sbin/dovecot")
        .arg("-F")
        .arg("-c")
        .arg(folder.join("dovecot.conf"))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("Dovecot of Debian's dovecot-imapd")
}

// For root mails are kept by Debian's user for Exim, for everybody else by themselves.
fn settings_of(folder: &Path, imap: u16, imaps: u16, lmtp: u16) -> String {
    let id = |option: &str| {
        let said = Command::new("id").arg(option).output().unwrap();
        String::from_utf8(said.stdout).unwrap().trim().to_owned()
    };
    let folder = folder.display();
    let (user, rest) = if id("-u") == "0" {
        ("uid=Debian-exim gid=Debian-exim".to_owned(), String::new())
    } else {
        let (user, group) = (id("-un"), id("-gn"));
        let rest = format!(
            "default_internal_user = {user}\ndefault_internal_group = {group}\ndefault_login_user = {user}\n\
             service anvil {{\n  chroot =\n}}\nservice imap-login {{\n  chroot =\n}}\n"
        );
        (format!("uid={user} gid={group}"), rest)
    };
    format!(
        r#"
base_dir = {folder}/run
state_dir = {folder}/state
log_path = {folder}/log
protocols = imap lmtp
listen = 127.0.0.1
ssl = yes
ssl_cert = <{folder}/cert.pem
ssl_key = <{folder}/key.pem
# The person's mail program speaks in the clear on this machine.
disable_plaintext_auth = no
mail_location = maildir:{folder}/mail/%d
first_valid_uid = 1
recipient_delimiter = +
mail_max_userip_connections = 100
passdb {{
  driver = static
  args = password={PASSWORD}
}}
userdb {{
  driver = static
  args = {user} home={folder}/mail allow_all_users=yes
}}
service imap-login {{
  inet_listener imap {{
    port = {imap}
  }}
  inet_listener imaps {{
    port = {imaps}
    ssl = yes
  }}
}}
service lmtp {{
  inet_listener lmtp {{
    address = 127.0.0.1
    port = {lmtp}
  }}
}}
{rest}"#
    )
}
