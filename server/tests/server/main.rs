//! The whole server over real sockets: what a browser or a stranger sees.

#![expect(clippy::unwrap_used, reason = "what is not there fails the test")]

mod acks;
mod alls;
mod audit;
mod chat;
mod devices;
mod door;
mod drafts;
mod export;
mod files;
mod focus;
mod forwards;
mod harness;
mod hostile;
mod https;
mod large;
mod later;
mod links;
mod mail;
mod mutes;
mod nodes;
mod notify;
mod page;
mod pins;
mod polls;
mod proxies;
mod push;
mod reactions;
mod readiness;
mod recordings;
mod relay;
mod reports;
mod retention;
mod rights;
mod rooms;
mod rules;
mod scanner;
mod school;
mod search;
mod sessions;
mod signing_in;
mod stream;
mod sync_law;
mod threads;
mod uploads;
