// Acknowledgements on their way. They are kept in the browser until the server has them: pressed without a network, or
// just before the page is closed, each arrives all the same, and a repeated one is the same.

import { backoff } from './backoff';
import { Refused } from './socket';
import type { ErrorCode } from './wire/ErrorCode';

/** Where one stands; or why the server will not take it. */
export type Standing = 'sending' | 'done' | ErrorCode;

/** So many wait at most; nobody is asked more at once. */
const WAITING_MAX = 500;

export class Acknowledging {
  readonly #key: string;
  readonly #send: (id: string) => Promise<unknown>;
  readonly #changed: (all: ReadonlyMap<string, Standing>) => void;
  #all: ReadonlyMap<string, Standing> = new Map();
  #busy = false;
  #online = false;

  constructor(person: string, send: (id: string) => Promise<unknown>, changed: (all: ReadonlyMap<string, Standing>) => void) {
    this.#key = `parta.acks.${person}`;
    this.#send = send;
    this.#changed = changed;
  }

  /** Reads what an earlier page left. */
  load(): void {
    const kept = read(this.#key);
    this.#set(new Map([...kept.map((id): [string, Standing] => [id, 'sending']), ...this.#all]));
  }

  add(id: string): void {
    this.#put(id, 'sending');
    void this.#flush();
  }

  online(): void {
    this.#online = true;
    void this.#flush();
  }

  offline(): void {
    this.#online = false;
  }

  async #flush(): Promise<void> {
    if (this.#busy) return;
    this.#busy = true;
    try {
      for (let tries = 0; this.#online; ) {
        const next = [...this.#all].find(([, standing]) => standing === 'sending');
        if (!next) return;
        const wait = await this.#try(next[0], tries);
        tries = wait === undefined ? 0 : tries + 1;
        if (wait !== undefined) await new Promise((resolve) => setTimeout(resolve, wait));
      }
    } finally {
      this.#busy = false;
    }
  }

  // Milliseconds to wait before another try, or undefined when this one is done with.
  async #try(id: string, tries: number): Promise<number | undefined> {
    try {
      await this.#send(id);
      this.#put(id, 'done');
      return undefined;
    } catch (error) {
      if (error instanceof Refused && !error.error.tmp) {
        this.#put(id, error.error.c);
        return undefined;
      }
      const after = error instanceof Refused ? (error.error.after ?? 0) : 0;
      return after + backoff(tries, Math.random());
    }
  }

  #put(id: string, standing: Standing): void {
    this.#set(new Map(this.#all).set(id, standing));
    const waiting = [...this.#all].flatMap(([one, at]) => (at === 'sending' ? [one] : []));
    write(this.#key, waiting.slice(-WAITING_MAX));
  }

  #set(all: ReadonlyMap<string, Standing>): void {
    this.#all = all;
    this.#changed(all);
  }
}

// A browser without storage still sends; only a reload would forget.
function read(key: string): string[] {
  try {
    const kept: unknown = JSON.parse(localStorage.getItem(key) ?? '[]');
    return Array.isArray(kept) ? kept.filter((id) => typeof id === 'string') : [];
  } catch {
    return [];
  }
}

function write(key: string, ids: readonly string[]): void {
  try {
    if (ids.length > 0) localStorage.setItem(key, JSON.stringify(ids));
    else localStorage.removeItem(key);
  } catch {
    // As above.
  }
}
