// What is pinned in a room: asked for when it is looked at, and whenever its log tells of a change.

import { app } from '$lib/app.svelte';
import { isStaff } from '../../core/people';
import type { Room } from '../../core/rooms';

export const isPinned = ({ pins }: Room, message: string): boolean => pins.some(({ id }) => id === message);

/** Whether this person may pin messages here. The server judges it each time. */
export const mayPin = (room: Room): boolean => room.can.includes('write') && (room.kind === 'direct' || isStaff(app.me?.role));
