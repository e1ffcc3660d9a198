//! What no server can go below: each packet encrypted once and sent once, to as many receivers on the loopback as a
//! lesson has, by the system calls that there are.

use std::net::SocketAddr;
use std::time::Duration;

use aws_lc_rs::aead::{AES_128_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use rustix::time::{ClockId, clock_gettime};
use tokio::net::UdpSocket;
use tokio::task::{JoinSet, spawn_blocking};
use tokio::time::Instant;
use webrtc::runtime::{UdpSockRef, UdpSocketState};

use self::sending::{Sending, send_each, send_segmented, send_together};
use crate::LoadError;
use crate::chat::{count, round};

mod sending;

/// Bytes that are encrypted of each packet.
pub(super) const PACKET_BYTES: usize = 1_200;
/// Header that is authenticated and not encrypted, in bytes.
pub(super) const HEADER_BYTES: usize = 12;
/// Packets of a frame, which go out together.
pub(super) const FRAME_PACKETS: usize = 9;
const FRAME_EVERY: Duration = Duration::from_micros(33_333);
const DATAGRAM_MAX: usize = 2_000;

/// What to do.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Receivers, each with a socket of its own.
    pub receivers: usize,
    /// How long each way of sending is measured, in seconds.
    pub seconds: u64,
}

/// Processor time of each packet, in microseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Floor {
    /// Encrypting, nothing sent.
    pub encrypt_us: f64,
    /// Encrypting and `sendto`.
    pub sendto_us: f64,
    /// Encrypting and `sendmmsg`, one packet to each of the receivers together.
    pub sendmmsg_us: f64,
    /// Encrypting and `sendmsg` with `UDP_SEGMENT`, a frame to one receiver together.
    pub gso_us: f64,
}

impl Floor {
    /// The mean of several.
    #[must_use]
    pub fn mean(all: &[Self]) -> Self {
        let mean =
            |of: fn(&Self) -> f64| round(all.iter().map(of).sum::<f64>() / count(all.len().max(1)));
        Self {
            encrypt_us: mean(|one| one.encrypt_us),
            sendto_us: mean(|one| one.sendto_us),
            sendmmsg_us: mean(|one| one.sendmmsg_us),
            gso_us: mean(|one| one.gso_us),
        }
    }
}

/// Measures the floor. The receivers are read on this runtime's threads, as the fake browsers are.
///
/// # Errors
/// [`LoadError::Io`], and when there is no such cipher.
pub async fn measure(options: Options) -> Result<Floor, LoadError> {
    let mut readers = JoinSet::new();
    let mut addresses = Vec::new();
    for _ in 0..options.receivers {
        let socket = UdpSocket::bind("127.0.0.1:0").await?;
        addresses.push(socket.local_addr()?);
        readers.spawn(async move {
            let mut buffer = [0; DATAGRAM_MAX];
            while socket.recv(&mut buffer).await.is_ok() {}
        });
    }
    let run = async |way: Way| {
        let addresses = addresses.clone();
        spawn_blocking(move || sender(&addresses, options.seconds, way))
            .await
            .map_err(|e| LoadError::Protocol(e.to_string()))?
    };
    Ok(Floor {
        encrypt_us: run(|_| Ok(())).await?,
        sendto_us: run(send_each).await?,
        sendmmsg_us: run(send_together).await?,
        gso_us: run(send_segmented).await?,
    })
}

type Way = fn(&Sending<'_>) -> Result<(), LoadError>;

// A frame is encrypted for everybody and then sent, packet after packet or receiver after receiver.
fn sender(addresses: &[SocketAddr], seconds: u64, send: Way) -> Result<f64, LoadError> {
    let socket = std::net::UdpSocket::bind("127.0.0.1:0")?;
    let state = UdpSocketState::new(UdpSockRef::from(&socket))?;
    socket.set_nonblocking(false)?;
    let key = UnboundKey::new(&AES_128_GCM, &[7; 16]).map(LessSafeKey::new);
    let key = key.map_err(|e| LoadError::Media(e.to_string()))?;
    let plain = [0x5A; PACKET_BYTES];
    let step = HEADER_BYTES + PACKET_BYTES + AES_128_GCM.tag_len();
    let mut frame = vec![0; addresses.len() * FRAME_PACKETS * step];
    let end = Instant::now() + Duration::from_secs(seconds);
    let (begin, mut packets, mut number) = (thread_time(), 0, 0_u64);
    while Instant::now() < end {
        let next = Instant::now() + FRAME_EVERY;
        for packet in frame.chunks_exact_mut(step) {
            number += 1;
            encrypt(&key, number, &plain, packet)?;
        }
        send(&Sending {
            socket: &socket,
            state: &state,
            addresses,
            frame: &frame,
            step,
        })?;
        packets += addresses.len() * FRAME_PACKETS;
        std::thread::sleep(next.saturating_duration_since(Instant::now()));
    }
    let spent = thread_time().saturating_sub(begin);
    Ok(round(spent.as_secs_f64() * 1e6 / count(packets.max(1))))
}

fn encrypt(
    key: &LessSafeKey,
    number: u64,
    plain: &[u8],
    packet: &mut [u8],
) -> Result<(), LoadError> {
    let mut nonce = [0; NONCE_LEN];
    nonce[4..].copy_from_slice(&number.to_be_bytes());
    let (header, rest) = packet.split_at_mut(HEADER_BYTES);
    let (body, tag) = rest.split_at_mut(PACKET_BYTES);
    header[4..].copy_from_slice(&number.to_be_bytes());
    body.copy_from_slice(plain);
    let sealed = key.seal_in_place_separate_tag(
        Nonce::assume_unique_for_key(nonce),
        Aad::from(&*header),
        body,
    );
    tag.copy_from_slice(
        sealed
            .map_err(|e| LoadError::Media(e.to_string()))?
            .as_ref(),
    );
    Ok(())
}

fn thread_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
    Duration::new(seconds, u32::try_from(time.tv_nsec).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn every_way_of_sending_costs_more_than_encrypting() {
        let options = Options {
            receivers: 10,
            seconds: 1,
        };
        let floor = measure(options).await.unwrap();
        assert!(floor.encrypt_us > 0.0);
        for sent in [floor.sendto_us, floor.sendmmsg_us, floor.gso_us] {
            assert!(sent > floor.encrypt_us, "{floor:?}");
        }
    }

    #[test]
    fn the_mean_of_two_is_between_them() {
        let one = Floor {
            encrypt_us: 1.0,
            sendto_us: 2.0,
            sendmmsg_us: 3.0,
            gso_us: 4.0,
        };
        let mean = Floor::mean(&[one, Floor::default()]);
        assert_eq!((mean.encrypt_us, mean.gso_us), (0.5, 2.0));
    }
}
