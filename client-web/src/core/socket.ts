// The connection: hello, requests, events, coming back by itself. docs/PROTOCOL.md is the spec.

import { Pauses } from './backoff';
import { isFinal } from './codes';
import type { Link } from './link';
import type { Way, Ways } from './ways';
import type { CallIce } from './wire/CallIce';
import type { CallJoined } from './wire/CallJoined';
import type { CallRestarted } from './wire/CallRestarted';
import type { CallStarted } from './wire/CallStarted';
import type { Command } from './wire/Command';
import type { DraftKept } from './wire/DraftKept';
import type { ErrorBody } from './wire/ErrorBody';
import type { Event } from './wire/Event';
import type { Hello } from './wire/Hello';
import type { HelloOk } from './wire/HelloOk';
import type { MsgSent } from './wire/MsgSent';
import type { OwnVote } from './wire/OwnVote';

/** A connection that lasted this long was a good one: the next loss starts again with short waits. */
const STABLE_MS = 30_000;
const HELLO_TIMEOUT_MS = 10_000;
/** How long the answer to a probe may take. */
const PROBE_MS = 3_000;

export type Method = Command['m'];
export type Params<M extends Method> = Extract<Command, { m: M }>['p'];

export interface Results {
  hello: HelloOk;
  'msg.send': MsgSent;
  'msg.edit': object;
  'msg.delete': object;
  'msg.react': object;
  'poll.vote': OwnVote;
  'poll.close': object;
  'draft.set': DraftKept;
  'later.set': object;
  'later.delete': object;
  'later.now': object;
  'msg.ack': object;
  'msg.remind': object;
  'msg.pin': object;
  sync: object;
  focus: object;
  read: object;
  recv: object;
  typing: object;
  visible: object;
  'notify.room': object;
  'notify.hours': object;
  'notify.pause': object;
  'notify.lessons': object;
  'call.start': CallStarted;
  'call.ice': CallIce;
  'call.join': CallJoined;
  'call.restart': CallRestarted;
  'call.set': object;
  'call.view': object;
  'call.stats': object;
  'call.watch': object;
  'call.leave': object;
  'call.end': object;
}

/** 'ended': the server said not to come back (signed out, or the page is too old). */
export type Status = 'connecting' | 'catching-up' | 'ready' | 'waiting' | 'ended';

/** The server's refusal of a request. */
export class Refused extends Error {
  readonly error: ErrorBody;

  constructor(error: ErrorBody) {
    super(error.c);
    this.error = error;
  }
}

/** The connection went before the answer came: it may have been done or not. */
export class Unanswered extends Error {}

export interface Handlers {
  hello(): Hello;
  onHello(ok: HelloOk): void;
  onEvent(event: Event): void;
  onStatus(status: Status, closeCode: number | undefined): void;
}

interface Waiting {
  resolve(value: unknown): void;
  reject(error: Error): void;
}

export class Socket {
  status: Status = 'connecting';
  readonly #ways: Ways;
  readonly #handlers: Handlers;
  readonly #pauses = new Pauses();
  #link: Link | undefined;
  #way: Way = 'websocket';
  /** Whether the link takes commands. */
  #opened = false;
  #waiting = new Map<number, Waiting>();
  #next = 1;
  #retry: ReturnType<typeof setTimeout> | undefined;
  #retryAt = 0;
  #silence: ReturnType<typeof setTimeout> | undefined;
  #silenceMs = HELLO_TIMEOUT_MS;
  #stable: ReturnType<typeof setTimeout> | undefined;
  #probing: Link | undefined;

  constructor(ways: Ways, handlers: Handlers) {
    this.#ways = ways;
    this.#handlers = handlers;
  }

