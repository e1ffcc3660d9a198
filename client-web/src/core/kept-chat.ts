// What was last seen of the chat, for a page that opens without a network; the next connection goes on from there. Of each
// room the latest events, as they are held (docs/PROTOCOL.md, «Keeping in step»).

import { openDB, type DBSchema, type IDBPDatabase } from 'idb';
import type { DirectRules } from './people';
import type { Chat, Room } from './rooms';
import type { Limits } from './wire/Limits';
import type { Person } from './wire/Person';

/** What another shape was kept in is not read. */
const SHAPE = 3;
/** Latest events of a room that are kept. */
export const KEPT_EVENTS = 100;
/** Rooms of which events are kept: those in which something happened last. */
export const KEPT_ROOMS = 50;

interface Head {
  readonly shape: number;
  readonly me: Person;
  readonly people: readonly Person[];
  readonly limits: Limits | undefined;
  readonly direct: DirectRules;
}

export interface KeptChat {
  readonly chat: Chat;
  readonly limits: Limits | undefined;
  readonly direct: DirectRules;
}

interface Schema extends DBSchema {
  head: { key: 'head'; value: Head };
  rooms: { key: string; value: Room };
}

export class ChatKeeper {
  readonly #db: Promise<IDBPDatabase<Schema>>;
  /** As they were written last. */
  #written = new Map<string, Room>();
  #people: Chat['people'] | undefined;
  #busy: Promise<void> = Promise.resolve();
  #closed = false;

  constructor(name = 'parta-kept') {
    // Some browsers throw at once where storage is forbidden.
    this.#db = Promise.resolve().then(() =>
      openDB<Schema>(name, 1, {
        upgrade(db) {
          db.createObjectStore('head');
          db.createObjectStore('rooms', { keyPath: 'id' });
        },
      }),
    );
    this.#db.catch(() => undefined);
  }

  async load(): Promise<KeptChat | undefined> {
    try {
      const db = await this.#db;
      const [head, rooms] = await Promise.all([db.get('head', 'head'), db.getAll('rooms')]);
      if (head?.shape !== SHAPE) return undefined;
      this.#written = new Map(rooms.map((room) => [room.id, room]));
      const people = new Map(head.people.map((person) => [person.id, person]));
      const chat: Chat = { me: head.me, people, online: new Set(), lessons: new Set(), rooms: this.#written };
      return { chat, limits: head.limits, direct: head.direct };
    } catch {
      return undefined;
    }
  }

  /** Writes what has changed since. One after the other, and nothing after `clear`. */
  save(kept: KeptChat): Promise<void> {
    this.#busy = this.#busy.then(() => (this.#closed ? undefined : this.#save(kept))).catch(() => undefined);
    return this.#busy;
  }

  /** Forgets everything, for good or (`again`) to begin anew with somebody else. */
  clear(again = false): Promise<void> {
    this.#closed = !again;
    this.#busy = this.#busy
      .then(async () => {
        const tx = (await this.#db).transaction(['head', 'rooms'], 'readwrite');
        await Promise.all([tx.objectStore('head').clear(), tx.objectStore('rooms').clear(), tx.done]);
        this.#written = new Map();
        this.#people = undefined;
      })
      .catch(() => undefined);
    return this.#busy;
  }

  async #save({ chat, limits, direct }: KeptChat): Promise<void> {
    const rooms = [...chat.rooms.values()];
    const changed = rooms.filter((room) => this.#written.get(room.id) !== room);
    const gone = [...this.#written.keys()].filter((id) => !chat.rooms.has(id));
    const samePeople = this.#people === chat.people;
    if (changed.length === 0 && gone.length === 0 && samePeople) return;
    const latest = new Set(rooms.sort(byLast).slice(0, KEPT_ROOMS).map((room) => room.id));
    const tx = (await this.#db).transaction(['head', 'rooms'], 'readwrite');
    const writes: Promise<unknown>[] = [tx.done];
    if (!samePeople) {
      const head: Head = { shape: SHAPE, me: chat.me, people: [...chat.people.values()], limits, direct };
      writes.push(tx.objectStore('head').put(head, 'head'));
    }
    const store = tx.objectStore('rooms');
    // Nothing was read here before: what is there is somebody else's, or of another shape.
    if (this.#people === undefined && this.#written.size === 0) writes.push(store.clear());
    writes.push(...changed.map((room) => store.put(kept(room, latest.has(room.id)))), ...gone.map((id) => store.delete(id)));
    await Promise.all(writes);
    this.#written = new Map(chat.rooms);
    this.#people = chat.people;
  }
}

const byLast = (a: Room, b: Room): number => ((a.last?.at ?? '') < (b.last?.at ?? '') ? 1 : -1);

/** A room as it is kept: with consecutive events that end at its position. */
export function kept(room: Room, withEvents: boolean): Room {
  const events = withEvents ? room.events.slice(-KEPT_EVENTS) : [];
  return { ...room, events, held: new Map() };
}
