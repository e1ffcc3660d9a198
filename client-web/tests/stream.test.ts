// The way over plain HTTP, with a real server at the other end.
import 'fake-indexeddb/auto';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Link } from '../src/core/link';
import { overWebSocket } from '../src/core/link';
import { Outbox } from '../src/core/outbox';
import { Socket, type Status } from '../src/core/socket';
import { overStream, retryAfter } from '../src/core/stream';
import { Ways } from '../src/core/ways';
import type { MsgSend } from '../src/core/wire/MsgSend';
import { hello } from './samples';
import { StreamServer, type Command, type Stream } from './stream-server';

/** A busy machine is slow. */
const PATIENCE_MS = 30_000;
vi.setConfig({ testTimeout: PATIENCE_MS });

let server: StreamServer;
let link: Link | undefined;
let frames: string[];
let closed: [code: number | undefined, after: number | undefined][];

beforeEach(async () => {
  server = await StreamServer.start();
  frames = [];
  closed = [];
});

afterEach(async () => {
  link?.close();
  vi.restoreAllMocks();
  vi.unstubAllGlobals();
  await server.stop();
});

/** A stream that was opened with `{"m":"hello"}`. */
async function opened(): Promise<Link> {
  const made = await new Promise<Link>((resolve) => {
    const begun: Link = overStream(server.url)({
      opened: () => resolve(begun),
      frames: (text) => frames.push(text),
      closed: (code, after) => closed.push([code, after]),
    });
  });
  link = made;
  made.send('{"m":"hello"}');
  return made;
}

const until = (check: () => void): Promise<void> => vi.waitFor(check, { timeout: PATIENCE_MS });

async function stream(n = 0): Promise<Stream> {
  await until(() => expect(server.streams.length).toBeGreaterThan(n));
  const found = server.streams[n];
  if (!found) throw new Error('no stream');
  return found;
}

describe('the stream', () => {
  it('begins with hello, brings frames, and takes commands in order, one request at a time', async () => {
    const at = await opened();
    for (let i = 0; i < 40; i++) at.send(`{"i":${i}}`);
    await until(() => expect(server.commands.length).toBe(41));
    expect(server.commands).toEqual([{ m: 'hello' }, ...Array.from({ length: 40 }, (_, i) => ({ i }))]);
    for (let i = 40; i < 50; i++) {
      at.send(`{"i":${i}}`);
      await new Promise((resolve) => setImmediate(resolve));
    }
    await until(() => expect(server.commands.length).toBe(51));
    expect(server.commands.slice(1).map(({ i }) => i)).toEqual(Array.from({ length: 50 }, (_, i) => i));
    expect(server.together).toBe(1);
    expect(at.reached).toBe(true);
    (await stream()).says({ e: 'ready' }, { e: 'typing', r: 'R', d: { u: 'U4' } });
    await until(() => expect(frames).toEqual(['{"e":"ready"}', '{"e":"typing","r":"R","d":{"u":"U4"}}']));
  });

  it('keeps requests within the limit of a frame', async () => {
    const at = await opened();
    const long = JSON.stringify({ p: 'ж'.repeat(14_000) });
    for (let i = 0; i < 7; i++) at.send(long);
    await until(() => expect(server.commands.length).toBe(8));
    expect(Math.max(...server.bodies)).toBeLessThanOrEqual(65_536);
    expect(server.batches).toEqual([2, 2, 2, 1]);
  });

  it('reads frames that the network cut anywhere', async () => {
    await opened();
    const at = await stream();
    const bytes = new TextEncoder().encode(': still here\r\n\r\ndata: {"text":"Привет"}\r\n\r\ndata: {"n":2}\n\n');
    for (const byte of bytes) {
      at.write(Uint8Array.of(byte));
      await new Promise((resolve) => setImmediate(resolve));
    }
    await until(() => expect(frames).toEqual(['{"text":"Привет"}', '{"n":2}']));
  });

  it('ends with the code that the server tells', async () => {
    await opened();
    (await stream()).ends(4503);
    await until(() => expect(closed).toEqual([[4503, 0]]));
  });

  it('ends without a code when it breaks', async () => {
    await opened();
    (await stream()).breaks();
    await until(() => expect(closed).toEqual([[undefined, 0]]));
  });

  it('ends when the server does not know it any more', async () => {
    const at = await opened();
    await until(() => expect(at.reached).toBe(true));
    server.refusal = { status: 404, body: '{"c":"not_found"}' };
    at.send('{}');
    await until(() => expect(closed).toEqual([[undefined, 0]]));
    await (await stream()).gone;
  });

  it('tells nothing after its close, and the server that it is gone', async () => {
    const at = await opened();
    const end = await stream();
    at.close();
    await end.gone;
    at.send('{}');
    expect(closed).toEqual([]);
  });

  it.each([
    ['a busy server', { status: 503, headers: { 'retry-after': '7' }, body: '{"c":"overloaded","tmp":true}' }, undefined, 7_000],
    ['a busy server that is precise', { status: 503, headers: { 'retry-after': '1' }, body: '{"c":"overloaded","tmp":true,"after":1500}' }, undefined, 1_500],
    ['a proxy', { status: 502, body: '<html>' }, undefined, 0],
    ['an ended session', { status: 401, body: '{"c":"unauthorized"}' }, 4501, 0],
    ['somebody else’s page', { status: 200, headers: { 'content-type': 'text/html' }, body: '<html>' }, undefined, 0],
  ])('is refused by %s', async (_, refusal, code, after) => {
    server.refusal = refusal;
    const at = await opened();
    await until(() => expect(closed).toEqual([[code, after]]));
    expect(at.reached).toBe(false);
  });

  it('is refused by nobody there', async () => {
    const at = await opened();
    await until(() => expect(at.reached).toBe(true));
    at.close();
    const { url } = server;
    await server.stop();
    const ended = new Promise((resolve) => {
      const lost = overStream(url)({ opened: () => lost.send('{}'), frames: () => undefined, closed: resolve });
    });
    await expect(ended).resolves.toBeUndefined();
    server = await StreamServer.start();
  });
});

