// Answers that were begun in threads, on the device.
import 'fake-indexeddb/auto';
import { expect, it } from 'vitest';
import { BegunAnswers } from '../src/core/begun';
import { BEGUN, COUNTS, forgetKept } from '../src/core/kept-names';
import { keepCounts } from '../src/core/counts';

const DAY_MS = 24 * 60 * 60 * 1_000;
const NOW = Date.parse('2026-11-25T12:00:00Z');
const misha = { id: 'U1', name: 'Миша' };

let count = 0;
const fresh = (): string => `test-begun-${++count}`;

async function opened(name: string, now = NOW): Promise<BegunAnswers> {
  const answers = new BegunAnswers(name);
  await answers.load(now);
  return answers;
}

it('are there again after the page was loaded anew, each in its thread and for whoever wrote it', async () => {
  const name = fresh();
  const before = await opened(name);
  before.set('me', 'T1', { body: 'Приду, @Миша', chosen: [misha] }, NOW);
  before.set('me', 'T2', { body: 'Нет', chosen: [] }, NOW);
  before.set('other', 'T1', { body: 'Чужое', chosen: [] }, NOW);
  await before.settled();
  const after = await opened(name);
  expect(after.get('me', 'T1')).toMatchObject({ body: 'Приду, @Миша', chosen: [misha] });
  expect(after.get('me', 'T2')?.body).toBe('Нет');
  expect(after.get('other', 'T1')?.body).toBe('Чужое');
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

it('are forgotten after a month', async () => {
  const name = fresh();
  const before = await opened(name);
  before.set('me', 'old', { body: 'Давно', chosen: [] }, NOW - 31 * DAY_MS);
  before.set('me', 'new', { body: 'Недавно', chosen: [] }, NOW - 29 * DAY_MS);
  await before.settled();
  const after = await opened(name);
  expect(['old', 'new'].map((root) => after.get('me', root)?.body)).toEqual([undefined, 'Недавно']);
});

it('do not come over what was written before they were read', async () => {
  const name = fresh();
  const before = await opened(name);
  before.set('me', 'T1', { body: 'Старое', chosen: [] }, NOW);
  await before.settled();
  const after = new BegunAnswers(name);
  after.set('me', 'T1', { body: 'Новое', chosen: [] }, NOW);
  await after.load(NOW);
  expect(after.get('me', 'T1')?.body).toBe('Новое');
});

it('go with whoever signs out, as does what the icon counts from', async () => {
  const before = await opened(BEGUN);
  before.set('me', 'T1', { body: 'Недописанное', chosen: [] }, NOW);
  await before.settled();
  await keepCounts({ rooms: { R1: 3 }, quiet: [] });
  const names = async (): Promise<readonly (string | undefined)[]> => (await indexedDB.databases()).map(({ name }) => name);
  expect(await names()).toEqual(expect.arrayContaining([BEGUN, COUNTS]));
  await forgetKept();
  for (const name of [BEGUN, COUNTS]) expect(await names()).not.toContain(name);
  expect((await opened(BEGUN)).get('me', 'T1')).toBeUndefined();
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
    expect(answers.get('me', 'T1')?.body).toBe('Здесь');
  } finally {
    indexedDB.open = open;
  }
});
