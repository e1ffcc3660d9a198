import { afterEach, expect, it, vi } from 'vitest';
import { ANSWER_MS } from '../src/core/live-tabs';
import { tabsOf } from '../src/core/tabs';
import { FakeBrowser } from './fake-browser';

/** Whether it has come, after all that could happen now. */
async function hasCome(promise: Promise<unknown>): Promise<boolean> {
  let come = false;
  void promise.then(() => (come = true));
  await vi.advanceTimersByTimeAsync(0);
  return come;
}

vi.useFakeTimers();
afterEach(() => vi.clearAllTimers());

it('knows at once of a page that is closed', async () => {
  const browser = new FakeBrowser();
  const [first, second] = [browser.page(), browser.page()];
  await first.tabs.known;
  const gone = second.tabs.gone(first.tabs.id);
  expect(await hasCome(gone)).toBe(false);
  expect(await second.tabs.isGone(first.tabs.id)).toBe(false);
  first.close();
  expect(await hasCome(gone)).toBe(true);
  expect(await second.tabs.isGone(first.tabs.id)).toBe(true);
});

it('never takes a page that answers for gone, hidden or not', async () => {
  const browser = new FakeBrowser();
  const [first, second] = [browser.page(), browser.page()];
  await first.tabs.known;
  first.isSeen = false;
  const gone = second.tabs.gone(first.tabs.id);
  await vi.advanceTimersByTimeAsync(100 * ANSWER_MS);
  expect(await hasCome(gone)).toBe(false);
});

it('finds out that a page is suspended with its lock, while it is looked at itself', async () => {
  const browser = new FakeBrowser();
  const [first, second] = [browser.page(), browser.page()];
  await first.tabs.known;
  const gone = second.tabs.gone(first.tabs.id);
  first.suspend();
  second.isSeen = false;
  await vi.advanceTimersByTimeAsync(10 * ANSWER_MS);
  expect(await hasCome(gone)).toBe(false);
  second.isSeen = true;
  await vi.advanceTimersByTimeAsync(2 * ANSWER_MS);
  expect(await hasCome(gone)).toBe(true);
});

it('does not take its own sleep for another’s', async () => {
  const browser = new FakeBrowser();
  const [first, second] = [browser.page(), browser.page()];
  await first.tabs.known;
  const gone = second.tabs.gone(first.tabs.id);
  // The phone is put away after one was asked. The clock goes on meanwhile, timers do not.
  first.suspend();
  await vi.advanceTimersByTimeAsync(ANSWER_MS);
  vi.setSystemTime(Date.now() + 100 * ANSWER_MS);
  await vi.advanceTimersByTimeAsync(ANSWER_MS);
  first.wake();
  await vi.advanceTimersByTimeAsync(10 * ANSWER_MS);
  expect(await hasCome(gone)).toBe(false);
});

it('tells the others that what is kept has changed', () => {
  const browser = new FakeBrowser();
  const told: string[] = [];
  const [first] = [browser.page(() => told.push('first')), browser.page(() => told.push('second')), browser.page(() => told.push('third'))];
  first.tabs.tell();
  expect(told).toEqual(['second', 'third']);
});

it('lets go of what it has when the browser puts it aside, and looks again when it comes back', async () => {
  const browser = new FakeBrowser();
  let looks = 0;
  const [first, second] = [browser.page(() => looks++), browser.page()];
  await first.tabs.known;
  first.tabs.asleep();
  expect(await hasCome(second.tabs.gone(first.tabs.id))).toBe(true);
  first.tabs.awake();
  await first.tabs.known;
  expect(looks).toBe(1);
  expect(await second.tabs.isGone(first.tabs.id)).toBe(false);
});

it('tells all who wait for the same page, and asks no longer than somebody does', async () => {
  const browser = new FakeBrowser();
  const [first, second] = [browser.page(), browser.page()];
  await first.tabs.known;
  const ways = [second.tabs.gone(first.tabs.id), second.tabs.gone(first.tabs.id)];
  const over = new AbortController();
  const third = second.tabs.gone(first.tabs.id, over.signal);
  over.abort();
  first.suspend();
  await vi.advanceTimersByTimeAsync(3 * ANSWER_MS);
  expect(await Promise.all([...ways, third].map(hasCome))).toEqual([true, true, false]);
  const said = second.said.length;
  await vi.advanceTimersByTimeAsync(10 * ANSWER_MS);
  expect(second.said).toHaveLength(said);
});

it('is alive for the others and hears of their end although what it speaks with did not load, and loads that again', async () => {
  const browser = new FakeBrowser();
  const [page, other] = [browser.page(), browser.page()];
  await other.tabs.known;
  const stored = new Map([['parta.tab', other.tabs.id]]);
  let isOnline: (() => void) | undefined;
  vi.stubGlobal('navigator', { locks: page.locks });
  vi.stubGlobal('sessionStorage', { getItem: (key: string) => stored.get(key) ?? null, setItem: (key: string, value: string) => stored.set(key, value) });
  vi.stubGlobal('addEventListener', (name: string, does: () => void) => name === 'online' && (isOnline = does));
  const tell = vi.fn();
  const live = vi.fn(() => ({ tell, silent: () => new Promise(() => undefined) }));
  live.mockImplementationOnce(() => {
    throw new TypeError('Failed to fetch dynamically imported module');
  });
  vi.doMock('../src/core/live-tabs', () => ({ live }));
  const tabs = tabsOf(() => undefined);
  if (!tabs) throw new Error('no locks');
  await tabs.known;
  expect(await other.tabs.isGone(tabs.id)).toBe(false);
  const gone = tabs.gone(tabs.before ?? '');
  expect(await hasCome(gone)).toBe(false);
  other.close();
  expect(await gone).toBe('dead');
  tabs.tell();
  await vi.waitFor(() => expect(isOnline).toBeDefined());
  expect(tell).not.toHaveBeenCalled();
  isOnline?.();
  await vi.waitFor(() => expect(tell).toHaveBeenCalled());
  vi.doUnmock('../src/core/live-tabs');
  vi.unstubAllGlobals();
});
