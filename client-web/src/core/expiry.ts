// Messages whose time is over: what is held of them goes, and that they were there stays.

import type { Message } from './wire/Message';
import type { RoomEvent } from './wire/RoomEvent';

/** Whether nothing is left of a message because its time was over. */
export const isExpired = ({ deleted }: Message): boolean => deleted !== undefined && deleted.by === undefined;

/** What is left of one. */
export function remains(message: Message, at: string): Message {
  if (isExpired(message)) return message;
  const { id, cid, no, by, at: sent } = message;
  return { id, cid, no, by, at: sent, body: '', deleted: { at } };
}

/** Events of a room after its messages up to a number have gone. Positions stay; what told of these messages tells nothing. */
export function withoutExpired(events: readonly RoomEvent[], no: number, at: string): RoomEvent[] {
  const alive = new Set(events.flatMap((event) => (isMessage(event) && event.d.no > no ? [event.d.id] : [])));
  return events.map((event) => {
    if (isMessage(event)) return event.d.no > no || isExpired(event.d) ? event : { ...event, d: remains(event.d, at) };
    switch (event.e) {
      case 'msg.reacted':
      case 'poll':
      case 'msg.acked':
      case 'msg.reminded':
        return alive.has(event.d.id) ? event : { e: 'msg.expired', r: event.r, s: event.s, d: { no, at } };
      default:
        return event;
    }
  });
}

const isMessage = (event: RoomEvent): event is Extract<RoomEvent, { e: 'msg' | 'msg.changed' }> =>
  event.e === 'msg' || event.e === 'msg.changed';
