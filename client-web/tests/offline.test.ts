// The page without a network: what is kept of it, of the chat, and of what other apps share.
import 'fake-indexeddb/auto';
import { describe, expect, it } from 'vitest';
import { ChatKeeper, KEPT_EVENTS, type KeptChat } from '../src/core/kept-chat';
import { isShared, isShell, toKeep } from '../src/core/offline';
import { wordsOf } from '../src/core/push-words';
import { greet, markRead, reduce } from '../src/core/rooms';
import { keepShared, takeShared } from '../src/core/shared';
import { chat, hello, msg, room, ROOM, summary } from './samples';

const at = (path: string): URL => new URL(path, 'https://parta.example');

let count = 0;
const fresh = (): string => `test-${++count}`;

describe('the page', () => {
  it('is its own answer for every address that is not a file or the interface', () => {
    const asked = ['/', '/room/R7', '/setup?token=x', '/api/v1/files/F1', '/_app/version.json', '/icon-192.png', '/service-worker.js'];
    expect(asked.filter((path) => isShell('GET', 'navigate', at(path)))).toEqual(['/', '/room/R7', '/setup?token=x']);
    expect(isShell('GET', 'cors', at('/'))).toBe(false);
    expect(isShell('POST', 'navigate', at('/'))).toBe(false);
    expect(isShared('POST', at('/share')) && !isShared('GET', at('/share'))).toBe(true);
  });

  it('is kept whole but for the fonts of formulas, and where data is dear only what was used', () => {
    const paths = ['/_app/immutable/a.js', '/_app/immutable/b.css', '/_app/immutable/KaTeX.woff2', '/icon.svg'];
    expect(toKeep(paths, false)).toEqual(['/_app/immutable/a.js', '/_app/immutable/b.css', '/icon.svg']);
    expect(toKeep(paths, true)).toEqual([]);
  });
});

describe('the chat', () => {
  const keep = (of: ReturnType<typeof chat>): KeptChat => ({ chat: of, limits: hello().lim, direct: { who: 'staff', withLearners: 'private' } });
  const busy = (events: number): ReturnType<typeof chat> => {
    let now = chat();
    for (let k = 1; k <= events; k++) now = reduce(now, msg(10 + k, 8 + k));
    return now;
  };

  it('is read again as it was, and the next connection goes on from there', async () => {
    const name = fresh();
    const before = busy(3);
    await new ChatKeeper(name).save(keep(before));
    const loaded = await new ChatKeeper(name).load();
    expect(loaded?.limits).toEqual(hello().lim);
    expect([...(loaded?.chat.people.keys() ?? [])]).toEqual([...before.people.keys()]);
    if (!loaded) throw new Error('nothing was kept');
    expect(room(loaded.chat)).toEqual(room(before));
    // Two messages came meanwhile.
    let now = greet(loaded.chat, hello([summary({ seq: 15, no: 13 })]));
    expect(room(now).events).toHaveLength(3);
    for (const s of [14, 15]) now = reduce(now, msg(s, s - 2));
    expect(room(now).events.map((event) => event.s)).toEqual([11, 12, 13, 14, 15]);
  });

  it('keeps the latest of many events, which still are consecutive up to the position', async () => {
    const name = fresh();
    const before = busy(KEPT_EVENTS + 20);
    await new ChatKeeper(name).save(keep(before));
    const loaded = await new ChatKeeper(name).load();
    if (!loaded) throw new Error('nothing was kept');
    const { events, seq } = room(loaded.chat);
    expect([events.length, events[0]?.s, events.at(-1)?.s]).toEqual([KEPT_EVENTS, seq - KEPT_EVENTS + 1, seq]);
  });

  it('forgets rooms that one is in no longer, and after a sign-out everything', async () => {
    const name = fresh();
    const keeper = new ChatKeeper(name);
    await keeper.save(keep(chat([summary(), summary({ id: 'R9' })])));
    await keeper.save(keep(markRead(chat([summary()]), ROOM, 6)));
    const loaded = await new ChatKeeper(name).load();
    expect([...(loaded?.chat.rooms.values() ?? [])].map(({ id, readNo }) => [id, readNo])).toEqual([[ROOM, 6]]);
    const cleared = keeper.clear();
    // What was still under way when the person left.
    await Promise.all([cleared, keeper.save(keep(chat()))]);
    expect(await new ChatKeeper(name).load()).toBeUndefined();
  });
});

describe('what is shared', () => {
  const form = (fields: Record<string, string>, files: File[] = []): FormData => {
    const data = new FormData();
    for (const [name, value] of Object.entries(fields)) data.set(name, value);
    for (const file of files) data.append('files', file);
    return data;
  };

  it('is taken once, and not when it is old', async () => {
    const name = fresh();
    const photo = new File(['x'], 'схема.png', { type: 'image/png' });
    await keepShared(form({ title: 'Статья', text: 'Прочитайте' }, [photo, new File([], 'пусто')]), 1_000, name);
    const shared = await takeShared(2_000, name);
    // What becomes of a file in it only a browser shows.
    expect([shared?.text, shared?.files.length]).toEqual(['Статья\nПрочитайте', 1]);
    expect(await takeShared(2_000, name)).toBeUndefined();
    await keepShared(form({ text: 'x' }), 1_000, name);
    expect(await takeShared(1_000 + 3_600_000, name)).toBeUndefined();
  });

  it('says an address once that stands in the text too', async () => {
    const name = fresh();
    const url = 'https://example.ru/a';
    await keepShared(form({ text: `Смотрите ${url}`, url }), 1, name);
    expect((await takeShared(2, name))?.text).toBe(`Смотрите ${url}`);
    await keepShared(form({ title: url, text: url, url }), 1, name);
    expect((await takeShared(2, name))?.text).toBe(url);
  });
});

it('a notification has what our own server says, and without it no more than that there is something', () => {
  const news = { name: 'Робототехника', unread: 3, mention: false };
  expect(wordsOf(news, ['ru-RU'])).toEqual({ title: 'Робототехника', body: 'Непрочитанных: 3' });
  expect(wordsOf({ ...news, unread: 120, mention: true }, ['en-GB', 'ru']).body).toBe('You were mentioned. Unread: 99+');
  expect(wordsOf({ ...news, unread: 0, asks: 1 }, ['ru'])).toEqual({ title: 'Робототехника', body: 'Ждёт ознакомления: 1' });
  expect(wordsOf({ ...news, asks: 2 }, ['ru']).body).toBe('Ждёт ознакомления: 2. Непрочитанных: 3');
  for (const none of [undefined, { ...news, unread: 0 }]) expect(wordsOf(none, ['ru']).body).toBe('Есть новые сообщения');
});
