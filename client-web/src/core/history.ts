// A stretch of a room's log that lies apart from its end: what stands around a message of long ago.

import { firstSeq, type Page, type Room } from './rooms';
import type { RoomEvent } from './wire/RoomEvent';

/** At least one event; `more` tells of what is before it. */
export type Stretch = Page;

export const stretch = (page: Page): Stretch | undefined => (page.events.length > 0 ? page : undefined);

/** With a page of older events before it, if it fits. */
export function before(known: Stretch, page: Page): Stretch {
  const first = known.events[0]?.s ?? 0;
  const older = page.events.filter((event) => event.s < first);
  if (page.epoch !== known.epoch || (older.at(-1)?.s ?? first - 1) !== first - 1) return known;
  return { ...known, events: [...older, ...known.events], more: page.more };
}

/** With a page of newer events behind it, if it fits. */
export function behind(known: Stretch, page: Page): Stretch {
  const last = known.events.at(-1)?.s ?? 0;
  const newer = page.events.filter((event) => event.s > last);
  if (page.epoch !== known.epoch || (newer[0]?.s ?? last + 1) !== last + 1) return known;
  return { ...known, events: [...known.events, ...newer] };
}

/** Whether it reaches up to what is held of the room. */
export const reaches = (known: Stretch, room: Room): boolean =>
  known.epoch === room.epoch && (known.events.at(-1)?.s ?? 0) >= firstSeq(room) - 1;

export const holds = (events: readonly RoomEvent[], s: number): boolean =>
  s >= (events[0]?.s ?? Infinity) && s <= (events.at(-1)?.s ?? -1);

/** The message at a position, or the next one after it, or else the last. */
export function messageAt(events: readonly RoomEvent[], s: number): string | undefined {
  const messages = events.filter((event) => event.e === 'msg');
  const found = messages.find((event) => event.s >= s) ?? messages.at(-1);
  return found?.d.id;
}
