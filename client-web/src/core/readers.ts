// How far the members of a room have read and what has arrived for them; who has read or got a message.

import type { Message } from './wire/Message';
import type { Reader } from './wire/Reader';
import type { RoomEvent } from './wire/RoomEvent';

/** By person: the number of the last message that they have read, or that has arrived. Nobody goes backwards. */
export type Pointers = ReadonlyMap<string, number>;

/** In rooms with more members the server tells of nobody who reads on, and is asked when this person wants to know; what
 * has arrived is not kept there. */
export const READ_TOLD_MEMBERS_MAX = 50;

/** Gives the same map when nothing is news. */
export function further(known: Pointers, news: readonly Reader[]): Pointers {
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

/** The members beside its author: who has read a message, who only has it on a device, and the rest. */
export function whoRead(
  room: { readonly members: readonly string[]; readonly readers: Pointers; readonly receivers: Pointers },
  { by, no }: Message,
): { readonly read: string[]; readonly got: string[]; readonly waiting: string[] } {
  const people = { read: [] as string[], got: [] as string[], waiting: [] as string[] };
  const reached = (pointers: Pointers, member: string): boolean => (pointers.get(member) ?? 0) >= no;
  for (const member of room.members) {
    if (member === by) continue;
    people[reached(room.readers, member) ? 'read' : reached(room.receivers, member) ? 'got' : 'waiting'].push(member);
  }
  return people;
}

/** What an author's tick says of a message: it is stored, it is on a device of everybody, or somebody has read it. */
export type Tick = 'sent' | 'delivered' | 'read';

export function tickOf(room: Parameters<typeof whoRead>[0], message: Message): Tick {
  const { read, got, waiting } = whoRead(room, message);
  if (read.length > 0) return 'read';
  return got.length > 0 && waiting.length === 0 ? 'delivered' : 'sent';
}
