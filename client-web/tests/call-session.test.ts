import { beforeEach, describe, expect, it, vi } from 'vitest';
import { CallSession, type CallState, type Request } from '../src/core/call/session';
import { Refused, Unanswered } from '../src/core/socket';
import type { ErrorCode } from '../src/core/wire/ErrorCode';
import type { Participant } from '../src/core/wire/Participant';
import { CODECS, FakePeer, install, peer } from './fake-peer';

const CALL = 'C1';
const person = (p: string, ...on: Participant['on']): Participant => ({ p, u: `U-${p}`, on, here: true });
const joined = { p: 'P1', sdp: 'answer', people: [person('P1')], v: 3 };

let asked: [string, unknown][];
let answer: (method: string) => unknown;
let state: CallState;
let ended: (ErrorCode | undefined)[];
let pathsLost: number;

function start(): CallSession {
  const request = ((m: string, p: unknown) => {
    asked.push([m, p]);
    return Promise.resolve().then(() => answer(m));
  }) as Request;
  return new CallSession({
    call: CALL,
    videoSlots: 2,
    request,
    changed: (next) => (state = next),
    pathLost: () => void pathsLost++,
    ended: (problem) => ended.push(problem),
  });
}

const methods = (): string[] => asked.map(([m]) => m);

beforeEach(() => {
  vi.useFakeTimers();
  install();
  asked = [];
  ended = [];
  pathsLost = 0;
  answer = (m) => (m === 'call.join' ? joined : { sdp: 'answer' });
});

async function enter(): Promise<CallSession> {
  const session = start();
  await session.join({});
  peer().turns('connected');
  return session;
}

describe('joining', () => {
  it('sends one offer and names its sections', async () => {
    const session = await enter();
    expect(asked[1]).toEqual([
      'call.join',
      {
        call: CALL,
        sdp: 'offer',
        up: { mic: '0', camera: '1', screen: '2', screen_audio: '3' },
        down_audio: ['4', '5', '6', '7'],
        down_video: ['8', '9'],
        on: [],
      },
    ]);
    expect(session.remoteDescriptions).toBe(1);
    expect(state).toMatchObject({ status: 'on', me: 'P1' });
  });

  it('knows the relay at the address of the page', async () => {
    answer = (m) => (m === 'call.ice' ? { relay: { user: 'u', password: 'p' } } : joined);
    await enter();
    expect(peer().configuration.iceServers).toEqual([
      { urls: 'turns:parta.example.ru:443?transport=tcp', username: 'u', credential: 'p' },
    ]);
  });

  it('does without a relay where there is none', async () => {
    answer = (m) => {
      if (m === 'call.ice') throw new Refused({ c: 'unknown_method' });
      return joined;
    };
    await enter();
    expect(peer().configuration.iceServers).toEqual([]);
    expect(state.me).toBe('P1');
  });

  it('keeps news that overtook the answer', async () => {
    const session = start();
    answer = (m) => {
      if (m !== 'call.join') return {};
      session.event({ e: 'call.people', call: CALL, v: 4, d: [person('P1'), person('P2')] });
      return joined;
    };
    await session.join({});
    expect(state.people.map((one) => one.p)).toEqual(['P1', 'P2']);
  });

  it('applies to the answer what changed since, and nothing that it contains', async () => {
    const session = start();
    answer = (m) => {
      if (m !== 'call.join') return {};
      session.event({ e: 'call.changed', call: CALL, v: 3, d: { set: [person('P7')], gone: ['P1'] } });
      session.event({ e: 'call.changed', call: CALL, v: 4, d: { set: [person('P2')], gone: [] } });
      return joined;
    };
    await session.join({});
    expect(state.people.map((one) => one.p)).toEqual(['P1', 'P2']);
  });

  it('keeps everybody in their place while others come, change and go', async () => {
    const session = await enter();
    session.event({ e: 'call.people', call: CALL, v: 4, d: [person('P1'), person('P2'), person('P3')] });
    session.event({ e: 'call.changed', call: CALL, v: 5, d: { set: [person('P4'), person('P1', 'mic')], gone: ['P2'] } });
    expect(state.people).toEqual([person('P1', 'mic'), person('P3'), person('P4')]);
  });

  it('does not take an old list for news after the server forgot everything', async () => {
    const session = await enter();
    session.event({ e: 'call.people', call: CALL, v: 4, d: [person('P1'), person('P2')] });
    session.event({ e: 'call.gone', call: CALL });
    await vi.advanceTimersByTimeAsync(1_000);
    expect(FakePeer.all.length).toBe(2);
    expect(state.people.map((one) => one.p)).toEqual(['P1']);
  });

  it.each(['media_refused', 'call_full', 'forbidden'] as const)('ends when the server says %s', async (c) => {
    answer = () => {
      throw new Refused({ c });
    };
    await start().join({});
    expect(ended).toEqual([c]);
    expect(peer().closed).toBe(true);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(methods()).toEqual(['call.ice', 'call.join']);
  });

  it('tries again when there was no answer', async () => {
    answer = () => {
      throw new Unanswered();
    };
    await start().join({});
    answer = () => joined;
    await vi.advanceTimersByTimeAsync(2_000);
    expect(state.me).toBe('P1');
    expect(FakePeer.all.filter((one) => !one.closed).length).toBe(1);
  });
});

