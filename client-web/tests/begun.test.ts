// Answers that were begun in threads, on the device.
import 'fake-indexeddb/auto';
import { deleteDB, openDB } from 'idb';
import { expect, it } from 'vitest';
import { BegunAnswers } from '../src/core/begun';
import { BEGUN, COUNTS, forgetKept } from '../src/core/kept-names';
import { countNews, keepCounts } from '../src/core/counts';

const DAY_MS = 24 * 60 * 60 * 1_000;
const NOW = Date.parse('2026-11-25T12:00:00Z');
const misha = { id: 'U1', name: 'Миша' };

let count = 0;
const fresh = (): string => `test-begun-${++count}`;

async function opened(name: string, now = NOW): Promise<BegunAnswers> {
  const answers = new BegunAnswers(name);
  await answers.load('me', now);
  return answers;
}

it('are there again after the page was loaded anew, each in its thread', async () => {
  const name = fresh();
  const before = await opened(name);
  before.set('me', 'T1', { body: 'Приду, @Миша', chosen: [misha] }, NOW);
  before.set('me', 'T2', { body: 'Нет', chosen: [] }, NOW);
  await before.settled();
  const after = await opened(name);
  expect(after.get('me', 'T1')).toMatchObject({ body: 'Приду, @Миша', chosen: [misha] });
  expect(after.get('me', 'T2')?.body).toBe('Нет');
  expect(after.get('me', 'T3')).toBeUndefined();
});

it('are gone once they were sent, or emptied, and what was written last counts', async () => {
  const name = fresh();
  const before = await opened(name);
  for (const body of ['П', 'Пр', 'При']) before.set('me', 'T1', { body, chosen: [] }, NOW);
  before.set('me', 'T2', { body: 'Отправлено', chosen: [] }, NOW);
  before.delete('me', 'T2');
  before.set('me', 'T3', { body: 'Стёрто', chosen: [] }, NOW);
  before.set('me', 'T3', { body: ' ', chosen: [] }, NOW);
  await before.settled();
  const after = await opened(name);
  expect(['T1', 'T2', 'T3'].map((root) => after.get('me', root)?.body)).toEqual(['При', undefined, undefined]);
});

it('are as another tab left them when a thread is opened there anew', async () => {
  const name = fresh();
  const first = await opened(name);
  for (const root of ['sent', 'changed']) first.set('me', root, { body: 'Приду', chosen: [] }, NOW);
  await first.settled();
  const second = await opened(name);
  first.delete('me', 'sent');
  first.set('me', 'changed', { body: 'Не приду', chosen: [] }, NOW);
  first.set('me', 'begun', { body: 'Может быть', chosen: [] }, NOW);
  await first.settled();
  await second.load('me', NOW);
  expect(['sent', 'changed', 'begun'].map((root) => second.get('me', root)?.body)).toEqual([undefined, 'Не приду', 'Может быть']);
});

it('of somebody whose session ended while no page was open are not left to who comes next', async () => {
  const name = fresh();
  const before = await opened(name);
  before.set('me', 'T1', { body: 'Чужое', chosen: [] }, NOW);
  await before.settled();
  await new BegunAnswers(name).load('other', NOW);
  expect((await opened(name)).get('me', 'T1')).toBeUndefined();
});

it('are forgotten after a month', async () => {
  const name = fresh();
  const before = await opened(name);
  before.set('me', 'old', { body: 'Давно', chosen: [] }, NOW - 31 * DAY_MS);
  before.set('me', 'new', { body: 'Недавно', chosen: [] }, NOW - 29 * DAY_MS);
  await before.settled();
  const after = await opened(name);
  expect(['old', 'new'].map((root) => after.get('me', root)?.body)).toEqual([undefined, 'Недавно']);
});

it('do not come over what was written or sent before they were read, nor while they are', async () => {
  const name = fresh();
  const before = await opened(name);
  for (const root of ['T1', 'T2', 'T3', 'T4']) before.set('me', root, { body: 'Старое', chosen: [] }, NOW);
  await before.settled();
  const after = new BegunAnswers(name);
  const reading = after.load('me', NOW);
  after.set('me', 'T2', { body: 'Новое', chosen: [] }, NOW);
  after.delete('me', 'T3');
  await reading;
  expect(['T2', 'T3', 'T4'].map((root) => after.get('me', root)?.body)).toEqual(['Новое', undefined, 'Старое']);
  after.set('me', 'T1', { body: 'Новое', chosen: [] }, NOW);
  await after.load('me', NOW);
  expect(after.get('me', 'T1')?.body).toBe('Новое');
});

it('go with whoever signs out, as does what the icon counts from', async () => {
  const before = await opened(BEGUN);
  before.set('me', 'T1', { body: 'Недописанное', chosen: [] }, NOW);
  await before.settled();
  await keepCounts({ rooms: { R1: 3 }, quiet: {} });
  // Another tab holds it, and does not let go of it.
  const held = await openDB(BEGUN, 1);
  await forgetKept();
  expect(await held.getAllKeys('answers')).toEqual([]);
  held.close();
  expect((await opened(BEGUN)).get('me', 'T1')).toBeUndefined();
  expect(await countNews(undefined, undefined)).toBeUndefined();
});

it('where nothing was kept yet there is nothing to forget, and it can be kept afterwards', async () => {
  await Promise.all([BEGUN, COUNTS].map((name) => deleteDB(name)));
  await forgetKept();
  const before = await opened(BEGUN);
  before.set('me', 'T1', { body: 'Потом', chosen: [] }, NOW);
  await before.settled();
  expect((await opened(BEGUN)).get('me', 'T1')?.body).toBe('Потом');
  await keepCounts({ rooms: { R1: 2 }, quiet: {} });
  expect(await countNews(undefined, undefined)).toBe(2);
});

it('a page without storage remembers them as long as it is open', async () => {
  const open = indexedDB.open.bind(indexedDB);
  indexedDB.open = () => {
    throw new DOMException('no', 'SecurityError');
  };
  try {
    const answers = await opened(fresh());
    answers.set('me', 'T1', { body: 'Здесь', chosen: [] }, NOW);
    await answers.settled();
    await answers.load('me', NOW);
    expect(answers.get('me', 'T1')?.body).toBe('Здесь');
  } finally {
    indexedDB.open = open;
  }
});
