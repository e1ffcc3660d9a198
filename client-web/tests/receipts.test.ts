import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { READ_TOLD_MEMBERS_MAX } from '../src/core/readers';
import { RECV_MS, Receipts } from '../src/core/receipts';
import { greet, markRead, reduce, type Chat } from '../src/core/rooms';
import { Refused, Unanswered } from '../src/core/socket';
import type { RoomSummary } from '../src/core/wire/RoomSummary';
import { ROOM, hello, msg, summary } from './samples';

let chat: Chat;
let told: Record<string, number>[];
let answer: () => Promise<unknown>;
let receipts: Receipts;

function connect(...rooms: RoomSummary[]): void {
  chat = greet(undefined, hello(rooms));
  receipts.known(rooms);
  receipts.heard();
}

function arrives(s: number, no: number): void {
  chat = reduce(chat, msg(s, no));
  receipts.heard();
}

beforeEach(() => {
  vi.useFakeTimers();
  told = [];
  answer = () => Promise.resolve({});
  receipts = new Receipts(
    () => chat.rooms.values(),
    (no) => {
      told.push(no);
      return answer();
    },
  );
});

afterEach(() => {
  vi.useRealTimers();
});

it('tells of all rooms at once, and only what the server does not know', async () => {
  connect(summary({ recv_no: 5 }), summary({ id: 'R8', recv_no: 8 }), summary({ id: 'R9', recv_no: 0 }));
  await vi.advanceTimersByTimeAsync(RECV_MS);
  expect(told).toEqual([{ [ROOM]: 8, R9: 8 }]);
});

it('tells once in a while, also while more keeps coming', async () => {
  connect(summary());
  for (let k = 1; k <= 8; k++) {
    arrives(10 + k, 8 + k);
    await vi.advanceTimersByTimeAsync(RECV_MS / 4);
  }
  await vi.advanceTimersByTimeAsync(10 * RECV_MS);
  expect(told).toEqual([{ [ROOM]: 12 }, { [ROOM]: 16 }]);
});

it('says nothing of what was read, and nothing in rooms that are too large', async () => {
  const members = Array.from({ length: READ_TOLD_MEMBERS_MAX + 1 }, (_, k) => `U${k}`);
  connect(summary(), summary({ id: 'large', recv_no: 0, members }));
  arrives(11, 9);
  chat = markRead(chat, ROOM, 9);
  await vi.advanceTimersByTimeAsync(10 * RECV_MS);
  expect(told).toEqual([]);
});

it('begins anew with what the next connection tells', async () => {
  answer = () => Promise.reject(new Unanswered());
  connect(summary({ recv_no: 5 }));
  await vi.advanceTimersByTimeAsync(RECV_MS);
  receipts.heard();
  receipts.lost();
  await vi.advanceTimersByTimeAsync(60_000);
  expect(told.length, 'without a connection nothing is told').toBe(1);
  answer = () => Promise.resolve({});
  connect(summary({ recv_no: 5 }));
  await vi.advanceTimersByTimeAsync(RECV_MS);
  expect(told.length).toBe(2);
});

it('waits when the server is busy, and gives up what it refuses', async () => {
  answer = () => Promise.reject(new Refused({ c: 'overloaded', tmp: true, after: 5_000 }));
  connect(summary({ recv_no: 5 }));
  await vi.advanceTimersByTimeAsync(RECV_MS);
  answer = () => Promise.reject(new Refused({ c: 'forbidden' }));
  await vi.advanceTimersByTimeAsync(RECV_MS + 4_999);
  expect(told.length).toBe(1);
  await vi.advanceTimersByTimeAsync(1);
  receipts.heard();
  await vi.advanceTimersByTimeAsync(60_000);
  expect(told.length).toBe(2);
});
