/// <reference types="@sveltejs/kit" />
/// <reference no-default-lib="true"/>
/// <reference lib="esnext" />
/// <reference lib="webworker" />

// The page without a network: its own files of this version, and nothing else. Answers of the server are never kept here.

import { build, files, version } from '$service-worker';
import { cacheName, isShared, isShell, toKeep } from './core/offline';
import { saves, toldWorker } from './core/saving';
import { countNews } from './core/counts';
import { keepShared } from './core/shared';
import { wordsOf } from './core/push-words';
import type { PushNews } from './core/wire/PushNews';
import type { PushWord } from './core/wire/PushWord';

const worker = self as unknown as ServiceWorkerGlobalScope;
const CACHE = cacheName(version);
const SHELL = '/';
const KEPT = new Set([...build, ...files]);

worker.addEventListener('install', (event) => event.waitUntil(install()));
worker.addEventListener('activate', (event) => event.waitUntil(activate()));
worker.addEventListener('message', (event) => {
  if (event.data === 'take over') void worker.skipWaiting();
});

worker.addEventListener('fetch', (event) => {
  const { request } = event;
  const url = new URL(request.url);
  if (url.origin !== location.origin) return;
  if (isShared(request.method, url)) event.respondWith(shared(request));
  else if (isShell(request.method, request.mode, url)) event.respondWith(kept(SHELL, request));
  else if (request.method === 'GET' && KEPT.has(url.pathname)) event.respondWith(kept(url.pathname, request));
  else if (request.method === 'GET' && url.pathname.startsWith('/_app/immutable/')) event.respondWith(before(request));
});

async function install(): Promise<void> {
  const cache = await caches.open(CACHE);
  const isSaving = saves(await toldWorker(caches), navigator);
  // All or nothing: a page of which a part is missing is worse than none.
  await Promise.all([SHELL, ...toKeep([...KEPT], isSaving)].map((path) => put(cache, path)));
}

// What was kept of the version before stays for pages that are open still; of the versions before that nothing does.
async function activate(): Promise<void> {
  const ours = (await caches.keys()).filter((name) => name.startsWith(cacheName('')) && name !== CACHE);
  await Promise.all(ours.slice(0, -1).map((name) => caches.delete(name)));
  await worker.clients.claim();
}

async function put(cache: Cache, path: string): Promise<Response> {
  // Names of hashed files never change what they mean; the others are asked for anew.
  const response = await fetch(path, { cache: path.startsWith('/_app/immutable/') ? 'default' : 'no-cache' });
  if (!response.ok) throw new Error(`${path}: ${response.status}`);
  await cache.put(path, response.clone());
  return response;
}

async function kept(path: string, request: Request): Promise<Response> {
  const cache = await caches.open(CACHE);
  const found = (await cache.match(path)) ?? (await caches.match(path));
  if (found) return found;
  return path === SHELL ? fetch(request) : put(cache, path);
}

// A page of the version before asks for a part that the server has no more.
async function before(request: Request): Promise<Response> {
  return (await caches.match(request)) ?? fetch(request);
}

// Another app shares something: it is put aside, and the page asks for whom it is.
async function shared(request: Request): Promise<Response> {
  await request.formData().then((form) => keepShared(form, Date.now())).catch(() => undefined);
  return Response.redirect('/?shared', 303);
}

worker.addEventListener('push', (event) => event.waitUntil(told(event.data)));
worker.addEventListener('notificationclick', (event) => {
  event.notification.close();
  event.waitUntil(show(typeof event.notification.data === 'string' ? event.notification.data : '/'));
});

async function told(data: PushMessageData | null): Promise<void> {
  const room = roomIn(data);
  const pages = await worker.clients.matchAll({ type: 'window' });
  // Whoever looks at the page sees it there; browsers allow silence in this case alone.
  if (pages.some((page) => page.visibilityState === 'visible')) return;
  const news = room === undefined ? undefined : await ask(room);
  const { title, body } = wordsOf(news, navigator.languages);
  await worker.registration.showNotification(title, {
    body,
    icon: '/icon-192.png',
    badge: '/badge-96.png',
    data: room === undefined ? '/' : `/room/${room}`,
    ...(room !== undefined && { tag: room }),
  });
  await navigator.setAppBadge?.(await countNews(room, news)).catch(() => undefined);
}

function roomIn(data: PushMessageData | null): string | undefined {
  try {
    const { r } = data?.json() as PushWord;
    return /^[\w-]{1,64}$/.test(r) ? r : undefined;
  } catch {
    return undefined;
  }
}

// What it is about is asked of our own server, with the session; the push service never learns it.
async function ask(room: string): Promise<PushNews | undefined> {
  try {
    const response = await fetch(`/api/v1/push/${room}`, { credentials: 'same-origin', cache: 'no-store' });
    return response.ok ? ((await response.json()) as PushNews) : undefined;
  } catch {
    return undefined;
  }
}

async function show(path: string): Promise<void> {
  const [page] = await worker.clients.matchAll({ type: 'window' });
  if (!page) return void (await worker.clients.openWindow(path));
  page.postMessage({ go: path });
  await page.focus().catch(() => undefined);
}
