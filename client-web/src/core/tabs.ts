// This page among those of the same browser in other tabs, as far as every visit needs it.

import { v7 as uuidv7 } from 'uuid';

/** Survives a reload of the tab. A tab that is duplicated begins with that of the other, which is not gone. */
const KEY = 'parta.tab';

/** Milliseconds after which a page goes without being known: the others then take it for gone and go on with what is kept of it. */
const KNOWN_MS = 2_000;

/** What a page knows of the others. */
export interface Tabs {
  readonly id: string;
  /** The page that was in this tab before it was loaded anew. */
  readonly before?: string | undefined;
  /** By then the others can tell that this page lives, unless that takes too long. */
  readonly known: Promise<void>;
  /** What is kept has changed. */
  tell(): void;
  /** Whether a page lives no more, as far as its lock tells. */
  isGone(page: string): Promise<boolean>;
  /** Once a page lives no more, or does not answer and may come back. */
  gone(page: string): Promise<'dead' | 'silent'>;
}

/** This page, where the browser has what that takes; `changed` is called when another has changed what is kept. */
export function tabsOf(changed: () => void): Tabs | undefined {
  if (!('locks' in navigator) || typeof BroadcastChannel === 'undefined') return undefined;
  const [id, before] = [uuidv7(), sessionStorage.getItem(KEY) ?? undefined];
  sessionStorage.setItem(KEY, id);
  const living = import('./live-tabs').then(({ live }) => live(id, changed));
  const late = new Promise<void>((resolve) => setTimeout(resolve, KNOWN_MS));
  return {
    id,
    before,
    known: Promise.race([living.then(({ known }) => known).catch(() => undefined), late]),
    tell: () => void living.then((tabs) => tabs.tell(), () => undefined),
    isGone: (page) => living.then((tabs) => tabs.isGone(page), () => false),
    gone: (page) => living.then((tabs) => tabs.gone(page), () => new Promise(() => undefined)),
  };
}
