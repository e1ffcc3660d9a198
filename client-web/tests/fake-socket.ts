// A WebSocket whose other end is the test.

import { vi } from 'vitest';
import { overWebSocket, type Connect } from '../src/core/link';
import { Ways } from '../src/core/ways';

type Close = { code: number };

export class FakeSocket {
  static readonly OPEN = 1;
  static all: FakeSocket[] = [];
  readyState = 0;
  readonly sent: string[] = [];
  onopen: (() => void) | null = null;
  onmessage: ((message: { data: string }) => void) | null = null;
  onclose: ((close: Close) => void) | null = null;

  constructor(
    readonly url: string,
    readonly protocol: string,
  ) {
    FakeSocket.all.push(this);
  }

  static install(): void {
    FakeSocket.all = [];
    vi.stubGlobal('WebSocket', FakeSocket);
  }

  static last(): FakeSocket {
    const last = FakeSocket.all.at(-1);
    if (!last) throw new Error('nobody connected');
    return last;
  }

  send(text: string): void {
    this.sent.push(text);
  }

  close(): void {
    if (this.readyState === 3) return;
    this.readyState = 3;
    this.onclose?.({ code: 1005 });
  }

  opens(): void {
    this.readyState = FakeSocket.OPEN;
    this.onopen?.();
  }

  says(...frames: unknown[]): void {
    this.onmessage?.({ data: frames.map((one) => JSON.stringify(one)).join('\n') });
  }

  closes(code: number): void {
    this.readyState = 3;
    this.onclose?.({ code });
  }

  /** The commands that were sent, without answers to pings. */
  commands(): { i?: number; m: string; p: unknown }[] {
    return this.sent.map((text) => JSON.parse(text) as { i?: number; m: string; p: unknown }).filter((one) => 'm' in one);
  }
}

/** WebSockets only, unless `stream` is given and `isThere` says that the server is. */
export const fakeWays = (stream: Connect = overWebSocket('ws://stream/'), isThere = false): Ways =>
  new Ways({ websocket: overWebSocket('ws://test/'), stream }, () => Promise.resolve(isThere));
