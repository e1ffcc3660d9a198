import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { GAP_MS, Gaps } from '../src/core/gaps';
import { reduce, type Chat } from '../src/core/rooms';
import { Refused, Unanswered } from '../src/core/socket';
import type { RoomEvent } from '../src/core/wire/RoomEvent';
import { ROOM, chat as sample, msg } from './samples';

let chat: Chat;
let asked: number[];
let answer: (after: number) => Promise<unknown>;
let gaps: Gaps;

beforeEach(() => {
  vi.useFakeTimers();
  vi.spyOn(Math, 'random').mockReturnValue(0);
  chat = sample();
  asked = [];
  answer = () => Promise.resolve({});
  gaps = new Gaps(
    (id) => chat.rooms.get(id),
    (_, after) => {
      asked.push(after);
      return answer(after);
    },
  );
});

afterEach(() => {
  vi.restoreAllMocks();
  vi.useRealTimers();
});

function hear(...events: RoomEvent[]): void {
  for (const event of events) {
    chat = reduce(chat, event);
    gaps.heard(event.r);
  }
}

describe('a gap', () => {
  it('that closes by itself in time is not asked about', async () => {
    hear(msg(12, 10));
    await vi.advanceTimersByTimeAsync(GAP_MS - 1);
    hear(msg(11, 9));
    await vi.advanceTimersByTimeAsync(10 * GAP_MS);
    expect(asked).toEqual([]);
  });

  it('is asked about once, although events go on coming', async () => {
    answer = () => new Promise(() => undefined);
    for (let s = 12; s < 20; s++) {
      hear(msg(s, s));
      await vi.advanceTimersByTimeAsync(GAP_MS / 4);
    }
    expect(asked).toEqual([10]);
  });

  it('is asked about from where it begins by then', async () => {
    hear(msg(11, 9), msg(13, 11));
    await vi.advanceTimersByTimeAsync(GAP_MS);
    expect(asked).toEqual([11]);
  });

  it('is asked about again while something is missing', async () => {
    hear(msg(12, 10));
    await vi.advanceTimersByTimeAsync(GAP_MS);
    await vi.advanceTimersByTimeAsync(GAP_MS);
    expect(asked).toEqual([10, 10]);
    hear(msg(11, 9));
    await vi.advanceTimersByTimeAsync(100 * GAP_MS);
    expect(asked).toEqual([10, 10]);
  });

  it('is left to the next connection when this one goes', async () => {
    hear(msg(12, 10));
    gaps.lost();
    await vi.advanceTimersByTimeAsync(10 * GAP_MS);
    expect(asked).toEqual([]);
  });

  it('is over with a reset', async () => {
    hear(msg(12, 10));
    chat = reduce(chat, { e: 'reset', r: ROOM, d: { ep: 'e1', s: 900, no: 800, read: 0 } });
    gaps.heard(ROOM);
    await vi.advanceTimersByTimeAsync(10 * GAP_MS);
    expect(asked).toEqual([]);
  });
});

describe('lag', () => {
  it('is made up for at once, from the own position', () => {
    hear(msg(11, 9));
    gaps.lag(ROOM, 15);
    expect(asked).toEqual([11]);
  });

  it('is made up for from where it begins when the room has moved on', () => {
    chat = reduce(chat, { e: 'bump', r: ROOM, s: 20, d: {} });
    gaps.lag(ROOM, 15);
    expect(asked).toEqual([14]);
  });

  it('is made up for later when the server is busy', async () => {
    answer = () => Promise.reject(new Refused({ c: 'rate_limited', tmp: true, after: 2_000 }));
    gaps.lag(ROOM, 11);
    await vi.advanceTimersByTimeAsync(1_999);
    expect(asked).toEqual([10]);
    answer = () => Promise.resolve({});
    await vi.advanceTimersByTimeAsync(GAP_MS + 1);
    expect(asked).toEqual([10, 10]);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(asked).toEqual([10, 10]);
  });

  it.each([new Unanswered(), new Refused({ c: 'forbidden' })])('is not repeated after %o', async (error) => {
    answer = () => Promise.reject(error);
    gaps.lag(ROOM, 11);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(asked).toEqual([10]);
  });
});
