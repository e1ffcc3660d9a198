// The one offer of a join: what is sent, and a fixed set of slots for what is received.

import type { Source } from '../wire/Source';
import type { UpMids } from '../wire/UpMids';
import { CAMERA, SCREEN, SCREEN_LAYERS, SLOT, entries, soundEntries, type Encoding } from './codecs';

/** Three loudest voices and the sound of a shared screen. */
const AUDIO_SLOTS = 4;

export interface Transceivers {
  readonly up: Readonly<Record<Source, RTCRtpTransceiver>>;
  readonly audio: readonly RTCRtpTransceiver[];
  readonly video: readonly RTCRtpTransceiver[];
}

export function addTransceivers(pc: RTCPeerConnection, videoSlots: number): Transceivers {
  const up: Record<Source, RTCRtpTransceiver> = {
    mic: pc.addTransceiver('audio', { direction: 'sendonly' }),
    camera: pc.addTransceiver('video', {
      direction: 'sendonly',
      sendEncodings: [
        { rid: 'q', scaleResolutionDownBy: 4, maxBitrate: 150_000 },
        { rid: 'h', scaleResolutionDownBy: 2, maxBitrate: 500_000 },
        { rid: 'f', scaleResolutionDownBy: 1, maxBitrate: 1_500_000 },
      ],
    }),
    screen: addScreen(pc),
    screen_audio: pc.addTransceiver('audio', { direction: 'sendonly' }),
  };
  const slots = (kind: 'audio' | 'video', count: number): RTCRtpTransceiver[] =>
    Array.from({ length: count }, () => pc.addTransceiver(kind, { direction: 'recvonly' }));
  const transceivers = { up, audio: slots('audio', AUDIO_SLOTS), video: slots('video', videoSlots) };
  for (const one of [up.mic, up.screen_audio, ...transceivers.audio]) prefer(one, soundEntries());
  prefer(up.camera, entries(CAMERA));
  prefer(up.screen, entries(SCREEN));
  for (const one of transceivers.video) prefer(one, entries(SLOT));
  return transceivers;
}

function addScreen(pc: RTCPeerConnection): RTCRtpTransceiver {
  const plain: Encoding = { maxBitrate: 2_500_000 };
  const layered: Encoding = { ...plain, scalabilityMode: SCREEN_LAYERS };
  const add = (encoding: Encoding): RTCRtpTransceiver =>
    pc.addTransceiver('video', { direction: 'sendonly', sendEncodings: [encoding] });
  try {
    return add(layered);
  } catch {
    // None of this browser's encoders has the layers.
    return add(plain);
  }
}

// Names only what the server speaks. A browser's full list fills 6 KB for every section, and the offer of a
// large lesson would not fit a frame.
function prefer(transceiver: RTCRtpTransceiver, wanted: RTCRtpCodec[]): void {
  if (wanted.length > 0) transceiver.setCodecPreferences(wanted);
}

export function upMids(up: Transceivers['up']): UpMids {
  return { mic: mid(up.mic), camera: mid(up.camera), screen: mid(up.screen), screen_audio: mid(up.screen_audio) };
}

/** A transceiver's mid; set once the local description is. */
export function mid(transceiver: RTCRtpTransceiver): string {
  if (transceiver.mid === null) throw new Error('no local description yet');
  return transceiver.mid;
}
