// The number on the app's icon while the page is closed: what the page counted last, and what came since.

import { openDB, type IDBPDatabase } from 'idb';
import { COUNTS } from './kept-names';
import { attentionIn, isQuiet } from './notify';
import { unread, type Room } from './rooms';
import type { Notify } from './wire/Notify';
import type { PushNews } from './wire/PushNews';

export interface Counts {
  /** Messages that ask for attention, by room; of rooms without any nothing. */
  readonly rooms: Readonly<Record<string, number>>;
  /** Rooms in which only mentions do: how many messages are unread there, of any kind. */
  readonly quiet: Readonly<Record<string, number>>;
}

const NONE: Counts = { rooms: {}, quiet: {} };

/** Also in a silence, which may be over before the page is open again. */
export function countsOf(wishes: Notify, rooms: readonly Room[], now: number): Counts {
  const counted = rooms.map((room) => [room.id, attentionIn(wishes, room, now)] as const);
  return {
    rooms: Object.fromEntries(counted.filter(([, count]) => count > 0)),
    quiet: Object.fromEntries(rooms.filter(({ id }) => isQuiet(wishes, id, now)).map((room) => [room.id, unread(room)])),
  };
}

export const sum = ({ rooms }: Counts): number => Object.values(rooms).reduce((all, one) => all + one, 0);

/** With what the server says of a room of which a push told. */
export function withNews(counts: Counts, room: string, news: PushNews): Counts {
  const all = counts.quiet[room];
  if (all === undefined) return { ...counts, rooms: { ...counts.rooms, [room]: news.unread } };
  // Of a quiet room the server counts all, but tells of mentions alone: one of them has come. Unless a page that is open out of
  // sight has counted it, which then knows of as many messages; and there are no more mentions than messages.
  const mentions = (counts.rooms[room] ?? 0) + (news.unread > all ? 1 : 0);
  const now = Math.min(Math.max(mentions, news.mention ? 1 : 0), news.unread);
  return { rooms: { ...counts.rooms, [room]: now }, quiet: { ...counts.quiet, [room]: news.unread } };
}

/** The page's own count, which holds until the next. */
export const keepCounts = (counts: Counts, name: string = COUNTS): Promise<void> => change(name, () => counts).then(() => undefined);

/** The number after a push; of a room of which the server could not be asked as it was. Undefined where nothing is known of any. */
export async function countNews(room: string | undefined, news: PushNews | undefined, name: string = COUNTS): Promise<number | undefined> {
  const counts = await change(name, (known) => (room !== undefined && news ? withNews(known, room, news) : known));
  return sum(counts) || (news ? 0 : undefined);
}

async function change(name: string, how: (known: Counts) => Counts): Promise<Counts> {
  let db: IDBPDatabase | undefined;
  try {
    db = await openDB(name, 1, {
      upgrade(made) {
        made.createObjectStore('counts');
      },
    });
    const tx = db.transaction('counts', 'readwrite');
    const known: unknown = await tx.store.get('last');
    const now = how(isCounts(known) ? known : NONE);
    await Promise.all([tx.store.put(now, 'last'), tx.done]);
    return now;
  } catch {
    return how(NONE);
  } finally {
    db?.close();
  }
}

const isCounts = (known: unknown): known is Counts => typeof known === 'object' && known !== null && 'rooms' in known && 'quiet' in known;
