// What is on its way, in several tabs of one person.
import 'fake-indexeddb/auto';
import { openDB } from 'idb';
import { expect, it, vi } from 'vitest';
import { Outbox, before, isMore, type Draft, type Item } from '../src/core/outbox';
import { Refused } from '../src/core/socket';
import { ANSWER_MS } from '../src/core/live-tabs';
import type { Attachment } from '../src/core/wire/Attachment';
import type { MsgSend } from '../src/core/wire/MsgSend';
import type { MsgSent } from '../src/core/wire/MsgSent';
import { FakeBrowser, type FakePage } from './fake-browser';

let databases = 0;
const draft = (body: string, more: Partial<Draft> = {}): Draft => ({ r: 'R', body, files: [], ...more });
const file = (id: string): Attachment => ({ id, name: `${id}.jpg`, size: 1, mime: 'image/jpeg', sha256: '' });
const bodies = (items: readonly { readonly body: string }[]): string[] => items.map(({ body }) => body);

class Tab {
  items: readonly Item[] = [];
  readonly page: FakePage;
  readonly box: Outbox;

  constructor(browser: FakeBrowser, name: string, send: (message: MsgSend) => Promise<MsgSent>, last?: string) {
    this.page = browser.page(() => void this.box.refresh(), last);
    this.box = new Outbox('me', send, (items) => (this.items = items), { name, tabs: this.page.tabs });
  }

  async open(): Promise<this> {
    await this.box.load();
    this.box.online();
    return this;
  }

  until(wanted: readonly string[]): Promise<unknown> {
    return vi.waitFor(() => expect(bodies(this.items)).toEqual(wanted));
  }
}

/** A browser, and all that its tabs have sent. */
function school(refuses: (message: MsgSend) => boolean = () => false) {
  const sent: MsgSend[] = [];
  const browser = new FakeBrowser();
  const name = `tabs-${databases++}`;
  const send = (message: MsgSend): Promise<MsgSent> => {
    sent.push(message);
    return refuses(message) ? Promise.reject(new Refused({ c: 'muted' })) : Promise.resolve({ id: message.cid, s: 1, no: 1, at: '', dup: false });
  };
  return { sent, tab: () => new Tab(browser, name, send).open(), apart: (last?: string) => new Tab(browser, name, send, last) };
}

it('shows in each what the others wrote, and sends it once', async () => {
  const { sent, tab } = school();
  const [first, second] = [await tab(), await tab()];
  const cid = await first.box.add(draft('фото', { awaits: ['a'] }));
  await second.until(['фото']);
  expect([first, second].map(({ box, items }) => items[0] && box.isOwn(items[0]))).toEqual([true, false]);
  const third = await tab();
  expect(bodies(third.items)).toEqual(['фото']);
  await first.box.supply(cid, [file('F1')]);
  for (const one of [first, second, third]) await one.until([]);
  expect(bodies(sent)).toEqual(['фото']);
});

it('sends at once what is written in one while another’s message waits for its files', async () => {
  const { sent, tab } = school();
  const [first, second] = [await tab(), await tab()];
  await first.box.add(draft('фото', { awaits: ['a'] }));
  await second.until(['фото']);
  await second.box.add(draft('текст'));
  await second.until(['фото']);
  expect(bodies(sent)).toEqual(['текст']);
});

it('never sends in one what was taken back in another', async () => {
  const { sent, tab } = school();
  const [first, second] = [await tab(), await tab()];
  const cid = await first.box.add(draft('фото', { awaits: ['a'] }));
  await second.until(['фото']);
  expect(await second.box.withdraw(cid)).toBe(true);
  // Whether the other has heard of it or not.
  expect(await first.box.supply(cid, [file('F1')])).toBe(false);
  await first.until([]);
  expect(second.box.returned.map(({ body }) => body)).toEqual(['фото']);
  await second.box.remove(cid);
  first.page.close();
  await (await tab()).until([]);
  expect(sent).toEqual([]);
});

it('does not take back what is on its way already', async () => {
  const { sent, tab, apart } = school();
  const first = apart();
  const cid = await first.box.add(draft('фото', { awaits: ['a'] }));
  const second = await tab();
  await first.box.supply(cid, [file('F1')]);
  expect(await second.box.withdraw(cid)).toBe(false);
  first.box.online();
  await first.until([]);
  expect(bodies(sent)).toEqual(['фото']);
  expect(await second.box.withdraw(cid)).toBe(false);
});

