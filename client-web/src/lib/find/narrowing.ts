// Which rooms a list shows.

import { unread, type Room } from '../../core/rooms';
import type { RoomKind } from '../../core/wire/RoomKind';

export type Narrowing = 'all' | 'unread' | 'mentions';

export const narrowings: readonly Narrowing[] = ['all', 'unread', 'mentions'];

/** Rooms of a kind, or those that are not muted; `any` leaves none out. */
export type Sort = 'any' | RoomKind | 'loud';

/** The open room stays where it is: it is read while one looks at it. */
export function narrow(rooms: readonly Room[], narrowing: Narrowing, open: string | undefined): readonly Room[] {
  switch (narrowing) {
    case 'all':
      return rooms;
    case 'unread':
      return rooms.filter((room) => unread(room) > 0 || room.id === open);
    case 'mentions':
      return rooms.filter((room) => room.mentions.length > 0 || room.id === open);
  }
}

/** The open room goes with the others: what it is does not change while one reads it. */
export const ofSort = (rooms: readonly Room[], sort: Sort, isQuiet: (room: string) => boolean): readonly Room[] =>
  sort === 'any' ? rooms : rooms.filter((room) => (sort === 'loud' ? !isQuiet(room.id) : room.kind === sort));
