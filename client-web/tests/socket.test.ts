import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Connect } from '../src/core/link';
import { Refused, Socket, Unanswered, type Handlers, type Status } from '../src/core/socket';
import { Ways } from '../src/core/ways';
import { FakeSocket, fakeWays } from './fake-socket';
import { hello } from './samples';

let statuses: Status[];
let events: string[];
let socket: Socket;

const handlers: Handlers = {
  hello: () => ({ v: 1, dev: 'd', app: 'test', pos: { R7: ['e1', 10] } }),
  onHello: () => events.push('(hello)'),
  onEvent: (event) => events.push(event.e),
  onStatus: (status) => statuses.push(status),
};

beforeEach(() => {
  vi.useFakeTimers();
  vi.spyOn(Math, 'random').mockReturnValue(0.999_999);
  FakeSocket.install();
  statuses = [];
  events = [];
  socket = new Socket(fakeWays(), handlers);
  socket.open();
});

afterEach(() => {
  socket.close();
  vi.restoreAllMocks();
  vi.useRealTimers();
});

async function connect(): Promise<FakeSocket> {
  const wire = FakeSocket.last();
  wire.opens();
  wire.says({ i: wire.commands()[0]?.i, ok: hello() });
  await vi.advanceTimersByTimeAsync(0);
  wire.says({ e: 'ready' });
  return wire;
}

describe('a connection', () => {
  it('says hello with its positions and becomes ready', async () => {
    const wire = await connect();
    expect(wire.protocol).toBe('hub.v1.json');
    expect(wire.commands()[0]).toMatchObject({ m: 'hello', p: { v: 1, pos: { R7: ['e1', 10] } } });
    expect(statuses.at(-1)).toBe('ready');
  });

  it('greets before it tells what follows in the same frame', async () => {
    const wire = FakeSocket.last();
    wire.opens();
    wire.says({ i: wire.commands()[0]?.i, ok: hello() }, { e: 'presence', d: { u: 'U4', on: true } }, { e: 'ready' });
    expect(events).toEqual(['(hello)', 'presence', 'ready']);
    expect(statuses.at(-1)).toBe('ready');
  });

  it('hears from the close why its hello was refused', async () => {
    const wire = FakeSocket.last();
    wire.opens();
    wire.says({ i: wire.commands()[0]?.i, err: { c: 'unsupported_version' } });
    await vi.advanceTimersByTimeAsync(0);
    wire.closes(4510);
    expect(statuses.at(-1)).toBe('ended');
  });

  it('answers a ping', async () => {
    const wire = await connect();
    wire.says({});
    expect(wire.sent.at(-1)).toBe('{}');
  });

  it('reads several objects of one frame, in order', async () => {
    const wire = await connect();
    wire.says({ e: 'typing', r: 'R7', d: { u: 'U4' } }, { e: 'presence', d: { u: 'U4', on: true } });
    expect(events.slice(-2)).toEqual(['typing', 'presence']);
  });

  it('gives each answer to its question', async () => {
    const wire = await connect();
    const first = socket.request('call.start', { r: 'R7' });
    const second = socket.request('call.start', { r: 'R9' });
    const [, a, b] = wire.commands();
    wire.says({ i: b?.i, err: { c: 'forbidden' } }, { i: a?.i, ok: { call: { id: 'C1', by: 'U1', at: '' } } });
    await expect(first).resolves.toMatchObject({ call: { id: 'C1' } });
    await expect(second).rejects.toSatisfy((error) => error instanceof Refused && error.error.c === 'forbidden');
  });

  it('leaves a question open as unanswered when it goes', async () => {
    const wire = await connect();
    const asked = socket.request('read', { r: 'R7', no: 1 });
    wire.closes(1006);
    await expect(asked).rejects.toBeInstanceOf(Unanswered);
    await expect(socket.request('read', { r: 'R7', no: 1 })).rejects.toBeInstanceOf(Unanswered);
  });
});

