// The number on the icon while the page is closed.
import 'fake-indexeddb/auto';
import { expect, it } from 'vitest';
import { countNews, countsOf, keepCounts, sum } from '../src/core/counts';
import type { Notify } from '../src/core/wire/Notify';
import { chat, summary } from './samples';

const NOW = Date.parse('2026-11-25T12:00:00Z');
const news = (unread: number, mention = false) => ({ name: 'Робототехника', unread, mention });
const rooms = () => [
  ...chat([
    summary({ id: 'loud', no: 8, read_no: 5 }),
    summary({ id: 'muted', no: 14, read_no: 4, men: [7, 9] }),
    summary({ id: 'off', no: 9, read_no: 1, men: [2] }),
    summary({ id: 'read', no: 3, read_no: 3 }),
  ]).rooms.values(),
];
const wishes: Notify = { v: 1, rooms: { muted: { level: 'mentions' }, off: { level: 'nothing' } } };

let count = 0;
const fresh = (): string => `test-counts-${++count}`;

it('the page leaves what asks for attention, also while it is silent', () => {
  const counts = countsOf(wishes, rooms(), NOW);
  expect(counts).toEqual({ rooms: { loud: 3, muted: 2 }, quiet: { muted: 10, off: 8 } });
  expect(sum(counts)).toBe(5);
  expect(countsOf({ ...wishes, pause: {} }, rooms(), NOW)).toEqual(counts);
});

it('a push goes on from there: the room of which it told is as the server says', async () => {
  const name = fresh();
  await keepCounts(countsOf(wishes, rooms(), NOW), name);
  expect(await countNews('loud', news(4), name)).toBe(6);
  expect(await countNews('loud', news(5), name)).toBe(7);
  expect(await countNews('new', news(1), name)).toBe(8);
  // Read on another device meanwhile.
  expect(await countNews('loud', news(1), name)).toBe(4);
});

it('where all was read before the worker could ask there is nothing, not even a dot', async () => {
  const name = fresh();
  await keepCounts({ rooms: { loud: 3 }, quiet: {} }, name);
  expect(await countNews('loud', news(0), name)).toBe(0);
});

it('of a quiet room one mention has come, however much of it is unread', async () => {
  const name = fresh();
  await keepCounts(countsOf(wishes, rooms(), NOW), name);
  expect(await countNews('muted', news(11, true), name)).toBe(6);
  expect(await countNews('off', news(9, true), name)).toBe(7);
});

it('a mention in it that the page counts as well counts once, whichever is first', async () => {
  const name = fresh();
  const mentioned = countsOf(wishes, [...chat([summary({ id: 'muted', no: 15, read_no: 4, men: [7, 9, 15] })]).rooms.values()], NOW);
  await keepCounts(mentioned, name);
  expect(await countNews('muted', news(11, true), name)).toBe(3);
  await keepCounts(countsOf(wishes, [...chat([summary({ id: 'muted', no: 14, read_no: 4, men: [7, 9] })]).rooms.values()], NOW), name);
  expect(await countNews('muted', news(11, true), name)).toBe(3);
  await keepCounts(mentioned, name);
  expect(await countNews('muted', news(12, true), name)).toBe(4);
});

it('of it there are never more than are unread: what was read on another device does not count on', async () => {
  const name = fresh();
  await keepCounts({ rooms: { muted: 2 }, quiet: { muted: 10 } }, name);
  expect(await countNews('muted', news(1, true), name)).toBe(1);
  expect(await countNews('muted', news(3, true), name)).toBe(2);
  expect(await countNews('muted', news(0), name)).toBe(0);
});

it('without an answer of the server it stays, and without anything known there is no number', async () => {
  const name = fresh();
  await keepCounts(countsOf(wishes, rooms(), NOW), name);
  expect(await countNews('loud', undefined, name)).toBe(5);
  expect(await countNews(undefined, undefined, name)).toBe(5);
  expect(await countNews('loud', undefined, fresh())).toBeUndefined();
  expect(await countNews('loud', news(2), fresh())).toBe(2);
});

it('the page counts anew when it is open', async () => {
  const name = fresh();
  await keepCounts(countsOf(wishes, rooms(), NOW), name);
  await countNews('new', news(7), name);
  await keepCounts({ rooms: {}, quiet: {} }, name);
  expect(await countNews(undefined, undefined, name)).toBeUndefined();
});
