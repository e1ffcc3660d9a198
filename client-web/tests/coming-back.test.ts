// Who comes back to a lesson, as by a reload, and which mutes the server has not heard of.
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { CallSession, type CallState, type Request } from '../src/core/call/session';
import { Refused, Unanswered } from '../src/core/socket';
import type { Participant } from '../src/core/wire/Participant';
import { install, peer } from './fake-peer';

const CALL = 'C1';
const person = (p: string, ...on: Participant['on']): Participant => ({ p, u: `U-${p}`, on, here: true });
const joined = { p: 'P1', sdp: 'answer', people: [person('P1')], v: 3 };

let asked: [string, unknown][];
let answer: (method: string) => unknown;
let state: CallState;

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
    pathLost: () => undefined,
    ended: () => undefined,
  });
}

beforeEach(() => {
  vi.useFakeTimers();
  install();
  asked = [];
  answer = (m) => (m === 'call.join' ? joined : {});
});

describe('coming back after the page was away', () => {
  const track = (): MediaStreamTrack => ({ enabled: true, stop: () => undefined }) as MediaStreamTrack;
  const joins = (): unknown[] => asked.filter(([m]) => m === 'call.join').map(([, p]) => p);
  let opened: string[];
  const open = (source: string): Promise<MediaStreamTrack | undefined> => {
    opened.push(source);
    return Promise.resolve(track());
  };
  const was = (...on: Participant['on']) => ({ ...joined, people: [person('P2', 'mic', 'camera'), person('P1', ...on)] });

  beforeEach(() => (opened = []));

  it('has on what the server says, and opens nothing before', async () => {
    const session = start();
    answer = (m) => {
      if (m === 'call.join') expect(opened).toEqual([]);
      return m === 'call.join' ? was('camera') : {};
    };
    await session.comeBack([], open);
    await vi.advanceTimersByTimeAsync(0);
    expect(joins()).toMatchObject([{ on: ['mic', 'camera'], back: true }]);
    expect(opened).toEqual(['camera']);
    expect(state.on).toEqual({ mic: false, camera: true, screen: false, screen_audio: false });
  });

  it('says what was muted and not heard of, again when the page goes before the answer', async () => {
    const session = start();
    answer = (m) => {
      if (m === 'call.join') expect(session.unheardMutes).toEqual(['mic']);
      return m === 'call.join' ? was() : {};
    };
    await session.comeBack(['mic'], open);
    expect(joins()).toMatchObject([{ on: ['camera'], back: true }]);
    expect(opened).toEqual([]);
    expect(session.unheardMutes).toEqual([]);
  });

  it('tells that a device cannot be had', async () => {
    answer = (m) => (m === 'call.join' ? was('mic') : {});
    await start().comeBack([], () => Promise.resolve(undefined));
    await vi.advanceTimersByTimeAsync(0);
    expect(asked).toContainEqual(['call.set', { call: CALL, src: 'mic', on: false }]);
    expect(state.on.mic).toBe(false);
  });

  it('leaves what the person has switched meanwhile', async () => {
    const session = start();
    answer = async (m) => {
      if (m !== 'call.join') throw new Refused({ c: 'forbidden' });
      await session.setSource('mic', true, track());
      await session.setSource('mic', false);
      answer = () => ({});
      return was('mic', 'camera');
    };
    await session.comeBack([], open);
    await vi.advanceTimersByTimeAsync(0);
    expect(opened).toEqual(['camera']);
    expect(asked.filter(([m]) => m === 'call.set').slice(-2)).toEqual([
      ['call.set', { call: CALL, src: 'mic', on: false }],
      ['call.set', { call: CALL, src: 'camera', on: true }],
    ]);
    expect(state.on).toMatchObject({ mic: false, camera: true });
  });

  it('asks the server until it has answered, and is the judge itself from then on', async () => {
    const session = start();
    answer = (m) => {
      if (m === 'call.join') throw new Unanswered();
      return {};
    };
    await session.comeBack([], open);
    answer = (m) => (m === 'call.join' ? was('mic') : {});
    await vi.advanceTimersByTimeAsync(2_000);
    expect(state.on.mic).toBe(true);
    await session.setSource('mic', false);
    session.event({ e: 'call.gone', call: CALL });
    await vi.advanceTimersByTimeAsync(2_000);
    expect(joins().length).toBe(3);
    expect(joins()[1]).toMatchObject({ back: true });
    expect(joins()[2]).toMatchObject({ on: [] });
    expect(joins()[2]).not.toHaveProperty('back');
    expect(opened).toEqual(['mic']);
  });
});

it('knows which mutes the server has not heard of', async () => {
  const session = start();
  await session.join({});
  peer().turns('connected');
  const answers: (() => void)[] = [];
  answer = () => new Promise((resolve) => answers.push(() => resolve({})));
  const on = session.setSource('mic', true);
  const off = session.setSource('mic', false);
  expect(session.unheardMutes).toEqual(['mic']);
  await vi.advanceTimersByTimeAsync(0);
  answers[0]?.();
  await on;
  expect(session.unheardMutes, 'the answer to the switch before').toEqual(['mic']);
  answers[1]?.();
  await off;
  expect(session.unheardMutes).toEqual([]);
  answer = () => {
    throw new Refused({ c: 'forbidden' });
  };
  await session.setSource('camera', false);
  expect(session.unheardMutes).toEqual(['camera']);
});