describe('during a lesson', () => {
  it('makes only the layers of the camera that somebody can use', async () => {
    const session = await enter();
    const camera = peer().senders[1];
    const active = () => camera?.encodings.map((one) => one.active ?? true);
    expect(active()).toEqual([true, true, true]);
    session.event({ e: 'call.layers', call: CALL, d: 1 });
    session.event({ e: 'call.layers', call: CALL, d: 2 });
    await vi.waitFor(() => expect(active()).toEqual([true, true, false]));
    session.event({ e: 'call.layers', call: CALL, d: 3 });
    await vi.waitFor(() => expect(active()).toEqual([true, true, true]));
  });

  it('sends the screen in the codec that everybody takes', async () => {
    const session = await enter();
    const [, camera, screen] = peer().senders;
    session.event({ e: 'call.codec', call: CALL, d: { src: 'screen', codec: 'av1' } });
    await vi.waitFor(() => expect(screen?.encodings[0]?.codec).toBe(CODECS[3]));
    expect(screen?.encodings[0]?.scalabilityMode).toBe('L1T3');
    session.event({ e: 'call.codec', call: CALL, d: { src: 'screen', codec: 'vp8' } });
    await vi.waitFor(() => expect(screen?.encodings[0]?.codec).toBe(CODECS[0]));
    // One that this browser does not have changes nothing.
    session.event({ e: 'call.codec', call: CALL, d: { src: 'screen', codec: 'vp9' } });
    await vi.advanceTimersByTimeAsync(1);
    expect(screen?.encodings[0]?.codec).toBe(CODECS[0]);
    expect(camera?.encodings.some((one) => one.codec)).toBe(false);
  });

  it('repeats its sound while the server asks for it, and says so to nobody', async () => {
    const sound = (mid: string, types: string): string =>
      `m=audio 9 UDP/TLS/RTP/SAVPF ${types}\r\na=rtpmap:63 red/48000/2\r\na=mid:${mid}\r\n`;
    const sdp = (mic: string): string => sound('0', mic) + sound('3', '111 63');
    answer = (m) => (m === 'call.join' ? { ...joined, sdp: sdp('111 63') } : { sdp: sdp('111 63') });
    const session = await enter();
    const remote = () => (peer().remoteDescription as { sdp: string }).sdp;
    session.event({ e: 'call.codec', call: CALL, d: { src: 'mic', codec: 'red' } });
    await vi.waitFor(() => expect(remote()).toBe(sdp('63 111')));
    // A restart's answer names plain Opus first again.
    session.event({ e: 'call.codec', call: CALL, d: { src: 'screen_audio', codec: 'opus' } });
    peer().turns('failed');
    await vi.waitFor(() => expect(methods()).toContain('call.restart'));
    await vi.waitFor(() => expect(remote()).toBe(sdp('63 111')));
    session.event({ e: 'call.codec', call: CALL, d: { src: 'mic', codec: 'opus' } });
    await vi.waitFor(() => expect(remote()).toBe(sdp('111 63')));
    expect(methods().filter((m) => m === 'call.join' || m === 'call.restart')).toEqual(['call.join', 'call.restart']);
  });

  it('knows which pictures it cannot show, until it joins anew', async () => {
    const session = await enter();
    session.event({ e: 'call.untaken', call: CALL, d: [{ p: 'P3', src: 'camera' }] });
    expect(state.untaken).toEqual([{ p: 'P3', src: 'camera' }]);
    session.event({ e: 'call.gone', call: CALL });
    await vi.advanceTimersByTimeAsync(1_000);
    expect(state.untaken).toEqual([]);
  });

  it('goes on with all layers in a browser that refuses', async () => {
    const session = await enter();
    const camera = peer().senders[1];
    if (camera) camera.refuses = true;
    session.event({ e: 'call.layers', call: CALL, d: 1 });
    await vi.advanceTimersByTimeAsync(1);
    expect(camera?.encodings.every((one) => one.active ?? true)).toBe(true);
    expect(state.status).toBe('on');
  });

  it('never negotiates for switches, people or slots', async () => {
    const session = await enter();
    await session.setSource('mic', true);
    session.event({ e: 'call.people', call: CALL, v: 4, d: [person('P1', 'mic'), person('P2')] });
    session.event({ e: 'call.slots', call: CALL, d: [{ mid: '8', from: { p: 'P2', src: 'camera' } }] });
    expect(session.remoteDescriptions).toBe(1);
    expect(methods().filter((m) => m === 'call.join' || m === 'call.restart')).toEqual(['call.join']);
  });

  it('ignores another lesson', async () => {
    const session = await enter();
    session.event({ e: 'call.people', call: 'C2', v: 5, d: [] });
    expect(state.people.length).toBe(1);
  });

  it('tells views once until they change', async () => {
    const session = await enter();
    asked = [];
    const view = { p: 'P2', src: 'camera', w: 320, pin: false } as const;
    session.view([view]);
    session.view([{ ...view }]);
    session.view([{ ...view, w: 640 }]);
    expect(methods()).toEqual(['call.view', 'call.view']);
  });

  it('repeats a switch that the server missed, once the connection is back', async () => {
    const session = await enter();
    answer = () => {
      throw new Unanswered();
    };
    await session.setSource('camera', true);
    answer = () => ({});
    asked = [];
    session.connectionReady();
    await vi.advanceTimersByTimeAsync(0);
    expect(asked).toContainEqual(['call.set', { call: CALL, src: 'camera', on: true }]);
    asked = [];
    session.connectionReady();
    await vi.advanceTimersByTimeAsync(0);
    expect(methods()).toEqual(['call.view']);
  });
});

