//! The ways to send a frame to everybody.

use std::io::IoSlice;
use std::net::{SocketAddr, UdpSocket};

use rustix::net::{MMsgHdr, SendAncillaryBuffer, SendFlags, SocketAddrAny, sendmmsg};
use webrtc::runtime::{Transmit, UdpSockRef, UdpSocketState};

use super::FRAME_PACKETS;
use crate::LoadError;

/// Messages that one `sendmmsg` takes here; the kernel allows 1,024.
const TOGETHER_MAX: usize = 64;

pub(super) struct Sending<'a> {
    pub(super) socket: &'a UdpSocket,
    pub(super) state: &'a UdpSocketState,
    pub(super) addresses: &'a [SocketAddr],
    /// The frame's packets for the first receiver, then those for the second, and so on.
    pub(super) frame: &'a [u8],
    /// Length of a packet in bytes.
    pub(super) step: usize,
}

impl Sending<'_> {
    fn packet(&self, receiver: usize, packet: usize) -> &[u8] {
        &self.frame[(receiver * FRAME_PACKETS + packet) * self.step..][..self.step]
    }
}

pub(super) fn send_each(sending: &Sending<'_>) -> Result<(), LoadError> {
    for packet in 0..FRAME_PACKETS {
        for (receiver, address) in sending.addresses.iter().enumerate() {
            sending
                .socket
                .send_to(sending.packet(receiver, packet), address)?;
        }
    }
    Ok(())
}

pub(super) fn send_together(sending: &Sending<'_>) -> Result<(), LoadError> {
    let addresses: Vec<SocketAddrAny> = sending.addresses.iter().map(|to| (*to).into()).collect();
    let receivers: Vec<usize> = (0..addresses.len()).collect();
    for packet in 0..FRAME_PACKETS {
        for receivers in receivers.chunks(TOGETHER_MAX) {
            let slices: Vec<[IoSlice<'_>; 1]> = receivers
                .iter()
                .map(|receiver| [IoSlice::new(sending.packet(*receiver, packet))])
                .collect();
            let mut controls: Vec<_> = receivers
                .iter()
                .map(|_| SendAncillaryBuffer::default())
                .collect();
            let mut messages: Vec<MMsgHdr<'_>> = receivers
                .iter()
                .zip(&slices)
                .zip(&mut controls)
                .map(|((receiver, slice), control)| {
                    MMsgHdr::new_with_addr(&addresses[*receiver], slice, control)
                })
                .collect();
            sendmmsg(sending.socket, &mut messages, SendFlags::empty())
                .map_err(std::io::Error::from)?;
        }
    }
    Ok(())
}

pub(super) fn send_segmented(sending: &Sending<'_>) -> Result<(), LoadError> {
    let frames = sending.frame.chunks_exact(sending.step * FRAME_PACKETS);
    for (contents, address) in frames.zip(sending.addresses) {
        let transmit = Transmit {
            destination: *address,
            ecn: None,
            contents,
            segment_size: Some(sending.step),
            src_ip: None,
        };
        sending
            .state
            .try_send(UdpSockRef::from(sending.socket), &transmit)?;
    }
    Ok(())
}
