// Who is in a lesson: a list that comes whole, or as what changed in it, and once more with the answer to joining.

import type { CallJoined } from '../wire/CallJoined';
import type { LiveEvent } from '../wire/LiveEvent';
import type { Participant } from '../wire/Participant';

export type Telling = Extract<LiveEvent, { e: 'call.people' | 'call.changed' }>;

/** The list after a telling. */
export function told(people: readonly Participant[], telling: Telling): readonly Participant[] {
  if (telling.e === 'call.people') return telling.d;
  const set = new Map(telling.d.set.map((one) => [one.p, one]));
  const gone = new Set(telling.d.gone);
  // Everybody keeps their place, so that tiles do.
  const kept = people.filter((one) => !gone.has(one.p)).map((one) => set.get(one.p) ?? one);
  const known = new Set(people.map((one) => one.p));
  return [...kept, ...telling.d.set.filter((one) => !known.has(one.p))];
}

/** The list on joining. Tellings may have overtaken the answer: those that are not contained in it are applied to it. */
export function joinedList(joined: CallJoined, early: readonly Telling[]): readonly Participant[] {
  return early.filter((telling) => telling.v > joined.v).reduce(told, joined.people as readonly Participant[]);
}
