// Reading a conversation of two: what a person can do about a request now, and the pages of what is read.

import type { Inspected } from './wire/Inspected';
import type { Inspection } from './wire/Inspection';

/** As `INSPECTION_REASON_CHARS_MAX` of the server. */
export const REASON_CHARS_MAX = 1_000;

export interface Offer {
  /** To grant or refuse. */
  readonly answer: boolean;
  readonly read: boolean;
  readonly end: boolean;
}

const NOTHING: Offer = { answer: false, read: false, end: false };

/** What the server would let this person do at this time, in milliseconds since 1970. */
export function offer({ stage, by, decided, until, alone }: Inspection, me: string, now: number): Offer {
  if (until !== undefined && Date.parse(until) <= now) return NOTHING;
  const own = by.id === me;
  if (stage === 'waiting') return { answer: !own, read: false, end: own };
  if (stage === 'granted') return { answer: false, read: own, end: own || alone === true || decided?.by.id === me };
  return NOTHING;
}

/** A page before those that are held; messages that are in both are there once. */
export function withEarlier(held: readonly Inspected[], page: readonly Inspected[]): readonly Inspected[] {
  const first = held[0]?.message.no ?? Infinity;
  return [...page.filter(({ message }) => message.no < first), ...held];
}

/** Before which number there is more; nothing when the first message is held. */
export function earlierThan(held: readonly Inspected[]): number | undefined {
  const first = held[0]?.message.no;
  return first !== undefined && first > 1 ? first : undefined;
}
