import { expect, it } from 'vitest';
import { timeline } from '../src/core/timeline';
import { nextPin, pinsAsOf } from '../src/core/pins';
import { greet, knowPins, reduce, unread } from '../src/core/rooms';
import type { Hit } from '../src/core/wire/Hit';
import type { RoomEvent } from '../src/core/wire/RoomEvent';
import { ROOM, chat, hello, msg, room, summary } from './samples';

const at = '2026-11-25T09:00:00.000Z';
const pinned = (s: number, on: boolean): RoomEvent => ({ e: 'msg.pinned', r: ROOM, s, d: { id: 'M11', no: 9, by: 'U4', at, on } });

it('a pin is a line where it was pinned, and taking it down is none', () => {
  const lines = timeline([msg(11, 9, { at }), pinned(12, true), pinned(13, false), msg(14, 10, { at })], (time) => time.slice(0, 10));
  expect(lines.map((line) => (line.kind === 'message' ? line.first : line.kind))).toEqual(['day', true, 'pinned', true]);
  expect(lines.find((line) => line.kind === 'pinned')).toMatchObject({ by: 'U4', no: 9 });
});

it('a pin is nothing that is unread, and moves the room on', () => {
  const before = reduce(chat(), msg(11, 9));
  const after = [pinned(12, true), pinned(13, false)].reduce(reduce, before);
  expect([unread(room(after)), room(after).seq, room(after).last]).toEqual([unread(room(before)), 13, room(before).last]);
});

const hit = (id: string, no: number): Hit => ({ r: ROOM, id, no, s: no, by: 'U4', at, text: [{ t: id, hit: false }], files: [] });

it('what is pinned is asked for anew whenever something about it was told, and only then', () => {
  const known = knowPins(reduce(chat(), msg(11, 9)), ROOM, room(chat()).epoch, [hit('M9', 9)]);
  const asOf = pinsAsOf(room(known));
  const after = (event: RoomEvent): string => pinsAsOf(room(reduce(known, event)));
  expect(after(msg(12, 10))).toBe(asOf);
  const changed = (id: string): RoomEvent => ({ e: 'msg.changed', r: ROOM, s: 12, d: { id, cid: 'c1', no: 9, by: 'U4', at, body: 'иначе', edited: at } });
  expect(after(changed('M10'))).toBe(asOf);
  expect(after(changed('M9'))).not.toBe(asOf);
  expect(after(pinned(12, false))).not.toBe(asOf);
  const reset = reduce(known, { e: 'reset', r: ROOM, d: { ep: room(known).epoch, s: 500, no: 90, read: 9 } });
  expect(pinsAsOf(room(reset)), 'what was left out may have changed them').not.toBe(asOf);
});

it('pins are known over a connection, but not over a restored database', () => {
  const known = knowPins(chat(), ROOM, room(chat()).epoch, [hit('M9', 9)]);
  const ok = (epoch: string): Parameters<typeof greet>[1] => hello([summary({ epoch })]);
  expect(room(greet(known, ok(room(known).epoch))).pins).toHaveLength(1);
  expect(room(greet(known, ok('another'))).pins).toEqual([]);
  expect(knowPins(known, ROOM, 'another', [])).toEqual(known);
});

it('pressing goes through all pins and begins anew', () => {
  const places = [0];
  for (let k = 0; k < 4; k++) places.push(nextPin(places[k] ?? 0, 3));
  expect(places).toEqual([0, 1, 2, 0, 1]);
  expect(nextPin(0, 1)).toBe(0);
});
