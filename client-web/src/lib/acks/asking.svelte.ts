// Rooms in which the text that was begun is to ask for acknowledgements: it still is when one comes back to it.

import { SvelteMap, SvelteSet } from 'svelte/reactivity';
import { app } from '$lib/app.svelte';
import { dayField, endOfDay } from '../../core/due';
import { isStaff } from '../../core/people';
import type { Room } from '../../core/rooms';

export const asking = new SvelteSet<string>();
/** Until which day, by room, as a date field says it. */
export const dues = new SvelteMap<string, string>();

/** Whether this person may ask for that here. The server judges it for each message. */
export const mayAsk = (room: Room): boolean =>
  isStaff(app.me?.role) && room.kind !== 'direct' && room.can.includes('write') && room.members.length > 1;

/** Begins to ask in a room, or stops. */
export function ask(room: string, on: boolean): void {
  if (on) asking.add(room);
  else asking.delete(room);
  if (!on) dues.delete(room);
}

/** A message that asks comes back to its field; a day that was chosen there since stays. */
export function askAgain(room: string, due: string | undefined): void {
  asking.add(room);
  if (due !== undefined && !dues.get(room)) dues.set(room, dayField(new Date(due)));
}

/** Until when the message is to be acknowledged that is sent there now, if a day was chosen. */
export function dueOf(room: string): { readonly due?: string } {
  const due = endOfDay(dues.get(room) ?? '');
  return due === undefined ? {} : { due };
}
