// Threads: the answers to a message, and the answers to those.

import type { Message } from './wire/Message';
import type { RoomEvent } from './wire/RoomEvent';

/** The message at which a thread began, after this answer. One that was counted already changes nothing. */
export function answered(root: Message, { no, by }: Message): Message {
  const { n, no: last } = root.thread ?? { n: 0, no: 0 };
  return no > last ? { ...root, thread: { n: n + 1, no, by } } : root;
}

/** What is shown of a message that is answered. */
export type Answered = Pick<Message, 'id' | 'by' | 'body' | 'att'>;

/** A message that comes back to its field is the answer that it was, also to one that is not held any more. */
export const answeredIn = (messages: ReadonlyMap<string, Message>, id: string): Answered => messages.get(id) ?? { id, by: '', body: '' };

/** Where the thread began that a message belongs to, or begins. */
export const rootOf = ({ id, root }: Message): string => root ?? id;

/** A page of a thread before what is held of it: its first message and answers, as `msg` events. */
export function withEarlier(held: readonly RoomEvent[], page: readonly RoomEvent[]): RoomEvent[] {
  const [root, ...answers] = page;
  const from = held[1]?.s ?? Infinity;
  return [...(root ? [root] : []), ...answers.filter((event) => event.s < from), ...held.slice(1)];
}

/**
 * The thread's answers among these messages, in order. Of those below `from`, the number of the first one that is held when there
 * are more before it, none: between them and it some may be missing.
 */
export const answersIn = (messages: ReadonlyMap<string, Message>, root: string, from: number): Message[] =>
  [...messages.values()].filter((message) => message.root === root && message.no >= from).sort((a, b) => a.no - b.no);

/** As a panel shows it: what it answers is not said again when that is the first message. */
export function inThread({ thread: _, re, ...message }: Message, root: string): Message {
  return re === undefined || re === root ? message : { ...message, re };
}
