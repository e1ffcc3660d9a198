import 'fake-indexeddb/auto';
import { beforeEach, expect, it, vi } from 'vitest';
import { KeptUploads, type Kept } from '../src/core/kept-uploads';
import type { Draft, Item } from '../src/core/outbox';

/** The page as the uploads see it, and uploads that never end. */
const { app, upload, shrink } = vi.hoisted(() => {
  const app = {
    outbox: [] as readonly Item[],
    status: 'ready',
    box: {
      load: () => Promise.resolve(),
      isKept: () => Promise.resolve(true),
      fail: (cid: string, failed: Item['failed']) => (app.outbox = app.outbox.map((one) => (one.cid === cid && failed ? { ...one, failed } : one))),
      supply: () => Promise.resolve(),
    },
    send: (draft: Draft, cid: string) => Promise.resolve(void (app.outbox = [...app.outbox, { ...draft, cid, by: 'me' }])),
    retry: (cid: string) => (app.outbox = app.outbox.map(({ failed, ...one }) => (one.cid === cid || !failed ? one : { ...one, failed }))),
    discard: (cid: string) => (app.outbox = app.outbox.filter((one) => one.cid !== cid)),
  };
  return { app, upload: () => ({ done: new Promise(() => undefined), cancel: () => undefined }), shrink: vi.fn() };
});
vi.mock('$lib/app.svelte', () => ({ app }));
vi.mock('$lib/i18n/i18n.svelte', () => ({ i18n: { t: {}, error: (code: string) => code, size: String } }));
vi.mock('../src/core/upload', () => ({ upload }));
vi.mock('$lib/media/shrink', () => ({ shrink }));
vi.stubGlobal('addEventListener', () => undefined);

const { goOn, takeBack, uploadsIn, uploadsOf } = await import('../src/lib/chat/uploads.svelte');

const kept = new KeptUploads();
const file = (name: string): File => new File(['x'], name, { type: 'application/octet-stream' });
const left = (key: string, room: string, more: Partial<Kept> = {}): Kept => ({ key, by: 'me', room, file: file(key), at: Date.now(), ...more });
const waiting = (cid: string, r: string, awaits: readonly string[]): Item => ({ cid, by: 'me', r, body: 'текст', files: [], awaits });

beforeEach(() => void (app.outbox = []));

it('keeps messages that come back until the field has them, however many', async () => {
  const uploads = uploadsIn('A', 'me');
  for (const name of ['a', 'b']) {
    uploads.add([file(name)], undefined);
    await uploads.send({ r: 'A', body: name });
  }
  const items = app.outbox;
  for (const item of items) takeBack(item, true);
  takeBack(items[0] as Item, true);
  expect(uploads.back.map(({ body }) => body)).toEqual(['a', 'b']);
  expect(app.outbox).toHaveLength(2);
  expect(uploads.own.map(({ name }) => name)).toEqual(['a', 'b']);
  uploads.taken(uploads.back);
  expect([uploads.back, app.outbox]).toEqual([[], []]);
});

it('fails a message whose file was refused before the reload, and does not try it again without all its files', async () => {
  app.outbox = [waiting('m', 'B', ['bad', 'good']), { ...waiting('n', 'B', ['here', 'gone']), failed: 'offline' }];
  for (const one of [left('bad', 'B', { cid: 'm', failed: 'infected' }), left('good', 'B', { cid: 'm' }), left('here', 'B', { cid: 'n' })]) await kept.put(one);
  uploadsIn('B', 'me');
  await vi.waitUntil(() => uploadsOf(app.outbox[1] as Item).length === 1);
  expect(app.outbox.map(({ failed }) => failed)).toEqual(['infected', 'offline']);
  await goOn('me', true);
  expect(app.outbox.map(({ failed }) => failed)).toEqual(['infected', 'offline']);
});

it('says of a message whose file is nowhere that it is lost', async () => {
  app.outbox = [waiting('m', 'C', ['nowhere'])];
  await goOn('me', true);
  expect(app.outbox[0]?.failed).toBe('lost');
});

it('has written down that a photo goes as it is before it is decoded, in case the page dies of it', async () => {
  const decoding = new Promise<boolean | undefined>((resolve) => {
    shrink.mockImplementation(async (_: File, begins: () => Promise<void>) => {
      await begins();
      resolve((await kept.of('me', Date.now())).find(({ room }) => room === 'D')?.shrinks);
      return undefined;
    });
  });
  uploadsIn('D', 'me').add([new File(['x'], 'a.jpg', { type: 'image/jpeg' })], undefined);
  expect(await decoding).toBe(false);
});
