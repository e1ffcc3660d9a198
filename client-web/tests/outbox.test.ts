import 'fake-indexeddb/auto';
import { expect, it, vi } from 'vitest';
import { Outbox, before, type Around, type Item } from '../src/core/outbox';
import { Refused, Unanswered } from '../src/core/socket';
import type { Attachment } from '../src/core/wire/Attachment';
import type { MsgSend } from '../src/core/wire/MsgSend';
import type { MsgSent } from '../src/core/wire/MsgSent';

let databases = 0;
const draft = (body: string) => ({ r: 'R', body, files: [] });
const ok = (message: MsgSend): Promise<MsgSent> => Promise.resolve({ id: message.cid, s: 1, no: 1, at: '', dup: false });

/** An outbox, what it sent, and a promise for the moment when its items fit. */
function outbox(send: (message: MsgSend) => Promise<MsgSent>, name = `test-${databases++}`, more: Around = {}) {
  const sent: MsgSend[] = [];
  let items: readonly Item[] = [];
  let check = (): void => undefined;
  const box = new Outbox(
    'me',
    (message) => {
      sent.push(message);
      return send(message);
    },
    (now) => {
      items = now;
      check();
    },
    { name, ...more },
  );
  const until = (fits: (items: readonly Item[]) => boolean) =>
    new Promise<readonly Item[]>((resolve) => {
      check = () => fits(items) && resolve(items);
      check();
    });
  return { box, sent, until, name };
}

it('sends what was written offline once, later, in order', async () => {
  const { box, sent, until } = outbox(ok);
  for (const body of ['один', 'два', 'три']) await box.add(draft(body));
  expect(sent).toEqual([]);
  box.online();
  await until((items) => items.length === 0);
  expect(sent.map((message) => message.body)).toEqual(['один', 'два', 'три']);
});

it('says of what was written under the notice that it was, and of the rest when somebody sees it and sends it again', async () => {
  const refuse = (message: MsgSend): Promise<MsgSent> => (message.noticed ? ok(message) : Promise.reject(new Refused({ c: 'notice_unseen' })));
  const { box, sent, until } = outbox(refuse);
  box.online();
  await box.add({ ...draft('под предупреждением'), noticed: true });
  await box.add({ ...draft('переслано'), fwd: 'M', noticed: true });
  const cid = await box.add(draft('до него'));
  await until(([item, more]) => item?.failed === 'notice_unseen' && !more);
  expect(sent.map(({ body, noticed }) => [body, noticed])).toEqual([['под предупреждением', true], ['', true], ['до него', undefined]]);
  // By itself it says nothing that nobody has seen.
  await box.retry(cid);
  await until(([item]) => item?.failed === 'notice_unseen');
  await box.retry(cid, true);
  await until((items) => items.length === 0);
  expect(sent.at(-1)).toMatchObject({ cid, noticed: true });
});

it('survives a reload with the same client ids', async () => {
  const first = outbox(ok);
  const cid = await first.box.add(draft('до перезагрузки'));
  const second = outbox(ok, first.name);
  await second.box.load();
  second.box.online();
  await second.until((items) => items.length === 0);
  expect(second.sent.map((message) => message.cid)).toEqual([cid]);
  const third = outbox(ok, first.name);
  await third.box.load();
  third.box.online();
  expect(third.sent).toEqual([]);
});

it('remembers over a reload whom a message mentions', async () => {
  const first = outbox(ok);
  await first.box.add({ ...draft('@Анна, смотри'), men: ['anna'] });
  await first.box.add({ ...draft('никого'), men: [] });
  const second = outbox(ok, first.name);
  await second.box.load();
  second.box.online();
  await second.until((items) => items.length === 0);
  expect(second.sent.map(({ men }) => men)).toEqual([['anna'], undefined]);
});

