//! What several fuzz targets need: an SFU to feed, inputs of many parts, and panics told apart.

#![forbid(unsafe_code)]

mod sign;
mod talk;

pub use sign::Credentials;
pub use talk::Talk;

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Mutex;
use std::time::Instant;

use signalling::sfu::path::Path;
use signalling::sfu::peer::{Candidates, Engine};
use signalling::sfu::{Output, Sfu};

/// Where the SFU is.
const UDP: ([u8; 4], u16) = ([10, 0, 0, 1], 5_000);
const TCP: ([u8; 4], u16) = ([10, 0, 0, 1], 443);

/// Lets panics of libraries pass that the SFU contains, each told once; every other one stays the end of the run.
///
/// A panic of a library that nothing contains reaches libFuzzer's own guard, which ends the run too. To be called as
/// `init` of a target, after libFuzzer has set its hook.
pub fn contain_engine() {
    static TOLD: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());
    let fatal = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        let place = panic.location().map(ToString::to_string);
        let foreign = |place: &String| place.contains("/registry/") || place.contains("/rustc/");
        match place.filter(foreign) {
            Some(place) => {
                let is_new = TOLD.lock().is_ok_and(|mut told| told.insert(place));
                if is_new {
                    eprintln!("contained: {panic}");
                }
            }
            None => fatal(panic),
        }
    }));
}

/// Runs `act` on this thread's SFU, which is made once: its certificate costs more than an input does.
pub fn with_sfu(act: impl FnOnce(&mut Sfu)) {
    thread_local! {
        static SFU: RefCell<Sfu> = RefCell::new(Sfu::new(engine()));
    }
    SFU.with_borrow_mut(act);
}

fn engine() -> Engine {
    let address = |(ip, port): ([u8; 4], u16)| SocketAddr::from((Ipv4Addr::from(ip), port));
    Engine::new(Candidates {
        udp: vec![address(UDP)],
        tcp: vec![address(TCP)],
    })
    .expect("an engine")
}

/// Takes all that the SFU wants done. Returns whether anything goes to one of the paths that `is_wrong` tells.
pub fn drain(sfu: &mut Sfu, is_wrong: impl Fn(Path) -> bool) -> bool {
    let mut wrong = false;
    while let Some(output) = sfu.poll() {
        if let Output::Send(to, _) = output {
            wrong |= is_wrong(to);
        }
    }
    wrong
}

/// Lets time pass as the media thread does.
pub fn wait(sfu: &mut Sfu, now: &mut Instant, until: Instant) {
    while let Some(at) = sfu.next().filter(|at| *at <= until) {
        *now = at.max(*now);
        sfu.tick(*now);
        drain(sfu, |_| false);
    }
    *now = until;
}

/// The parts of an input: each has a head of two bytes, five bits that say how to take it and eleven of its length.
pub fn parts(mut data: &[u8]) -> impl Iterator<Item = (u8, &[u8])> {
    std::iter::from_fn(move || {
        let (head, rest) = data.split_first_chunk::<2>()?;
        let head = u16::from_be_bytes(*head);
        let (part, rest) = rest.split_at(usize::from(head & 0x7ff).min(rest.len()));
        data = rest;
        Some(((head >> 11) as u8, part))
    })
}
