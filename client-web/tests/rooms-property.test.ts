// The reducers against a naive model: a room's whole history is known, and the client hears of it in every order that a
// network, a slow reader and a change of rooms can bring about.
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { acknowledge, firstSeq, gapAfter, greet, positions, prepend, reduce, unread, type Chat, type Room } from '../src/core/rooms';
import type { Bump } from '../src/core/wire/Bump';
import type { CallSummary } from '../src/core/wire/CallSummary';
import type { EventsPage } from '../src/core/wire/EventsPage';
import type { OpenAck } from '../src/core/wire/OpenAck';
import type { Message } from '../src/core/wire/Message';
import type { RoomEvent } from '../src/core/wire/RoomEvent';
import { ROOM, hello, room, summary } from './samples';

const ME = 'U1';
const AT = '2026-11-25T09:00:00.000Z';
/** More than this is not repeated: `reset` instead. */
const BACKLOG_MAX = 6;
const PAGE = 4;

/** What the server has, and what it has told of it. */
class Server {
  log: RoomEvent[] = [];
  bumps: { s: number; d: Bump }[] = [];
  epoch = 'e0';
  bumped = 0;
  read = 0;

  commit(kind: 'mine' | 'theirs' | 'mention' | 'all' | 'own all' | 'pin' | 'lesson' | 'change' | 'reaction' | 'vote' | 'asks' | 'acks' | 'reminds', n = 0): void {
    const s = this.log.length + 1;
    if (kind === 'change') {
      // The latest more often than others.
      const messages = this.log.flatMap((event) => (event.e === 'msg' ? [event.d] : []));
      const message = n % 2 ? messages.at(-1) : messages[n % messages.length];
      if (!message) return;
      const d = { ...message, body: `№ ${message.no}, ${s}`, edited: `2026-11-25T10:00:00.${String(s).padStart(3, '0')}Z` };
      this.log.push({ e: 'msg.changed', r: ROOM, s, d });
      return;
    }
    if (kind === 'reaction') {
      const messages = this.log.flatMap((event) => (event.e === 'msg' ? [event.d] : []));
      const message = messages[n % messages.length];
      const d = { emoji: n % 3 ? '👍' : '🔥', by: n % 2 ? ME : 'U4', on: n % 5 > 1 };
      if (message) this.log.push({ e: 'msg.reacted', r: ROOM, s, d: { id: message.id, ...d } });
      return;
    }
    if (kind === 'vote') {
      const message = this.log.findLast((event) => event.e === 'msg')?.d;
      if (message) this.log.push({ e: 'poll', r: ROOM, s, d: { id: message.id, tally: { v: n, voters: n, counts: [n, 0] } } });
      return;
    }
    if (kind === 'acks' || kind === 'reminds') {
      const asks = this.log.flatMap((event) => (event.e === 'msg' && event.d.ack ? [event.d] : []));
      const message = asks[n % asks.length];
      if (!message) return;
      const { id, no } = message;
      const by = n % 3 ? ME : 'U5';
      if (kind === 'acks') this.log.push({ e: 'msg.acked', r: ROOM, s, d: { id, no, by, done: 1 } });
      else this.log.push({ e: 'msg.reminded', r: ROOM, s, d: { id, no, by: 'U4', at: `2026-11-25T11:00:00.${String(s).padStart(3, '0')}Z` } });
      return;
    }
    if (kind === 'pin') {
      const message = this.log.findLast((event) => event.e === 'msg')?.d;
      if (message) this.log.push({ e: 'msg.pinned', r: ROOM, s, d: { id: message.id, no: message.no, by: 'U4', at: AT, on: n % 2 === 0 } });
      return;
    }
    const call = this.at(s - 1).call;
    if (kind !== 'lesson') {
      const no = this.at(s - 1).no + 1;
      const own = kind === 'mine' || kind === 'own all';
      const by = own ? ME : 'U4';
      if (own) this.read = no;
      const men = { ...(kind === 'mention' && { men: [ME, 'U5'] }), ...((kind === 'all' || kind === 'own all') && { all: true }), ...(kind === 'asks' && { ack: { done: 0, of: 2 } }) };
      this.log.push({ e: 'msg', r: ROOM, s, d: { id: `M${s}`, cid: `c${s}`, no, by, at: AT, body: `№ ${no}`, ...men } });
    } else if (call) this.log.push({ e: 'call.ended', r: ROOM, s, d: { id: call.id, at: AT, seconds: 60 } });
    else this.log.push({ e: 'call.started', r: ROOM, s, d: { id: `C${s}`, by: 'U4', at: AT } });
  }