it('repeats after a lost answer with the same client id', async () => {
  let tries = 0;
  const { box, sent, until } = outbox((message) => (tries++ === 0 ? Promise.reject(new Unanswered()) : ok(message)));
  box.online();
  await box.add(draft('ещё раз'));
  await until((items) => items.length === 0);
  expect(sent.length).toBe(2);
  expect(new Set(sent.map((message) => message.cid)).size).toBe(1);
});

it('keeps what the server refuses for good, and goes on with the next', async () => {
  const { box, sent, until } = outbox((message) =>
    message.body === 'нельзя' ? Promise.reject(new Refused({ c: 'forbidden' })) : ok(message),
  );
  box.online();
  await box.add(draft('нельзя'));
  await box.add(draft('можно'));
  const [left] = await until((items) => items.length === 1 && items[0]?.failed !== undefined);
  expect(left?.failed).toBe('forbidden');
  expect(sent.map((message) => message.body)).toEqual(['нельзя', 'можно']);
});

it('forgets a message that is in the history already', async () => {
  const { box, until, sent } = outbox(ok);
  const cid = await box.add(draft('уже там'));
  await box.arrived(cid);
  await until((items) => items.length === 0);
  box.online();
  expect(sent).toEqual([]);
});

it('shows what is in the history no more at once, before the device has forgotten it', async () => {
  const { box, until } = outbox(ok);
  const cid = await box.add(draft('уже там'));
  let shown: readonly Item[] = [];
  void until((items) => {
    shown = items;
    return false;
  });
  expect(shown).toHaveLength(1);
  const forgotten = box.arrived(cid);
  expect(shown).toEqual([]);
  await forgotten;
});

it('has one message of a room on its way at a time, and rooms do not wait for each other', async () => {
  const answers: (() => void)[] = [];
  const { box, sent, until } = outbox((message) => new Promise((resolve) => answers.push(() => resolve(ok(message)))));
  box.online();
  await box.add(draft('раз'));
  await box.add(draft('два'));
  await box.add({ ...draft('в другой комнате'), r: 'R2' });
  expect(sent.map((message) => message.body)).toEqual(['раз', 'в другой комнате']);
  answers[0]?.();
  await until((items) => items.length === 2);
  await vi.waitFor(() => expect(sent.map((message) => message.body)).toEqual(['раз', 'в другой комнате', 'два']));
});

it('waits and repeats when the refusal is passing', async () => {
  let tries = 0;
  const { box, until } = outbox((message) =>
    tries++ === 0 ? Promise.reject(new Refused({ c: 'rate_limited', tmp: true, after: 20 })) : ok(message),
  );
  box.online();
  await box.add(draft('ещё раз'));
  await until((items) => items.length === 0);
  expect(tries).toBe(2);
});

it('keeps the message of somebody who may not write now, and sends it when they say so', async () => {
  let muted = true;
  const { box, sent, until } = outbox((message) => (muted ? Promise.reject(new Refused({ c: 'muted' })) : ok(message)));
  const cid = await box.add(draft('написано без сети'));
  box.online();
  const [kept] = await until((items) => items[0]?.failed === 'muted');
  expect(kept).toMatchObject({ cid, body: 'написано без сети' });
  muted = false;
  await box.retry(cid);
  await until((items) => items.length === 0);
  expect(sent.map((message) => message.cid)).toEqual([cid, cid]);
});

it('waits in a slow room for as long as the server says, and keeps the order', async () => {
  const stored: string[] = [];
  let refusals = 0;
  const { box, until } = outbox((message) => {
    if (stored.length === 1 && refusals++ === 0) return Promise.reject(new Refused({ c: 'slow', tmp: true, after: 20 }));
    stored.push(message.body);
    return ok(message);
  });
  for (const body of ['раз', 'два', 'три']) await box.add(draft(body));
  box.online();
  await until((items) => items.length === 0);
  expect(stored).toEqual(['раз', 'два', 'три']);
  expect(refusals).toBeGreaterThan(0);
});

const file = (id: string): Attachment => ({ id, name: `${id}.jpg`, size: 1, mime: 'image/jpeg', sha256: '' });

