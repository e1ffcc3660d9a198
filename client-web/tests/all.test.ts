import { expect, it } from 'vitest';
import { ALL, allNamed, allWords, callsAll, mayCallAll } from '../src/core/all';
import { namePieces } from '../src/core/naming';
import { mentionsIn } from '../src/core/mentions';
import { reduce } from '../src/core/rooms';
import type { RoomEvent } from '../src/core/wire/RoomEvent';
import { chat, hello, msg, room, summary } from './samples';

it('everybody is called by a word of their own after an @, in both languages and any case', () => {
  for (const text of ['@все', 'Привет, @Все!', '@ALL: завтра', '(@all)', 'раз\n@все два']) expect(callsAll(text), text).toBe(true);
  for (const text of ['', 'все', '@всегда', '@всё', 'почта@all', '@@все', '@allen', '@ все', '@все_вместе']) expect(callsAll(text), text).toBe(false);
  expect(allWords('@все и @ALL, @все')).toEqual(['все', 'ALL']);
  expect(namePieces('Привет, @Все!', allNamed('Привет, @Все!', ALL))).toEqual([{ text: 'Привет, ' }, { person: { id: ALL, name: 'Все' } }, { text: '!' }]);
});

it('the staff may, where they manage and somebody else is', () => {
  const { me } = hello();
  const may = (change: Parameters<typeof summary>[0], as = me): boolean => mayCallAll(room(chat([summary(change)])), as);
  expect(may({})).toBe(true);
  expect(may({}, { ...me, role: 'student' })).toBe(false);
  expect(may({ kind: 'direct' })).toBe(false);
  expect(may({ can: ['write', 'lesson'] })).toBe(false);
  expect(may({ can: ['manage'] })).toBe(false);
  expect(may({ members: ['U1'] })).toBe(false);
});

it('a message to all is an unread mention of everybody but its author', () => {
  const toAll = (by: string): RoomEvent => {
    const event = msg(11, 9, { by });
    if (event.e !== 'msg') throw new Error('a message');
    return { ...event, d: { ...event.d, all: true } };
  };
  expect(room(reduce(chat(), toAll('U4'))).mentions).toEqual([9]);
  expect(room(reduce(chat(), toAll('U1'))).mentions).toEqual([]);
  expect([mentionsIn(toAll('U4'), 'U1'), mentionsIn(toAll('U4'), 'U4'), mentionsIn(msg(11, 9), 'U1')]).toEqual([[9], [], []]);
});
