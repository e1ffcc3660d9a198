// The way where WebSockets are blocked (docs/PROTOCOL.md): frames come as events of one long answer, commands go as
// requests. Those have one request on its way at a time, which keeps their order.

import { createParser, type EventSourceMessage } from 'eventsource-parser';
import { SIGNED_OUT, TOO_OLD } from './codes';
import type { Connect, Link, Listener } from './link';
import type { ErrorBody } from './wire/ErrorBody';

/** Largest body of a request with commands, in bytes. */
const BODY_BYTES_MAX = 65_536;

export const overStream =
  (url: string): Connect =>
  (listener) =>
    new Stream(url, listener);

class Stream implements Link {
  reached = false;
  readonly #url: string;
  readonly #listener: Listener;
  readonly #abort = new AbortController();
  /** Where commands go; unknown until the answer begins. */
  #name: string | undefined;
  #begun = false;
  #over = false;
  #sending = false;
  #lines: string[] = [];

  constructor(url: string, listener: Listener) {
    this.#url = url;
    this.#listener = listener;
    // There is nothing to wait for: the first line, `hello`, is the body of the request that opens the stream.
    setTimeout(() => this.#over || listener.opened());
  }

  send(line: string): void {
    if (this.#over) return;
    if (this.#begun) {
      this.#lines.push(line);
      void this.#flush();
    } else {
      this.#begun = true;
      void this.#open(line);
    }
  }

  close(): void {
    this.#over = true;
    this.#abort.abort();
  }

  async #open(hello: string): Promise<void> {
    const response = await this.#post(this.#url, hello);
    if (!response) return;
    if (!response.ok) return this.#refused(response);
    // Whoever sits in between may answer with a page of their own.
    if (!response.headers.get('content-type')?.startsWith('text/event-stream')) return this.#end(undefined);
    await this.#read(response.body?.getReader());
  }

  async #read(reader: ReadableStreamDefaultReader<Uint8Array> | undefined): Promise<void> {
    const text = new TextDecoder();
    const parser = createParser({ onEvent: (event) => this.#event(event) });
    try {
      for (;;) {
        // A connection that breaks in the middle ends like one that ends.
        const chunk = await reader?.read().catch(() => undefined);
        if (!chunk?.value) return;
        parser.feed(text.decode(chunk.value, { stream: true }));
      }
    } finally {
      this.#end(undefined);
    }
  }

  #event({ event, data }: EventSourceMessage): void {
    if (this.#over) return;
    if (event === undefined) {
      this.#listener.frames(data);
      return;
    }
    const { c } = JSON.parse(data) as { c: unknown };
    if (event === 'open') {
      this.reached = true;
      this.#name = String(c);
      void this.#flush();
    } else if (event === 'close') {
      this.#end(Number(c));
    }
  }

  async #flush(): Promise<void> {
    if (this.#sending || this.#name === undefined) return;
    this.#sending = true;
    while (this.#lines.length > 0 && !this.#over) {
      const batch = this.#lines.splice(0, fitting(this.#lines));
      // Whether commands of a lost request were heard is unknown: the connection is over, and what must not be lost is
      // sent again on the next.
      const response = await this.#post(`${this.#url}/${encodeURIComponent(this.#name)}`, batch.join('\n'));
      if (response && !response.ok) await this.#refused(response);
    }
    this.#sending = false;
  }

  async #post(url: string, body: string): Promise<Response | undefined> {
    try {
      return await fetch(url, {
        method: 'POST',
        credentials: 'same-origin',
        headers: { 'content-type': 'application/x-ndjson' },
        body,
        signal: this.#abort.signal,
      });
    } catch {
      this.#end(undefined);
      return undefined;
    }
  }

  async #refused(response: Response): Promise<void> {
    const error = await response.json().catch(() => ({})) as Partial<ErrorBody>;
    const code = error.c === 'unauthorized' ? SIGNED_OUT : error.c === 'unsupported_version' ? TOO_OLD : undefined;
    this.#end(code, Math.max(error.after ?? 0, retryAfter(response.headers.get('retry-after'), Date.now())));
  }

  #end(code: number | undefined, after = 0): void {
    if (this.#over) return;
    this.close();
    this.#listener.closed(code, after);
  }
}

/** How many lines, from the first one on, fit into one request; at least one. */
function fitting(lines: readonly string[]): number {
  const encoder = new TextEncoder();
  let bytes = 0;
  const tooMany = lines.findIndex((line) => (bytes += encoder.encode(line).length + 1) > BODY_BYTES_MAX + 1);
  return tooMany < 0 ? lines.length : Math.max(1, tooMany);
}

/** `Retry-After` in milliseconds (RFC 9110 §10.2.3): seconds, or a date. */
export function retryAfter(value: string | null, now: number): number {
  if (value === null) return 0;
  const wait = /^\d+$/.test(value) ? Number(value) * 1_000 : Date.parse(value) - now;
  return wait > 0 ? wait : 0;
}
