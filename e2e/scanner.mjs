// A virus scanner that speaks clamd's protocol and finds one text.
import { once } from 'node:events';
import { createServer } from 'node:net';

/** What it finds. */
export const VIRUS = 'This is not a virus, but it counts as one.';

/** @returns {Promise<{address: string, close(): void}>} */
export async function startScanner() {
  const server = createServer((socket) => {
    let heard = Buffer.alloc(0);
    socket.on('error', () => undefined);
    socket.on('data', (bytes) => {
      heard = Buffer.concat([heard, bytes]);
      // The last piece of a stream is empty.
      if (!heard.subarray(-4).equals(Buffer.alloc(4))) return;
      socket.end(heard.includes(VIRUS) ? 'stream: Parta-Test FOUND\0' : 'stream: OK\0');
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = /** @type {import('node:net').AddressInfo} */ (server.address());
  return { address: `127.0.0.1:${port}`, close: () => void server.close() };
}
