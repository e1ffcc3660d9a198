// Rooms in which the text that was begun is to ask for acknowledgements: it still is when one comes back to it.

import { SvelteSet } from 'svelte/reactivity';
import { app } from '$lib/app.svelte';
import { isStaff } from '../../core/people';
import type { Room } from '../../core/rooms';

export const asking = new SvelteSet<string>();

/** Whether this person may ask for that here. The server judges it for each message. */
export const mayAsk = (room: Room): boolean =>
  isStaff(app.me?.role) && room.kind !== 'direct' && room.can.includes('write') && room.members.length > 1;

/** Begins to ask in a room, or stops. */
export function ask(room: string, on: boolean): void {
  if (on) asking.add(room);
  else asking.delete(room);
}
