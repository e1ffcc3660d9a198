import { describe, expect, it, vi } from 'vitest';
import { SCREEN, SLOT, entries, speaks } from '../src/core/call/codecs';

const codec = (mimeType: string, sdpFmtpLine?: string): RTCRtpCodec => ({
  mimeType,
  clockRate: 90_000,
  ...(sdpFmtpLine === undefined ? {} : { sdpFmtpLine }),
});
const h264 = (mode: number, profile: string): RTCRtpCodec =>
  codec('video/H264', `level-asymmetry-allowed=1;packetization-mode=${String(mode)};profile-level-id=${profile}`);

describe('codecs of pictures', () => {
  it('takes the profiles that the server speaks, and no others', () => {
    expect(speaks(codec('video/VP8'), 'vp8')).toBe(true);
    expect(speaks(codec('video/VP9'), 'vp9')).toBe(true);
    expect(speaks(codec('video/VP9', 'profile-id=0'), 'vp9')).toBe(true);
    expect(speaks(codec('video/VP9', 'profile-id=2'), 'vp9')).toBe(false);
    expect(speaks(codec('video/AV1', 'level-idx=5;profile=1;tier=0'), 'av1')).toBe(false);
    expect(speaks(codec('video/VP8'), 'vp9')).toBe(false);
    for (const [mode, profile, spoken] of [
      [1, '42e01f', true],
      [1, '42E034', true],
      [0, '42e01f', false],
      [1, '640c1f', false],
      [1, '42001f', false],
    ] as const) {
      expect(speaks(h264(mode, profile), 'h264'), `${String(mode)} ${profile}`).toBe(spoken);
    }
  });

  it('names VP8 first, whatever the browser would rather have', () => {
    const [rtx, vp9, vp8] = [codec('video/rtx'), codec('video/VP9', 'profile-id=0'), codec('video/VP8')];
    const all = [h264(1, '640c1f'), h264(1, '42e01f'), rtx, vp9, codec('video/red'), vp8];
    vi.stubGlobal('RTCRtpReceiver', { getCapabilities: () => ({ codecs: all }) });
    expect(entries(SLOT)).toEqual([vp8, vp9, h264(1, '42e01f'), rtx]);
    expect(entries(SCREEN)).toEqual([vp8, vp9, rtx]);
  });
});
