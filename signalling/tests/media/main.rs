//! The SFU with real packets: `str0m` clients, in virtual time or over loopback sockets.

#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod branches;
mod calls;
mod checks;
mod client;
mod codecs;
mod coded;
mod consent;
mod crooked;
mod endurance;
mod forwarding;
mod frames;
mod hostile;
mod house;
mod ipv6;
mod keyframes;
mod leaving;
mod links;
mod loopback;
mod maker;
mod muting;
mod narrow;
mod negotiation;
mod net;
mod offers;
mod rebinding;
mod recorded;
mod red;
mod reordered;
mod sealed;
mod simulcast;
mod slots;
mod tcp;
mod turn;
mod weak;
mod workers;
