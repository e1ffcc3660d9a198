//! The SFU with real packets: `str0m` clients, in virtual time or over loopback sockets.

mod client;
mod forwarding;
mod hostile;
mod leaving;
mod loopback;
mod muting;
mod negotiation;
mod net;
mod simulcast;
mod slots;
