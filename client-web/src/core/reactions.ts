// With which emoji a message was answered.

import type { Room } from './rooms';
import type { Message } from './wire/Message';
import type { Reacted } from './wire/Reacted';

/** The server takes no more of one person on one message. */
export const REACTIONS_BY_PERSON_MAX = 3;

/** The message after a reaction was set or taken back. Twice the same is the same. */
export function reacted(message: Message, { by, emoji, on }: Reacted): Message {
  const { react: before = [], ...rest } = message;
  const kind = before.find((one) => one.emoji === emoji);
  if (rest.deleted || (kind?.by.includes(by) ?? false) === on) return message;
  const react = on
    ? kind
      ? before.map((one) => (one === kind ? { ...one, by: [...one.by, by] } : one))
      : [...before, { emoji, by: [by] }]
    : before
        .map((one) => (one === kind ? { ...one, by: one.by.filter((person) => person !== by) } : one))
        .filter((one) => one.by.length > 0);
  return react.length > 0 ? { ...rest, react } : rest;
}

/** Whether messages can be answered with emoji here: wherever somebody may write still. The server judges it each time. */
export const mayReact = ({ archived, kind, can }: Pick<Room, 'archived' | 'kind' | 'can'>): boolean => !archived && (kind !== 'direct' || can.includes('write'));

/** With which emoji this person answered it. */
export const ownReactions = ({ react = [] }: Message, me: string): string[] =>
  react.flatMap(({ emoji, by }) => (by.includes(me) ? [emoji] : []));

/** As a list of rooms shows it. */
export function withoutReactions({ react: _, poll: __, fwd: ___, ack: ____, root: _____, thread: ______, due: _______, ...message }: Message): Message {
  return message;
}
