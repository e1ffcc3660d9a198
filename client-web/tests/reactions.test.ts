import fc from 'fast-check';
import { expect, it } from 'vitest';
import { mayReact, ownReactions, reacted } from '../src/core/reactions';
import { messagesOf } from '../src/core/rooms';
import type { Message } from '../src/core/wire/Message';
import type { Reacted } from '../src/core/wire/Reacted';
import type { RoomEvent } from '../src/core/wire/RoomEvent';
import { ROOM, msg } from './samples';

const first = msg(1, 1, { at: '2026-11-25T09:00:00.000Z' });
if (first.e !== 'msg') throw new Error('a message');
const message: Message = first.d;
const did = (by: string, emoji: string, on = true): Reacted => ({ id: message.id, by, emoji, on });

it('counts who answered with what, in the order in which it came', () => {
  const after = [did('U4', '🔥'), did('U1', '👍'), did('U4', '👍'), did('U4', '🔥', false), did('U5', '🔥')].reduce(reacted, message);
  expect(after.react).toEqual([
    { emoji: '👍', by: ['U1', 'U4'] },
    { emoji: '🔥', by: ['U5'] },
  ]);
  expect(ownReactions(after, 'U4')).toEqual(['👍']);
  expect(reacted(after, did('U5', '🔥', false)).react).toHaveLength(1);
});

it('leaves the same message when nothing is new, and nothing on one that was deleted', () => {
  const once = reacted(message, did('U4', '👍'));
  expect(reacted(once, did('U4', '👍'))).toBe(once);
  expect(reacted(message, did('U4', '👍', false))).toBe(message);
  expect(reacted(once, did('U4', '👍', false))).toEqual(message);
  const gone = { ...message, deleted: { by: 'U1', at: message.at } };
  expect(reacted(gone, did('U4', '👍'))).toBe(gone);
});

it('shows the same whether the message came before the reactions or with them', () => {
  const one = fc.record({ by: fc.constantFrom('U1', 'U4', 'U5'), emoji: fc.constantFrom('👍', '🔥', '❤️'), on: fc.boolean() });
  fc.assert(
    fc.property(fc.array(one, { maxLength: 30 }), fc.nat(), (all, at) => {
      const done = all.map(({ by, emoji, on }) => did(by, emoji, on));
      const live = done.reduce(reacted, message);
      // A page of history has the message as it is at some later time; the events after it are told once more.
      const known = done.slice(0, at % (done.length + 1)).reduce(reacted, message);
      const events: RoomEvent[] = [
        { e: 'msg', r: ROOM, s: 1, d: known },
        ...done.map((d, k): RoomEvent => ({ e: 'msg.reacted', r: ROOM, s: k + 2, d })),
      ];
      const sets = ({ react = [] }: Message): string[] => react.map(({ emoji, by }) => `${emoji} ${[...by].sort().join(' ')}`).sort();
      expect(sets(messagesOf(events).get(message.id) ?? message)).toEqual(sets(live));
    }),
  );
});

it('is offered where somebody may write still', () => {
  expect(mayReact({ kind: 'announcements', archived: false, can: [] })).toBe(true);
  expect(mayReact({ kind: 'direct', archived: false, can: ['write'] })).toBe(true);
  // The policy has ended it.
  expect(mayReact({ kind: 'direct', archived: false, can: [] })).toBe(false);
  expect(mayReact({ kind: 'group', archived: true, can: ['write'] })).toBe(false);
});
