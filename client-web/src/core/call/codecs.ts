// Which codecs of pictures this browser names to the server, and how it changes from one to another during a lesson.

import type { Codec } from '../wire/Codec';

/** Members that TypeScript's description of browsers lacks: WebRTC Extensions and Scalable Video Coding of the W3C. */
export type Encoding = RTCRtpEncodingParameters & { codec?: RTCRtpCodec; scalabilityMode?: string };

/** What a camera is sent in: three layers that every device makes. */
export const CAMERA: readonly Codec[] = ['vp8'];
/** What a screen may be sent in; the server says in which, by who takes it. */
export const SCREEN: readonly Codec[] = ['vp8', 'vp9', 'av1'];
/** A screen in one size and three layers of frame rate: for a weak link the server leaves frames out, and text stays sharp. */
export const SCREEN_LAYERS = 'L1T3';
/** Where a browser's encoder cannot: one layer. */
const ONE_LAYER = 'L1T1';
/** What a slot takes. The first is what everybody has. */
export const SLOT: readonly Codec[] = ['vp8', 'vp9', 'av1', 'h264'];

/** What sound is sent and received in: plain first, the other one when the server asks for it. */
const SOUND = ['opus', 'red'] as const;

/** The profiles that the server speaks: of VP9 and AV1 the first, of H.264 constrained baseline in mode 1. */
export function speaks({ mimeType, sdpFmtpLine = '' }: RTCRtpCodec, codec: Codec): boolean {
  if (mimeType.toLowerCase() !== `video/${codec}`) return false;
  if (codec === 'h264') return /packetization-mode=1/.test(sdpFmtpLine) && /profile-level-id=42e0/i.test(sdpFmtpLine);
  return !/profile(-id)?=[^0]/.test(sdpFmtpLine);
}

/** The browser's entries for some codecs, in this order, and the one for retransmissions. */
export function entries(codecs: readonly Codec[]): RTCRtpCodec[] {
  const all = RTCRtpReceiver.getCapabilities('video')?.codecs ?? [];
  const wanted = codecs.flatMap((codec) => all.filter((entry) => speaks(entry, codec)));
  return [...wanted, ...all.filter((entry) => entry.mimeType.toLowerCase() === 'video/rtx')];
}

/** The browser's entries for sound, plain Opus first. */
export function soundEntries(): RTCRtpCodec[] {
  const all = RTCRtpReceiver.getCapabilities('audio')?.codecs ?? [];
  return SOUND.flatMap((codec) => all.filter(({ mimeType }) => mimeType.toLowerCase() === `audio/${codec}`));
}

/** Sends in another codec from now on, without an offer. A browser that cannot goes on as it is. */
export async function sendIn(sender: RTCRtpSender, codec: Codec): Promise<void> {
  for (const mode of [SCREEN_LAYERS, ONE_LAYER]) if (await sendAs(sender, codec, mode)) return;
}

async function sendAs(sender: RTCRtpSender, codec: Codec, scalabilityMode: string): Promise<boolean> {
  const entry = RTCRtpSender.getCapabilities('video')?.codecs.find((one) => speaks(one, codec));
  const parameters = sender.getParameters();
  if (!entry || !parameters.encodings) return true;
  const encodings: Encoding[] = parameters.encodings;
  for (const encoding of encodings) {
    encoding.codec = entry;
    // Said aloud: for a screen in VP9 Chromium otherwise makes layers of its own, the lowest at 5 frames a second.
    encoding.scalabilityMode = scalabilityMode;
  }
  return sender.setParameters(parameters).then(
    () => true,
    () => false,
  );
}