it('understands both forms of Retry-After', () => {
  const now = Date.parse('2026-11-25T09:00:00Z');
  expect(['120', 'Wed, 25 Nov 2026 09:00:30 GMT', 'Wed, 25 Nov 2026 08:00:00 GMT', 'soon', null].map((value) => retryAfter(value, now)))
    .toEqual([120_000, 30_000, 0, 0, 0]);
});

describe('where WebSockets are blocked', () => {
  let upgrades: number;
  let statuses: Status[];
  let socket: Socket;
  const events: string[] = [];

  class Blocked {
    onclose: ((close: { code: number }) => void) | null = null;
    constructor() {
      upgrades += 1;
      setTimeout(() => this.onclose?.({ code: 1006 }));
    }
    close(): void {}
  }

  beforeEach(() => {
    upgrades = 0;
    statuses = [];
    events.length = 0;
    vi.stubGlobal('WebSocket', Blocked);
    vi.spyOn(Math, 'random').mockReturnValue(0.01);
    const ways = new Ways({ websocket: overWebSocket('ws://test/'), stream: overStream(server.url) }, () => Promise.resolve(true));
    socket = new Socket(ways, {
      hello: () => ({ v: 1, dev: 'd', app: 'test', pos: {} }),
      onHello: () => events.push('(hello)'),
      onEvent: (event) => events.push(event.e),
      onStatus: (status) => {
        statuses.push(status);
      },
    });
  });

  afterEach(() => socket.close());

  /** A server that greets; the rest is `more`'s. */
  function greets(more: (command: Command, at: Stream) => void = () => undefined): void {
    server.hears = (command, at) => {
      if (command.m !== 'hello') more(command, at);
      // In one piece, as a loaded server writes it.
      else at.write([{ i: command.i, ok: hello() }, { e: 'presence', d: { u: 'U4', on: true } }, { e: 'ready' }].map((frame) => `data: ${JSON.stringify(frame)}\n\n`).join(''));
    };
  }

  it('the third connection is a stream, over which everything else works', async () => {
    greets(({ i, m }, at) => m === 'read' && at.says({ i, ok: {} }));
    socket.open();
    await until(() => expect(statuses.at(-1)).toBe('ready'));
    expect(upgrades).toBe(2);
    expect(events).toEqual(['(hello)', 'presence', 'ready']);
    await expect(socket.request('read', { r: 'R7', no: 1 })).resolves.toEqual({});
    (await stream()).says({});
    await until(() => expect(server.commands.at(-1)).toEqual({}));
    (await stream()).ends(4503);
    await until(() => expect(statuses.at(-1)).toBe('ended'));
  });

  it('a message whose answer was lost is sent again with the same id on the next stream', async () => {
    const stored = new Map<string, string>();
    greets(({ i, m, p }, at) => {
      if (m !== 'msg.send') return;
      const { cid, body } = p as MsgSend;
      const dup = stored.has(cid);
      stored.set(cid, body);
      if (dup) at.says({ i, ok: { id: 'M1', s: 1, no: 1, at: '', dup } });
      else at.breaks();
    });
    let left = -1;
    const box = new Outbox('me', (message) => socket.request('msg.send', message), (items) => (left = items.length), { name: 'lost-answer' });
    socket.open();
    await until(() => expect(statuses.at(-1)).toBe('ready'));
    box.online();
    await box.add({ r: 'R7', body: 'один раз', files: [] });
    await until(() => expect(statuses.filter((status) => status === 'ready').length).toBe(2));
    await until(() => expect(left).toBe(0));
    const sent = server.commands.filter(({ m }) => m === 'msg.send').map(({ p }) => (p as MsgSend).cid);
    expect(sent.length).toBeGreaterThan(1);
    expect(new Set(sent).size).toBe(1);
    expect([...stored.values()]).toEqual(['один раз']);
  });
});