it('holds a message until its files are there, and what was written after it', async () => {
  const { box, sent, until } = outbox(ok);
  box.online();
  await box.add(draft('до фото'));
  const cid = await box.add({ ...draft('фото'), awaits: ['a', 'b'] });
  await box.add(draft('после фото'));
  await box.add({ ...draft('в другой комнате'), r: 'R2' });
  await until((items) => items.length === 2);
  expect(sent.map(({ body }) => body)).toEqual(['до фото', 'в другой комнате']);
  await box.supply(cid, [file('F1'), file('F2')]);
  await until((items) => items.length === 0);
  expect(sent.slice(2).map(({ body, att }) => [body, att])).toEqual([['фото', ['F1', 'F2']], ['после фото', undefined]]);
});

it('remembers over a reload that a message waits for its files, and when they are there that it does not', async () => {
  const first = outbox(ok);
  const cid = await first.box.add({ ...draft('фото'), awaits: ['a'] });
  await first.box.add(draft('после фото'));
  const second = outbox(ok, first.name);
  await second.box.load();
  second.box.online();
  expect(await second.box.isKept(cid)).toBe(true);
  expect(second.sent).toEqual([]);
  second.box.offline();
  await second.box.supply(cid, [file('F1')]);
  const third = outbox(ok, first.name);
  await third.box.load();
  third.box.online();
  await third.until((items) => items.length === 0);
  expect(third.sent.map(({ body, att }) => [body, att])).toEqual([['фото', ['F1']], ['после фото', undefined]]);
  expect(await third.box.isKept(cid)).toBe(false);
});

it('takes a message for one that waits where the browser cannot tell', async () => {
  const forbidden = vi.spyOn(indexedDB, 'open').mockImplementation(() => {
    throw new DOMException('no', 'SecurityError');
  });
  const { box } = outbox(ok);
  expect(await box.isKept('any')).toBe(true);
  forbidden.mockRestore();
});

it('lets what was written later go when a file does not come, and keeps the text', async () => {
  const { box, sent, until } = outbox(ok);
  box.online();
  const cid = await box.add({ ...draft('с вирусом'), awaits: ['a'] });
  await box.add(draft('потом'));
  expect(sent).toEqual([]);
  await box.fail(cid, 'infected');
  const [left] = await until((items) => items.length === 1);
  expect(left).toMatchObject({ cid, body: 'с вирусом', failed: 'infected', awaits: ['a'] });
  await box.retry(cid);
  expect(sent.map(({ body }) => body)).toEqual(['потом']);
});

it('leaves another person’s messages alone', async () => {
  const mine = outbox(ok);
  await mine.box.add(draft('моё'));
  let items: readonly Item[] = [];
  const theirs = new Outbox('someone else', ok, (now) => (items = now), { name: mine.name });
  await theirs.load();
  expect(items).toEqual([]);
});

it('sends although the browser stores nothing', async () => {
  const open = vi.spyOn(indexedDB, 'open').mockImplementation(() => {
    throw new DOMException('', 'SecurityError');
  });
  const { box, sent, until } = outbox(ok);
  open.mockRestore();
  await box.load();
  box.online();
  await box.add(draft('без хранилища'));
  await until((items) => items.length === 0);
  expect(sent.length).toBe(1);
});

it('in two tabs of one person stores each message once, in order, and shows no error', async () => {
  const first = outbox(ok);
  const bodies = ['один', 'два', 'три', 'четыре'];
  for (const body of bodies) await first.box.add(draft(body));
  // The server: a client id that it knows gets the stored row, as often as it is asked.
  const stored: MsgSend[] = [];
  const store = async (message: MsgSend): Promise<MsgSent> => {
    await new Promise((resolve) => setTimeout(resolve));
    const known = stored.findIndex(({ cid }) => cid === message.cid);
    const no = known < 0 ? stored.push(message) : known + 1;
    return { id: `M${no}`, s: no, no, at: '', dup: known >= 0 };
  };
  const tabs = [outbox(store, first.name), outbox(store, first.name)];
  const failures: Item[] = [];
  await Promise.all(tabs.map(({ box }) => box.load()));
  for (const { box } of tabs) box.online();
  await Promise.all(tabs.map(({ until }) => until((items) => {
    failures.push(...items.filter((item) => item.failed));
    return items.length === 0;
  })));
  expect(failures).toEqual([]);
  expect(stored.map(({ body }) => body)).toEqual(bodies);
  expect(tabs.every(({ sent }) => sent.length === bodies.length)).toBe(true);
  const later = outbox(ok, first.name);
  await later.box.load();
  later.box.online();
  expect(later.sent).toEqual([]);
});