describe('a lost path', () => {
  it('is given some time, then restarted on the same connection', async () => {
    const session = await enter();
    peer().turns('disconnected');
    await vi.advanceTimersByTimeAsync(1_000);
    expect(methods()).not.toContain('call.restart');
    await vi.advanceTimersByTimeAsync(1_000);
    expect(methods()).toContain('call.restart');
    expect(state.status).toBe('reconnecting');
    peer().turns('connected');
    expect(state.status).toBe('on');
    expect(FakePeer.all.length).toBe(1);
    expect(session.remoteDescriptions).toBe(2);
  });

  it('is told of at once, so that the chat can look whether its connection lives', async () => {
    await enter();
    expect(pathsLost).toBe(0);
    peer().turns('disconnected');
    expect(pathsLost).toBe(1);
    peer().turns('failed');
    expect(pathsLost).toBe(2);
  });

  it('is not restarted again before the first restart is answered', async () => {
    const session = await enter();
    const restarts = (): number => methods().filter((m) => m === 'call.restart').length;
    let settle: { resolve(value: unknown): void; reject(error: Error): void } | undefined;
    answer = (m) =>
      m === 'call.restart' ? new Promise((resolve, reject) => (settle = { resolve, reject })) : { sdp: 'answer' };
    peer().turns('disconnected');
    await vi.advanceTimersByTimeAsync(3_000);
    session.networkChanged();
    session.connectionReady();
    peer().turns('failed');
    await vi.advanceTimersByTimeAsync(1_000);
    expect(restarts()).toBe(1);
    // The connection on which it was asked is gone, and with it the answer.
    settle?.reject(new Unanswered());
    await vi.advanceTimersByTimeAsync(0);
    session.connectionReady();
    await vi.advanceTimersByTimeAsync(0);
    expect(restarts()).toBe(2);
    settle?.resolve({ sdp: 'answer' });
    await vi.advanceTimersByTimeAsync(0);
    expect(session.remoteDescriptions).toBe(2);
    session.networkChanged();
    await vi.advanceTimersByTimeAsync(0);
    expect(restarts()).toBe(3);
    expect(FakePeer.all.length).toBe(1);
  });

  it('is not restarted while it is being joined anew', async () => {
    const session = await enter();
    answer = (m) => (m === 'call.join' ? new Promise(() => undefined) : { sdp: 'answer' });
    session.event({ e: 'call.gone', call: CALL });
    await vi.advanceTimersByTimeAsync(1_000);
    session.networkChanged();
    await vi.advanceTimersByTimeAsync(0);
    expect(methods()).not.toContain('call.restart');
  });

  it('that comes back by itself costs nothing', async () => {
    await enter();
    peer().turns('disconnected');
    await vi.advanceTimersByTimeAsync(1_000);
    peer().turns('connected');
    await vi.advanceTimersByTimeAsync(10_000);
    expect(methods()).not.toContain('call.restart');
  });

  it('is joined anew when the restart brings nothing', async () => {
    await enter();
    peer().turns('failed');
    await vi.advanceTimersByTimeAsync(20_000);
    expect(FakePeer.all.length).toBeGreaterThan(1);
    expect(FakePeer.all[0]?.closed).toBe(true);
  });

  it('is joined anew with the same mutes when the server no longer knows this browser', async () => {
    const session = await enter();
    await session.setSource('camera', true);
    answer = (m) => {
      if (m === 'call.view') throw new Refused({ c: 'forbidden' });
      return joined;
    };
    session.connectionReady();
    await vi.advanceTimersByTimeAsync(1_000);
    const joins = asked.filter(([m]) => m === 'call.join');
    expect(joins.length).toBe(2);
    expect(joins[1]?.[1]).toMatchObject({ on: ['camera'] });
  });
});

