// What a person is asked to acknowledge in a room, and how many have acknowledged a message.

import type { Acked } from './wire/Acked';
import type { Bump } from './wire/Bump';
import type { Message } from './wire/Message';
import type { OpenAck } from './wire/OpenAck';
import type { RoomEvent } from './wire/RoomEvent';

export interface RoomAcks {
  /** What is still asked of this person, ascending. */
  readonly open: readonly OpenAck[];
  /** What is not asked any more, as far as was heard. Whatever asked for it and comes late is no news. */
  readonly closed: ReadonlySet<number>;
  /** Up to which event a snapshot has told it. */
  readonly seq: number;
}

const NOTHING: ReadonlySet<number> = new Set();

/** What a snapshot tells, beside what is known of the same room. */
export function told(known: RoomAcks | undefined, open: readonly OpenAck[], seq: number): RoomAcks {
  const closed = known?.closed ?? NOTHING;
  return { open: open.filter(({ no }) => !closed.has(no)), closed, seq };
}

/** After an event of the room, whichever events came before it. Gives the same when it is no news. */
export function heard(acks: RoomAcks, event: RoomEvent, me: string): RoomAcks {
  switch (event.e) {
    case 'msg':
      return event.d.ack && event.d.by !== me && event.s > acks.seq ? opened(acks, [event.d.no]) : acks;
    case 'msg.changed':
      return event.d.deleted ? closedNow(acks, [event.d.no]) : acks;
    case 'msg.acked':
      return event.d.by === me ? closedNow(acks, [event.d.no]) : acks;
    case 'msg.reminded':
      return reminded(acks, [event.d]);
    default:
      return acks;
  }
}

/** After a `bump` that tells of events up to `s`. */
export function bumped(acks: RoomAcks, s: number, { acks: asked = [], reminded: recalled = [], acked = [] }: Bump): RoomAcks {
  return closedNow(reminded(s > acks.seq ? opened(acks, asked) : acks, recalled), acked);
}

function opened(acks: RoomAcks, numbers: readonly number[]): RoomAcks {
  const fresh = numbers.filter((no) => !acks.closed.has(no) && !acks.open.some((one) => one.no === no));
  if (fresh.length === 0) return acks;
  return { ...acks, open: [...acks.open, ...fresh.map((no) => ({ no }))].sort((a, b) => a.no - b.no) };
}

function closedNow(acks: RoomAcks, numbers: readonly number[]): RoomAcks {
  if (numbers.every((no) => acks.closed.has(no))) return acks;
  const closed = new Set([...acks.closed, ...numbers]);
  return { ...acks, closed, open: acks.open.filter(({ no }) => !closed.has(no)) };
}

function reminded(acks: RoomAcks, recalled: readonly OpenAck[]): RoomAcks {
  const latest = (one: OpenAck): string | undefined =>
    recalled.reduce((last, { no, at = '' }) => (no === one.no && at > (last ?? one.at ?? '') ? at : last), undefined as string | undefined);
  if (!acks.open.some(latest)) return acks;
  return {
    ...acks,
    open: acks.open.map((one) => {
      const at = latest(one);
      return at === undefined ? one : { ...one, at };
    }),
  };
}

/** The message after an acknowledgement, which may be told on top of a later state. */
export function acked(message: Message, { done }: Acked): Message {
  if (!message.ack || done <= message.ack.done) return message;
  return { ...message, ack: { ...message.ack, done } };
}

/** Which messages this person is seen to have acknowledged in these events. */
export const ackedBy = (events: readonly RoomEvent[], person: string): Set<string> =>
  new Set(events.flatMap((event) => (event.e === 'msg.acked' && event.d.by === person ? [event.d.id] : [])));
