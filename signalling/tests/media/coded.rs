//! Pictures in other codecs than VP8, as senders make them.

use crate::maker::{Made, Maker};

/// H.264 in one stream for each of `rids` layers: parameters, then a picture in two fragments (RFC 6184 §5.8). The last
/// byte is the layer.
pub(crate) struct H264 {
    pub(crate) rids: usize,
}

impl Maker for H264 {
    fn make(&mut self, key: bool) -> Vec<Made> {
        let mut made = Vec::new();
        for rid in 0..self.rids {
            let kind = if key { 5 } else { 1 };
            let mut payloads = vec![vec![0x7c, 0x80 | kind, 0x88], vec![0x7c, 0x40 | kind, 0x01]];
            if key {
                payloads.insert(0, vec![0x78, 0, 2, 0x67, 0x42, 0, 2, 0x68, 0xce]);
            }
            let last = payloads.len() - 1;
            made.extend(payloads.into_iter().enumerate().map(|(nth, mut payload)| {
                payload.extend(vec![0xaa; 40 << rid]);
                payload.push(rid as u8);
                Made {
                    payload,
                    descriptor: None,
                    marker: nth == last,
                    rid,
                }
            }));
        }
        made
    }
}

/// VP9 in three spatial layers, flexible mode off: every layer two packets (RFC 9628 §4.2). Layers depend on lower ones
/// of their picture and on their own past, so that they can be added at key pictures only. The last byte is the layer.
pub(crate) struct Vp9 {
    pub(crate) picture: u16,
}

impl Maker for Vp9 {
    fn make(&mut self, key: bool) -> Vec<Made> {
        self.picture = (self.picture + 1) & 0x7fff;
        let [high, low] = (self.picture | 0x8000).to_be_bytes();
        let mut made = Vec::new();
        for layer in 0..3u8 {
            for part in 0..2 {
                let predicted = if key { 0 } else { 0x40 };
                let border = if part == 0 { 0x08 } else { 0x04 };
                let depends = u8::from(layer > 0);
                let structure = key && layer == 0 && part == 0;
                let head = 0xa0 | predicted | border | if structure { 0x02 } else { 0 };
                let mut payload = vec![head, high, low, layer << 1 | depends, low];
                if structure {
                    payload.push(0x50);
                    for (width, height) in [(320u16, 180u16), (640, 360), (1280, 720)] {
                        payload.extend(width.to_be_bytes());
                        payload.extend(height.to_be_bytes());
                    }
                }
                payload.extend(vec![0xaa; 60 << layer]);
                payload.push(layer);
                made.push(Made {
                    payload,
                    descriptor: None,
                    marker: layer == 2 && part == 1,
                    rid: 0,
                });
            }
        }
        made
    }
}

/// AV1 in three spatial layers with dependency descriptors, every layer two packets. The structure is one that Chromium
/// made for "L3T1": templates 1, 3 and 5 begin the layers, 0, 2 and 4 carry them on. The last byte is the layer.
#[derive(Default)]
pub(crate) struct Av1 {
    frame: u16,
}

const STRUCTURE: [u8; 36] = [
    0x80, 0x02, 0x22, 0x3b, 0xea, 0x2c, 0xa0, 0x82, 0x91, 0x28, 0x20, 0x94, 0x10, 0x6b, 0x32, 0x10,
    0x00, 0x11, 0x11, 0x11, 0x21, 0x12, 0x11, 0x80, 0x9f, 0x80, 0x59, 0x81, 0x3f, 0x80, 0xb3, 0x82,
    0x7f, 0x81, 0x67, 0x80,
];

impl Maker for Av1 {
    fn make(&mut self, key: bool) -> Vec<Made> {
        let mut made = Vec::new();
        for layer in 0..3u8 {
            let [high, low] = self.frame.to_be_bytes();
            let template = 2 * layer + u8::from(key);
            for part in 0..2 {
                let border = if part == 0 { 0x80 } else { 0x40 };
                let mut descriptor = vec![border | template, high, low];
                if key && layer == 0 && part == 0 {
                    descriptor.extend(STRUCTURE);
                }
                let mut payload = vec![0x10, 0x34];
                payload.extend(vec![0xaa; 60 << layer]);
                payload.push(layer);
                made.push(Made {
                    payload,
                    descriptor: Some(descriptor.into()),
                    marker: layer == 2 && part == 1,
                    rid: 0,
                });
            }
            self.frame = self.frame.wrapping_add(1);
        }
        made
    }
}

/// VP8 in three temporal layers, as Chromium sends them: of four pictures the first is of the lowest layer, and the next
/// two need that one alone. Every picture is two packets, those of the lowest layer twice as large.
pub(crate) struct Vp8 {
    pub(crate) picture: u16,
}

impl Maker for Vp8 {
    fn make(&mut self, key: bool) -> Vec<Made> {
        self.picture = (self.picture + 1) & 0x7fff;
        let nth = if key {
            // The pattern begins anew with a key frame.
            self.picture -= self.picture % 4;
            0
        } else {
            self.picture % 4
        };
        let (layer, sync) = [(0, false), (2, true), (1, true), (2, false)][usize::from(nth)];
        let [high, low] = (self.picture | 0x8000).to_be_bytes();
        let base = (self.picture / 4) as u8;
        let size = if layer == 0 { 900 } else { 450 };
        let parts = (0..2).map(|part| {
            let head = if part == 0 { 0x90 } else { 0x80 };
            let temporal = layer << 6 | u8::from(sync) << 5;
            let mut payload = vec![head, 0xe0, high, low, base, temporal, u8::from(!key)];
            payload.extend([0, 0, 0x9d, 0x01, 0x2a, 0x00, 0x05, 0, 0]);
            payload.extend(vec![0xaa; size]);
            payload.push(0);
            Made {
                payload,
                descriptor: None,
                marker: part == 1,
                rid: 0,
            }
        });
        parts.collect()
    }
}
