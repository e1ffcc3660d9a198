//! The SFU with real packets: `str0m` clients, in virtual time or over loopback sockets.

mod client;
mod forwarding;
mod net;
