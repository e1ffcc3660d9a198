import { describe, expect, it, vi } from 'vitest';
import { SCREEN, SLOT, entries, soundEntries, speaks } from '../src/core/call/codecs';
import { named } from '../src/core/call/sound';

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

describe('sound', () => {
  it('is offered plain first, and so that it repeats where the browser can', () => {
    const [opus, red, other] = [codec('audio/opus'), codec('audio/red'), codec('audio/PCMU')];
    vi.stubGlobal('RTCRtpReceiver', { getCapabilities: () => ({ codecs: [red, other, opus] }) });
    expect(soundEntries()).toEqual([opus, red]);
  });

  it('repeats in the sections that are named, and in no others', () => {
    const section = (mid: string, types: string): string =>
      `m=audio 9 UDP/TLS/RTP/SAVPF ${types}\r\na=rtpmap:111 opus/48000/2\r\na=rtpmap:63 red/48000/2\r\na=mid:${mid}\r\n`;
    const picture = 'm=video 9 UDP/TLS/RTP/SAVPF 96 63\r\na=mid:1\r\n';
    const plain = 'm=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=rtpmap:111 opus/48000/2\r\na=mid:4\r\n';
    const answer = (mic: string, screen: string): string =>
      `v=0\r\n${section('0', mic)}${picture}${section('3', screen)}${plain}`;
    const before = answer('111 63', '111 63');
    expect(named(before, new Set())).toBe(before);
    expect(named(before, new Set(['0', '1', '4']))).toBe(answer('63 111', '111 63'));
    expect(named(answer('63 111', '111 63'), new Set(['3']))).toBe(answer('111 63', '63 111'));
  });
});
