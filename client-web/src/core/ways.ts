// Which way to take to the server: a WebSocket, or the stream where WebSockets are blocked.

import type { Connect } from './link';

/** Upgrades that fail one after another, although the server is there, before WebSockets count as blocked. */
export const UPGRADES_MAX = 2;
/** The first connection after this time tries a WebSocket again: the laptop may be in another network by now. */
export const BLOCKED_MS = 10 * 60_000;

export type Way = 'websocket' | 'stream';

export class Ways {
  readonly #connect: Readonly<Record<Way, Connect>>;
  readonly #isThere: () => Promise<boolean>;
  #failed = 0;
  /** When WebSockets were found to be blocked, in milliseconds. */
  #blocked: number | undefined;

  /** `isThere` asks whether the server answers plain HTTP. */
  constructor(connect: Readonly<Record<Way, Connect>>, isThere: () => Promise<boolean>) {
    this.#connect = connect;
    this.#isThere = isThere;
  }

  next(now: number): { readonly way: Way; readonly connect: Connect } {
    const way = this.#blocked !== undefined && now - this.#blocked < BLOCKED_MS ? 'stream' : 'websocket';
    return { way, connect: this.#connect[way] };
  }

  reached(way: Way): void {
    this.#failed = 0;
    if (way === 'websocket') this.#blocked = undefined;
  }

  /** A connection ended before it had begun. While the server is away that tells nothing. */
  async failed(way: Way, now: number): Promise<void> {
    if (!(await this.#isThere())) return;
    if (way === 'stream') {
      // The server has too much to do, which may be why the upgrades failed as well.
      this.#blocked = undefined;
      this.#failed = 0;
    } else {
      this.#failed += 1;
      if (this.#blocked !== undefined || this.#failed >= UPGRADES_MAX) this.#blocked = now;
    }
  }
}
