// What is asked of the server about pictures of people.

import { api, put } from '../../core/http';
import { isStaff } from '../../core/people';
import type { OwnPicture } from '../../core/wire/OwnPicture';
import type { Role } from '../../core/wire/Role';

/** Side of the square that is sent, in pixels: the server makes one of 192 of it. */
const SIDE_PX = 512;
const QUALITY = 0.9;

export const ownPicture = (): Promise<OwnPicture> => api<OwnPicture>('GET', '/picture');

export const removeOwn = (): Promise<void> => api('DELETE', '/picture');

export const takeAway = (person: string): Promise<void> => api('DELETE', `/people/${encodeURIComponent(person)}/picture`);

export async function setOwn(photo: Blob): Promise<void> {
  await put('/picture', await square(photo));
}

/** Whether somebody may take another's picture away; the server decides likewise. */
export const mayTake = (by: Role, whose: Role): boolean => by === 'administrator' || (by === 'teacher' && !isStaff(whose));

/** The square in the middle: where it begins, and its side. */
export function middle(width: number, height: number): { readonly x: number; readonly y: number; readonly side: number } {
  const side = Math.min(width, height);
  return { x: Math.floor((width - side) / 2), y: Math.floor((height - side) / 2), side };
}

// Some ten kilobytes in place of megabytes, which a slow link carries at once. What this browser cannot read the server may.
async function square(photo: Blob): Promise<Blob> {
  try {
    const whole = await createImageBitmap(photo);
    const { x, y, side } = middle(whole.width, whole.height);
    const canvas = document.createElement('canvas');
    canvas.width = canvas.height = Math.min(side, SIDE_PX);
    const brush = canvas.getContext('2d');
    if (!brush) return photo;
    brush.fillStyle = '#fff';
    brush.fillRect(0, 0, canvas.width, canvas.height);
    brush.drawImage(whole, x, y, side, side, 0, 0, canvas.width, canvas.height);
    whole.close();
    return (await new Promise<Blob | null>((resolve) => canvas.toBlob(resolve, 'image/jpeg', QUALITY))) ?? photo;
  } catch {
    return photo;
  }
}
