// What is asked of the server about rooms.

import { v7 as uuidv7 } from 'uuid';
import { api } from '../../core/http';
import type { MadeRoom } from '../../core/wire/MadeRoom';
import type { NewGroup } from '../../core/wire/NewGroup';
import type { OpenDirect } from '../../core/wire/OpenDirect';
import type { People } from '../../core/wire/People';
import type { RoomChange } from '../../core/wire/RoomChange';

/** Everybody in the organisation; for its staff. */
export const everybody = (): Promise<People> => api<People>('GET', '/people');

/** A wish for a room, to be repeated as it is when no answer came. */
export const wish = (): string => uuidv7();

export async function makeRoom(room: NewGroup): Promise<string> {
  return (await api<MadeRoom>('POST', '/rooms', room)).id;
}

export async function changeRoom(id: string, change: RoomChange): Promise<void> {
  await api('PATCH', `/rooms/${encodeURIComponent(id)}`, change);
}

/** The conversation with a person. */
export async function talkTo(u: string): Promise<string> {
  const asked: OpenDirect = { u };
  return (await api<MadeRoom>('POST', '/direct', asked)).id;
}
