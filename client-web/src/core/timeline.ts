// A room's events as the lines of a chat: days, groups of one author, lessons.

import { isExpired } from './expiry';
import { messagesOf } from './rooms';
import type { CallOver } from './wire/CallOver';
import type { CallSummary } from './wire/CallSummary';
import type { Message } from './wire/Message';
import type { RoomEvent } from './wire/RoomEvent';

export type Line =
  | { readonly kind: 'day'; readonly key: string; readonly at: string }
  | { readonly kind: 'unread'; readonly key: string }
  | { readonly kind: 'expired'; readonly key: string }
  | { readonly kind: 'message'; readonly key: string; readonly message: Message; readonly first: boolean }
  | { readonly kind: 'pinned'; readonly key: string; readonly by: string; readonly no: number }
  | { readonly kind: 'started'; readonly key: string; readonly call: CallSummary; readonly over: boolean }
  | { readonly kind: 'ended'; readonly key: string; readonly call: CallOver };

/** Messages of one author that are closer than this stand under one name. */
const GROUP_MS = 5 * 60_000;

/**
 * `dayOf` gives a time's calendar day in the reader's zone. Before the message number `goOn`, where reading goes on, stands
 * a line, unless the message is the reader's own. What `later` tells of these events' messages and lessons counts too.
 */
export function timeline(
  events: readonly RoomEvent[],
  dayOf: (at: string) => string,
  goOn?: { readonly no: number; readonly me: string },
  later: readonly RoomEvent[] = [],
): Line[] {
  const over = new Set([...events, ...later].flatMap((event) => (event.e === 'call.ended' ? [event.d.id] : [])));
  const lines: Line[] = [];
  let day = '';
  let before: Message | undefined;
  // Reading goes on at a message of which nothing is left: the line stands before the next one.
  let goesOn = false;
  const messages = messagesOf([...events, ...later]);
  for (const event of events) {
    // It shows where the message is.
    if (event.e === 'msg.changed' || event.e === 'msg.reacted' || event.e === 'poll') continue;
    if (event.e === 'msg.acked' || event.e === 'msg.reminded' || event.e === 'msg.expired') continue;
    if (event.e === 'msg.pinned' && !event.d.on) continue;
    const message = event.e === 'msg' ? (messages.get(event.d.id) ?? event.d) : undefined;
    if (message && isExpired(message)) {
      // However many they are, they are one line: they are the room's first.
      if (!lines.some(({ kind }) => kind === 'expired')) lines.push({ kind: 'expired', key: 'expired' });
      goesOn ||= message.no === goOn?.no;
      before = undefined;
      continue;
    }
    const today = dayOf(event.d.at);
    if (today !== day) {
      lines.push({ kind: 'day', key: `day-${today}`, at: event.d.at });
      day = today;
      before = undefined;
    }
    const key = `s${event.s}`;
    if (event.e === 'msg' && message) {
      if (goOn && (event.d.no === goOn.no || goesOn) && event.d.by !== goOn.me) {
        lines.push({ kind: 'unread', key: 'unread' });
        before = undefined;
        goesOn = false;
      }
      const together = before?.by === event.d.by && Date.parse(event.d.at) - Date.parse(before.at) < GROUP_MS;
      lines.push({ kind: 'message', key, message, first: !together });
      before = event.d;
    } else if (event.e !== 'msg') {
      before = undefined;
      if (event.e === 'msg.pinned') lines.push({ kind: 'pinned', key, by: event.d.by, no: event.d.no });
      else if (event.e === 'call.started') lines.push({ kind: 'started', key, call: event.d, over: over.has(event.d.id) });
      else lines.push({ kind: 'ended', key, call: event.d });
    }
  }
  return lines;
}

/**
 * The same lines; those in which nothing has changed are the objects that stood there before. What shows them need not look
 * at them again.
 */
export function steady(lines: readonly Line[], before: readonly Line[]): Line[] {
  const known = new Map(before.map((line) => [line.key, line]));
  return lines.map((line) => {
    const same = known.get(line.key);
    return same && isAlike(line, same) ? same : line;
  });
}

const isAlike = (a: Line, b: Line): boolean => {
  const [one, other] = [a, b] as unknown as Record<string, unknown>[];
  return Object.keys(a).every((field) => one?.[field] === other?.[field]);
};

/**
 * The key of the line with which to begin when about `count` lines are to stand before the line at `index`; undefined when
 * that is the first. It is a line of an event: a day's moves up when older events of that day come.
 */
export function beginning(lines: readonly Line[], index: number, count: number): string | undefined {
  const from = Math.max(0, index - count);
  if (from === 0) return lines.find(isOfEvent)?.key;
  return (lines.slice(0, from + 1).findLast(isOfEvent) ?? lines.find(isOfEvent))?.key;
}

/** The lines from the one with this key on, with the day or the mark that stands right before it. */
export function from(lines: readonly Line[], key: string | undefined): readonly Line[] {
  const at = lines.findIndex((line) => line.key === key);
  if (at < 0) return lines;
  const before = lines.slice(0, at).findLastIndex(isOfEvent);
  return lines.slice(before + 1);
}

const isOfEvent = ({ kind }: Line): boolean => kind !== 'day' && kind !== 'unread' && kind !== 'expired';
