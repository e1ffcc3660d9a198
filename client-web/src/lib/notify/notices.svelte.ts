// What this person wants to be told of, as of now.

import { attention, isQuiet, mute, NOTHING_SET, pause } from '../../core/notify';
import type { Room } from '../../core/rooms';
import type { Notify } from '../../core/wire/Notify';
import type { Silence } from '../../core/wire/Silence';

/** How late the end of a silence may show. */
const LOOK_MS = 15_000;

class Notices {
  wishes = $state.raw<Notify>(NOTHING_SET);
  /** The server's time, now and then. */
  #now = $state(Date.now());
  #ahead = 0;

  constructor() {
    setInterval(() => this.#look(), LOOK_MS);
  }

  /** The snapshot of a connection, with the server's time. */
  greet(wishes: Notify | undefined, srv: string): void {
    this.wishes = wishes ?? NOTHING_SET;
    this.#ahead = Date.parse(srv) - Date.now();
    this.#look();
  }

  /** News from this device or another one; they may overtake each other. */
  told(wishes: Notify): void {
    if (wishes.v >= this.wishes.v) this.wishes = wishes;
    this.#look();
  }

  /** The server's time, as far as it is known here. */
  time(): number {
    return Date.now() + this.#ahead;
  }

  isQuiet(room: string): boolean {
    return isQuiet(this.wishes, room, this.#now);
  }

  mute(room: string): Silence | undefined {
    return mute(this.wishes, room, this.#now);
  }

  get pause(): Silence | undefined {
    return pause(this.wishes, this.#now);
  }

  /** Messages that ask for attention. */
  count(rooms: Iterable<Room>): number {
    return attention(this.wishes, rooms, this.#now);
  }

  #look(): void {
    this.#now = Date.now() + this.#ahead;
  }
}

export const notices = new Notices();
