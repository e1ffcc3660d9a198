// What has arrived on this device, told to the server now and then: others see that their message was delivered.

import { READ_TOLD_MEMBERS_MAX } from './readers';
import type { Room } from './rooms';
import { Refused } from './socket';
import type { RoomSummary } from './wire/RoomSummary';

/** It is told once in this time. Who reads on meanwhile need not tell it at all. */
export const RECV_MS = 2_000;

export class Receipts {
  readonly #rooms: () => Iterable<Room>;
  readonly #tell: (no: Record<string, number>) => Promise<unknown>;
  /** What the server knows or will not hear of. */
  #told = new Map<string, number>();
  #waiting: ReturnType<typeof setTimeout> | undefined;

  constructor(rooms: () => Iterable<Room>, tell: (no: Record<string, number>) => Promise<unknown>) {
    this.#rooms = rooms;
    this.#tell = tell;
  }

  /** The snapshot of a new connection. */
  known(rooms: readonly RoomSummary[]): void {
    this.#told = new Map(rooms.map((room) => [room.id, room.recv_no]));
  }

  /** Something may have arrived. */
  heard(): void {
    if (this.#waiting === undefined) this.#sendIn(RECV_MS);
  }

  /** The connection is gone: the next begins with what the server knows. */
  lost(): void {
    clearTimeout(this.#waiting);
    this.#waiting = undefined;
  }

  #sendIn(wait: number): void {
    this.#waiting = setTimeout(() => {
      this.#waiting = undefined;
      void this.#send();
    }, wait);
  }

  async #send(): Promise<void> {
    const news = [...this.#rooms()].filter(
      ({ id, no, readNo, members }) =>
        // What was read is told by itself.
        members.length <= READ_TOLD_MEMBERS_MAX && no > Math.max(this.#told.get(id) ?? 0, readNo),
    );
    if (news.length === 0) return;
    const told = this.#told;
    try {
      await this.#tell(Object.fromEntries(news.map(({ id, no }) => [id, no])));
    } catch (error) {
      // Without an answer the connection is gone.
      if (!(error instanceof Refused)) return;
      if (error.error.tmp) {
        if (this.#waiting === undefined) this.#sendIn(RECV_MS + (error.error.after ?? 0));
        return;
      }
    }
    for (const { id, no } of news) told.set(id, no);
  }
}
