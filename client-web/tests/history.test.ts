import { describe, expect, it } from 'vitest';
import { before, behind, holds, messageAt, reaches, stretch, type Stretch } from '../src/core/history';
import { prepend, reduce } from '../src/core/rooms';
import { timeline } from '../src/core/timeline';
import { ROOM, chat, msg, room, summary } from './samples';

const run = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, k) => msg(from + k, from + k));
const page = (from: number, to: number, more = true, epoch = 'e1') => ({ epoch, events: run(from, to), more });
const positions = ({ events }: Stretch): number[] => events.map((event) => event.s);

function apart(from: number, to: number): Stretch {
  const made = stretch(page(from, to));
  if (!made) throw new Error('empty');
  return made;
}

describe('a stretch of the log', () => {
  it('grows in both directions by pages that fit', () => {
    const known = apart(40, 42);
    expect(positions(before(known, page(38, 39, false)))).toEqual([38, 39, 40, 41, 42]);
    expect(before(known, page(38, 39, false)).more).toBe(false);
    expect(positions(behind(known, page(43, 44)))).toEqual([40, 41, 42, 43, 44]);
    // What overlaps comes once.
    expect(positions(behind(known, page(41, 44)))).toEqual([40, 41, 42, 43, 44]);
    for (const wrong of [page(30, 35), page(38, 39, true, 'e2')]) expect(before(known, wrong)).toBe(known);
    for (const wrong of [page(50, 55), page(43, 44, true, 'e2')]) expect(behind(known, wrong)).toBe(known);
    // Nothing older is left.
    expect(before(known, { epoch: 'e1', events: [], more: false }).more).toBe(false);
  });

  it('meets what is held of the room, which then is one run up to its end', () => {
    let state = prepend(chat([summary({ seq: 60 })]), ROOM, page(50, 60));
    expect(reaches(apart(40, 48), room(state))).toBe(false);
    const met = apart(40, 52);
    expect(reaches(met, room(state))).toBe(true);
    state = prepend(state, ROOM, met);
    expect(room(state).events.map((event) => event.s)).toEqual(run(40, 60).map((event) => event.s));
    // And live events go on behind it.
    state = reduce(state, msg(61, 61));
    expect(room(state).events.at(-1)?.s).toBe(61);
    // Of another epoch it is about another log.
    expect(reaches({ ...met, epoch: 'e2' }, room(state))).toBe(false);
  });

  it('knows which message a place leads to', () => {
    const call = { e: 'call.started', r: ROOM, s: 43, d: { id: 'C1', by: 'U1', at: '2026-11-25T09:00:00.000Z' } } as const;
    const events = [...run(40, 42), call, ...run(44, 45)];
    expect(messageAt(events, 41)).toBe('M41');
    expect(messageAt(events, 43)).toBe('M44');
    expect(messageAt(events, 99)).toBe('M45');
    expect(messageAt([call], 43)).toBeUndefined();
    expect([holds(events, 40), holds(events, 45), holds(events, 39), holds([], 1)]).toEqual([true, true, false, false]);
  });
});

it('shows what has become of its messages since', () => {
  const [first] = run(40, 40);
  if (first?.e !== 'msg') throw new Error('a message');
  const changed = { e: 'msg.changed', r: ROOM, s: 61, d: { ...first.d, body: 'иначе', edited: '2026-11-25T09:00:00.000Z' } } as const;
  const lines = timeline([first], (at) => at.slice(0, 10), undefined, [changed]);
  expect(lines.flatMap((line) => (line.kind === 'message' ? [line.message.body] : []))).toEqual(['иначе']);
});
