// What was written here and not sent, told to the person's other devices in pauses of the writing.

import { Refused } from './socket';
import type { Draft } from './wire/Draft';
import type { DraftKept } from './wire/DraftKept';

/** So long after the last key it is told, */
export const PAUSE_MS = 1_500;
/** and so long after the first at the latest. */
export const MOST_MS = 6_000;

interface Begun {
  readonly body: string;
  readonly men: readonly string[];
}

export class Drafts {
  readonly #tell: (room: string, body: string, men: readonly string[]) => Promise<DraftKept>;
  readonly #kept: (room: string, draft: Draft) => void;
  /** What the server does not know yet, or would not take. */
  #own = new Map<string, Begun>();
  #refused = new Set<string>();
  #busy = new Set<string>();
  #timers = new Map<string, { readonly timer: ReturnType<typeof setTimeout>; readonly since: number }>();

  /** `kept` hears what the server has. */
  constructor(
    tell: (room: string, body: string, men: readonly string[]) => Promise<DraftKept>,
    kept: (room: string, draft: Draft) => void,
  ) {
    this.#tell = tell;
    this.#kept = kept;
  }

  /** Whether the text of this room is this page's to say: what others wrote is not put over it. */
  isOwn(room: string): boolean {
    return this.#own.has(room);
  }

  /** Something was written. */
  write(room: string, body: string, men: readonly string[]): void {
    this.#own.set(room, { body, men });
    this.#refused.delete(room);
    const before = this.#timers.get(room);
    clearTimeout(before?.timer);
    const since = before?.since ?? Date.now();
    const wait = Math.max(0, Math.min(PAUSE_MS, since + MOST_MS - Date.now()));
    this.#timers.set(room, { timer: setTimeout(() => void this.#send(room), wait), since });
  }

  /** It was sent, or became something else. `known`: whether the server has anything of it. */
  clear(room: string, known: boolean): void {
    if (known || this.#busy.has(room)) {
      this.#own.set(room, { body: '', men: [] });
      this.#refused.delete(room);
      void this.#send(room);
    } else this.forget(room);
  }

  /** The room is left for good. */
  forget(room: string): void {
    clearTimeout(this.#timers.get(room)?.timer);
    this.#timers.delete(room);
    this.#own.delete(room);
    this.#refused.delete(room);
  }

  /** The connection is ready, or the page may be gone soon: tells what is untold. */
  flush(): void {
    for (const room of this.#own.keys()) if (!this.#refused.has(room)) void this.#send(room);
  }

  async #send(room: string): Promise<void> {
    clearTimeout(this.#timers.get(room)?.timer);
    this.#timers.delete(room);
    const begun = this.#own.get(room);
    // One at a time: what comes last counts.
    if (!begun || this.#busy.has(room)) return;
    this.#busy.add(room);
    let again: number | undefined;
    try {
      const { v } = await this.#tell(room, begun.body, begun.men);
      if (this.#own.get(room) === begun) this.#own.delete(room);
      else again = PAUSE_MS;
      this.#kept(room, { v, body: begun.body, ...(begun.men.length ? { men: [...begun.men] } : {}) });
    } catch (error) {
      // Without an answer the next connection tells it again.
      if (error instanceof Refused) {
        if (error.error.tmp) again = PAUSE_MS + (error.error.after ?? 0);
        else if (this.#own.get(room) === begun) this.#refused.add(room);
      }
    } finally {
      this.#busy.delete(room);
    }
    if (again !== undefined && this.#own.has(room) && !this.#timers.has(room)) {
      this.#timers.set(room, { timer: setTimeout(() => void this.#send(room), this.#own.get(room)?.body ? again : 0), since: Date.now() });
    }
  }
}