describe('a path by which nothing comes any more', () => {
  const restarts = (): number => methods().filter((m) => m === 'call.restart').length;

  it('is restarted before the browser has noticed, and once', async () => {
    await enter();
    await vi.advanceTimersByTimeAsync(3_000);
    expect(restarts()).toBe(0);
    peer().comes = 0;
    await vi.advanceTimersByTimeAsync(2_900);
    expect(restarts()).toBe(0);
    await vi.advanceTimersByTimeAsync(200);
    expect(restarts()).toBe(1);
    expect(state.status).toBe('reconnecting');
    expect(pathsLost).toBe(1);
    // The browser notices while the restart looks for a path: a second one would begin the search anew.
    peer().turns('disconnected');
    await vi.advanceTimersByTimeAsync(3_000);
    peer().turns('failed');
    await vi.advanceTimersByTimeAsync(1_000);
    peer().turns('connected');
    peer().comes = 5_000;
    await vi.advanceTimersByTimeAsync(60_000);
    expect(restarts()).toBe(1);
    expect(state.status).toBe('on');
    expect(FakePeer.all.length).toBe(1);
  });

  it('is found again in a browser that has noticed nothing', async () => {
    await enter();
    await vi.advanceTimersByTimeAsync(2_000);
    peer().comes = 0;
    await vi.advanceTimersByTimeAsync(4_000);
    expect(state.status).toBe('reconnecting');
    peer().comes = 5_000;
    await vi.advanceTimersByTimeAsync(1_000);
    expect(state.status).toBe('on');
    await vi.advanceTimersByTimeAsync(60_000);
    expect(restarts()).toBe(1);
    expect(FakePeer.all.length).toBe(1);
  });

  it('is joined anew when the restart brings nothing', async () => {
    await enter();
    await vi.advanceTimersByTimeAsync(2_000);
    peer().comes = 0;
    await vi.advanceTimersByTimeAsync(12_000);
    expect(FakePeer.all.length).toBe(2);
    expect(FakePeer.all[0]?.closed).toBe(true);
  });

  it('is taken for lost later where only reports come, of which some are lost', async () => {
    await enter();
    peer().comes = 60;
    await vi.advanceTimersByTimeAsync(5_000);
    peer().comes = 0;
    await vi.advanceTimersByTimeAsync(4_000);
    peer().comes = 60;
    await vi.advanceTimersByTimeAsync(1_000);
    expect(restarts()).toBe(0);
    peer().comes = 0;
    await vi.advanceTimersByTimeAsync(5_500);
    expect(restarts()).toBe(1);
  });

  it('is not watched where nothing has ever come, as where the browser does not count', async () => {
    await enter();
    peer().comes = 0;
    await vi.advanceTimersByTimeAsync(30_000);
    expect(restarts()).toBe(0);
    expect(state.status).toBe('on');
  });

  it('does not keep a connection that the server has given up', async () => {
    const session = await enter();
    await vi.advanceTimersByTimeAsync(2_000);
    session.event({ e: 'call.gone', call: CALL });
    await vi.advanceTimersByTimeAsync(5_000);
    expect(FakePeer.all.length).toBe(2);
  });
});

