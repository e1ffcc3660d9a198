import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { Drafts, MOST_MS, PAUSE_MS } from '../src/core/drafts';
import { greet, keepDraft, reduce } from '../src/core/rooms';
import { Refused, Unanswered } from '../src/core/socket';
import type { Draft } from '../src/core/wire/Draft';
import { ROOM, hello, room, summary } from './samples';

let told: string[];
let kept: [string, Draft][];
let answer: () => Promise<{ v: number }>;
let drafts: Drafts;

beforeEach(() => {
  vi.useFakeTimers();
  told = [];
  kept = [];
  let v = 0;
  answer = () => Promise.resolve({ v: ++v });
  drafts = new Drafts(
    (r, body) => {
      told.push(`${r}: ${body}`);
      return answer();
    },
    (r, draft) => kept.push([r, draft]),
  );
});

afterEach(() => {
  vi.useRealTimers();
});

it('tells in a pause of the writing, and now and then in a long one', async () => {
  drafts.write('R1', 'п', []);
  await vi.advanceTimersByTimeAsync(PAUSE_MS - 1);
  drafts.write('R1', 'при', []);
  await vi.advanceTimersByTimeAsync(PAUSE_MS - 1);
  expect(told).toEqual([]);
  await vi.advanceTimersByTimeAsync(1);
  expect(told).toEqual(['R1: при']);
  expect([drafts.isOwn('R1'), kept]).toEqual([false, [['R1', { v: 1, body: 'при' }]]]);
  for (let key = 0; key < 20; key++) {
    drafts.write('R1', `при${key}`, ['U4']);
    await vi.advanceTimersByTimeAsync(PAUSE_MS / 2);
  }
  expect(told.length).toBeGreaterThan(Math.floor((20 * PAUSE_MS) / 2 / MOST_MS) - 1);
  await vi.advanceTimersByTimeAsync(PAUSE_MS);
  expect(kept.at(-1)).toEqual(['R1', { v: told.length, body: 'при19', men: ['U4'] }]);
});

it('takes away what was sent, at once and after what is under way; of what nobody knows it says nothing', async () => {
  drafts.write('R1', 'быстро', []);
  drafts.clear('R1', false);
  await vi.advanceTimersByTimeAsync(60_000);
  expect(told).toEqual([]);
  let arrive = (_: { v: number }): void => undefined;
  answer = () => new Promise((resolve) => (arrive = resolve));
  drafts.write('R1', 'медленно', []);
  await vi.advanceTimersByTimeAsync(PAUSE_MS);
  drafts.clear('R1', false);
  answer = () => Promise.resolve({ v: 2 });
  arrive({ v: 1 });
  await vi.advanceTimersByTimeAsync(0);
  expect(told).toEqual(['R1: медленно', 'R1: ']);
  expect(kept.at(-1)?.[1]).toEqual({ v: 2, body: '' });
});

it('keeps the text its own until the server has it: over a lost connection, and when it is refused', async () => {
  answer = () => Promise.reject(new Unanswered());
  drafts.write('R1', 'в метро', []);
  await vi.advanceTimersByTimeAsync(60_000);
  expect([told.length, drafts.isOwn('R1')]).toEqual([1, true]);
  answer = () => Promise.reject(new Refused({ c: 'rate_limited', tmp: true, after: 5_000 }));
  drafts.flush();
  await vi.advanceTimersByTimeAsync(PAUSE_MS + 4_999);
  expect([told.length, drafts.isOwn('R1')]).toEqual([2, true]);
  answer = () => Promise.reject(new Refused({ c: 'too_large' }));
  await vi.advanceTimersByTimeAsync(1);
  drafts.flush();
  await vi.advanceTimersByTimeAsync(60_000);
  expect([told.length, drafts.isOwn('R1')]).toEqual([3, true]);
});

it('shows the latest text, in whatever order they come', () => {
  const before = greet(undefined, hello([summary({ draft: { v: 3, body: 'три' } })]));
  expect(keepDraft(before, ROOM, { v: 2, body: 'два' })).toBe(before);
  const after = reduce(before, { e: 'u.draft', d: { r: ROOM, draft: { v: 5, body: '' } } });
  expect(room(after).draft).toEqual({ v: 5, body: '' });
  expect(reduce(after, { e: 'u.draft', d: { r: ROOM, draft: { v: 4, body: 'четыре' } } })).toBe(after);
});
