import { expect, it } from 'vitest';
import { earlierThan, offer, REASON_CHARS_MAX, withEarlier } from '../src/core/inspections';
import { en, ru } from '../src/lib/inspections/texts';
import type { Inspected } from '../src/core/wire/Inspected';
import type { Inspection } from '../src/core/wire/Inspection';
import type { Person } from '../src/core/wire/Person';
import limits from '../../protocol/src/limits.rs?raw';

const person = (id: string): Person => ({ id, name: id, role: 'administrator' });
const AT = '2026-11-25T09:00:00.000Z';
const UNTIL = '2026-11-26T09:00:00.000Z';
const NOW = Date.parse('2026-11-25T10:00:00.000Z');
const request = (change: Partial<Inspection>): Inspection => ({
  id: 'i', room: { id: 'r', name: 'A, B', kind: 'direct' }, by: person('olga'), at: AT, reason: 'why', stage: 'waiting', until: UNTIL, ...change,
});
const granted = request({ stage: 'granted', decided: { by: person('sergey'), at: AT } });

it('nobody answers what they asked for themselves', () => {
  expect(offer(request({}), 'olga', NOW)).toEqual({ answer: false, read: false, end: true });
  expect(offer(request({}), 'sergey', NOW)).toEqual({ answer: true, read: false, end: false });
});

it('who asked reads, and both of them end it', () => {
  expect(offer(granted, 'olga', NOW)).toEqual({ answer: false, read: true, end: true });
  expect(offer(granted, 'sergey', NOW)).toEqual({ answer: false, read: false, end: true });
  expect(offer(granted, 'third', NOW)).toEqual({ answer: false, read: false, end: false });
});

it('what one opened alone any administrator ends', () => {
  const opened = request({ stage: 'granted', alone: true });
  expect(offer(opened, 'olga', NOW)).toEqual({ answer: false, read: true, end: true });
  expect(offer(opened, 'third', NOW)).toEqual({ answer: false, read: false, end: true });
});

it('nothing is left when the time is over', () => {
  const nothing = { answer: false, read: false, end: false };
  for (const one of [request({}), granted]) {
    for (const me of ['olga', 'sergey']) expect(offer(one, me, Date.parse(UNTIL))).toEqual(nothing);
  }
  for (const stage of ['refused', 'ended', 'over'] as const) expect(offer(request({ stage }), 'olga', NOW)).toEqual(nothing);
});

const message = (no: number): Inspected => ({ message: { id: `m${no}`, cid: `c${no}`, no, by: 'a', at: AT, body: String(no) } });
const numbers = (all: readonly Inspected[]): number[] => all.map((one) => one.message.no);

it('puts earlier pages before what is there, each message once', () => {
  const held = withEarlier([], [message(3), message(4)]);
  expect(numbers(held)).toEqual([3, 4]);
  expect(earlierThan(held)).toBe(3);
  const all = withEarlier(held, [message(1), message(2), message(3)]);
  expect(numbers(all)).toEqual([1, 2, 3, 4]);
  expect(earlierThan(all)).toBeUndefined();
  expect(earlierThan([])).toBeUndefined();
});

it('says the same in both languages', () => {
  const paths = (texts: object, at = ''): string[] =>
    Object.entries(texts).flatMap(([key, value]: [string, unknown]) =>
      typeof value === 'object' && value !== null ? paths(value, `${at}${key}.`) : [`${at}${key}: ${typeof value}`],
    );
  expect(paths(en).sort()).toEqual(paths(ru).sort());
});

it('bounds the reason as the server does', () => {
  expect(limits.replaceAll('_', '')).toContain(`pub const INSPECTIONREASONCHARSMAX: usize = ${REASON_CHARS_MAX};`);
});
