// The WebSocket: hello, requests, events, coming back by itself. docs/PROTOCOL.md is the spec.

import { backoff } from './backoff';
import type { CallJoined } from './wire/CallJoined';
import type { CallRestarted } from './wire/CallRestarted';
import type { CallStarted } from './wire/CallStarted';
import type { Command } from './wire/Command';
import type { ErrorBody } from './wire/ErrorBody';
import type { Event } from './wire/Event';
import type { Hello } from './wire/Hello';
import type { HelloOk } from './wire/HelloOk';
import type { MsgSent } from './wire/MsgSent';

export const SUBPROTOCOL = 'hub.v1.json';
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
  sync: object;
  focus: object;
  read: object;
  typing: object;
  'call.start': CallStarted;
  'call.join': CallJoined;
  'call.restart': CallRestarted;
  'call.set': object;
  'call.view': object;
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
  readonly #url: string;
  readonly #handlers: Handlers;
  #ws: WebSocket | undefined;
  #waiting = new Map<number, Waiting>();
  #next = 1;
  #tries = 0;
  #retry: ReturnType<typeof setTimeout> | undefined;
  #silence: ReturnType<typeof setTimeout> | undefined;
  #stable: ReturnType<typeof setTimeout> | undefined;
  #silenceMs = HELLO_TIMEOUT_MS;
  #waitAtLeast = 0;

  constructor(url: string, handlers: Handlers) {
    this.#url = url;
    this.#handlers = handlers;
  }

  open(): void {
    clearTimeout(this.#retry);
    this.#set('connecting');
    const ws = new WebSocket(this.#url, SUBPROTOCOL);
    this.#ws = ws;
    ws.onopen = () => void this.#hello(ws);
    ws.onmessage = (message) => {
      if (ws === this.#ws) this.#frames(String(message.data));
    };
    ws.onclose = (close) => {
      if (ws === this.#ws) this.#lost(close.code);
    };
    this.#listen();
  }

  /** Ends for good. */
  close(): void {
    this.#set('ended');
    clearTimeout(this.#retry);
    clearTimeout(this.#stable);
    clearTimeout(this.#silence);
    const ws = this.#ws;
    this.#ws = undefined;
    ws?.close(1000);
    this.#failAll();
  }

  /** Now is a good time to try: the network is back, or the reader is. */
  nudge(): void {
    if (this.status === 'waiting') {
      clearTimeout(this.#retry);
      this.#retry = setTimeout(() => this.open(), Math.random() * 1_000);
    }
  }

  /** Whether the connection survived a change of network shows by an answer; without one it is given up. */
  probe<M extends Method>(m: M, p: Params<M>): void {
    if (this.status !== 'ready') {
      this.nudge();
      return;
    }
    const ws = this.#ws;
    const late = setTimeout(() => {
      if (ws !== this.#ws) return;
      ws?.close();
      this.#lost(undefined);
    }, PROBE_MS);
    this.request(m, p)
      .catch(() => undefined)
      .finally(() => clearTimeout(late));
  }

  request<M extends Method>(m: M, p: Params<M>): Promise<Results[M]> {
    const ws = this.#ws;
    if (ws?.readyState !== WebSocket.OPEN) return Promise.reject(new Unanswered());
    const i = this.#next++;
    return new Promise<Results[M]>((resolve, reject) => {
      this.#waiting.set(i, { resolve: (value) => resolve(value as Results[M]), reject });
      ws.send(JSON.stringify({ i, m, p }));
    });
  }

  /** A command without an answer; lost when there is no connection. */
  tell<M extends Method>(m: M, p: Params<M>): void {
    if (this.status === 'ready') this.#ws?.send(JSON.stringify({ m, p }));
  }

  async #hello(ws: WebSocket): Promise<void> {
    try {
      const ok = await this.request('hello', this.#handlers.hello());
      this.#silenceMs = (ok.ping + ok.pongto) * 1_000;
      this.#set('catching-up');
      this.#handlers.onHello(ok);
    } catch {
      ws.close();
    }
  }

  #frames(text: string): void {
    this.#listen();
    for (const line of text.split('\n')) {
      if (line.trim() !== '') this.#frame(JSON.parse(line) as Record<string, unknown>);
    }
  }

  #frame(frame: Record<string, unknown>): void {
    if (typeof frame['e'] === 'string') {
      const event = frame as unknown as Event;
      if (event.e === 'ready') this.#ready();
      if (event.e === 'bye') this.#waitAtLeast = event.d.after;
      this.#handlers.onEvent(event);
    } else if (typeof frame['i'] === 'number') {
      const waiting = this.#waiting.get(frame['i']);
      this.#waiting.delete(frame['i']);
      if ('err' in frame) waiting?.reject(new Refused(frame['err'] as ErrorBody));
      else waiting?.resolve(frame['ok']);
    } else {
      this.#ws?.send('{}');
    }
  }

  #ready(): void {
    this.#set('ready');
    this.#stable = setTimeout(() => {
      this.#tries = 0;
    }, STABLE_MS);
  }

  // A connection that says nothing for too long is dead, whatever the browser believes.
  #listen(): void {
    clearTimeout(this.#silence);
    this.#silence = setTimeout(() => {
      this.#ws?.close();
      this.#lost(undefined);
    }, this.#silenceMs);
  }

  #lost(code: number | undefined): void {
    clearTimeout(this.#silence);
    clearTimeout(this.#stable);
    this.#ws = undefined;
    this.#failAll();
    if (this.status === 'ended') return;
    if (code !== undefined && code >= 4500 && code < 5000) {
      this.#set('ended', code);
      return;
    }
    this.#set('waiting', code);
    const wait = this.#waitAtLeast + backoff(this.#tries++, Math.random());
    this.#waitAtLeast = 0;
    clearTimeout(this.#retry);
    this.#retry = setTimeout(() => this.open(), wait);
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
