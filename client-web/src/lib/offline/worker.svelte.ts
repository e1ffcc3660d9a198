// The service worker, which opens the page without a network and takes pushes; and the news that a newer page is there.

import { goto } from '$app/navigation';

/** How often to ask for a newer page at most, in milliseconds. */
const ASK_MS = 10 * 60 * 1_000;

class Worker {
  /** A newer page waits. */
  fresh = $state(false);
  /** This page is an old one: another tab went on to a newer one, or the server has parts of it no more. */
  replaced = $state(false);
  #registered: Promise<ServiceWorkerRegistration> | undefined;
  #askedAt = 0;
  #mine = false;

  /** Registers it, once; without one (a browser that has none, a private window) all goes on as before. */
  register(): Promise<ServiceWorkerRegistration> {
    this.#registered ??= this.#register();
    return this.#registered;
  }

  /** The page is connected or looked at again: is there a newer one? */
  look(): void {
    const now = Date.now();
    if (!this.#registered || now - this.#askedAt < ASK_MS) return;
    this.#askedAt = now;
    this.#registered.then((registration) => registration.update()).catch(() => undefined);
  }

  /** Goes on to the newer page, or loads the page again when there is none. */
  async takeOver(): Promise<void> {
    const registration = await navigator.serviceWorker?.getRegistration();
    await registration?.update().catch(() => undefined);
    const waiting = registration?.waiting ?? (await installed(registration?.installing ?? null));
    if (!waiting) {
      location.reload();
      return;
    }
    this.#mine = true;
    waiting.postMessage('take over');
  }

  async #register(): Promise<ServiceWorkerRegistration> {
    window.addEventListener('vite:preloadError', (event) => void this.#lacks(event.payload));
    const container = navigator.serviceWorker;
    if (!container) throw new Error('no service workers here');
    // The first one takes a page over that has none; nothing is newer then.
    const had = container.controller !== null;
    container.addEventListener('controllerchange', () => {
      if (this.#mine) location.reload();
      else if (had) this.replaced = true;
    });
    container.addEventListener('message', (event: MessageEvent<unknown>) => {
      const path = (event.data as { go?: unknown } | null)?.go;
      if (typeof path === 'string') void goto(path);
    });
    const registration = await container.register('/service-worker.js', { type: 'module', updateViaCache: 'none' });
    this.#askedAt = Date.now();
    this.#watch(registration.installing);
    if (registration.waiting && container.controller) this.fresh = true;
    registration.addEventListener('updatefound', () => this.#watch(registration.installing));
    return registration;
  }

  // A part of the page could not be loaded: has the server none of this version any more, or was it the network?
  async #lacks({ message }: Error): Promise<void> {
    const [path] = /\/_app\/immutable\/[\w./-]+/.exec(message) ?? [];
    if (path === undefined) return;
    const answer = await fetch(path, { method: 'HEAD', cache: 'no-store' }).catch(() => undefined);
    if (answer?.status === 404) this.replaced = true;
  }

  #watch(worker: ServiceWorker | null): void {
    void installed(worker).then((waiting) => {
      if (waiting?.state === 'installed' && navigator.serviceWorker.controller) this.fresh = true;
    });
  }
}

// When it is ready to take over; undefined when it came to nothing, or there is none.
function installed(worker: ServiceWorker | null): Promise<ServiceWorker | undefined> {
  if (!worker) return Promise.resolve(undefined);
  return new Promise((resolve) => {
    const look = (): void => {
      if (worker.state === 'installing') return;
      worker.removeEventListener('statechange', look);
      resolve(worker.state === 'redundant' ? undefined : worker);
    };
    worker.addEventListener('statechange', look);
    look();
  });
}

export const worker = new Worker();
