import { beforeEach, describe, expect, it } from 'vitest';
import { BLOCKED_MS, Ways } from '../src/core/ways';

const connect = () => ({ reached: false, send: () => undefined, close: () => undefined });
let isThere: boolean;
const ways = (): Ways => new Ways({ websocket: connect, stream: connect }, () => Promise.resolve(isThere));

beforeEach(() => {
  isThere = true;
});

async function blocked(): Promise<Ways> {
  const all = ways();
  await all.failed('websocket', 0);
  await all.failed('websocket', 1_000);
  return all;
}

describe('the way to the server', () => {
  it('is a WebSocket until two upgrades have failed', async () => {
    const all = ways();
    await all.failed('websocket', 0);
    expect(all.next(0).way).toBe('websocket');
    await all.failed('websocket', 1_000);
    expect(all.next(1_000).way).toBe('stream');
  });

  it('stays a WebSocket while the server is away', async () => {
    const all = ways();
    isThere = false;
    for (let now = 0; now < 10; now++) await all.failed('websocket', now);
    expect(all.next(10).way).toBe('websocket');
  });

  it('stays a WebSocket when one came through in between', async () => {
    const all = ways();
    await all.failed('websocket', 0);
    all.reached('websocket');
    await all.failed('websocket', 1_000);
    expect(all.next(1_000).way).toBe('websocket');
  });

  it('is a WebSocket again after a while, and the stream again when that fails once', async () => {
    const all = await blocked();
    all.reached('stream');
    expect(all.next(BLOCKED_MS).way).toBe('stream');
    expect(all.next(BLOCKED_MS + 1_000).way).toBe('websocket');
    await all.failed('websocket', BLOCKED_MS + 2_000);
    expect(all.next(BLOCKED_MS + 2_000).way).toBe('stream');
    expect(all.next(2 * BLOCKED_MS + 2_000).way).toBe('websocket');
    all.reached('websocket');
    expect(all.next(2 * BLOCKED_MS + 3_000).way).toBe('websocket');
  });

  it('stays the stream while the server is away', async () => {
    const all = await blocked();
    isThere = false;
    await all.failed('stream', 2_000);
    expect(all.next(2_000).way).toBe('stream');
  });

  it('is a WebSocket again when the server is there and the stream does not open either', async () => {
    const all = await blocked();
    await all.failed('stream', 2_000);
    expect(all.next(2_000).way).toBe('websocket');
    await all.failed('websocket', 3_000);
    expect(all.next(3_000).way).toBe('websocket');
  });
});
