//! Fake users for Parta: they sign in over HTTP, speak the WebSocket protocol of `docs/PROTOCOL.md`, and judge what
//! they saw. Depends on `protocol` alone, so that a fault of the server's cannot hide behind shared code.

#![forbid(unsafe_code)]

pub mod beside;
pub mod chat;
pub mod company;
pub mod crowd;
pub mod error;
pub mod faults;
pub mod history;
pub mod http;
pub mod kill;
pub mod latency;
pub mod peer;
pub mod person;
pub mod relay;
pub mod search;
pub mod server;
pub mod services;
pub mod sfu;
pub mod socket;
pub mod usage;

mod ports;
mod reconnect;

pub use error::LoadError;
