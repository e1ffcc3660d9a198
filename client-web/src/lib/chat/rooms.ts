// What is asked of the server about rooms.

import { v7 as uuidv7 } from 'uuid';
import { api, ApiError, put } from '../../core/http';
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

/** Longer side of a picture that is sent, in pixels: the server makes a square of 192 of it. */
const PICTURE_SIDE_PX = 512;

/** It is none, or none that the server reads. */
export class BadPicture extends Error {}

/** Gives a room a picture, or takes it away. Rejects with {@link BadPicture} too. */
export async function setPicture(id: string, picture: Blob | undefined): Promise<void> {
  const path = `/rooms/${encodeURIComponent(id)}/picture`;
  if (!picture) return api('DELETE', path);
  try {
    await put(path, await smaller(picture));
  } catch (error) {
    if (error instanceof ApiError && (error.code === 'bad_request' || error.code === 'too_large')) throw new BadPicture();
    throw error;
  }
}

// A photo of some megabytes would take a slow link a minute. What this browser cannot read the server may.
async function smaller(picture: Blob): Promise<Blob> {
  try {
    const whole = await createImageBitmap(picture);
    const times = Math.min(1, PICTURE_SIDE_PX / Math.min(whole.width, whole.height));
    const canvas = document.createElement('canvas');
    [canvas.width, canvas.height] = [Math.round(whole.width * times), Math.round(whole.height * times)];
    canvas.getContext('2d')?.drawImage(whole, 0, 0, canvas.width, canvas.height);
    const drawn = await new Promise<Blob | null>((resolve) => canvas.toBlob(resolve, 'image/png'));
    return drawn && drawn.size < picture.size ? drawn : picture;
  } catch {
    return picture;
  }
}

/** The conversation with a person. */
export async function talkTo(u: string): Promise<string> {
  const asked: OpenDirect = { u };
  return (await api<MadeRoom>('POST', '/direct', asked)).id;
}
