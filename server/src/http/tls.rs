//! HTTPS by the server itself: TLS 1.2 and 1.3 with the certificate that the settings name, read again when it changes.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, SystemTime};

use tokio::signal::unix::{SignalKind, signal};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::{CryptoProvider, aws_lc_rs};
use tokio_rustls::rustls::pki_types::pem::{self, PemObject};
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::{ClientHello, ResolvesServerCert, ServerConfig};
use tokio_rustls::rustls::sign::CertifiedKey;

use crate::config::Config;

/// How often the files are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(60);
/// Protocols inside (RFC 7301): pages, and TURN where a client names it (RFC 7443).
const INSIDE: [&[u8]; 2] = [b"http/1.1", b"stun.turn"];

/// Why there is no TLS.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file could not be read as PEM.
    #[error("{0}: {1}")]
    File(PathBuf, pem::Error),
    /// The two do not go together, or the library does not know their kind.
    #[error("certificate and key: {0}")]
    Pair(#[from] tokio_rustls::rustls::Error),
    /// Signals cannot be heard.
    #[error(transparent)]
    Signal(#[from] std::io::Error),
}

/// The server's end of TLS. Cheap to clone.
#[derive(Clone)]
pub struct Https {
    /// Takes connections.
    pub acceptor: TlsAcceptor,
    /// Where those are sent that come in the clear, without a slash at the end.
    pub origin: String,
}

impl fmt::Debug for Https {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Https").finish_non_exhaustive()
    }
}

impl Https {
    /// With the certificate that the settings name, if they name one; it is looked after from then on.
    ///
    /// # Errors
    /// See [`TlsError`].
    pub fn of(config: &Config) -> Result<Option<Self>, TlsError> {
        if !config.speaks_tls() {
            return Ok(None);
        }
        let provider = Arc::new(aws_lc_rs::default_provider());
        let files = Files {
            certificate: config.tls_certificate.clone(),
            key: config.tls_key.clone(),
        };
        let current = Arc::new(Current::read(files, &provider)?);
        let mut tls = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_cert_resolver(Arc::clone(&current) as Arc<dyn ResolvesServerCert>);
        tls.alpn_protocols = INSIDE.map(<[u8]>::to_vec).to_vec();
        // People who come back, all at once perhaps, need no new agreement of keys.
        tls.ticketer = aws_lc_rs::Ticketer::new()?;
        tokio::spawn(look_after(current, provider, signal(SignalKind::hangup())?));
        Ok(Some(Self {
            acceptor: TlsAcceptor::from(Arc::new(tls)),
            origin: config.origins.first().cloned().unwrap_or_default(),
        }))
    }
}

struct Files {
    certificate: PathBuf,
    key: PathBuf,
}

impl Files {
    fn read(&self, provider: &CryptoProvider) -> Result<CertifiedKey, TlsError> {
        let unreadable = |path: &Path| {
            let path = path.to_owned();
            |error| TlsError::File(path, error)
        };
        let chain = CertificateDer::pem_file_iter(&self.certificate)
            .and_then(Iterator::collect::<Result<Vec<_>, _>>)
            .map_err(unreadable(&self.certificate))?;
        let key = PrivateKeyDer::from_pem_file(&self.key).map_err(unreadable(&self.key))?;
        Ok(CertifiedKey::from_der(chain, key, provider)?)
    }

    fn changed(&self) -> [Option<SystemTime>; 2] {
        [&self.certificate, &self.key].map(|path| std::fs::metadata(path).ok()?.modified().ok())
    }
}

/// The certificate in use. Connections keep what they began with.
struct Current {
    files: Files,
    key: RwLock<Arc<CertifiedKey>>,
}

impl fmt::Debug for Current {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Current").finish_non_exhaustive()
    }
}

impl ResolvesServerCert for Current {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let key = self.key.read().unwrap_or_else(PoisonError::into_inner);
        Some(Arc::clone(&key))
    }
}

impl Current {
    fn read(files: Files, provider: &CryptoProvider) -> Result<Self, TlsError> {
        let key = RwLock::new(Arc::new(files.read(provider)?));
        Ok(Self { files, key })
    }

    /// What cannot be read, because it is written just now perhaps, changes nothing.
    fn read_again(&self, provider: &CryptoProvider) {
        match self.files.read(provider) {
            Ok(key) => {
                *self.key.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(key);
                tracing::info!("the certificate was read");
            }
            Err(error) => tracing::warn!(%error, "the certificate in use is kept"),
        }
    }
}

// Ends with the runtime. The files are small, and are read once in months.
async fn look_after(
    current: Arc<Current>,
    provider: Arc<CryptoProvider>,
    mut hangup: tokio::signal::unix::Signal,
) {
    let mut seen = current.files.changed();
    loop {
        let asked = tokio::select! {
            _ = hangup.recv() => true,
            () = tokio::time::sleep(LOOK_EVERY) => false,
        };
        let now = current.files.changed();
        if asked || now != seen {
            seen = now;
            current.read_again(&provider);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(folder: &Path, name: &str) -> CertificateDer<'static> {
        let own = rcgen::generate_simple_self_signed([name.to_owned()]).unwrap();
        std::fs::write(folder.join("certificate.pem"), own.cert.pem()).unwrap();
        std::fs::write(folder.join("key.pem"), own.signing_key.serialize_pem()).unwrap();
        own.cert.der().clone()
    }

    #[test]
    fn a_new_certificate_is_taken_and_a_broken_one_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let files = || Files {
            certificate: folder.path().join("certificate.pem"),
            key: folder.path().join("key.pem"),
        };
        let provider = aws_lc_rs::default_provider();
        assert!(matches!(
            files().read(&provider),
            Err(TlsError::File(path, _)) if path == files().certificate
        ));
        let first = write(folder.path(), "a.example");
        let current = Current::read(files(), &provider).unwrap();
        let used = || current.key.read().unwrap().cert.clone();
        assert_eq!(used(), [first]);

        let second = write(folder.path(), "b.example");
        current.read_again(&provider);
        assert_eq!(used(), std::slice::from_ref(&second));

        // A certificate whose key has not been written yet.
        let key = std::fs::read(files().key).unwrap();
        write(folder.path(), "c.example");
        std::fs::write(files().key, key).unwrap();
        current.read_again(&provider);
        assert_eq!(used(), [second]);
    }
}
