// Which rooms' every event is sent to this page: the open one and those that were open before it. Of the others the
// server only tells what a list of rooms shows.

import { backoff } from './backoff';
import { Refused } from './socket';

export const FOCUS_ROOMS_MAX = 8;

/** What an address may hold in the place of a room's id. */
const ID = /^[\w-]{1,64}$/;

export type TellFocus = (rooms: readonly string[]) => Promise<unknown>;
/** From now on the server tells all that happens in the open room; what passed before may have been missed. */
export type Heard = (room: string) => void;

export class Focus {
  readonly #tell: TellFocus;
  readonly #heard: Heard;
  /** Latest first. */
  #rooms: readonly string[] = [];
  /** What the server knows, while there is a connection. */
  #told: readonly string[] | undefined;
  #telling = false;

  constructor(tell: TellFocus, heard: Heard) {
    this.#tell = tell;
    this.#heard = heard;
  }

  /** For `hello`. */
  get rooms(): readonly string[] {
    return this.#rooms;
  }

  open(room: string): void {
    if (!ID.test(room) || room === this.#rooms[0]) return;
    this.#rooms = [room, ...this.#rooms.filter((other) => other !== room)].slice(0, FOCUS_ROOMS_MAX);
    void this.#catchUp();
  }

  /** The connection is ready, having begun with these rooms. `mine` tells which rooms there are. */
  ready(begun: readonly string[], mine: (room: string) => boolean): void {
    this.#rooms = this.#rooms.filter(mine);
    this.#told = begun.filter(mine);
    void this.#catchUp();
  }

  /** The room is this person's no more. What was asked for together with it may have been refused: it is asked again. */
  left(room: string): void {
    this.#rooms = this.#rooms.filter((other) => other !== room);
    if (this.#told) this.#told = [];
    void this.#catchUp();
  }

  /** The connection is gone: the next begins with these rooms. */
  lost(): void {
    this.#told = undefined;
  }

  // One request at a time, so that the last one told is the last one wanted.
  async #catchUp(): Promise<void> {
    if (this.#telling) return;
    this.#telling = true;
    for (let tries = 0; this.#told && this.#rooms.some((room) => !this.#told?.includes(room)); ) {
      const [rooms, told] = [this.#rooms, this.#told];
      const wait = await this.#tell(rooms).then(
        () => undefined,
        (error: unknown) => waitAfter(error, tries++),
      );
      if (wait !== undefined) await new Promise((resolve) => setTimeout(resolve, wait));
      // Unless the room was left, or the connection lost, meanwhile.
      else if (this.#told === told) this.#told = rooms;
    }
    this.#telling = false;
    const [open] = this.#rooms;
    if (open !== undefined && this.#told?.includes(open)) this.#heard(open);
  }
}

// What the server will never take is not asked for twice; without an answer the connection is gone.
function waitAfter(error: unknown, tries: number): number | undefined {
  if (!(error instanceof Refused) || !error.error.tmp) return undefined;
  return (error.error.after ?? 0) + backoff(tries, Math.random());
}
