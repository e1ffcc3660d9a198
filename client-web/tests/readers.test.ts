import { describe, expect, it } from 'vitest';
import { readFurther, whoRead } from '../src/core/readers';
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
    expect(whoRead({ members, readers: known }, mine(8))).toEqual({ read: ['U4'], unread: ['U5', 'U6'] });
    expect(whoRead({ members, readers: known }, { ...mine(7), by: 'U4' }).read).toEqual(['U1', 'U5']);
  });

  it('never becomes fewer, in whatever order the news come', () => {
    const once = readFurther(new Map(), [{ u: 'U4', no: 3 }, { u: 'U4', no: 8 }, { u: 'U4', no: 5 }]);
    expect([...once]).toEqual([['U4', 8]]);
    expect(readFurther(once, [{ u: 'U4', no: 8 }, { u: 'U4', no: 1 }])).toBe(once);
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
    const after = knowReaders(asked, ROOM, 'e1', [{ u: 'U4', no: 8 }, { u: 'U5', no: 7 }, { u: 'U6', no: 0 }]);
    expect(room(after).readersKnown).toBe(true);
    expect(read(after, 8)).toEqual(['U4', 'U5']);
    expect(knowReaders(asked, ROOM, 'before the backup', [{ u: 'U4', no: 8 }])).toBe(asked);
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
    const before = knowReaders(fresh(), ROOM, 'e1', [{ u: 'U4', no: 8 }]);
    const again = greet(before, hello([summary({ members })]));
    expect(read(again, 8)).toEqual(['U4']);
    expect(room(again).readersKnown).toBe(true);
    const reset = (ep: string) => reduce(before, { e: 'reset', r: ROOM, d: { ep, s: 900, no: 800, read: 5 } });
    expect(read(reset('e1'), 8)).toEqual(['U4']);
    for (const restored of [greet(before, hello([summary({ members, epoch: 'e2' })])), reset('e2')]) {
      expect(read(restored, 1)).toEqual([]);
      expect(room(restored).readersKnown).toBe(false);
    }
  });
});