describe('a lost connection', () => {
  it('comes back by itself, with growing pauses', async () => {
    for (const pause of [500, 1_000, 2_000]) {
      const count = FakeSocket.all.length;
      FakeSocket.last().closes(1006);
      await vi.advanceTimersByTimeAsync(pause - 10);
      expect(FakeSocket.all.length).toBe(count);
      await vi.advanceTimersByTimeAsync(20);
      expect(FakeSocket.all.length).toBe(count + 1);
    }
  });

  it('begins with short pauses again only after a good while', async () => {
    FakeSocket.last().closes(1006);
    await vi.advanceTimersByTimeAsync(600);
    (await connect()).closes(1006);
    await vi.advanceTimersByTimeAsync(900);
    expect(FakeSocket.all.length).toBe(2);
    await vi.advanceTimersByTimeAsync(200);
    const wire = await connect();
    await vi.advanceTimersByTimeAsync(30_500);
    wire.closes(1006);
    await vi.advanceTimersByTimeAsync(510);
    expect(FakeSocket.all.length).toBe(4);
  });

  it('waits as long as the server asked', async () => {
    const wire = await connect();
    wire.says({ e: 'bye', d: { c: 4000, after: 5_000 } });
    wire.closes(4000);
    await vi.advanceTimersByTimeAsync(4_900);
    expect(FakeSocket.all.length).toBe(1);
    await vi.advanceTimersByTimeAsync(700);
    expect(FakeSocket.all.length).toBe(2);
  });

  it('is noticed by its silence', async () => {
    await connect();
    await vi.advanceTimersByTimeAsync(34_000);
    expect(statuses.at(-1)).toBe('ready');
    await vi.advanceTimersByTimeAsync(1_100);
    expect(statuses.at(-1)).toBe('waiting');
  });

  it('is noticed by its silence before it has begun, too', async () => {
    (await connect()).closes(1006);
    await vi.advanceTimersByTimeAsync(510);
    await vi.advanceTimersByTimeAsync(9_900);
    expect(statuses.at(-1)).toBe('connecting');
    await vi.advanceTimersByTimeAsync(200);
    expect(statuses.at(-1)).toBe('waiting');
  });

  it('waits longer after too many commands, also when the network comes back meanwhile', async () => {
    (await connect()).closes(4008);
    socket.nudge();
    await vi.advanceTimersByTimeAsync(29_900);
    expect(FakeSocket.all.length).toBe(1);
    await vi.advanceTimersByTimeAsync(700);
    expect(FakeSocket.all.length).toBe(2);
  });

  it('waits as long as a server asked that let nobody in', async () => {
    const refused: Connect = (listener) => {
      setTimeout(() => listener.closed(undefined, 7_000));
      return { reached: false, send: () => undefined, close: () => undefined };
    };
    const lost: Status[] = [];
    const ways = new Ways({ websocket: refused, stream: refused }, () => Promise.resolve(false));
    const other = new Socket(ways, { ...handlers, onStatus: (status) => lost.push(status) });
    other.open();
    await vi.advanceTimersByTimeAsync(1);
    expect(lost).toEqual(['connecting', 'waiting']);
    await vi.advanceTimersByTimeAsync(6_900);
    expect(lost.length).toBe(2);
    await vi.advanceTimersByTimeAsync(700);
    expect(lost[2]).toBe('connecting');
    other.close();
  });

  it('is tried within two seconds when the network is back', async () => {
    for (let tries = 0; tries < 6; tries++) {
      FakeSocket.last().closes(1006);
      await vi.advanceTimersByTimeAsync(tries < 5 ? 30_100 : 100);
    }
    const count = FakeSocket.all.length;
    socket.nudge();
    await vi.advanceTimersByTimeAsync(1_900);
    expect(FakeSocket.all.length).toBe(count);
    await vi.advanceTimersByTimeAsync(150);
    expect(FakeSocket.all.length).toBe(count + 1);
  });

  it('shows when somebody looks: a probe without an answer ends it', async () => {
    const wire = await connect();
    socket.probe('read', { r: 'R7', no: 0 });
    socket.probe('read', { r: 'R7', no: 0 });
    expect(wire.commands().filter(({ m }) => m === 'read').length).toBe(1);
    await vi.advanceTimersByTimeAsync(2_900);
    expect(statuses.at(-1)).toBe('ready');
    await vi.advanceTimersByTimeAsync(150);
    expect(statuses.at(-1)).toBe('waiting');
  });

  it('was not lost when the probe is answered, even by a refusal', async () => {
    const wire = await connect();
    socket.probe('read', { r: 'R7', no: 0 });
    wire.says({ i: wire.commands().at(-1)?.i, err: { c: 'rate_limited', tmp: true } });
    await vi.advanceTimersByTimeAsync(4_000);
    expect(statuses.at(-1)).toBe('ready');
  });

  it.each([4500, 4501, 4503, 4504, 4510, 4999])('stays away after %i', async (code) => {
    (await connect()).closes(code);
    await vi.advanceTimersByTimeAsync(120_000);
    expect(statuses.at(-1)).toBe('ended');
    expect(FakeSocket.all.length).toBe(1);
  });

  it.each([1001, 1006, 4000, 4012, 4018, 4499])('comes back after %i', async (code) => {
    (await connect()).closes(code);
    await vi.advanceTimersByTimeAsync(40_000);
    expect(FakeSocket.all.length).toBeGreaterThan(1);
  });
});
