import 'fake-indexeddb/auto';
import { expect, test } from 'vitest';
import { KeptUploads, type Kept } from '../src/core/kept-uploads';

const DAY = 24 * 60 * 60 * 1_000;
const NOW = 1_800_000_000_000;

const kept = (key: string, change: Partial<Kept> = {}): Kept => ({
  key,
  by: 'U1',
  room: 'R1',
  file: new File(['text'], `${key}.txt`),
  at: NOW,
  ...change,
});

const keys = (all: readonly Kept[]): string[] => all.map((one) => one.key);

test('what was chosen is there for the same person after a reload', async () => {
  const before = new KeptUploads('reload');
  await before.put(kept('b'));
  await before.put(kept('a', { url: '/api/v1/uploads/1' }));
  await before.put(kept('c', { by: 'U2' }));
  const after = new KeptUploads('reload');
  const mine = await after.of('U1', NOW);
  expect(keys(mine)).toEqual(['a', 'b']);
  expect(mine[0]?.url).toBe('/api/v1/uploads/1');
  await after.remove('a');
  expect(keys(await after.of('U1', NOW))).toEqual(['b']);
});

test('what the server has forgotten is forgotten here too', async () => {
  const uploads = new KeptUploads('old');
  await uploads.put(kept('a'));
  await uploads.put(kept('b', { by: 'U2', at: NOW }));
  expect(await uploads.of('U1', NOW + DAY + 1)).toEqual([]);
  expect(await uploads.of('U2', NOW)).toEqual([]);
});

test('what a message waits for is kept for as long as that', async () => {
  const uploads = new KeptUploads('awaited');
  await uploads.put(kept('a', { cid: 'C1' }));
  expect(keys(await uploads.of('U1', NOW + 7 * DAY))).toEqual(['a']);
});

test('who signs out leaves nothing', async () => {
  const uploads = new KeptUploads('out');
  await uploads.put(kept('a'));
  await uploads.put(kept('b', { by: 'U2' }));
  await uploads.removeAll('U1');
  expect(await uploads.of('U1', NOW)).toEqual([]);
  expect(keys(await uploads.of('U2', NOW))).toEqual(['b']);
});

test('a page changes and removes only what is its own', async () => {
  const uploads = new KeptUploads('tabs');
  await uploads.put(kept('a', { tab: 'T1' }));
  expect(await uploads.change('a', 'T1', { tab: 'T2', cid: 'C1' })).toMatchObject({ tab: 'T2', cid: 'C1' });
  expect(await uploads.change('a', 'T1', { url: '/late' })).toBeUndefined();
  await uploads.drop('a', 'T1');
  const [left] = await uploads.of('U1', NOW);
  expect([left?.tab, left?.url]).toEqual(['T2', undefined]);
  await uploads.drop('a', 'T2');
  expect(await uploads.has('a')).toBe(false);
  // What is not there does not come back.
  expect(await uploads.change('a', 'T2', { url: '/late' })).toBeUndefined();
  expect(await uploads.of('U1', NOW)).toEqual([]);
});
