// Signing out: it may be cut short, by a network or a closed tab, and holds for all tabs.

import { forgetUploads } from './chat/uploads.svelte';
import type { ChatKeeper } from '../core/kept-chat';
import { takeShared } from '../core/shared';

/** Who signed out here, while the server has not heard it yet. */
const LEAVING = 'parta.leaving';

/** Who is not signed in any more is told nothing on this device; what they were told, and what they had begun, goes. */
export const untell = (): Promise<unknown> => import('./notify/push').then(({ leave }) => leave()).catch(() => undefined);

/** Who is leaving. */
export const leaving = (): string | null => localStorage.getItem(LEAVING);

export const leave = (person: string): void => localStorage.setItem(LEAVING, person);

/** The server has heard it, or somebody signs in. */
export const left = (): void => localStorage.removeItem(LEAVING);

/** Calls back when this person signs out in another tab, whether the server hears of it or not. */
export function whenLeft(person: string, gone: () => void): void {
  addEventListener('storage', ({ key, newValue }) => {
    if (key === LEAVING && newValue === person) gone();
  });
}

/** Forgets what this device holds of somebody, for good or (`again`) before somebody else signs in on this page. */
export async function forgetPerson(person: string, keeper: ChatKeeper, again: boolean): Promise<void> {
  await keeper.clear(again);
  await untell();
  await takeShared(Date.now());
  await forgetUploads(person);
}
