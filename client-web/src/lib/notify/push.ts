// Being told on this device while the page is closed (Web Push).

export { keep, show } from './badge';

import { worker } from '$lib/offline/worker.svelte';
import { api, ApiError } from '../../core/http';
import { forgetKept } from '../../core/kept-names';
import type { PushKey } from '../../core/wire/PushKey';
import type { PushTo } from '../../core/wire/PushTo';

/**
 * `never`: the organisation has it switched off, or the browser cannot. `install`: an iPhone can once the page is on its home
 * screen. `denied`: the person has forbidden it to the browser.
 */
export type PushState = 'never' | 'install' | 'denied' | 'off' | 'on';

/** Who switched it on here, so that it is renewed when the browser has forgotten it, and for nobody else. */
const KEY = 'parta.push';

const canPush = (): boolean => 'serviceWorker' in navigator && 'PushManager' in window && 'Notification' in window;

async function serverKey(): Promise<string | undefined> {
  try {
    return (await api<PushKey>('GET', '/push')).key;
  } catch (error) {
    if (error instanceof ApiError && error.code === 'not_found') return undefined;
    throw error;
  }
}

export async function pushState(me: string): Promise<PushState> {
  if ((await serverKey()) === undefined) return 'never';
  if (!canPush()) return 'standalone' in navigator && navigator.standalone === false ? 'install' : 'never';
  if (Notification.permission === 'denied') return 'denied';
  const registration = await worker.register();
  return localStorage.getItem(KEY) === me && (await registration.pushManager.getSubscription()) ? 'on' : 'off';
}

/** Asks the browser, and tells the server where to. */
export async function switchOn(me: string): Promise<PushState> {
  if ((await Notification.requestPermission()) !== 'granted') return Notification.permission === 'denied' ? 'denied' : 'off';
  await subscribe();
  localStorage.setItem(KEY, me);
  return 'on';
}

export async function switchOff(): Promise<PushState> {
  localStorage.removeItem(KEY);
  await api('DELETE', '/push');
  const registration = await worker.register();
  await (await registration.pushManager.getSubscription())?.unsubscribe();
  return 'off';
}

/** Browsers lose subscriptions without a word: each start tells the server anew. What somebody else left here goes. */
export async function renew(me: string): Promise<void> {
  const whose = localStorage.getItem(KEY);
  if (whose !== null && whose !== me) return forget();
  if (whose !== null && canPush() && Notification.permission === 'granted') await subscribe();
}

/** Somebody signs out here: the session's subscription goes with the session, and the browser's with this. */
export async function forget(): Promise<void> {
  localStorage.removeItem(KEY);
  const registration = await navigator.serviceWorker?.getRegistration();
  for (const shown of (await registration?.getNotifications()) ?? []) shown.close();
  await (await registration?.pushManager?.getSubscription())?.unsubscribe();
}

/** Nobody is signed in any more. */
export const leave = (): Promise<unknown> => Promise.allSettled([forget(), forgetKept(), navigator.clearAppBadge?.()]);

async function subscribe(): Promise<void> {
  const key = await serverKey();
  if (key === undefined) return;
  const { pushManager } = await worker.register();
  const known = await pushManager.getSubscription();
  const isOurs = known && encode(known.options.applicationServerKey) === key;
  if (known && !isOurs) await known.unsubscribe();
  const subscription = isOurs ? known : await pushManager.subscribe({ userVisibleOnly: true, applicationServerKey: key });
  const to: PushTo = {
    endpoint: subscription.endpoint,
    p256dh: encode(subscription.getKey('p256dh')),
    auth: encode(subscription.getKey('auth')),
  };
  await api('POST', '/push', to);
}

/** Base64url without padding. */
function encode(bytes: ArrayBuffer | null): string {
  const text = String.fromCharCode(...new Uint8Array(bytes ?? new ArrayBuffer(0)));
  return btoa(text).replaceAll('+', '-').replaceAll('/', '_').replace(/=+$/, '');
}
