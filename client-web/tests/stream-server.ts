/// <reference types="node" />
// A small server that speaks the stream of docs/PROTOCOL.md over real HTTP. What it answers is up to the test.

import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface Command {
  readonly i?: number;
  readonly m?: string;
  readonly p?: unknown;
}

/** One open stream. */
export class Stream {
  readonly #response: ServerResponse;
  readonly gone: Promise<void>;

  constructor(response: ServerResponse) {
    this.#response = response;
    this.gone = new Promise((resolve) => response.once('close', resolve));
  }

  write(bytes: string | Uint8Array): void {
    this.#response.write(bytes);
  }

  says(...frames: unknown[]): void {
    for (const frame of frames) this.write(`data: ${JSON.stringify(frame)}\n\n`);
  }

  ends(code: number): void {
    this.#response.end(`event: close\ndata: {"c":${code}}\n\n`);
  }

  breaks(): void {
    this.#response.destroy();
  }
}

type Refusal = { readonly status: number; readonly headers?: Record<string, string>; readonly body?: string };

export class StreamServer {
  readonly streams: Stream[] = [];
  /** Commands as they came, pongs too, and how many came with each request. */
  readonly commands: Command[] = [];
  readonly batches: number[] = [];
  readonly bodies: number[] = [];
  /** Requests with commands that were under way at once, at most. */
  together = 0;
  /** What the next requests are answered instead. */
  refusal: Refusal | undefined;
  hears: (command: Command, stream: Stream) => void = () => undefined;
  readonly #server: Server;
  #under = 0;

  private constructor() {
    this.#server = createServer((request, response) => void this.#answer(request, response));
  }

  static async start(): Promise<StreamServer> {
    const server = new StreamServer();
    await new Promise<void>((resolve) => server.#server.listen(0, '127.0.0.1', resolve));
    return server;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/api/v1/stream`;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body: Buffer[] = [];
    for await (const chunk of request) body.push(chunk as Buffer);
    if (this.refusal) {
      const { status, headers, body: page } = this.refusal;
      response.writeHead(status, headers).end(page);
      return;
    }
    const text = Buffer.concat(body).toString();
    const name = /stream\/(\d+)$/.exec(request.url ?? '')?.[1];
    if (name === undefined) this.#open(text, response);
    else await this.#take(text, this.streams[Number(name)], response);
  }

  #open(hello: string, response: ServerResponse): void {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    const stream = new Stream(response);
    stream.write(`event: open\ndata: {"c":"${this.streams.length}"}\n\n`);
    this.streams.push(stream);
    this.#hear(hello, stream);
  }

  async #take(text: string, stream: Stream | undefined, response: ServerResponse): Promise<void> {
    this.#under += 1;
    this.together = Math.max(this.together, this.#under);
    // A later request would overtake this one, if there were one.
    await new Promise((resolve) => setImmediate(resolve));
    this.bodies.push(Buffer.byteLength(text));
    if (stream) this.batches.push(this.#hear(text, stream));
    this.#under -= 1;
    response.writeHead(stream ? 204 : 404).end();
  }

  #hear(text: string, stream: Stream): number {
    const commands = text.split('\n').map((line) => JSON.parse(line) as Command);
    this.commands.push(...commands);
    for (const command of commands) this.hears(command, stream);
    return commands.length;
  }
}
