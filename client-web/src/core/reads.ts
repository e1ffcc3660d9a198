// How far this person has read, told to the server now and then, and again when it was not heard.

import { Refused } from './socket';

/** Reading on tells it once in this time. */
export const READ_MS = 1_000;

export class Reads {
  readonly #tell: (room: string, no: number) => Promise<unknown>;
  /** What the server has not confirmed. */
  #untold = new Map<string, number>();
  #waiting = new Map<string, ReturnType<typeof setTimeout>>();

  constructor(tell: (room: string, no: number) => Promise<unknown>) {
    this.#tell = tell;
  }

  read(room: string, no: number): void {
    this.#untold.set(room, no);
    if (!this.#waiting.has(room)) this.#sendIn(room, READ_MS);
  }

  /** The connection is ready, or the page may be gone soon: tells what is untold. */
  flush(): void {
    for (const room of this.#untold.keys()) void this.#send(room);
  }

  #sendIn(room: string, wait: number): void {
    this.#waiting.set(room, setTimeout(() => void this.#send(room), wait));
  }

  async #send(room: string): Promise<void> {
    clearTimeout(this.#waiting.get(room));
    this.#waiting.delete(room);
    const no = this.#untold.get(room);
    if (no === undefined) return;
    try {
      await this.#tell(room, no);
    } catch (error) {
      // Without an answer the next connection tells it again.
      if (!(error instanceof Refused)) return;
      if (error.error.tmp) {
        if (!this.#waiting.has(room)) this.#sendIn(room, READ_MS + (error.error.after ?? 0));
        return;
      }
    }
    if (this.#untold.get(room) === no) this.#untold.delete(room);
  }
}