it('leaving ends the connection and asks for nothing more', async () => {
  const session = await enter();
  session.leave();
  peer().turns('failed');
  session.connectionReady();
  await vi.advanceTimersByTimeAsync(60_000);
  expect(methods().at(-1)).toBe('call.leave');
  expect(peer().closed).toBe(true);
  expect(state.status).toBe('over');
});

describe('the link', () => {
  const reports = (): unknown[] => asked.filter(([m]) => m === 'call.stats').map(([, p]) => p);
  const camera = { mid: '8', from: { p: 'P2', src: 'camera' as const } };
  const inbound = (framesDecoded: number, freezeCount: number) =>
    new Map([['a', { type: 'inbound-rtp', kind: 'video', mid: '8', framesDecoded, freezeCount, totalFreezesDuration: freezeCount }]]);

  it('is reported every ten seconds, the time of joining once', async () => {
    const session = start();
    await session.join({});
    await vi.advanceTimersByTimeAsync(1_500);
    peer().turns('connected');
    session.event({ e: 'call.slots', call: CALL, d: [camera] });
    FakePeer.stats = () => inbound(100, 0);
    await vi.advanceTimersByTimeAsync(10_000);
    FakePeer.stats = () => inbound(300, 2);
    session.soundOnly = true;
    await vi.advanceTimersByTimeAsync(10_000);
    expect(reports()).toEqual([
      { call: CALL, seconds: 10, freezes: 0, frozen_ms: 0, join_ms: 1_500, sound_only: false },
      { call: CALL, seconds: 10, freezes: 2, frozen_ms: 2_000, fps: 20, sound_only: true },
    ]);
    expect(state.freezes).toBe(2);
    session.leave();
    await vi.advanceTimersByTimeAsync(30_000);
    expect(reports()).toHaveLength(2);
  });

  it('of everybody is asked for again on every connection, until it is closed', async () => {
    const session = await enter();
    const watches = (): unknown[] => asked.filter(([m]) => m === 'call.watch').map(([, p]) => p);
    session.watch(true);
    const links = [{ p: 'P2', paused: 0, freezes: 0, frozen_ms: 0 }];
    session.event({ e: 'call.links', call: CALL, d: links });
    expect(state.links).toEqual(links);
    session.connectionReady();
    await vi.advanceTimersByTimeAsync(0);
    session.watch(false);
    expect(watches()).toEqual([{ call: CALL, on: true }, { call: CALL, on: true }, { call: CALL, on: false }]);
    session.event({ e: 'call.links', call: CALL, d: links });
    expect(state.links).toEqual([]);
  });
});