/** The storage takes its time with what is added next, until it is told to go on. */
function slowly() {
  let goOn = (): void => undefined;
  const gate = new Promise<void>((resolve) => (goOn = resolve));
  const put = IDBObjectStore.prototype.put;
  // A transaction lives as long as something is asked of it.
  const slow = vi.spyOn(IDBObjectStore.prototype, 'put').mockImplementationOnce(function (this: IDBObjectStore, value: unknown) {
    const answer = put.call(this, value);
    let isOver = false;
    void gate.then(() => (isOver = true));
    const hold = (): void => {
      const asked = this.count();
      asked.onsuccess = () => isOver || hold();
    };
    hold();
    return answer;
  });
  return () => {
    slow.mockRestore();
    goOn();
  };
}

/** What is kept, as the next page finds it. */
async function left(name: string): Promise<readonly Item[]> {
  const next = outbox(ok, name);
  await next.box.load();
  const shown = await next.until(() => true);
  return [...shown, ...next.box.returned];
}

it('keeps what became of a message while it was being written down', async () => {
  const { box, name } = outbox(ok);
  await box.load();
  const awaits = ['a'];
  const change = async (cid: string, does: () => Promise<unknown>): Promise<void> => {
    const goOn = slowly();
    const added = box.add({ ...draft(cid), awaits }, cid);
    const changed = does();
    await new Promise((resolve) => setTimeout(resolve));
    goOn();
    await Promise.all([added, changed]);
  };
  await change('1', () => box.supply('1', [file('F1')]));
  await change('2', () => box.withdraw('2'));
  await change('3', () => box.remove('3'));
  await change('4', () => box.fail('4', 'infected'));
  await change('5', async () => (await box.withdraw('5')) && box.remove('5'));
  await vi.waitFor(async () => expect((await left(name)).map(({ cid }) => cid).sort()).toEqual(['1', '2', '4']));
  const [first, fourth, second] = await left(name);
  expect(first).toMatchObject({ cid: '1', files: [file('F1')] });
  expect(first?.awaits).toBeUndefined();
  expect(second).toMatchObject({ cid: '2', back: true });
  expect(fourth).toMatchObject({ cid: '4', failed: 'infected' });
});

it('sends at once while the storage hangs, and does not have it back when it goes on', async () => {
  const { box, sent, until, name } = outbox(ok);
  await box.load();
  box.online();
  const goOn = slowly();
  const added = box.add(draft('сразу'));
  await until((items) => items.length === 0);
  expect(sent.map(({ body }) => body)).toEqual(['сразу']);
  goOn();
  await added;
  await box.refresh();
  await vi.waitFor(async () => expect(await left(name)).toEqual([]));
});

it('forgets what was sent although a change of it could not be written down', async () => {
  const { box, sent, until, name } = outbox(ok);
  const cid = await box.add({ ...draft('фото'), awaits: ['a'] });
  const full = vi.spyOn(IDBObjectStore.prototype, 'put').mockImplementation(() => {
    throw new DOMException('', 'QuotaExceededError');
  });
  await box.supply(cid, [file('F1')]);
  full.mockRestore();
  box.online();
  await until((items) => items.length === 0);
  expect(sent).toHaveLength(1);
  await vi.waitFor(async () => expect(await left(name)).toEqual([]));
});
