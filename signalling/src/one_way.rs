//! Offers of clients that know WHIP (RFC 9725) or WHEP (draft-ietf-wish-whep) and no signalling of ours: what a section is
//! for is told by its kind, and media goes one way.

use crate::sfu::limits::SDP_MAX;
use crate::{MediaError, Offer, Source};

/// Receive-only sound sections of a player: with two or more the last is for the sound of a screen.
const PLAYED_SOUNDS_MAX: usize = 4;
/// Receive-only picture sections of a player.
const PLAYED_PICTURES_MAX: usize = 16;

/// H.264's baseline profile, as FFmpeg names what it sends, and the constrained one (RFC 6184 §8.1), which it is: no encoder
/// in use makes what the first has beyond the second.
const BASELINE: &str = "profile-level-id=4200";
const CONSTRAINED: &str = "profile-level-id=42e0";

/// Which way the client's media goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    Sends,
    Receives,
}

impl Offer {
    /// The offer of a client that publishes: at most one section of sound, the microphone, and one of pictures, the camera
    /// (RFC 9725 §4.4.2). One that would receive as well (`sendrecv`) is answered as if it only sent (§4.2).
    ///
    /// # Errors
    /// [`MediaError::BadOffer`].
    pub fn publishing(sdp: &str) -> Result<Self, MediaError> {
        let (sdp, sections) = one_way(sdp, Way::Sends)?;
        let sdp = sdp.replace(BASELINE, CONSTRAINED);
        let mut up: Vec<(Source, String)> = Vec::new();
        for section in sections {
            let source = if section.is_audio {
                Source::Mic
            } else {
                Source::Camera
            };
            if up.iter().any(|(taken, _)| *taken == source) {
                return Err(bad("more than one section of a kind"));
            }
            up.push((source, section.mid));
        }
        Ok(Self {
            sdp,
            up,
            down_audio: Vec::new(),
            down_video: Vec::new(),
        })
    }

    /// The offer of a client that plays.
    ///
    /// # Errors
    /// [`MediaError::BadOffer`].
    pub fn playing(sdp: &str) -> Result<Self, MediaError> {
        let (sdp, sections) = one_way(sdp, Way::Receives)?;
        let mids = |audio: bool| -> Vec<String> {
            let of_kind = sections.iter().filter(|section| section.is_audio == audio);
            of_kind.map(|section| section.mid.clone()).collect()
        };
        let (down_audio, down_video) = (mids(true), mids(false));
        if down_audio.len() > PLAYED_SOUNDS_MAX || down_video.len() > PLAYED_PICTURES_MAX {
            return Err(bad("more sections than can be filled"));
        }
        Ok(Self {
            sdp,
            up: Vec::new(),
            down_audio,
            down_video,
        })
    }
}

struct Section {
    is_audio: bool,
    mid: String,
}

/// A section while it is read: from which line on, and what was found.
struct Draft {
    is_audio: bool,
    mid: Option<String>,
    way: Option<String>,
}

/// The sections, and the offer with nothing but the one direction in it.
fn one_way(sdp: &str, way: Way) -> Result<(String, Vec<Section>), MediaError> {
    if sdp.len() > SDP_MAX {
        return Err(bad("too long"));
    }
    let mut text = String::with_capacity(sdp.len() + 64);
    let mut sections = Vec::new();
    let mut open: Option<Draft> = None;
    // What holds for sections that do not say (RFC 8866 §6.7).
    let mut usual = "sendrecv".to_owned();
    let mut close = |draft: Option<Draft>, usual: &str, text: &mut String| {
        let Some(draft) = draft else { return Ok(()) };
        let told = draft.way.as_deref().unwrap_or(usual);
        let fits = match way {
            Way::Sends => matches!(told, "sendonly" | "sendrecv"),
            Way::Receives => matches!(told, "recvonly" | "sendrecv"),
        };
        if !fits {
            return Err(bad("a section goes the other way"));
        }
        text.push_str(match way {
            Way::Sends => "a=sendonly\r\n",
            Way::Receives => "a=recvonly\r\n",
        });
        let mid = draft.mid.ok_or_else(|| bad("a section without a=mid"))?;
        sections.push(Section {
            is_audio: draft.is_audio,
            mid,
        });
        Ok(())
    };
    for line in sdp.lines() {
        let line = line.trim_end();
        if let Some(media) = line.strip_prefix("m=") {
            close(open.take(), &usual, &mut text)?;
            open = Some(Draft {
                is_audio: match media.split(' ').next() {
                    Some("audio") => true,
                    Some("video") => false,
                    Some(_) | None => return Err(bad("a section of neither sound nor picture")),
                },
                mid: None,
                way: None,
            });
        } else if let Some(told @ ("sendonly" | "recvonly" | "sendrecv" | "inactive")) =
            line.strip_prefix("a=")
        {
            match &mut open {
                Some(draft) => draft.way = Some(told.to_owned()),
                None => told.clone_into(&mut usual),
            }
            continue;
        } else if let (Some(mid), Some(draft)) = (line.strip_prefix("a=mid:"), &mut open) {
            draft.mid = Some(mid.to_owned());
        }
        if !line.is_empty() {
            text.push_str(line);
            text.push_str("\r\n");
        }
    }
    close(open, &usual, &mut text)?;
    if sections.is_empty() {
        return Err(bad("neither sound nor picture"));
    }
    Ok((text, sections))
}

