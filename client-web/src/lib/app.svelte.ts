// The page's state: who is signed in, their chat, what is on its way, the lesson they are in.

import { forgetPerson, leave, leaving, left, untell, whenLeft } from './leaving';
import { choosing } from './account/choosing.svelte';
import { notices } from './notify/notices.svelte';
import { Acknowledging, type Standing } from '../core/acknowledging';
import { LOGGED_OUT, SIGNED_OUT, TOO_MANY, TOO_OLD } from '../core/codes';
import { device } from '../core/device';
import { Drafts } from '../core/drafts';
import { ChatKeeper, type KeptChat } from '../core/kept-chat';
import { Focus } from '../core/focus';
import { Gaps } from '../core/gaps';
import { API, api, ApiError, isThere } from '../core/http';
import { onDemand, overWebSocket } from '../core/link';
import type { Named } from '../core/naming';
import { Outbox, type Draft, type Item } from '../core/outbox';
import type { DirectRules } from '../core/people';
import { READ_TOLD_MEMBERS_MAX } from '../core/readers';
import { Reads } from '../core/reads';
import { Receipts } from '../core/receipts';
import { acknowledge, firstSeq, greet, keepDraft, knowPins, knowReaders, markRead, positions, prepend, reduce, type Chat, type Page, type Room } from '../core/rooms';
import { Socket, type Status } from '../core/socket';
import { tabsOf } from '../core/tabs';
import { Ways } from '../core/ways';
import type { ErrorCode } from '../core/wire/ErrorCode';
import type { Event } from '../core/wire/Event';
import type { EventsPage } from '../core/wire/EventsPage';
import type { Found } from '../core/wire/Found';
import type { Hello } from '../core/wire/Hello';
import type { HelloOk } from '../core/wire/HelloOk';
import type { Later } from '../core/wire/Later';
import type { Laters } from '../core/wire/Laters';
import type { LaterSet } from '../core/wire/LaterSet';
import type { Limits } from '../core/wire/Limits';
import type { LiveEvent } from '../core/wire/LiveEvent';
import type { MsgSend } from '../core/wire/MsgSend';
import type { MsgSent } from '../core/wire/MsgSent';
import type { OwnVote } from '../core/wire/OwnVote';
import type { Person } from '../core/wire/Person';
import type { Readers } from '../core/wire/Readers';
import type { ReportNews } from '../core/wire/ReportNews';
import type { Session } from '../core/wire/Session';
import type { Version } from '../core/wire/Version';
import type { Versions } from '../core/wire/Versions';
import type { Voters } from '../core/wire/Voters';

const PAGE_EVENTS = 50;
/** How long «печатает» stays without being renewed. */
const TYPING_MS = 5_000;
const TYPING_EVERY_MS = 3_000;
/** How long the server may say nothing before what was kept is shown. */
const SLOW_MS = 2_500;
/** Between what happens and what is kept of it. */
const KEEP_MS = 1_500;
/** How long the server may take to let somebody go. */
const LEAVE_MS = 5_000;

/** What listens to the events of lessons. */
export interface LessonListener {
  event(event: LiveEvent): void;
  ready(): void;
}

class App {
  /** Undefined until known, null when signed out. */
  me = $state.raw<Person | null | undefined>(undefined);
  chat = $state.raw<Chat | undefined>(undefined);
  status = $state<Status>('connecting');
  outbox = $state.raw<readonly Item[]>([]);
  limits = $state.raw<Limits | undefined>(undefined);
  /** Who may have conversations of two. */
  direct = $state.raw<DirectRules>({ who: 'off', withLearners: 'off' });
  /** Who writes, by room: person → when it ends. */
  typing = $state.raw<ReadonlyMap<string, ReadonlyMap<string, number>>>(new Map());
  /** Why the server asked this page to stay away. */
  stopped = $state<'many' | 'old' | 'fault'>();
  /** The poll in which this person has just voted on another device. */
  voted = $state.raw<{ readonly id: string }>();
  /** Reports that wait for this person to decide, and what became of their own. */
  reports = $state.raw<ReportNews>({});
  /** Rooms in which a message was just refused at its time, and why. */
  unsent = $state.raw<ReadonlyMap<string, ErrorCode>>(new Map());
  lesson: LessonListener | undefined;
  /** Messages on their way, once somebody is signed in. */
  box: Outbox | undefined;
  /** How often other pages changed what is on its way, or were taken over from. */
  moved = $state(0);
  /** Acknowledgements that were given on this page, by message. */
  acking = $state.raw<ReadonlyMap<string, Standing>>(new Map());
  /** Texts that were begun, by room, and who was chosen to be mentioned in them. */
  readonly drafts = new Map<string, { readonly body: string; readonly chosen: readonly Named[] }>();

