// Which rooms a list shows.

import { unread, type Room } from '../../core/rooms';

export type Narrowing = 'all' | 'unread' | 'mentions';

export const narrowings: readonly Narrowing[] = ['all', 'unread', 'mentions'];

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
