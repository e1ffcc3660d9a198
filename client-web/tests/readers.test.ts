import { describe, expect, it } from 'vitest';
import { further, tickOf, whoRead } from '../src/core/readers';
import { greet, knowReaders, prepend, reduce, type Chat } from '../src/core/rooms';
import type { Message } from '../src/core/wire/Message';
import { ROOM, chat, hello, msg, room, summary } from './samples';

const members = ['U1', 'U4', 'U5', 'U6'];
const fresh = (): Chat => chat([summary({ members })]);
const mine = (no: number): Message => ({ id: 'M', cid: 'c', no, by: 'U1', at: '', body: '' });
const read = (of: Chat, no: number): string[] => whoRead(room(of), mine(no)).read;
const news = (u: string, no: number) => ({ e: 'read', r: ROOM, d: { u, no } }) as const;

describe('who has read a message', () => {
  it('are the members whose pointers reach it, without its author and those who left', () => {
    const known = new Map([['U1', 9], ['U4', 8], ['U5', 7], ['gone', 9]]);
    const room = { members, readers: known, receivers: new Map([['U5', 8], ['U4', 1]]) };
    expect(whoRead(room, mine(8))).toEqual({ read: ['U4'], got: ['U5'], waiting: ['U6'] });
    expect(whoRead(room, { ...mine(7), by: 'U4' }).read).toEqual(['U1', 'U5']);
  });

  it('never becomes fewer, in whatever order the news come', () => {
    const once = further(new Map(), [{ u: 'U4', no: 3 }, { u: 'U4', no: 8 }, { u: 'U4', no: 5 }]);
    expect([...once]).toEqual([['U4', 8]]);
    expect(further(once, [{ u: 'U4', no: 8 }, { u: 'U4', no: 1 }])).toBe(once);
  });
});

describe('the tick of a message', () => {
  const tick = (readers: [string, number][], receivers: [string, number][], of = members) =>
    tickOf({ members: of, readers: new Map(readers), receivers: new Map(receivers) }, mine(8));

  it('says that it was delivered once everybody has it, and that it was read once somebody has read it', () => {
    expect(tick([], [])).toBe('sent');
    expect(tick([], [['U4', 8], ['U5', 8], ['U6', 7]])).toBe('sent');
    expect(tick([], [['U4', 8], ['U5', 9], ['U6', 8]])).toBe('delivered');
    expect(tick([['U4', 8]], [['U5', 9]])).toBe('read');
  });

  it('needs only the other of two people, and never says it to somebody who is alone', () => {
    expect(tick([], [['U4', 8]], ['U1', 'U4'])).toBe('delivered');
    expect(tick([], [], ['U1'])).toBe('sent');
  });
});

describe('a room', () => {
  it('knows of nobody before it is told', () => {
    expect(room(fresh())).toMatchObject({ readersKnown: false });
    expect(read(fresh(), 1)).toEqual([]);
  });

  it('follows the news of its readers', () => {
    const after = reduce(fresh(), news('U5', 8));
    expect(read(after, 8)).toEqual(['U5']);
    expect(read(after, 9)).toEqual([]);
    expect(reduce(after, news('U5', 7))).toBe(after);
    expect(reduce(after, { ...news('U5', 9), r: 'unknown' })).toBe(after);
  });

  it('takes the answer of the server together with news that overtook it', () => {
    const asked = reduce(fresh(), news('U5', 9));
    const marks = [{ u: 'U4', no: 8, recv: 8 }, { u: 'U5', no: 7, recv: 7 }, { u: 'U6', no: 0, recv: 8 }];
    const after = knowReaders(asked, ROOM, 'e1', marks);
    expect(room(after).readersKnown).toBe(true);
    expect(whoRead(room(after), mine(8))).toEqual({ read: ['U4', 'U5'], got: ['U6'], waiting: [] });
    expect(knowReaders(asked, ROOM, 'before the backup', marks)).toBe(asked);
  });

  it('follows the news of what has arrived, of several people at once', () => {
    const d = [{ u: 'U4', no: 8 }, { u: 'U5', no: 7 }];
    const after = reduce(fresh(), { e: 'recv', r: ROOM, d });
    expect(whoRead(room(after), mine(8))).toEqual({ read: [], got: ['U4'], waiting: ['U5', 'U6'] });
    expect(reduce(after, { e: 'recv', r: ROOM, d: [{ u: 'U4', no: 7 }] })).toBe(after);
  });

  it('takes who writes for somebody who has read what stands above', () => {
    expect(read(reduce(fresh(), msg(11, 9)), 8)).toEqual(['U4']);
    expect(read(reduce(fresh(), msg(11, 9)), 10)).toEqual([]);
    const bump = { e: 'bump', r: ROOM, s: 12, d: { last: { ...mine(9), by: 'U5' } } } as const;
    expect(read(reduce(fresh(), bump), 8)).toEqual(['U5']);
    const page = { epoch: 'e1', events: [msg(9, 7, { by: 'U6' }), msg(10, 8)], more: true };
    const paged = prepend(fresh(), ROOM, page);
    expect(read(paged, 8)).toEqual(['U4']);
    expect(read(paged, 7)).toEqual(['U4', 'U6']);
  });

  it('still knows it after a reconnect and a reset, but not when a backup was restored', () => {
    const before = knowReaders(fresh(), ROOM, 'e1', [{ u: 'U4', no: 8, recv: 8 }, { u: 'U5', no: 1, recv: 8 }]);
    const again = greet(before, hello([summary({ members })]));
    expect(whoRead(room(again), mine(8))).toMatchObject({ read: ['U4'], got: ['U5'] });
    expect(room(again).readersKnown).toBe(true);
    const reset = (ep: string) => reduce(before, { e: 'reset', r: ROOM, d: { ep, s: 900, no: 800, read: 5 } });
    expect(read(reset('e1'), 8)).toEqual(['U4']);
    for (const restored of [greet(before, hello([summary({ members, epoch: 'e2' })])), reset('e2')]) {
      expect(whoRead(room(restored), mine(1))).toMatchObject({ read: [], got: [] });
      expect(room(restored).readersKnown).toBe(false);
    }
  });
});
