//! The dependency descriptor, as the engine carries header extensions that it does not know.

use std::sync::Arc;

use str0m::rtp::{Extension, ExtensionSerializer, ExtensionValues};

use crate::sfu::descriptor::{BYTES_MAX, URI};

/// A descriptor's bytes, among the values of a packet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Described(pub(super) Arc<[u8]>);

/// The extension, for the engine's map of them.
pub(super) fn extension() -> Extension {
    Extension::with_serializer(URI, Serializer)
}

/// An extension that nobody offers, for an id under which the engine is to read nothing.
pub(super) fn nothing() -> Extension {
    Extension::with_serializer("urn:parta:nothing", Nothing)
}

#[derive(Debug)]
struct Nothing;

impl ExtensionSerializer for Nothing {
    fn write_to(&self, _buffer: &mut [u8], _values: &ExtensionValues) -> usize {
        0
    }

    fn parse_value(&self, _buffer: &[u8], _values: &mut ExtensionValues) -> bool {
        false
    }

    fn is_video(&self) -> bool {
        true
    }

    fn is_audio(&self) -> bool {
        true
    }
}

#[derive(Debug)]
struct Serializer;

impl ExtensionSerializer for Serializer {
    fn write_to(&self, buffer: &mut [u8], values: &ExtensionValues) -> usize {
        let Some(Described(bytes)) = values.user_values.get() else {
            return 0;
        };
        let Some(to) = buffer.get_mut(..bytes.len()) else {
            return 0;
        };
        to.copy_from_slice(bytes);
        bytes.len()
    }

    fn parse_value(&self, buffer: &[u8], values: &mut ExtensionValues) -> bool {
        let fits = (1..=BYTES_MAX).contains(&buffer.len());
        if fits {
            values.user_values.set(Described(buffer.into()));
        }
        fits
    }

    fn is_video(&self) -> bool {
        true
    }

    fn is_audio(&self) -> bool {
        false
    }

    fn requires_two_byte_form(&self, values: &ExtensionValues) -> bool {
        let value = values.user_values.get();
        value.is_some_and(|Described(bytes)| bytes.len() > 16)
    }
}
