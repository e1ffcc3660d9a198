// What this person is asked to acknowledge, over all rooms; and whether a reminder of it was looked at on this device.

import { app } from '$lib/app.svelte';

const key = (): string => `parta.reminder.${app.me?.id ?? ''}`;

class Waiting {
  #seen = $state<string>();

  /** How many messages wait. In the archive nothing does. */
  get count(): number {
    return this.#open.length;
  }

  /** Whether the staff have reminded of one of them since this person last looked. */
  get isRecalled(): boolean {
    const seen = this.#seen ?? localStorage.getItem(key()) ?? '';
    return this.#latest > seen;
  }

  seen(): void {
    this.#seen = this.#latest;
    localStorage.setItem(key(), this.#latest);
  }

  get #open() {
    const rooms = [...(app.chat?.rooms.values() ?? [])];
    return rooms.flatMap(({ archived, acks }) => (archived ? [] : acks.open));
  }

  get #latest(): string {
    return this.#open.reduce((latest, { at = '' }) => (at > latest ? at : latest), '');
  }
}

export const waiting = new Waiting();
