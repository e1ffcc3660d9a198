//! What makes pictures for a client, and the header extension that tells of them.

use std::sync::Arc;

use str0m::rtp::{Extension, ExtensionSerializer, ExtensionValues};

/// One packet of a picture.
pub(crate) struct Made {
    pub(crate) payload: Vec<u8>,
    pub(crate) descriptor: Option<Arc<[u8]>>,
    pub(crate) marker: bool,
    /// Which simulcast layer it is of.
    pub(crate) rid: usize,
}

/// Makes one picture after the other.
pub(crate) trait Maker {
    fn make(&mut self, key: bool) -> Vec<Made>;
}

/// The dependency descriptor of a packet.
#[derive(Debug, Clone)]
pub(crate) struct Descriptor(pub(crate) Arc<[u8]>);

pub(crate) fn extension() -> Extension {
    Extension::with_serializer(signalling::sfu::descriptor::URI, Serializer)
}

#[derive(Debug)]
struct Serializer;

impl ExtensionSerializer for Serializer {
    fn write_to(&self, buffer: &mut [u8], values: &ExtensionValues) -> usize {
        let Some(Descriptor(bytes)) = values.user_values.get() else {
            return 0;
        };
        buffer[..bytes.len()].copy_from_slice(bytes);
        bytes.len()
    }

    fn parse_value(&self, buffer: &[u8], values: &mut ExtensionValues) -> bool {
        values.user_values.set(Descriptor(buffer.into()));
        true
    }

    fn is_video(&self) -> bool {
        true
    }

    fn is_audio(&self) -> bool {
        false
    }

    fn requires_two_byte_form(&self, values: &ExtensionValues) -> bool {
        let value = values.user_values.get();
        value.is_some_and(|Descriptor(bytes)| bytes.len() > 16)
    }
}
