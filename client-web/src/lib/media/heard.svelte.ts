// Which voice messages were listened to in this browser, by whoever is signed in.

import { app } from '$lib/app.svelte';
import { read, withOne, write } from '../../core/heard';

class Heard {
  /** Changes with what is known, which itself is read once for each person. */
  #version = $state(0);
  #known: { by: string; ids: readonly string[] } = { by: '', ids: [] };

  has(id: string): boolean {
    void this.#version;
    return this.#own().includes(id);
  }

  add(id: string): void {
    const ids = this.#own();
    const more = withOne(ids, id);
    if (more === ids) return;
    this.#known.ids = more;
    write(localStorage, key(this.#known.by), more);
    this.#version++;
  }

  #own(): readonly string[] {
    const by = app.me?.id ?? '';
    if (by !== this.#known.by) this.#known = { by, ids: read(localStorage, key(by)) };
    return this.#known.ids;
  }
}

const key = (by: string): string => `parta.heard.${by}`;

export const heard = new Heard();