  /** The same, on its way to this person's other devices. */
  readonly begun = new Drafts(
    (r, body, men) => this.socket.request('draft.set', { r, body, ...(men.length ? { men: [...men] } : {}) }),
    (room, draft) => {
      if (this.chat) this.chat = keepDraft(this.chat, room, draft);
    },
  );

  // By themselves, so that who shows a name does not look at it again with each event of the chat.
  readonly #people = $derived(this.chat?.people);
  readonly #online = $derived(this.chat?.online);
  readonly #lessons = $derived(this.chat?.lessons);
  readonly #keeper = new ChatKeeper();
  /** As it was kept, until the server tells how it is. */
  #before: KeptChat | undefined;
  #keeping: ReturnType<typeof setTimeout> | undefined;
  #socket: Socket | undefined;
  #acks: Acknowledging | undefined;
  readonly #reads = new Reads((r, no) => this.socket.request('read', { r, no }));
  readonly #receipts = new Receipts(() => this.chat?.rooms.values() ?? [], (no) => this.socket.request('recv', { no }));
  readonly #gaps = new Gaps((id) => this.chat?.rooms.get(id), (r, after) => this.socket.request('sync', { r, after }));
  readonly #focus = new Focus(
    (r) => this.socket.request('focus', { r: [...r], pos: positions(this.chat, r) }),
    (room) => this.#learnReaders(room),
  );
  /** The focus with which this connection began. */
  #begun: readonly string[] = [];
  #typed = new Map<string, number>();
  #loading = new Map<string, Promise<boolean>>();

  async start(): Promise<void> {
    if (await this.#left()) return;
    this.#before ??= await this.#keeper.load();
    const late = setTimeout(() => this.#showKept(), SLOW_MS);
    try {
      const { me, choose } = await api<Session>('GET', '/session');
      if (choose) choosing.me = me;
      else if (this.me === undefined) this.signedIn(me);
    } catch (error) {
      if (error instanceof ApiError && error.code === 'unauthorized') {
        this.#before = undefined;
        await this.#keeper.clear(true);
        await untell();
        if (this.me) location.assign('/');
        this.me = null;
        return;
      }
      // No network, or a server that is just starting: whoever was signed in still is.
      this.#showKept();
      if (this.me !== undefined) return;
      this.status = 'waiting';
      setTimeout(() => void this.start(), 2_000);
    } finally {
      clearTimeout(late);
    }
  }

  // The connection goes on from there, or tells that the session is over.
  #showKept(): void {
    if (!this.#before || this.me !== undefined) return;
    const { chat, limits, direct } = this.#before;
    [this.chat, this.limits, this.direct] = [chat, limits, direct];
    this.signedIn(chat.me);
  }

  // Whether somebody signed out here. A server that could not be reached then is told now.
  async #left(): Promise<boolean> {
    const who = leaving();
    if (who === null) return false;
    // It may have been cut short.
    await forgetPerson(who, this.#keeper, true);
    // Somebody has signed in meanwhile.
    if (leaving() !== who) return false;
    try {
      await api('DELETE', '/session');
    } catch (error) {
      if (!(error instanceof ApiError && error.code === 'unauthorized')) {
        setTimeout(() => void this.#left(), 5_000);
        this.me = null;
        return true;
      }
    }
    left();
    return false;
  }

  signedIn(me: Person): void {
    // Whoever signs in at the form is meant, not who left just now.
    left();
    if (this.#before && this.#before.chat.me.id !== me.id) {
      this.#before = undefined;
      void this.#keeper.clear(true);
    }
    this.me = me;
    const tabs = tabsOf(() => void this.box?.refresh());
    const box = new Outbox(me.id, (message) => this.#post(message), (items) => (this.outbox = items), { tabs, moved: () => this.moved++ });
    this.box = box;
    void box.load();
    this.#acks = new Acknowledging(me.id, (id) => this.socket.request('msg.ack', { id }), (all) => {
      this.acking = all;
    });
    this.#acks.load();
    const scheme = location.protocol === 'https:' ? 'wss' : 'ws';
    const websocket = overWebSocket(`${scheme}://${location.host}${API}/ws`);
    const stream = onDemand(async () => (await import('../core/stream')).overStream(`${API}/stream`));
    const ways = new Ways({ websocket, stream }, isThere);
    this.#socket = new Socket(ways, {
      hello: () => this.#begin(),
      onHello: (ok) => this.#hello(ok),
      onEvent: (event) => this.#event(event),
      onStatus: (status, code) => this.#connection(status, code),
    });
    this.#socket.open();
    whenLeft(me.id, () => this.#go());
  }

  #go(): void {
    this.#socket?.close();
    clearTimeout(this.#keeping);
    void this.#keeper.clear(); // Leaving the page would still write.
    location.assign('/');
  }

  async signOut(): Promise<void> {
    if (!this.me) return;
    this.#socket?.close();
    clearTimeout(this.#keeping);
    leave(this.me.id);
    await forgetPerson(this.me.id, this.#keeper, false);
    await api('DELETE', '/session', undefined, AbortSignal.timeout(LEAVE_MS)).then(
      left,
      () => undefined,
    );
    this.#go();
  }

  get socket(): Socket {
    if (!this.#socket) throw new Error('not signed in');
    return this.#socket;
  }

  person(id: string): Person | undefined {
    return this.#people?.get(id);
  }

  isOnline(id: string): boolean {
    return this.#online?.has(id) ?? false;
  }

  isInLesson(id: string): boolean {
    return this.#lessons?.has(id) ?? false;
  }

  name(id: string): string {
    return this.person(id)?.name ?? '…';
  }

  /** Loads the page before what is held, once for all who ask meanwhile. False when there is nothing more. */
  older(room: Room): Promise<boolean> {
    const loading = this.#loading.get(room.id) ?? this.#load(room).finally(() => this.#loading.delete(room.id));
    this.#loading.set(room.id, loading);
    return loading;
  }

  /** Takes older events that were loaded apart, if they end where what is held begins. */
  prepend(room: string, page: Page): void {
    if (this.chat) this.chat = prepend(this.chat, room, page);
  }

  /** Asks who has read how far in a room. */
  async readers({ id, epoch }: Room): Promise<void> {
    const { readers } = await api<Readers>('GET', `/rooms/${encodeURIComponent(id)}/readers`);
    if (this.chat) this.chat = knowReaders(this.chat, id, epoch, readers);
  }

  async send(draft: Draft, cid?: string): Promise<void> {
    // The next word is news again.
    this.#typed.delete(draft.r);
    await this.box?.add({ ...draft, ...this.#noticed(draft.r) }, cid);
  }

  /** `room`: in which the person presses for it. */
  retry(cid: string, room = ''): void {
    void this.box?.retry(cid, this.#noticed(room).noticed);
  }

  // What is written where the notice stands.
  readonly #noticed = (room: string): { noticed?: true } => (this.chat?.rooms.get(room)?.safeguarded ? { noticed: true } : {});

  async discard(cid: string): Promise<void> {
    await this.box?.remove(cid);
  }

  /** Gives a message of one's own another text. */
  async edit(id: string, body: string): Promise<void> {
    await this.socket.request('msg.edit', { id, body });
  }

  /** Deletes a message for all. */
  async delete(id: string): Promise<void> {
    await this.socket.request('msg.delete', { id });
  }

  /** Answers a message with an emoji, or takes that back. */
  async react(id: string, emoji: string, on: boolean): Promise<void> {
    await this.socket.request('msg.react', { id, emoji, on });
  }

  /** Has a message sent at its time, or changes one that waits. */
  async sendLater(set: LaterSet): Promise<void> {
    this.#typed.delete(set.r);
    await this.socket.request('later.set', { ...set, ...this.#noticed(set.r) });
  }

  /** What waits in a room, by time. */
  async later(room: string): Promise<readonly Later[]> {
    return (await api<Laters>('GET', `/rooms/${encodeURIComponent(room)}/later`)).later;
  }

  /** Sends one that waits now, or not at all. */
  async decide(cid: string, now: boolean, room: string): Promise<void> {
    await this.socket.request(now ? 'later.now' : 'later.delete', { cid, ...this.#noticed(room) });
  }

  /** The author has seen why something was not sent. */
  seenUnsent(room: string): void {
    const unsent = new Map(this.unsent);
    if (unsent.delete(room)) this.unsent = unsent;
  }

  /** Votes in a poll; without answers takes the vote back. */
  async vote(id: string, opts: readonly number[]): Promise<OwnVote> {
    return this.socket.request('poll.vote', { id, opts: [...opts] });
  }

  /** What this person alone is told of a poll. */
  async ownVote(id: string): Promise<OwnVote> {
    return api<OwnVote>('GET', `/messages/${encodeURIComponent(id)}/poll`);
  }

  /** Who chose what. */
  async voters(id: string): Promise<Voters> {
    return api<Voters>('GET', `/messages/${encodeURIComponent(id)}/voters`);
  }

  /** Closes a poll for good. */
  async closePoll(id: string): Promise<void> {
    await this.socket.request('poll.close', { id });
  }

  /** This person has acknowledged a message; the server is told as soon as it can be. */
  acknowledge(id: string): void {
    this.#acks?.add(id);
  }

  /** Recalls a message to those who have not acknowledged it. */
  async remind(id: string): Promise<void> {
    await this.socket.request('msg.remind', { id });
  }

  /** Pins a message in its room, or takes it down. */
  async pin(id: string, on: boolean): Promise<void> {
    await this.socket.request('msg.pin', { id, on });
  }

  /** Asks what is pinned in a room. */
  async learnPins({ id, epoch }: Room): Promise<void> {
    const { hits } = await api<Found>('GET', `/rooms/${encodeURIComponent(id)}/pins`);
    if (this.chat) this.chat = knowPins(this.chat, id, epoch, hits);
  }

  /** What a message said before. */
  async versions(id: string): Promise<readonly Version[]> {
    return (await api<Versions>('GET', `/messages/${encodeURIComponent(id)}/versions`)).versions;
  }

  /** The reader has this room before them: from now on all that happens in it is told. */
  open(room: string): void {
    if (!this.chat || this.chat.rooms.has(room)) this.#focus.open(room);
  }

  /** The reader has seen the room's messages up to `no`. */
  read(room: string, no: number): void {
    if (!this.chat || no <= (this.chat.rooms.get(room)?.readNo ?? no)) return;
    this.chat = markRead(this.chat, room, no);
    this.#reads.read(room, no);
  }

  /** What is held is kept on the device, soon. */
  keep(): void {
    this.#keeping ??= setTimeout(() => this.#keep(), KEEP_MS);
  }

  #keep(): void {
    clearTimeout(this.#keeping);
    this.#keeping = undefined;
    if (this.chat) void this.#keeper.save({ chat: this.chat, limits: this.limits, direct: this.direct });
  }

  /** The page goes out of sight, maybe for good. */
  hidden(): void {
    this.#keep();
    this.#reads.flush();
    this.begun.flush();
    this.#socket?.tell('visible', { on: false });
  }

  writes(room: string): void {
    const now = Date.now();
    if (now - (this.#typed.get(room) ?? 0) < TYPING_EVERY_MS) return;
    this.#typed.set(room, now);
    this.#socket?.tell('typing', { r: room });
  }

  /** The page is looked at again. */
  seen(): void {
    this.nudge();
    void this.box?.refresh();
    this.#socket?.tell('visible', { on: true });
  }

  /** Whether the connection still lives, or could, is found out now instead of by its silence. */
  nudge(): void {
    // The read pointer never moves back: this asks for nothing but an answer.
    const [room] = this.chat?.rooms.keys() ?? [];
    if (room === undefined) this.#socket?.nudge();
    else this.#socket?.probe('read', { r: room, no: 0 });
  }

  /** Connects after the server had asked to stay away. */
  again(): void {
    this.stopped = undefined;
    this.#socket?.open();
  }

  get #held(): Chat | undefined {
    return this.chat ?? this.#before?.chat;
  }

  #begin(): Hello {
    this.#begun = [...this.#focus.rooms];
    return { v: 1, dev: device(), app: 'web', pos: positions(this.#held, this.#begun), focus: [...this.#begun] };
  }

  #hello(ok: HelloOk): void {
    // Another tab of this browser has signed somebody else in: nothing of one person's goes out as another's.
    if (this.me?.id !== ok.me.id) {
      this.#socket?.close();
      void this.#keeper.clear(true).then(() => location.reload());
      return;
    }
    this.chat = greet(this.#held, ok);
    this.#before = undefined;
    // Read without a network, by a page that is no more.
    for (const { id, read_no } of ok.rooms) {
      const readNo = this.chat.rooms.get(id)?.readNo ?? read_no;
      if (readNo > read_no) this.#reads.read(id, readNo);
    }
    this.limits = ok.lim;
    this.direct = { who: ok.direct, withLearners: ok.with_learners ?? 'private' };
    this.reports = ok.reports ?? {};
    notices.greet(ok.notify, ok.srv);
    this.#receipts.known(ok.rooms);
  }

  #event(event: Event): void {
    if (this.chat) this.chat = reduce(this.chat, event);
    switch (event.e) {
      case 'msg':
        void this.box?.arrived(event.d.cid);
        this.#stopsTyping(event.r, event.d.by);
        this.#gaps.heard(event.r);
        this.#receipts.heard();
        return;
      case 'msg.changed':
      case 'msg.reacted':
      case 'poll':
      case 'msg.acked':
      case 'msg.reminded':
      case 'msg.pinned':
      case 'msg.expired':
      case 'call.started':
      case 'call.ended':
        this.#gaps.heard(event.r);
        return;
      case 'reset':
        this.#gaps.heard(event.r);
        this.#receipts.heard();
        return;
      case 'bump':
        if (event.d.last) void this.box?.arrived(event.d.last.cid);
        this.#receipts.heard();
        return;
      case 'u.later':
        if (event.d.refused) this.unsent = new Map(this.unsent).set(event.d.r, event.d.refused);
        return;
      case 'u.voted':
        this.voted = { id: event.d.id };
        return;
      case 'u.left':
        this.#focus.left(event.d.r);
        this.drafts.delete(event.d.r);
        this.begun.forget(event.d.r);
        return;
      case 'u.room':
        this.#receipts.heard();
        return;
      case 'u.notify':
        notices.told(event.d);
        return;
      case 'u.reports':
        api<ReportNews>('GET', '/reports/news').then((news) => (this.reports = news), () => undefined);
        return;
      case 'lag':
        this.#gaps.lag(event.r, event.s);
        this.#learnReaders(event.r);
        return;
      case 'typing':
        this.#startsTyping(event.r, event.d.u);
        return;
      case 'ready':
        this.#focus.ready(this.#begun, (room) => this.chat?.rooms.has(room) ?? false);
        if (document.visibilityState === 'visible') this.#socket?.tell('visible', { on: true });
        this.#reads.flush();
        this.begun.flush();
        this.#receipts.heard();
        this.box?.online();
        this.#acks?.online();
        this.lesson?.ready();
        return;
      case 'call.people':
      case 'call.slots':
      case 'call.untaken':
      case 'call.speaking':
      case 'call.layers':
      case 'call.codec':
      case 'call.quality':
      case 'call.links':
      case 'call.gone':
        this.lesson?.event(event);
        return;
      default:
        return;
    }
  }

  #connection(status: Status, code: number | undefined): void {
    this.status = status;
    if (status !== 'ready') {
      this.box?.offline(status === 'ended');
      this.#acks?.offline();
      this.#focus.lost();
      this.#gaps.lost();
      this.#receipts.lost();
    }
    if (status !== 'ended' || code === undefined) return;
    if (code === SIGNED_OUT || code === LOGGED_OUT) void this.#keeper.clear().then(untell).then(() => location.assign('/'));
    // To come back by itself would push out another of this person's pages, which would come back in turn.
    else this.stopped = code === TOO_MANY ? 'many' : code === TOO_OLD ? 'old' : 'fault';
  }

  async #post(message: MsgSend): Promise<MsgSent> {
    const sent = await this.socket.request('msg.send', message);
    this.#clearSent(message);
    if (this.chat) this.chat = acknowledge(this.chat, message.r, sent);
    return sent;
  }

  // After a reload nobody else knows that this text was not left there to be sent.
  #clearSent({ r, body }: MsgSend): void {
    if (this.chat?.rooms.get(r)?.draft?.body.trim() === body && body && !this.begun.isOwn(r)) this.begun.clear(r, true);
  }

  async #load(room: Room): Promise<boolean> {
    const page = await api<EventsPage>(
      'GET',
      `/rooms/${encodeURIComponent(room.id)}/events?before=${firstSeq(room)}&limit=${PAGE_EVENTS}`,
    );
    if (this.chat) this.chat = prepend(this.chat, room.id, page);
    return page.more;
  }

  // News of readers follow. Without an answer they are asked for again when the list of them is opened.
  #learnReaders(id: string): void {
    const room = this.chat?.rooms.get(id);
    if (room && room.members.length <= READ_TOLD_MEMBERS_MAX) this.readers(room).catch(() => undefined);
  }

  #startsTyping(room: string, person: string): void {
    const until = Date.now() + TYPING_MS;
    this.#setTyping(room, (all) => all.set(person, until));
    setTimeout(() => {
      if (this.typing.get(room)?.get(person) === until) this.#stopsTyping(room, person);
    }, TYPING_MS);
  }

  #stopsTyping(room: string, person: string): void {
    if (this.typing.get(room)?.has(person)) this.#setTyping(room, (all) => all.delete(person));
  }

  #setTyping(room: string, change: (all: Map<string, number>) => unknown): void {
    const all = new Map(this.typing.get(room));
    change(all);
    this.typing = new Map(this.typing).set(room, all);
  }
}

export const app = new App();
