//! The media part of Parta: a selective forwarding unit (SFU) and its shell.
//!
//! [`sfu`] is pure: it is told the time and handed datagrams, and answers with datagrams, events
//! and the next time it wants to be called. `shell` owns the thread and the sockets. The rest of
//! the server sees only [`Media`], a handle, and [`MediaEvent`].
//!
//! [`relay`] is pure too: a TURN server that leads to the SFU and nowhere else.
//!
//! Deliberately absent: JSON, accounts, rights and room names. A caller decides who may join what;
//! this crate only knows numbers. Nobody is ever renegotiated: a receiver has a fixed set of slots
//! for its whole call, and streams move between them.

#![forbid(unsafe_code)]

pub mod relay;
pub mod sfu;

mod events;
mod one_way;
mod shell;
mod types;

pub use sfu::codec::Codec;
pub use shell::{Media, OPENING_BYTES, Opening, Wire};
pub use types::{
    LinkQuality, MediaConfig, MediaError, MediaEvent, MediaStats, Offer, PeerKey, RoomKey, Slot,
    Source, Transport, View,
};
