//! The keys of the DTLS handshake, for the part that sends media past the engine.
//!
//! The engine exports no keys, but lets its owner supply the DTLS implementation: this one is the engine's own, and
//! notes the keys that pass through it.

use std::cell::RefCell;
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use str0m::crypto::dtls::{
    DtlsCert, DtlsImplError, DtlsInstance, DtlsOutput, DtlsProvider, DtlsVersion, ProtocolVersion,
    SrtpProfile,
};
use str0m::crypto::{CryptoError, CryptoProvider};

use crate::sfu::egress::srtp::{Keying, Profile};

/// Where one connection's keys appear.
pub type Keys = Arc<OnceLock<Keying>>;

thread_local! {
    /// The keys of the instance made last on this thread: the engine makes it within `build` and says no more of it.
    static MADE: RefCell<Option<Keys>> = const { RefCell::new(None) };
}

/// Lets `provider` note keys.
pub fn listen(provider: &mut CryptoProvider) {
    static LISTENING: OnceLock<Listening> = OnceLock::new();
    let inner = provider.dtls_provider;
    provider.dtls_provider = LISTENING.get_or_init(|| Listening { inner });
}

/// The place of the keys of the connection that was built last on this thread.
pub fn of_last_built() -> Keys {
    MADE.take().unwrap_or_default()
}

#[derive(Debug)]
struct Listening {
    inner: &'static dyn DtlsProvider,
}

impl DtlsProvider for Listening {
    fn generate_certificate(&self) -> Option<DtlsCert> {
        self.inner.generate_certificate()
    }

    fn new_dtls(
        &self,
        certificate: &DtlsCert,
        now: Instant,
        version: DtlsVersion,
        mtu: Option<usize>,
    ) -> Result<Box<dyn DtlsInstance>, CryptoError> {
        let inner = self.inner.new_dtls(certificate, now, version, mtu)?;
        let keys = Keys::default();
        MADE.set(Some(keys.clone()));
        Ok(Box::new(Instance { inner, keys }))
    }

    fn is_test(&self) -> bool {
        self.inner.is_test()
    }
}

#[derive(Debug)]
struct Instance {
    inner: Box<dyn DtlsInstance>,
    keys: Keys,
}

impl DtlsInstance for Instance {
    fn poll_output<'a>(&mut self, buffer: &'a mut [u8]) -> DtlsOutput<'a> {
        let client = self.inner.is_active();
        let output = self.inner.poll_output(buffer);
        if let DtlsOutput::KeyingMaterial(material, profile) = &output
            && let Some(profile) = known(*profile)
        {
            let material = material.as_ref().to_vec();
            // A connection has one handshake; were there another, the first keys would stay.
            let _ = self.keys.set(Keying {
                profile,
                material,
                client,
            });
        }
        output
    }

    fn set_active(&mut self, active: bool) {
        self.inner.set_active(active);
    }

    fn handle_packet(&mut self, packet: &[u8]) -> Result<(), DtlsImplError> {
        self.inner.handle_packet(packet)
    }

    fn handle_timeout(&mut self, now: Instant) -> Result<(), DtlsImplError> {
        self.inner.handle_timeout(now)
    }

    fn send_application_data(&mut self, data: &[u8]) -> Result<usize, DtlsImplError> {
        self.inner.send_application_data(data)
    }

    fn is_active(&self) -> bool {
        self.inner.is_active()
    }

    fn protocol_version(&self) -> Option<ProtocolVersion> {
        self.inner.protocol_version()
    }

    fn is_closing(&self) -> bool {
        self.inner.is_closing()
    }

    fn is_closed(&self) -> bool {
        self.inner.is_closed()
    }

    fn close(&mut self) -> Result<(), DtlsImplError> {
        self.inner.close()
    }
}

fn known(profile: SrtpProfile) -> Option<Profile> {
    match profile {
        SrtpProfile::AES128_CM_SHA1_80 => Some(Profile::Aes128CmSha1),
        SrtpProfile::AEAD_AES_128_GCM => Some(Profile::Aes128Gcm),
        SrtpProfile::AEAD_AES_256_GCM => Some(Profile::Aes256Gcm),
        _ => None,
    }
}
