import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { READ_MS, Reads } from '../src/core/reads';
import { Refused, Unanswered } from '../src/core/socket';

let told: [string, number][];
let answer: () => Promise<unknown>;
let reads: Reads;

beforeEach(() => {
  vi.useFakeTimers();
  told = [];
  answer = () => Promise.resolve({});
  reads = new Reads((room, no) => {
    told.push([room, no]);
    return answer();
  });
});

afterEach(() => {
  vi.useRealTimers();
});

it('tells the latest once in a while, also while more keeps coming', async () => {
  for (let no = 1; no <= 10; no++) {
    reads.read('R1', no);
    await vi.advanceTimersByTimeAsync(READ_MS / 4);
  }
  await vi.advanceTimersByTimeAsync(READ_MS);
  expect(told).toEqual([['R1', 4], ['R1', 8], ['R1', 10]]);
});

it('tells it again on the next connection when there was no answer, and only then', async () => {
  answer = () => Promise.reject(new Unanswered());
  reads.read('R1', 5);
  await vi.advanceTimersByTimeAsync(60_000);
  expect(told.length).toBe(1);
  answer = () => Promise.resolve({});
  reads.flush();
  await vi.advanceTimersByTimeAsync(0);
  reads.flush();
  expect(told).toEqual([['R1', 5], ['R1', 5]]);
});

it('tells at once when the page goes out of sight', async () => {
  reads.read('R1', 5);
  reads.flush();
  expect(told).toEqual([['R1', 5]]);
  await vi.advanceTimersByTimeAsync(60_000);
  expect(told.length).toBe(1);
});

it('waits when the server is busy, and gives up what it refuses', async () => {
  answer = () => Promise.reject(new Refused({ c: 'rate_limited', tmp: true, after: 5_000 }));
  reads.read('R1', 5);
  await vi.advanceTimersByTimeAsync(READ_MS);
  answer = () => Promise.reject(new Refused({ c: 'forbidden' }));
  await vi.advanceTimersByTimeAsync(READ_MS + 5_000);
  expect(told.length).toBe(2);
  reads.flush();
  await vi.advanceTimersByTimeAsync(60_000);
  expect(told.length).toBe(2);
});