  open(): void {
    clearTimeout(this.#retry);
    this.#drop();
    this.#set('connecting');
    const { way, connect } = this.#ways.next(Date.now());
    this.#way = way;
    this.#link = connect({
      opened: () => this.#hello(),
      frames: (text) => this.#frames(text),
      closed: (code, after) => {
        if (after) this.#pauses.asked(Date.now(), after);
        this.#lost(code);
      },
    });
    this.#silenceMs = HELLO_TIMEOUT_MS;
    this.#listen();
  }

  /** Ends for good. */
  close(): void {
    this.#set('ended');
    clearTimeout(this.#retry);
    this.#drop();
  }

  /** Now is a good time to try: the network is back, or the reader is. */
  nudge(): void {
    if (this.status !== 'waiting') return;
    const wait = this.#pauses.back(Date.now(), Math.random());
    if (Date.now() + wait < this.#retryAt) this.#openIn(wait);
  }

  /** Whether the connection survived a change of network shows by an answer; without one it is given up. */
  probe<M extends Method>(m: M, p: Params<M>): void {
    const link = this.#link;
    if (this.status !== 'ready') this.nudge();
    if (this.status !== 'ready' || link === this.#probing) return;
    this.#probing = link;
    const late = setTimeout(() => link === this.#link && this.#lost(undefined), PROBE_MS);
    this.request(m, p)
      .catch(() => undefined)
      .finally(() => {
        clearTimeout(late);
        if (this.#probing === link) this.#probing = undefined;
      });
  }

  request<M extends Method>(m: M, p: Params<M>): Promise<Results[M]> {
    return new Promise<Results[M]>((resolve, reject) => {
      this.#ask(m, p, { resolve: (value) => resolve(value as Results[M]), reject });
    });
  }

  /** A command without an answer; lost when there is no connection. */
  tell<M extends Method>(m: M, p: Params<M>): void {
    if (this.status === 'ready') this.#link?.send(JSON.stringify({ m, p }));
  }

  #ask<M extends Method>(m: M, p: Params<M>, waiting: Waiting): void {
    if (!this.#link || !this.#opened) {
      waiting.reject(new Unanswered());
      return;
    }
    const i = this.#next++;
    this.#waiting.set(i, waiting);
    this.#link.send(JSON.stringify({ i, m, p }));
  }

  #hello(): void {
    this.#opened = true;
    this.#ask('hello', this.#handlers.hello(), {
      // Not through a promise: events may follow in the same frame, and they are news of this snapshot.
      resolve: (value) => {
        const ok = value as HelloOk;
        this.#silenceMs = (ok.ping + ok.pongto) * 1_000;
        this.#listen();
        this.#set('catching-up');
        this.#handlers.onHello(ok);
      },
      // The server closes, which tells why.
      reject: () => undefined,
    });
  }

  #frames(text: string): void {
    this.#listen();
    this.#ways.reached(this.#way);
    for (const line of text.split('\n')) {
      if (line.trim() !== '') this.#frame(JSON.parse(line) as Record<string, unknown>);
    }
  }

  #frame(frame: Record<string, unknown>): void {
    if (typeof frame['e'] === 'string') {
      const event = frame as unknown as Event;
      if (event.e === 'ready') this.#ready();
      if (event.e === 'bye') this.#pauses.asked(Date.now(), event.d.after);
      this.#handlers.onEvent(event);
    } else if (typeof frame['i'] === 'number') {
      const waiting = this.#waiting.get(frame['i']);
      this.#waiting.delete(frame['i']);
      if ('err' in frame) waiting?.reject(new Refused(frame['err'] as ErrorBody));
      else waiting?.resolve(frame['ok']);
    } else {
      this.#link?.send('{}');
    }
  }

  #ready(): void {
    this.#set('ready');
    this.#stable = setTimeout(() => this.#pauses.stable(), STABLE_MS);
  }

  // A connection that says nothing for too long is dead, whatever the browser believes.
  #listen(): void {
    clearTimeout(this.#silence);
    this.#silence = setTimeout(() => this.#lost(undefined), this.#silenceMs);
  }

  #lost(code: number | undefined): void {
    if (this.#link?.reached === false) void this.#ways.failed(this.#way, Date.now());
    this.#drop();
    if (this.status === 'ended') return;
    if (isFinal(code)) {
      this.#set('ended', code);
      return;
    }
    this.#openIn(this.#pauses.lost(Date.now(), code, Math.random()));
    this.#set('waiting', code);
  }

  #openIn(wait: number): void {
    clearTimeout(this.#retry);
    this.#retryAt = Date.now() + wait;
    this.#retry = setTimeout(() => this.open(), wait);
  }

  #drop(): void {
    clearTimeout(this.#silence);
    clearTimeout(this.#stable);
    this.#opened = false;
    const link = this.#link;
    this.#link = undefined;
    link?.close();
    this.#failAll();
  }

  #failAll(): void {
    const waiting = [...this.#waiting.values()];
    this.#waiting.clear();
    for (const one of waiting) one.reject(new Unanswered());
  }

  #set(status: Status, code?: number): void {
    this.status = status;
    this.#handlers.onStatus(status, code);
  }
}
