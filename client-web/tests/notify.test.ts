// What asks for attention, and when nothing does.
import { expect, it } from 'vitest';
import { attention, clock, holds, isQuiet, isSilent, minutes, minutesTo, mute } from '../src/core/notify';
import type { Notify } from '../src/core/wire/Notify';
import { chat, summary } from './samples';

const NOW = Date.parse('2026-11-25T12:00:00Z');
const EARLIER = '2026-11-25T11:59:59Z';
const LATER = '2026-11-25T12:00:01Z';

const rooms = (): ReturnType<typeof chat>['rooms'] =>
  chat([
    summary({ id: 'loud', no: 8, read_no: 5 }),
    summary({ id: 'other', no: 14, read_no: 4, men: [7, 9] }),
  ]).rooms;

it('counts every unread message, and of a muted room only those that mention one', () => {
  const all = rooms();
  const count = (wishes: Omit<Notify, 'v'>): number => attention({ v: 1, ...wishes }, all.values(), NOW);
  expect(count({})).toBe(13);
  expect(count({ rooms: { other: { level: 'all', mute: {} } } })).toBe(5);
  expect(count({ rooms: { other: { level: 'all', mute: { until: LATER } } } })).toBe(5);
  expect(count({ rooms: { other: { level: 'all', mute: { until: EARLIER } } } })).toBe(13);
  expect(count({ rooms: { other: { level: 'mentions' } } })).toBe(5);
  expect(count({ rooms: { other: { level: 'nothing' } } })).toBe(3);
  expect(count({ pause: {} })).toBe(0);
  expect(count({ pause: { until: EARLIER } })).toBe(13);
});

it('shows as quiet what is not told message by message', () => {
  const wishes: Notify = { v: 1, rooms: { a: { level: 'mentions' }, b: { level: 'all', mute: { until: LATER } }, c: { level: 'all', mute: { until: EARLIER } } } };
  expect(['a', 'b', 'c', 'd'].map((id) => isQuiet(wishes, id, NOW))).toEqual([true, true, false, false]);
  expect([mute(wishes, 'a', NOW), mute(wishes, 'b', NOW), mute(wishes, 'c', NOW)]).toEqual([undefined, { until: LATER }, undefined]);
});

it('knows quiet hours by the clock of their place, over midnight too', () => {
  const night = { from: 22 * 60, to: 7 * 60, zone: 'Europe/Moscow' };
  const at = (text: string): boolean => holds(night, Date.parse(text));
  expect(['2026-11-25T18:59:59Z', '2026-11-25T19:00:00Z', '2026-11-26T03:59:59Z', '2026-11-26T04:00:00Z'].map(at)).toEqual([false, true, true, false]);
  const nap = { from: 13 * 60, to: 15 * 60, zone: 'Asia/Vladivostok' };
  expect([2, 3, 4, 5].map((hour) => holds(nap, Date.parse(`2026-11-25T0${hour}:59:00Z`)))).toEqual([false, true, true, false]);
  expect(isSilent({ v: 1, hours: night }, Date.parse('2026-11-25T21:00:00Z'))).toBe(true);
  // Whatever this browser does not know keeps nobody from being told.
  expect(holds({ ...night, zone: 'Mars/Olympus' }, Date.parse('2026-11-25T21:00:00Z'))).toBe(false);
});

it('reads and writes times of the day as their fields do', () => {
  expect([0, 425, 1439].map(clock)).toEqual(['00:00', '07:05', '23:59']);
  expect(['07:05', '23:59', ''].map(minutes)).toEqual([425, 1439, undefined]);
  const noon = new Date(2026, 10, 25, 12, 0, 30).getTime();
  expect([minutesTo(8, noon), minutesTo(13, noon)]).toEqual([20 * 60, 60]);
});