it('gives a message that two take back at once to one of them', async () => {
  const { tab } = school();
  const [first, second] = [await tab(), await tab()];
  const cid = await first.box.add(draft('фото', { awaits: ['a'] }));
  await second.until(['фото']);
  const taken = await Promise.all([first, second].map(({ box }) => box.withdraw(cid)));
  expect(taken.filter(Boolean)).toHaveLength(1);
});

it('takes over from one that is closed, once', async () => {
  const { sent, tab, apart } = school();
  const first = apart();
  for (const body of ['один', 'два']) await first.box.add(draft(body));
  const others = [await tab(), await tab()];
  expect(sent).toEqual([]);
  first.page.close();
  for (const one of others) await one.until([]);
  expect(bodies(sent)).toEqual(['один', 'два']);
});

it('takes over from one that is suspended, which sends nothing of it when it wakes', async () => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'Date'] });
  let isMuted = true;
  const { sent, tab, apart } = school(() => isMuted);
  const first = apart();
  const cid = await first.box.add(draft('один'));
  const second = await tab();
  first.page.suspend();
  await vi.advanceTimersByTimeAsync(3 * ANSWER_MS);
  await vi.waitFor(() => expect(second.items[0]?.failed).toBe('muted'));
  // Its author gives it up, and the one that slept connects before it has heard of anything.
  isMuted = false;
  await second.box.withdraw(cid);
  await second.box.remove(cid);
  first.box.online();
  await first.until([]);
  first.page.wake();
  expect(bodies(sent)).toEqual(['один']);
  vi.useRealTimers();
});

it('leaves to one that is suspended what only that one has', async () => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'Date'] });
  const { tab, apart } = school();
  const first = apart();
  await first.box.add(draft('большое видео', { awaits: ['a'], bound: true }));
  await first.box.add(draft('фото', { awaits: ['b'] }));
  const second = await tab();
  const own = (): string[] => bodies(second.items.filter((item) => second.box.isOwn(item)));
  first.page.suspend();
  await vi.advanceTimersByTimeAsync(5 * ANSWER_MS);
  await vi.waitFor(() => expect(own()).toEqual(['фото']));
  first.page.close();
  await vi.waitFor(() => expect(own()).toEqual(['большое видео', 'фото']));
  vi.useRealTimers();
});

it('takes over what was kept before there was any telling whose it is', async () => {
  const { sent, tab } = school();
  const old = new Outbox('me', () => Promise.reject(new Error('none')), () => undefined, { name: `tabs-${databases - 1}` });
  await old.add(draft('старое'));
  await (await tab()).until([]);
  expect(bodies(sent)).toEqual(['старое']);
});

it('lets what was written later go first when its author says so, in whichever tab', async () => {
  const { sent, tab } = school();
  const [first, second] = [await tab(), await tab()];
  const cid = await first.box.add(draft('видео', { awaits: ['a'] }));
  await first.box.add(draft('завтра в девять'));
  await first.box.add(draft('другая группа', { r: 'R2' }));
  await second.until(['видео', 'завтра в девять']);
  const [video, text] = second.items as readonly [Item, Item];
  expect(before(second.items, text)).toEqual([video]);
  expect(before(second.items, video)).toEqual([]);
  await second.box.overtake(before(second.items, text));
  await first.until(['видео']);
  // What is written after that does not wait for it either.
  await first.box.add(draft('и возьмите ноутбуки'));
  await first.box.add(draft('ещё видео', { awaits: ['b'] }));
  await first.box.add(draft('ждёт второго'));
  await first.until(['видео', 'ещё видео', 'ждёт второго']);
  await first.box.supply(cid, [file('F1')]);
  await first.until(['ещё видео', 'ждёт второго']);
  expect(bodies(sent)).toEqual(['другая группа', 'завтра в девять', 'и возьмите ноутбуки', 'видео']);
});

