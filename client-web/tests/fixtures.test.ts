// Every example of the protocol is understood.
import { beforeEach, expect, it, vi } from 'vitest';
import { greet, prepend, reduce } from '../src/core/rooms';
import { Socket, type Handlers } from '../src/core/socket';
import type { Event } from '../src/core/wire/Event';
import type { EventsPage } from '../src/core/wire/EventsPage';
import type { HelloOk } from '../src/core/wire/HelloOk';
import { FakeSocket, fakeWays } from './fake-socket';

interface Fixture {
  name: string;
  direction: string;
  frame: Record<string, unknown>;
}

const fixtures = Object.values(
  import.meta.glob<Fixture>('../../protocol/fixtures/*.json', { eager: true, import: 'default' }),
);
const frame = (name: string): Record<string, unknown> => {
  const found = fixtures.find((fixture) => fixture.name === name);
  if (!found) throw new Error(`no fixture ${name}`);
  return found.frame;
};

beforeEach(() => {
  vi.useFakeTimers();
  FakeSocket.install();
});

it('there are some', () => {
  expect(fixtures.length).toBeGreaterThan(20);
});

for (const fixture of fixtures.filter((one) => typeof one.frame['e'] === 'string')) {
  it(`hears ${fixture.name}`, () => {
    const heard: Event[] = [];
    const handlers: Handlers = {
      hello: () => ({ v: 1, dev: 'd', app: 'test', pos: {} }),
      onHello: () => undefined,
      onEvent: (event) => heard.push(event),
      onStatus: () => undefined,
    };
    const socket = new Socket(fakeWays(), handlers);
    socket.open();
    FakeSocket.last().opens();
    FakeSocket.last().says(fixture.frame);
    expect(heard).toEqual([fixture.frame]);
    const before = greet(undefined, (frame('hello.ok') as { ok: HelloOk }).ok);
    expect(() => heard.reduce(reduce, before)).not.toThrow();
    socket.close();
  });
}

it('opens with the example of hello and pages with the example of history', () => {
  const chat = greet(undefined, (frame('hello.ok') as { ok: HelloOk }).ok);
  expect(chat.rooms.size).toBeGreaterThan(0);
  const page = frame('events-page') as unknown as EventsPage;
  const room = page.events[0]?.r ?? '';
  expect(() => prepend(chat, room, page)).not.toThrow();
});
