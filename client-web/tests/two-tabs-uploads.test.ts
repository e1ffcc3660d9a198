// Files on their way, in two tabs of one person: each tab has its own uploads, and both the same storage.
import 'fake-indexeddb/auto';
import { beforeEach, expect, it, vi } from 'vitest';
import { KeptUploads } from '../src/core/kept-uploads';
import { Outbox, type Draft, type Item } from '../src/core/outbox';
import type { Attachment } from '../src/core/wire/Attachment';
import type { MsgSend } from '../src/core/wire/MsgSend';
import { FakeBrowser } from './fake-browser';

vi.mock('$lib/i18n/i18n.svelte', () => ({ i18n: { t: {}, error: (code: string) => code, size: String } }));
vi.stubGlobal('addEventListener', () => undefined);

const kept = new KeptUploads();
const file = (name: string): File => new File(['x'], name, { type: 'application/octet-stream' });
let sent: MsgSend[] = [];
let browser = new FakeBrowser();
let room = 0;

interface Run {
  readonly url: string | undefined;
  readonly begun: (url: string) => void;
  readonly finish: (done: Attachment) => void;
  readonly fail: () => void;
  end?: 'cancelled' | 'left';
}

/** A page as the uploads see it, with its own copy of their code. */
async function open(before?: string) {
  const page = browser.page(() => void app.box?.refresh(), before);
  const runs: Run[] = [];
  const send = (message: MsgSend) => {
    sent.push(message);
    return Promise.resolve({ id: message.cid, s: 1, no: 1, at: '', dup: false });
  };
  const app = {
    outbox: [] as readonly Item[],
    status: 'ready',
    box: undefined as Outbox | undefined,
    send: async (draft: Draft, cid: string) => void (await app.box?.add(draft, cid)),
    retry: (cid: string) => void app.box?.retry(cid),
    discard: async (cid: string) => app.box?.remove(cid),
  };
  const upload = (_: string, __: File, url: string | undefined, told: { begun: (url: string) => void }) => {
    let finish: Run['finish'] = () => undefined;
    let fail: Run['fail'] = () => undefined;
    const done = new Promise<Attachment>((resolve, reject) => ([finish, fail] = [resolve, () => reject(new Error('no'))]));
    const run: Run = { url, begun: told.begun, finish, fail };
    runs.push(run);
    return { done, cancel: () => (run.end = 'cancelled'), leave: () => (run.end = 'left') };
  };
  vi.resetModules();
  vi.doMock('$lib/app.svelte', () => ({ app }));
  vi.doMock('../src/core/upload', () => ({ upload }));
  const code = await import('../src/lib/chat/uploads.svelte');
  const box = new Outbox('me', send, (items) => (app.outbox = items), { tabs: page.tabs, moved: () => void code.goOn('me', false) });
  app.box = box;
  await box.load();
  box.online();
  await code.goOn('me', true);
  return { page, runs, app, box, ...code };
}

type Opened = Awaited<ReturnType<typeof open>>;
const item = ({ app }: Opened): Item => {
  const [first] = app.outbox;
  if (!first) throw new Error('nothing waits');
  return first;
};
const here = (): string => `R${room}`;
const until = (check: () => void) => vi.waitFor(check);
const running = ({ runs }: Opened): number => runs.filter(({ end }) => end === undefined).length;

/** Two pages, and a message of the first that waits for its file. */
async function two(body = 'фото') {
  const first = await open();
  const uploads = first.uploadsIn(here(), 'me');
  uploads.add([file('a')], undefined);
  await uploads.send({ r: here(), body });
  const second = await open();
  await until(() => expect(second.uploadsOf(item(second))).toHaveLength(1));
  return { first, second };
}

beforeEach(async () => {
  room++;
  sent = [];
  browser = new FakeBrowser();
  await kept.removeAll('me');
  const all = new Outbox('me', () => new Promise(() => undefined), (items) => (waiting = items));
  let waiting: readonly Item[] = [];
  await all.load();
  for (const { cid } of [...waiting, ...all.returned]) await all.remove(cid);
});

