// Asks for events that are missing (docs/PROTOCOL.md, «Keeping in step»).

import { backoff } from './backoff';
import { gapAfter, type Room } from './rooms';
import { Refused } from './socket';

/** An event behind a gap may only be out of order: wait this long before asking for what is missing. */
export const GAP_MS = 300;

export class Gaps {
  readonly #room: (id: string) => Room | undefined;
  readonly #sync: (room: string, after: number) => Promise<unknown>;
  #waiting = new Map<string, ReturnType<typeof setTimeout>>();
  #asking = new Set<string>();

  constructor(room: (id: string) => Room | undefined, sync: (room: string, after: number) => Promise<unknown>) {
    this.#room = room;
    this.#sync = sync;
  }

  /** An event of the room has come. */
  heard(id: string): void {
    if (this.#after(id) === undefined) this.#forget(id);
    else if (!this.#waiting.has(id) && !this.#asking.has(id)) this.#askIn(id, undefined, GAP_MS, 0);
  }

  /** The server has left out events of the room, from this position on. */
  lag(id: string, first: number): void {
    this.#forget(id);
    void this.#ask(id, first, 0);
  }

  /** The connection is gone: the next begins with positions. */
  lost(): void {
    for (const id of [...this.#waiting.keys()]) this.#forget(id);
  }

  // After which position events are missing: behind a gap, or because the server left them out from `first` on; by then
  // the room may have moved on past them.
  #after(id: string, first?: number): number | undefined {
    const room = this.#room(id);
    return room && (first === undefined ? gapAfter(room) : Math.min(room.seq, first - 1));
  }

  #forget(id: string): void {
    clearTimeout(this.#waiting.get(id));
    this.#waiting.delete(id);
  }

  #askIn(id: string, first: number | undefined, wait: number, tries: number): void {
    this.#forget(id);
    const timer = setTimeout(() => {
      this.#waiting.delete(id);
      void this.#ask(id, first, tries);
    }, wait);
    this.#waiting.set(id, timer);
  }

  async #ask(id: string, first: number | undefined, tries: number): Promise<void> {
    const after = this.#after(id, first);
    if (after === undefined) return;
    this.#asking.add(id);
    const refused = await this.#sync(id, after).then(() => undefined, (error: unknown) => error);
    this.#asking.delete(id);
    const pause = GAP_MS + backoff(tries, Math.random());
    // What was asked for came before the answer.
    if (refused === undefined) {
      if (this.#after(id) !== undefined) this.#askIn(id, undefined, pause, tries + 1);
    } else if (refused instanceof Refused && refused.error.tmp) {
      this.#askIn(id, first, pause + (refused.error.after ?? 0), tries + 1);
    }
  }
}
