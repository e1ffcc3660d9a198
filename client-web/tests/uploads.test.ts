import 'fake-indexeddb/auto';
import { beforeEach, expect, it, vi } from 'vitest';
import { KeptUploads, type Kept } from '../src/core/kept-uploads';
import { Outbox, type Draft, type Item } from '../src/core/outbox';

/** The page as the uploads see it, uploads that never end, and messages that are never answered. */
const { app, upload, shrink } = vi.hoisted(() => {
  const app = {
    outbox: [] as readonly Item[],
    status: 'ready',
    box: undefined as Outbox | undefined,
    send: async (draft: Draft, cid: string) => void (await app.box?.add(draft, cid)),
    retry: (cid: string) => void app.box?.retry(cid),
    discard: async (cid: string) => app.box?.remove(cid),
  };
  return { app, upload: () => ({ done: new Promise(() => undefined), cancel: () => undefined, leave: () => undefined }), shrink: vi.fn() };
});
vi.mock('$lib/app.svelte', () => ({ app }));
vi.mock('$lib/i18n/i18n.svelte', () => ({ i18n: { t: {}, error: (code: string) => code, size: String } }));
vi.mock('../src/core/upload', () => ({ upload }));
vi.mock('$lib/media/shrink', () => ({ shrink }));
vi.stubGlobal('addEventListener', () => undefined);

const { giveUp, goOn, takeBack, uploadsIn, uploadsOf } = await import('../src/lib/chat/uploads.svelte');

const box = new Outbox('me', () => new Promise(() => undefined), (items) => (app.outbox = items));
app.box = box;
const kept = new KeptUploads();
const file = (name: string): File => new File(['x'], name, { type: 'application/octet-stream' });
const left = (key: string, room: string, more: Partial<Kept> = {}): Kept => ({ key, by: 'me', room, file: file(key), at: Date.now(), ...more });
const waits = (cid: string, r: string, awaits: readonly string[], more: Partial<Draft> = {}) => box.add({ r, body: 'текст', files: [], awaits, ...more }, cid);
const failures = (): (Item['failed'] | undefined)[] => app.outbox.map(({ failed }) => failed);

beforeEach(async () => {
  for (const { cid } of app.outbox) await box.remove(cid);
});

it('keeps messages that come back until the field has them, however many', async () => {
  const uploads = uploadsIn('A', 'me');
  for (const name of ['a', 'b']) {
    uploads.add([file(name)], undefined);
    await uploads.send({ r: 'A', body: name });
  }
  const items = app.outbox;
  for (const item of items) takeBack(item, true);
  takeBack(items[0] as Item, true);
  await vi.waitUntil(() => uploads.back.length === 2);
  expect(uploads.back.map(({ body }) => body)).toEqual(['a', 'b']);
  expect(app.outbox).toEqual([]);
  expect(box.returned).toHaveLength(2);
  expect(uploads.own.map(({ name }) => name)).toEqual(['a', 'b']);
  uploads.taken(uploads.back);
  await vi.waitUntil(() => box.returned.length === 0);
  expect(uploads.back).toEqual([]);
});

it('gives back to the field what was on its way there when the page went', async () => {
  await waits('e1', 'E', ['e']);
  await kept.put(left('e', 'E', { cid: 'e1' }));
  await box.withdraw('e1');
  await goOn('me', true);
  const uploads = uploadsIn('E', 'me');
  await vi.waitUntil(() => uploads.back.length === 1);
  expect(uploads.own.map(({ key }) => key)).toEqual(['e']);
  uploads.taken(uploads.back);
});

it('fails a message whose file was refused before the reload, and does not try it again without all its files', async () => {
  await waits('b1', 'B', ['bad', 'good']);
  await waits('b2', 'B', ['here', 'gone']);
  await box.fail('b2', 'offline');
  for (const one of [left('bad', 'B', { cid: 'b1', failed: 'infected' }), left('good', 'B', { cid: 'b1' }), left('here', 'B', { cid: 'b2' })]) await kept.put(one);
  uploadsIn('B', 'me');
  await vi.waitUntil(() => failures()[0] === 'infected');
  await goOn('me', true);
  expect(failures()).toEqual(['infected', 'offline']);
});

it('says of a message whose file is nowhere that it is lost, and gives it back to the thread where it was written', async () => {
  await waits('c1', 'C', ['nowhere'], { re: 'root', thread: 'root' });
  await goOn('me', true);
  await vi.waitUntil(() => failures()[0] === 'lost');
  expect(takeBack(app.outbox[0] as Item, true)).toBe('root');
  await vi.waitUntil(() => uploadsIn('C', 'me', 'root').back.length === 1);
  expect(uploadsIn('C', 'me').back).toEqual([]);
});

it('remembers for a message with files in which thread it was written', async () => {
  const uploads = uploadsIn('F', 'me', 'root');
  uploads.add([file('f')], undefined);
  await uploads.send({ r: 'F', body: 'ответ', re: 'root', ack: true, due: '2026-12-01T20:59:59.999Z' });
  expect(app.outbox[0]).toMatchObject({ thread: 'root', re: 'root', ack: true, due: '2026-12-01T20:59:59.999Z' });
});

it.each([
  { tried: undefined, then: { shrinks: true, tried: true } },
  { tried: true, then: { shrinks: false, tried: true } },
])('has written down, before a photo is decoded, whether another page may try that ($tried)', async ({ tried, then }) => {
  const room = `D${String(tried)}`;
  const decoding = new Promise<Kept | undefined>((resolve) => {
    shrink.mockImplementation(async (_: File, begins: () => Promise<void>) => {
      await begins();
      resolve((await kept.of('me', Date.now())).find((one) => one.room === room));
      return undefined;
    });
  });
  const photo = new File(['x'], 'a.jpg', { type: 'image/jpeg' });
  if (tried) {
    await kept.put({ key: room, by: 'me', room, file: photo, at: Date.now(), shrinks: true, tried });
    uploadsIn(room, 'me');
  } else uploadsIn(room, 'me').add([photo], undefined);
  expect(await decoding).toMatchObject(then);
});

it('gives a message back once, and not what is given up, however slowly that leaves the outbox', async () => {
  const uploads = uploadsIn('G', 'me');
  for (const body of ['назад', 'прочь']) await waits(body, 'G', [`${body}-1`]);
  const [back, away] = app.outbox as readonly [Item, Item];
  takeBack(back, true);
  await vi.waitUntil(() => uploads.back.length === 1);
  const leaving = (): number => box.returned.filter(({ cid }) => cid === back.cid || cid === away.cid).length;
  let leave = (): void => undefined;
  const left = new Promise<void>((resolve) => (leave = resolve));
  const remove = vi.spyOn(box, 'remove').mockImplementation((cid) => left.then(() => Outbox.prototype.remove.call(box, cid)));
  uploads.taken(uploads.back);
  const given = giveUp(away);
  await vi.waitUntil(() => leaving() === 2);
  await goOn('me', true);
  await new Promise((resolve) => setTimeout(resolve));
  expect(uploads.back).toEqual([]);
  leave();
  await given;
  await vi.waitUntil(() => leaving() === 0);
  remove.mockRestore();
  await goOn('me', true);
  expect(uploads.back).toEqual([]);
});
