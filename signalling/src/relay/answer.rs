//! Answers to TURN requests. Never a SOFTWARE attribute: nobody needs to know, and answers stay short.

use turn_types::stun::attribute::{AttributeWrite, ErrorCode, Nonce, Realm};
use turn_types::stun::message::{
    IntegrityAlgorithm, LongTermKeyCredentials, Message, MessageIntegrityCredentials, MessageWrite,
    MessageWriteExt, MessageWriteVec,
};

/// RFC 8489 §9.2: what passwords are for.
pub(super) const REALM: &str = "parta";

/// Who made a request, as far as answers need to know.
pub(super) struct Caller {
    pub(super) username: String,
    pub(super) person: String,
    pub(super) key: MessageIntegrityCredentials,
}

impl Caller {
    pub(super) fn new(username: &str, person: String, password: String) -> Self {
        let (name, realm) = (username.to_owned(), REALM.to_owned());
        Self {
            username: username.to_owned(),
            person,
            key: LongTermKeyCredentials::new(name, password, realm).into(),
        }
    }

    pub(super) fn success(&self, to: &Message<'_>, attributes: &[&dyn AttributeWrite]) -> Vec<u8> {
        signed(
            Message::builder_success(to, MessageWriteVec::new()),
            attributes,
            &self.key,
        )
    }

    pub(super) fn error(&self, to: &Message<'_>, code: u16) -> Vec<u8> {
        let answer = Message::builder_error(to, MessageWriteVec::new());
        match ErrorCode::builder(code).build() {
            Ok(error) => signed(answer, &[&error], &self.key),
            Err(_) => Vec::new(),
        }
    }
}

pub(super) fn unsigned_success(to: &Message<'_>, attribute: &dyn AttributeWrite) -> Vec<u8> {
    let mut answer = Message::builder_success(to, MessageWriteVec::new());
    let _ = answer.add_attribute(attribute);
    answer.finish()
}

/// For one who is not known; with a nonce when trying again with it can help.
pub(super) fn refusal(to: &Message<'_>, code: u16, nonce: Option<&str>) -> Vec<u8> {
    let mut answer = Message::builder_error(to, MessageWriteVec::new());
    if let Ok(error) = ErrorCode::builder(code).build() {
        let _ = answer.add_attribute(&error);
    }
    if let (Some(Ok(nonce)), Ok(realm)) = (nonce.map(Nonce::new), Realm::new(REALM)) {
        let _ = answer.add_attribute(&realm);
        let _ = answer.add_attribute(&nonce);
    }
    answer.finish()
}

// Writing fails only for a message longer than any that is made here.
fn signed(
    mut answer: MessageWriteVec,
    attributes: &[&dyn AttributeWrite],
    key: &MessageIntegrityCredentials,
) -> Vec<u8> {
    for attribute in attributes {
        let _ = answer.add_attribute(*attribute);
    }
    let _ = answer.add_message_integrity(key, IntegrityAlgorithm::Sha1);
    answer.finish()
}