it('uploads in one what both show', async () => {
  const { first, second } = await two();
  expect([first.runs.length, second.runs.length]).toEqual([1, 0]);
  first.runs[0]?.finish({ id: 'F1', name: 'a', size: 1, mime: '', sha256: '' });
  await until(() => expect([first.app.outbox, second.app.outbox]).toEqual([[], []]));
  expect(sent.map(({ body, att }) => [body, att])).toEqual([['фото', ['F1']]]);
  await until(() => expect(second.uploadsIn(here(), 'me').all).toEqual([]));
  expect(await kept.of('me', Date.now())).toEqual([]);
});

it('goes on in another, from where it was, when the first is closed', async () => {
  const { first, second } = await two();
  first.runs[0]?.begun('/uploads/1');
  await until(async () => expect((await kept.of('me', Date.now()))[0]?.url).toBe('/uploads/1'));
  first.page.close();
  await until(() => expect(second.runs.map(({ url }) => url)).toEqual(['/uploads/1']));
  second.runs[0]?.finish({ id: 'F1', name: 'a', size: 1, mime: '', sha256: '' });
  await until(() => expect(sent.map(({ att }) => att)).toEqual([['F1']]));
});

it('stops where another took the message back without its files, and nobody has them any more', async () => {
  const { first, second } = await two();
  const { cid } = item(second);
  second.takeBack(item(second), false);
  await until(() => expect(first.runs[0]?.end).toBe('cancelled'));
  const field = second.uploadsIn(here(), 'me');
  await until(() => expect(field.back.map(({ body }) => body)).toEqual(['фото']));
  expect([field.all, first.uploadsIn(here(), 'me').all, await kept.of('me', Date.now())]).toEqual([[], [], []]);
  field.taken(field.back);
  first.runs[0]?.finish({ id: 'F1', name: 'a', size: 1, mime: '', sha256: '' });
  await until(async () => expect(await second.box.isKept(cid)).toBe(false));
  expect(sent).toEqual([]);
});

it('leaves the file to the one that took the message back with it', async () => {
  const { first, second } = await two('');
  first.runs[0]?.begun('/uploads/1');
  await until(async () => expect((await kept.of('me', Date.now()))[0]?.url).toBe('/uploads/1'));
  second.takeBack(item(second), true);
  await until(() => expect(first.runs[0]?.end).toBe('left'));
  const field = second.uploadsIn(here(), 'me');
  await until(() => expect(second.runs.map(({ url }) => url)).toEqual(['/uploads/1']));
  expect(field.own).toHaveLength(1);
  expect([running(first), first.uploadsIn(here(), 'me').own]).toEqual([0, []]);
  const [left] = await kept.of('me', Date.now());
  expect([left?.tab, left?.cid]).toEqual([second.page.tabs.id, undefined]);
});

it('stops in one that slept what another has taken over', async () => {
  const { first, second } = await two();
  first.page.suspend();
  // As if it had not answered.
  first.page.tabs.asleep();
  await until(() => expect(second.runs).toHaveLength(1));
  first.page.wake();
  await first.box.refresh();
  await until(() => expect(first.runs[0]?.end).toBe('left'));
  expect([running(first), running(second)]).toEqual([0, 1]);
});

it('keeps what stands beside a message that is being written in its own tab', async () => {
  const first = await open();
  first.uploadsIn(here(), 'me').add([file('a')], undefined);
  await until(async () => expect(await kept.of('me', Date.now())).toHaveLength(1));
  const second = await open();
  const field = second.uploadsIn(here(), 'me');
  await field.sync();
  expect(field.all).toEqual([]);
  // Loaded anew; the browser has not let go of the page before it yet.
  const again = await open(first.page.tabs.id);
  const same = again.uploadsIn(here(), 'me');
  await same.sync();
  expect(same.all).toEqual([]);
  first.page.close();
  await until(() => expect(same.own).toHaveLength(1));
  await field.sync();
  expect([field.all, running(second), running(again)]).toEqual([[], 0, 1]);
});

it('says no more what went wrong with a file once another goes on with it', async () => {
  const { first, second } = await two();
  first.runs[0]?.fail();
  await until(() => expect(first.uploadsOf(item(first)).map(({ problem, canRetry }) => [problem, canRetry])).toEqual([['internal', true]]));
  first.page.tabs.asleep();
  await until(() => expect(second.box.isOwn(item(second))).toBe(true));
  await until(() => expect(first.uploadsOf(item(first)).map(({ problem, canRetry }) => [problem, canRetry])).toEqual([['', false]]));
});
