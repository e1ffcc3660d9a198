// One connection to the server, by whichever way. `Socket` speaks the protocol over it.

export const SUBPROTOCOL = 'hub.v1.json';

/** What a link tells of itself: once `opened`, then frames, once `closed`. After its `close` it tells nothing more. */
export interface Listener {
  /** Commands may be sent, `hello` first. */
  opened(): void;
  /** One or several lines of JSON. */
  frames(text: string): void;
  /** `code` as in the table of close codes, if there was one; `after` how many milliseconds the server said to wait. */
  closed(code: number | undefined, after?: number): void;
}

export interface Link {
  /** Whether the server was reached this way. */
  readonly reached: boolean;
  /** A line of JSON. */
  send(line: string): void;
  close(): void;
}

export type Connect = (listener: Listener) => Link;

export const overWebSocket =
  (url: string): Connect =>
  (listener) => {
    try {
      return open(new WebSocket(url, SUBPROTOCOL), listener);
    } catch {
      // Some browsers throw at once where something forbids WebSockets.
      const timer = setTimeout(() => listener.closed(undefined));
      return { reached: false, send: () => undefined, close: () => clearTimeout(timer) };
    }
  };

/** A way whose code comes when it is first taken. Where it cannot be had, the connection has failed like any other. */
export const onDemand =
  (load: () => Promise<Connect>): Connect =>
  (listener) => {
    let link: Link | undefined;
    let over = false;
    const begin = (connect: Connect): void => {
      if (!over) link = connect(listener);
    };
    load().then(begin, () => over || listener.closed(undefined));
    return {
      get reached() {
        return link?.reached ?? false;
      },
      send: (line) => link?.send(line),
      close: () => {
        over = true;
        link?.close();
      },
    };
  };

function open(ws: WebSocket, listener: Listener): Link {
  let reached = false;
  ws.onopen = () => {
    reached = true;
    listener.opened();
  };
  ws.onmessage = (message) => listener.frames(String(message.data));
  ws.onclose = (close) => listener.closed(close.code);
  return {
    get reached() {
      return reached;
    },
    send: (line) => ws.send(line),
    close: () => {
      ws.onopen = ws.onmessage = ws.onclose = null;
      ws.close(1000);
    },
  };
}
