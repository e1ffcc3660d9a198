//! What arrives on an XMPP stream (RFC 6120), cut at the few places that a count of deliveries needs. It is no XML
//! parser: it relies on the form in which ejabberd writes stanzas and on bodies without markup, which are our own. A
//! real parser would cost more than everything else that a client does, on a machine that it shares with the server.

use bytes::{Buf, BytesMut};
use memchr::memmem;

const END: &[u8] = b"</message>";

/// Bytes that have arrived and were not read yet.
#[derive(Debug, Default)]
pub(super) struct Stanzas {
    pub(super) buffer: BytesMut,
}

/// A message stanza.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stanza {
    /// A message of the run, by its number.
    Message(u32),
    /// The server refused one.
    Refused,
    /// Another message: a room's subject.
    Other,
}

impl Stanzas {
    /// Takes everything up to the end of `marker`, if that has arrived.
    pub(super) fn take_through(&mut self, marker: &str) -> Option<String> {
        let at = memmem::find(&self.buffer, marker.as_bytes())?;
        let taken = self.buffer.split_to(at + marker.len());
        Some(String::from_utf8_lossy(&taken).into_owned())
    }

    /// The next whole message; presence before it is dropped.
    pub(super) fn next_message(&mut self) -> Option<Stanza> {
        let end = memmem::find(&self.buffer, END)?;
        let stanza = message(&self.buffer[..end]);
        self.buffer.advance(end + END.len());
        Some(stanza)
    }
}

// `text` ends where a message does; its opening tag is the last one in it.
fn message(text: &[u8]) -> Stanza {
    let Some(start) = memmem::rfind(text, b"<message ") else {
        return Stanza::Other;
    };
    let tag = text[start..].split(|byte| *byte == b'>').next();
    let tag = tag.unwrap_or_default();
    if attribute(tag, b" type='") == Some(b"error") {
        return Stanza::Refused;
    }
    let id = attribute(tag, b" id='").and_then(|id| std::str::from_utf8(id).ok());
    id.and_then(|id| id.parse().ok())
        .map_or(Stanza::Other, Stanza::Message)
}

fn attribute<'a>(tag: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    let value = &tag[memmem::find(tag, name)? + name.len()..];
    value.split(|byte| *byte == b'\'').next()
}

#[cfg(test)]
mod tests {
    use super::*;

    const DELIVERY: &str = "<message xml:lang='en' to='load1@localhost/r' from='room0@muc.localhost/load0' \
        type='groupchat' id='61'><body>....</body></message>";

    fn all(stanzas: &mut Stanzas) -> Vec<Stanza> {
        std::iter::from_fn(|| stanzas.next_message()).collect()
    }

    #[test]
    fn deliveries_are_told_from_everything_else() {
        let mut stanzas = Stanzas::default();
        let text = format!(
            "<presence from='a' id='5'><x/></presence>{DELIVERY}\
             <message from='room0@muc.localhost' type='groupchat'><subject/></message>\
             <message id='62' type='error'><error/></message>"
        );
        stanzas.buffer.extend_from_slice(text.as_bytes());
        assert_eq!(
            all(&mut stanzas),
            [Stanza::Message(61), Stanza::Other, Stanza::Refused]
        );
        assert!(stanzas.buffer.is_empty());
    }

    #[test]
    fn a_stanza_may_come_in_any_pieces() {
        for at in 0..DELIVERY.len() {
            let (first, second) = DELIVERY.split_at(at);
            let mut stanzas = Stanzas::default();
            stanzas.buffer.extend_from_slice(first.as_bytes());
            assert_eq!(all(&mut stanzas), []);
            stanzas.buffer.extend_from_slice(second.as_bytes());
            assert_eq!(all(&mut stanzas), [Stanza::Message(61)]);
        }
    }

    #[test]
    fn what_follows_a_marker_stays() {
        let mut stanzas = Stanzas::default();
        stanzas.buffer.extend_from_slice(b"<success/><a");
        assert_eq!(stanzas.take_through("</iq>"), None);
        assert_eq!(stanzas.take_through("/>").as_deref(), Some("<success/>"));
        assert_eq!(&stanzas.buffer[..], b"<a");
    }
}
