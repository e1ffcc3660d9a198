import { describe, expect, it } from 'vitest';
import { onDemand, type Connect, type Listener } from '../src/core/link';

/** What was told to a listener, and what was sent to and closed at the way that was loaded. */
function told(): { listener: Listener; heard: unknown[]; connect: Connect; done: unknown[]; way: { reached: boolean } } {
  const heard: unknown[] = [];
  const done: unknown[] = [];
  const way = { reached: false, send: (line: string) => void done.push(line), close: () => void done.push('close') };
  const listener: Listener = {
    opened: () => void heard.push('opened'),
    frames: (text) => void heard.push(text),
    closed: (...args) => void heard.push(['closed', ...args]),
  };
  const connect: Connect = (given) => {
    given.opened();
    return way;
  };
  return { listener, heard, connect, done, way };
}

describe('a way that is loaded when it is taken', () => {
  it('is that way from then on', async () => {
    const { listener, heard, connect, done, way } = told();
    const link = onDemand(() => Promise.resolve(connect))(listener);
    expect(heard).toEqual([]);
    await Promise.resolve();
    expect(heard).toEqual(['opened']);
    expect(link.reached).toBe(false);
    way.reached = true;
    expect(link.reached).toBe(true);
    link.send('hello');
    link.close();
    expect(done).toEqual(['hello', 'close']);
  });

  it('has failed where it cannot be had', async () => {
    const { listener, heard } = told();
    const link = onDemand(() => Promise.reject(new TypeError('offline')))(listener);
    await Promise.resolve();
    await Promise.resolve();
    expect(heard).toEqual([['closed', undefined]]);
    expect(link.reached).toBe(false);
  });

  it('begins and tells nothing after it was closed', async () => {
    const { listener, heard, connect } = told();
    onDemand(() => Promise.resolve(connect))(listener).close();
    onDemand(() => Promise.reject(new TypeError('offline')))(listener).close();
    await new Promise((resolve) => setTimeout(resolve));
    expect(heard).toEqual([]);
  });
});
