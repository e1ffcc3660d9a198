// When what is known of a room's pins may be out of date.

import type { Room } from './rooms';

/** Another value whenever something about the room's pins was told, or may have been left out: then they are asked for anew. */
export function pinsAsOf({ epoch, events, pins }: Room): string {
  const pinned = new Set(pins.map(({ id }) => id));
  const last = events.findLast((event) => event.e === 'msg.pinned' || (event.e === 'msg.changed' && pinned.has(event.d.id)));
  return `${epoch} ${events.length === 0 ? 'none' : (last?.s ?? 0)}`;
}

/** The place of the pin that is shown after this one was gone to: the next older one, and after the oldest the newest. */
export const nextPin = (at: number, count: number): number => (at + 1 < count ? at + 1 : 0);
