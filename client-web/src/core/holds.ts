// Whether the staff, or a slow room, keep this person from writing for a while. The server judges likewise.

import { isStaff } from './people';
import type { Room } from './rooms';
import type { Person } from './wire/Person';

export interface Hold {
  readonly why: 'muted' | 'slow';
  /** Until when, in milliseconds since 1970; without it until the staff say otherwise. */
  readonly until?: number;
}

/** What keeps this person from writing in a room now. */
export function holdOn(room: Room, me: Person, now: number): Hold | undefined {
  if (isStaff(me.role)) return undefined;
  const { muted } = room;
  if (muted && muted.until === undefined) return { why: 'muted' };
  const until = Date.parse(muted?.until ?? '');
  if (until > now) return { why: 'muted', until };
  const next = nextAt(room, me.id);
  return next !== undefined && next > now ? { why: 'slow', until: next } : undefined;
}

// As the server told, or after the latest message of theirs that has come since.
function nextAt({ slow = 0, next, events, last }: Room, me: string): number | undefined {
  if (slow === 0) return undefined;
  const own = events.findLast((event) => event.e === 'msg' && event.d.by === me);
  const written = [own?.e === 'msg' ? own.d.at : '', last?.by === me ? last.at : ''].map((at) => Date.parse(at) + slow * 1_000);
  const times = [Date.parse(next ?? ''), ...written].filter((time) => !Number.isNaN(time));
  return times.length > 0 ? Math.max(...times) : undefined;
}

/** Time that is left, in whole minutes and seconds. */
export function minutesAndSeconds(milliseconds: number): [minutes: number, seconds: number] {
  const seconds = Math.max(0, Math.ceil(milliseconds / 1_000));
  return [Math.floor(seconds / 60), seconds % 60];
}