fn bad(text: &str) -> MediaError {
    MediaError::BadOffer(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\n";

    fn sdp(sections: &[(&str, &str, &str)]) -> String {
        let mut text = HEAD.to_owned();
        for (kind, mid, way) in sections {
            text += &format!("m={kind} 9 UDP/TLS/RTP/SAVPF 96\r\na=mid:{mid}\r\n{way}");
        }
        text
    }

    #[test]
    fn a_publisher_is_one_microphone_and_one_camera_that_send() {
        let offer = Offer::publishing(&sdp(&[
            ("video", "v", "a=sendrecv\r\n"),
            ("audio", "a", "a=sendonly\r\n"),
        ]))
        .unwrap();
        let named = [(Source::Camera, "v"), (Source::Mic, "a")];
        assert_eq!(
            offer.up,
            named.map(|(source, mid)| (source, mid.to_owned()))
        );
        assert_eq!(
            offer.sdp.matches("a=sendonly\r\n").count(),
            2,
            "{}",
            offer.sdp
        );
        assert!(!offer.sdp.contains("sendrecv"));
        let silent = Offer::publishing(&sdp(&[("video", "0", "")])).unwrap();
        assert_eq!(silent.up, [(Source::Camera, "0".to_owned())]);
    }

    #[test]
    fn what_ffmpeg_calls_baseline_is_taken_for_the_constrained_one() {
        let way = "a=fmtp:106 packetization-mode=1;profile-level-id=42000b\r\na=sendonly\r\n";
        let offer = Offer::publishing(&sdp(&[("video", "1", way)])).unwrap();
        let fmtp = "a=fmtp:106 packetization-mode=1;profile-level-id=42e00b\r\n";
        assert!(offer.sdp.contains(fmtp), "{}", offer.sdp);
    }

    #[test]
    fn a_player_gets_a_slot_for_each_section() {
        let offer = Offer::playing(&sdp(&[
            ("audio", "0", "a=recvonly\r\n"),
            ("video", "1", "a=sendrecv\r\n"),
            ("video", "2", "a=recvonly\r\n"),
        ]))
        .unwrap();
        assert_eq!(
            (offer.down_audio, offer.down_video.len()),
            (vec!["0".to_owned()], 2)
        );
        assert!(!offer.sdp.contains("sendrecv"));
    }

    #[test]
    fn a_direction_for_the_whole_offer_holds_where_a_section_has_none() {
        let whole = format!("{HEAD}a=recvonly\r\nm=audio 9 UDP/TLS/RTP/SAVPF 96\r\na=mid:0\r\n");
        assert!(Offer::playing(&whole).is_ok());
        assert!(Offer::publishing(&whole).is_err());
    }

    #[test]
    fn what_is_no_such_offer_is_refused() {
        for bad in [
            String::new(),
            HEAD.to_owned(),
            sdp(&[("video", "0", "a=recvonly\r\n")]),
            sdp(&[("video", "0", "a=inactive\r\n")]),
            sdp(&[("video", "0", ""), ("video", "1", "")]),
            sdp(&[("application", "0", "")]),
            format!("{HEAD}m=video 9 UDP/TLS/RTP/SAVPF 96\r\n"),
        ] {
            assert!(Offer::publishing(&bad).is_err(), "{bad}");
        }
        let wall: Vec<_> = (0..17).map(|_| ("video", "0", "a=recvonly\r\n")).collect();
        assert!(Offer::playing(&sdp(&wall)).is_err());
        assert!(Offer::playing(&sdp(&[("audio", "0", "a=sendonly\r\n")])).is_err());
    }
}
