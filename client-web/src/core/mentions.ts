// Unread messages that mention this person: their numbers, ascending, the newest of them. A mention is told in a
// snapshot, in its message, in a `bump`, maybe in several of them; a set cannot count it twice.

import type { RoomEvent } from './wire/RoomEvent';

/** The server, too, tells of no more. */
export const MENTIONS_TOLD_MAX = 50;

/** Gives the same list when nothing is news. */
export function unreadMentions(known: readonly number[], news: readonly number[], readNo: number): readonly number[] {
  if (news.length === 0 && (known[0] ?? Infinity) > readNo) return known;
  const all = [...new Set([...known, ...news])].filter((no) => no > readNo).sort((a, b) => a - b);
  const newest = all.slice(-MENTIONS_TOLD_MAX);
  return newest.length === known.length && newest.every((no, at) => no === known[at]) ? known : newest;
}

/** The number of the event's message, if it mentions this person, by name or as one of all. */
export const mentionsIn = (event: RoomEvent, person: string): number[] =>
  event.e === 'msg' && (event.d.men?.includes(person) || (event.d.all && event.d.by !== person)) ? [event.d.no] : [];
