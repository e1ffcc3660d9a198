// How far the members of a room have read, and who has read a message.

import type { Message } from './wire/Message';
import type { Reader } from './wire/Reader';
import type { RoomEvent } from './wire/RoomEvent';

/** By person: the number of the last message that they have read. Nobody reads backwards. */
export type Pointers = ReadonlyMap<string, number>;

/** In rooms with more members the server tells of nobody who reads on; it is asked when this person wants to know. */
export const READ_TOLD_MEMBERS_MAX = 50;

/** Gives the same map when nothing is news. */
export function readFurther(known: Pointers, news: readonly Reader[]): Pointers {
  let next: Map<string, number> | undefined;
  for (const { u, no } of news) {
    if (no <= ((next ?? known).get(u) ?? 0)) continue;
    next ??= new Map(known);
    next.set(u, no);
  }
  return next ?? known;
}

/** What one wrote, one has read. */
export const wrote = ({ by, no }: Message): Reader => ({ u: by, no });

export const writers = (events: readonly RoomEvent[]): Reader[] =>
  events.flatMap((event) => (event.e === 'msg' ? [wrote(event.d)] : []));

/** The members beside its author, by whether they have read a message. */
export function whoRead(
  room: { readonly members: readonly string[]; readonly readers: Pointers },
  { by, no }: Message,
): { readonly read: string[]; readonly unread: string[] } {
  const read: string[] = [];
  const unread: string[] = [];
  for (const member of room.members) {
    if (member !== by) ((room.readers.get(member) ?? 0) >= no ? read : unread).push(member);
  }
  return { read, unread };
}