  /** What a list of rooms shows after `s` events. */
  at(s: number): { no: number; last: Message | undefined; call: CallSummary | undefined } {
    let [no, last, call]: [number, Message | undefined, CallSummary | undefined] = [0, undefined, undefined];
    for (const event of this.log.slice(0, s)) {
      if (event.e === 'msg') [no, last] = [event.d.no, event.d];
      else if (event.e === 'msg.changed') last = event.d.no === no ? event.d : last;
      else if (event.e === 'call.started' || event.e === 'call.ended') call = event.e === 'call.started' ? event.d : undefined;
    }
    return { no, last, call };
  }

  /** Which of these events' messages mention this person. */
  mentions(from: number, to: number): number[] {
    return this.log.slice(from, to).flatMap((event) => (event.e === 'msg' && (event.d.men?.includes(ME) || (event.d.all && event.d.by !== ME)) ? [event.d.no] : []));
  }

  /** What this person is asked to acknowledge after `s` events, as `hello` and `reset` tell it. */
  asked(s: number): OpenAck[] {
    const open = new Map<number, OpenAck>();
    for (const event of this.log.slice(0, s)) {
      if (event.e === 'msg' && event.d.ack) open.set(event.d.no, { no: event.d.no });
      else if (event.e === 'msg.acked' && event.d.by === ME) open.delete(event.d.no);
      else if (event.e === 'msg.reminded' && open.has(event.d.no)) open.set(event.d.no, { no: event.d.no, at: event.d.at });
    }
    return [...open.values()];
  }

  acks(): { acks?: OpenAck[] } {
    const acks = this.asked(this.log.length);
    return acks.length ? { acks } : {};
  }

  /** The unread ones, as `hello` and `reset` tell them. */
  unread(): { men?: number[] } {
    const men = this.mentions(0, this.log.length).filter((no) => no > this.read);
    return men.length ? { men } : {};
  }

  snapshot() {
    const s = this.log.length;
    const { no, last, call } = this.at(s);
    return hello([summary({ epoch: this.epoch, seq: s, no, read_no: this.read, ...this.unread(), ...this.acks(), ...(last && { last }), ...(call && { call }) })]);
  }

  /** News since the last bump: the latest message, the latest of a lesson, every mention. */
  bump(): { s: number; d: Bump } {
    const news = this.log.slice(this.bumped);
    const men = this.mentions(this.bumped, this.log.length);
    this.bumped = this.log.length;
    const whole = news.findLast((event) => event.e === 'msg')?.d;
    const last = whole && { ...whole, body: '№' };
    const lesson = news.findLast((event) => event.e === 'call.started' || event.e === 'call.ended');
    const changes = news.flatMap((event) => (event.e === 'msg.changed' ? [event.d] : []));
    const changed = changes.reduce<Message | undefined>((best, one) => (best && best.no > one.no ? best : one), undefined);
    const d: Bump = {
      ...(last && { last }),
      ...(changed && { changed: { ...changed, body: '№' } }),
      ...(lesson?.e === 'call.started' && { started: lesson.d }),
      ...(lesson?.e === 'call.ended' && { ended: lesson.d.id }),
      ...(men.length && { men }),
      acks: news.flatMap((event) => (event.e === 'msg' && event.d.ack ? [event.d.no] : [])),
      reminded: news.flatMap((event) => (event.e === 'msg.reminded' ? [{ no: event.d.no, at: event.d.at }] : [])),
      acked: news.flatMap((event) => (event.e === 'msg.acked' && event.d.by === ME ? [event.d.no] : [])),
    };
    const bump = { s: this.log.length, d };
    this.bumps.push(bump);
    return bump;
  }

  /** A backup is played back. */
  restore(): void {
    this.log = this.log.slice(0, Math.ceil(this.log.length / 2));
    this.bumps = [];
    this.bumped = this.log.length;
    this.read = Math.min(this.read, this.at(this.log.length).no);
    this.epoch += 'e';
  }

  page(before: number): EventsPage {
    const events = this.log.slice(Math.max(0, before - 1 - PAGE), before - 1);
    return { epoch: this.epoch, events, more: before - 1 > PAGE };
  }
}