it('takes over all of a page at once: another that does the same finds nothing left', async () => {
  const { tab, apart } = school();
  const first = apart();
  for (const body of ['один', 'два', 'три']) await first.box.add(draft(body, { awaits: [body] }));
  const [second, third] = [await tab(), apart()];
  third.page.suspend();
  const db = await openDB(`tabs-${databases - 1}`);
  const all = (): Promise<Item[]> => db.getAll('outbox') as Promise<Item[]>;
  let others: Promise<unknown> | undefined;
  // The other one comes in between, as soon as something has changed.
  vi.spyOn(second.page.tabs, 'tell').mockImplementation(() => {
    if (others) return;
    const tx = db.transaction('outbox', 'readwrite');
    const theirs = (item: Item): boolean => item.tab === first.page.tabs.id;
    others = tx.store.getAll().then((items: Item[]) => Promise.all(items.filter(theirs).map((item) => tx.store.put({ ...item, tab: third.page.tabs.id }))));
  });
  first.page.close();
  await vi.waitFor(async () => expect((await all()).some(({ tab: page }) => page === first.page.tabs.id)).toBe(false));
  await others;
  expect((await all()).map(({ tab: page }) => page)).toEqual(Array(3).fill(second.page.tabs.id));
  db.close();
});

it('leaves to others what they can send when its own connection has ended for good, until it is asked to come back', async () => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'Date'] });
  const { sent, tab, apart } = school();
  const first = apart();
  await first.box.add(draft('видео', { awaits: ['a'], bound: true, r: 'R2' }));
  await first.box.add(draft('один'));
  const second = await tab();
  first.box.offline();
  await vi.advanceTimersByTimeAsync(5 * ANSWER_MS);
  expect(sent).toEqual([]);
  first.box.offline(true);
  await vi.advanceTimersByTimeAsync(5 * ANSWER_MS);
  await second.until(['видео']);
  await first.until(['видео']);
  expect(bodies(sent)).toEqual(['один']);
  expect(second.items.map((item) => second.box.isOwn(item))).toEqual([false]);
  first.box.offline();
  await first.box.add(draft('два'));
  await second.until(['видео', 'два']);
  await vi.advanceTimersByTimeAsync(5 * ANSWER_MS);
  expect(bodies(sent)).toEqual(['один']);
  first.box.online();
  await second.until(['видео']);
  vi.useRealTimers();
});

it('asks no longer for a page of which nothing is left', async () => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'Date'] });
  const { tab, apart } = school();
  const first = apart();
  await first.box.add(draft('один'));
  const second = await tab();
  await vi.advanceTimersByTimeAsync(2 * ANSWER_MS);
  expect(second.page.said).toContainEqual({ ask: first.page.tabs.id });
  first.box.online();
  await second.until([]);
  await vi.advanceTimersByTimeAsync(2 * ANSWER_MS);
  const said = second.page.said.length;
  await vi.advanceTimersByTimeAsync(10 * ANSWER_MS);
  expect(second.page.said).toHaveLength(said);
  vi.useRealTimers();
});

it('goes on with what a page left although it cannot write that down', async () => {
  const { sent, tab, apart } = school();
  const first = apart();
  await first.box.add(draft('один'));
  const second = await tab();
  const full = vi.spyOn(IDBObjectStore.prototype, 'put').mockImplementation(() => {
    throw new DOMException('', 'QuotaExceededError');
  });
  first.page.close();
  await second.until([]);
  full.mockRestore();
  expect(bodies(sent)).toEqual(['один']);
});

it('takes what it inherits neither for written here nor, after a reload, for another tab’s', async () => {
  const { apart } = school();
  const first = apart();
  await first.box.add(draft('фото', { awaits: ['a'] }));
  const [again, other] = [apart(first.page.tabs.id), apart()];
  await Promise.all([again.box.load(), other.box.load()]);
  const [item] = again.items as readonly [Item];
  await vi.waitFor(() => expect([again, other].map(({ items }) => items.length)).toEqual([1, 1]));
  expect([again, other].map(({ box }) => [box.isOwn(item), box.isElsewhere(item)])).toEqual([[false, false], [false, true]]);
  const was = again.items;
  other.page.close();
  first.page.close();
  await vi.waitFor(() => expect(again.items.map((one) => again.box.isOwn(one))).toEqual([true]));
  expect(isMore(was, again.items)).toBe(false);
  await again.box.add(draft('текст'));
  expect(isMore(was, again.items)).toBe(true);
});
