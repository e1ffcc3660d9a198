// The number on the app's icon.

import { app } from '$lib/app.svelte';
import { countsOf, keepCounts } from '../../core/counts';
import { notices } from './notices.svelte';

/** Shows how many messages ask for attention, and leaves the service worker what it goes on counting from. */
export async function show(count: number): Promise<void> {
  const shown = count > 0 ? navigator.setAppBadge?.(count) : navigator.clearAppBadge?.();
  await Promise.allSettled([shown, keep()]);
}

/** The page goes into the background, where the service worker may have to go on. Who has signed out leaves nothing. */
export async function keep(): Promise<void> {
  if (app.me && app.status !== 'ended') await keepCounts(countsOf(notices.wishes, [...(app.chat?.rooms.values() ?? [])], notices.time()));
}