/** Where the client must stand, by the plainest rules. */
class Model {
  seq: number;
  head: number;
  first: number;
  ahead = new Set<number>();
  /** Whether the list of rooms is exact: after a `reset` alone it is only as good as what follows. */
  exact = { last: true, call: true };

  constructor(seq: number) {
    [this.seq, this.head, this.first] = [seq, seq, seq + 1];
  }

  get holdsNothing(): boolean {
    return this.first > this.seq && this.ahead.size === 0;
  }

  event({ s }: RoomEvent, log: readonly RoomEvent[]): void {
    if (s > this.seq) this.ahead.add(s);
    while (this.ahead.delete(this.seq + 1)) this.seq += 1;
    for (const news of log.slice(this.head, this.seq)) {
      if (news.e === 'msg') this.exact.last = true;
      else if (news.e === 'call.started' || news.e === 'call.ended') this.exact.call = true;
    }
    this.head = Math.max(this.head, this.seq);
  }

  moveTo(seq: number): void {
    Object.assign(this, new Model(seq));
  }
}

class World {
  readonly server = new Server();
  chat: Chat;
  model: Model;
  page: EventsPage | undefined;

  constructor(before: number) {
    for (let s = 0; s < before; s++) this.server.commit(s % 5 === 3 ? 'lesson' : 'theirs');
    this.server.bumped = before;
    this.chat = greet(undefined, this.server.snapshot());
    this.model = new Model(before);
  }

  get room(): Room {
    return room(this.chat);
  }

  hear(event: RoomEvent): void {
    this.chat = reduce(this.chat, event);
    this.model.event(event, this.server.log);
  }

  /** The event after `s`, if there is one. */
  hearAt(s: number): void {
    const event = this.server.log[s];
    if (event) this.hear(event);
  }

  /** Another device of this person read on. */
  reads(n: number): void {
    const { no } = this.server.at(this.server.log.length);
    this.server.read = Math.max(this.server.read, n % (no + 1));
    this.chat = reduce(this.chat, { e: 'u.read', d: { r: ROOM, no: this.server.read } });
    expect(this.room.readNo).toBe(this.server.read);
  }

  /** What this person wrote is acknowledged on the connection that sent it, and told to the others. */
  writes(): void {
    this.server.commit('mine');
    this.chat = acknowledge(this.chat, ROOM, { id: 'M', s: 0, no: this.server.read, at: AT, dup: false });
    expect(this.room.readNo).toBe(this.server.read);
  }

  restore(): void {
    this.server.restore();
    this.model.moveTo(this.server.log.length);
    this.greet(true);
  }

  hearBump({ s, d }: { s: number; d: Bump }): void {
    this.chat = reduce(this.chat, { e: 'bump', r: ROOM, s, d });
    if (s <= this.model.head) return;
    if (d.last) this.model.exact.last = true;
    if (d.started || d.ended) this.model.exact.call = true;
    if (this.model.holdsNothing) [this.model.seq, this.model.first] = [s, s + 1];
    this.model.head = s;
  }

  /** `sync`, and `focus` on a room that comes into it. */
  catchUp(after: number): void {
    const missing = this.server.log.slice(after);
    if (missing.length > BACKLOG_MAX) this.reset();
    else for (const event of missing) this.hear(event);
  }

  reset(): void {
    const s = this.server.log.length;
    this.chat = reduce(this.chat, {
      e: 'reset',
      r: ROOM,
      d: { ep: this.server.epoch, s, no: this.server.at(s).no, read: this.server.read, ...this.server.unread(), ...this.server.acks() },
    });
    this.model.moveTo(s);
    this.model.exact = { last: false, call: false };
  }

  /** What the server left out for a slow reader is told of only after the room went out of focus and moved on. */
  lag(): void {
    const first = this.model.head + 1;
    this.server.bumped = this.server.log.length;
    this.server.commit('theirs');
    this.hearBump(this.server.bump());
    this.catchUp(Math.min(this.room.seq, first - 1));
  }

  /** A new connection: the snapshot, then what is missing. */
  greet(inFocus: boolean): void {
    const pos = positions(this.chat, [ROOM])[ROOM];
    this.chat = greet(this.chat, this.server.snapshot());
    const { model, server } = this;
    if (model.holdsNothing) model.moveTo(server.log.length);
    model.head = server.log.length;
    model.exact = { last: true, call: true };
    if (inFocus && pos?.[0] === server.epoch) this.catchUp(pos[1]);
    else if (inFocus) this.reset();
  }

