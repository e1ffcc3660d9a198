// A room's timeline away from its end: loads what stands around a place, and on from there in both directions, until it
// meets what is held of the room's end.

import { app } from '$lib/app.svelte';
import { before, behind, reaches, stretch, type Stretch } from '../../core/history';
import { api } from '../../core/http';
import type { Room } from '../../core/rooms';
import type { EventsPage } from '../../core/wire/EventsPage';
import type { Position } from '../../core/wire/Position';
import type { Target } from './jumps.svelte';

/** Events on each side of the place. */
const AROUND = 40;
const PAGE = 50;

const at = (room: Room, path: string): string => `/rooms/${encodeURIComponent(room.id)}/${path}`;

/** Where in the room's log this is. */
export async function positionOf(room: Room, target: Target): Promise<number> {
  if ('s' in target) return target.s;
  const place = 'no' in target ? `no=${target.no}` : `at=${target.at}`;
  return (await api<Position>('GET', at(room, `position?${place}`))).s;
}

export class Past {
  /** None while the end of the room is shown. */
  stretch = $state.raw<Stretch>();

  /** Shows what stands around this position. */
  async around(room: Room, s: number): Promise<void> {
    const first = Math.max(0, s - AROUND - 1);
    const page = await api<EventsPage>('GET', at(room, `events?after=${first}&limit=${2 * AROUND + 1}`));
    this.#set(room, stretch({ ...page, more: first > 0 }));
  }

  async older(room: Room): Promise<void> {
    const known = this.stretch;
    if (!known) return;
    const page = await api<EventsPage>('GET', at(room, `events?before=${known.events[0]?.s ?? 1}&limit=${PAGE}`));
    if (this.stretch === known) this.#set(room, before(known, page));
  }

  async newer(room: Room): Promise<void> {
    const known = this.stretch;
    if (!known) return;
    const page = await api<EventsPage>('GET', at(room, `events?after=${known.events.at(-1)?.s ?? 0}&limit=${PAGE}`));
    if (this.stretch === known) this.#set(room, behind(known, page));
  }

  /** Back to the end of the room. */
  leave(): void {
    this.stretch = undefined;
  }

  #set({ id }: Room, next: Stretch | undefined): void {
    const room = app.chat?.rooms.get(id);
    // What is held may have grown meanwhile.
    if (next && room && reaches(next, room)) {
      app.prepend(id, next);
      this.leave();
    } else {
      this.stretch = next;
    }
  }
}