  /** A page of history, which may come late. */
  put(page: EventsPage): void {
    this.chat = prepend(this.chat, ROOM, page);
    const older = page.events.filter((event) => event.s < this.model.first);
    if (page.epoch !== this.server.epoch || older.at(-1)?.s !== this.model.first - 1) return;
    this.model.first = older[0]?.s ?? this.model.first;
    if (this.model.head !== this.model.seq) return;
    const shown = this.server.log.slice(this.model.first - 1, this.model.seq);
    if (shown.some((event) => event.e === 'msg')) this.model.exact.last = true;
    if (shown.some((event) => event.e === 'call.started' || event.e === 'call.ended')) this.model.exact.call = true;
  }

  check(): void {
    const { server, model } = this;
    const { seq, head, events, held, no, readNo, mentions, acks, last, call } = this.room;
    expect(events, 'what is shown is the history, without a gap').toEqual(server.log.slice(model.first - 1, model.seq));
    expect({ seq, head, first: firstSeq(this.room) }).toEqual({ seq: model.seq, head: model.head, first: model.first });
    expect([...held.keys()].sort(), 'only what is behind a gap waits').toEqual([...model.ahead].sort());
    expect(gapAfter(this.room)).toBe(model.ahead.size > 0 ? model.seq : undefined);
    const truth = server.at(model.head);
    expect(no).toBe(truth.no);
    expect(readNo).toBeLessThanOrEqual(server.read);
    expect(unread(this.room)).toBe(Math.max(0, truth.no - readNo));
    expect(mentions).toEqual(server.mentions(0, model.head).filter((mention) => mention > readNo));
    expect(acks.open, 'what is asked is what was not acknowledged').toEqual(server.asked(model.head));
    if (model.exact.last) expect([last?.id, last?.edited]).toEqual([truth.last?.id, truth.last?.edited]);
    if (model.exact.call) expect(call).toEqual(truth.call);
  }
}

const KINDS = ['lesson', 'mine', 'theirs', 'mention', 'mention', 'all', 'own all', 'pin', 'change', 'change', 'reaction', 'reaction', 'vote', 'asks', 'asks', 'acks', 'acks', 'reminds'] as const;

/** What may happen, by how often. `n` chooses where there is a choice. */
const STEPS: Record<string, [weight: number, run: (world: World, n: number) => void]> = {
  commit: [14, ({ server }, n) => server.commit(KINDS[n % KINDS.length] ?? 'theirs', n)],
  next: [6, (world) => world.hearAt(world.model.seq)],
  'doubled or out of order': [6, (world, n) => world.hearAt(n % (world.server.log.length + 1))],
  bump: [4, (world) => world.hearBump(world.server.bump())],
  'old bump': [2, (world, n) => world.hearBump(world.server.bumps[n % world.server.bumps.length] ?? world.server.bump())],
  'sync or focus': [2, (world) => world.catchUp(world.room.seq)],
  reset: [1, (world) => world.reset()],
  lag: [1, (world) => world.lag()],
  'comes back, in focus': [1, (world) => world.greet(true)],
  'comes back, out of focus': [1, (world) => world.greet(false)],
  'asks for a page': [2, (world) => (world.page = world.server.page(firstSeq(world.room)))],
  'gets the page': [2, (world) => world.page && world.put(world.page)],
  'asks for and gets a page': [2, (world) => world.put(world.server.page(firstSeq(world.room)))],
  writes: [1, (world) => world.writes()],
  reads: [1, (world, n) => world.reads(n)],
  'a backup is played back': [1, (world) => world.restore()],
};

const steps = fc.array(
  fc.tuple(fc.oneof(...Object.entries(STEPS).map(([name, [weight]]) => ({ weight, arbitrary: fc.constant(name) }))), fc.nat({ max: 60 })),
  { maxLength: 60 },
);

it('whatever comes in whatever order, what is shown is the history up to where the model says', { timeout: 60_000 }, () => {
  fc.assert(
    fc.property(fc.nat({ max: 12 }), steps, (before, happened) => {
      const world = new World(before);
      world.check();
      for (const [name, n] of happened) {
        STEPS[name]?.[1](world, n);
        world.check();
      }
      world.catchUp(world.room.seq);
      world.check();
      expect(world.room).toMatchObject({ seq: world.server.log.length, held: new Map() });
    }),
    { numRuns: 1_000 },
  );
});
