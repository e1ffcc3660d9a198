// The bad network of the other tests does what it is told, and the same each time.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Link } from '../../link.mjs';

/**
 * Sends packets of 1,000 bytes in even intervals.
 * @param {import('../../link.mjs').Conditions} conditions
 * @param {{count: number, everyMs: number, seed?: number}} how
 */
function send(conditions, { count, everyMs, seed }) {
  const link = new Link(seed);
  link.become(conditions, 0);
  return Array.from({ length: count }, (_, at) => ({ sent: at * everyMs, arrives: link.arrival(at * everyMs, 1_000) }));
}

/** @param {ReturnType<typeof send>} packets */
const arrived = (packets) => packets.flatMap(({ sent, arrives }) => (arrives === undefined ? [] : [arrives - sent]));

test('without conditions everything arrives at once', () => {
  assert.deepEqual(new Set(arrived(send({}, { count: 100, everyMs: 1 }))), new Set([0]));
});

test('a narrow link carries its rate, holds a little back and loses the rest', () => {
  const took = arrived(send({ bps: 800_000, heldMs: 100 }, { count: 1_000, everyMs: 1 }));
  // A packet takes 10 ms; ten may wait.
  assert.ok(took.length >= 100 && took.length <= 111, `${took.length} arrived`);
  assert.ok(Math.max(...took) <= 100);
});

test('the share that is told is lost, and the same packets each time', () => {
  const how = { count: 10_000, everyMs: 1, seed: 7 };
  const once = send({ loss: 0.1 }, how);
  assert.ok(Math.abs(arrived(once).length - 9_000) < 100, `${arrived(once).length} arrived`);
  assert.deepEqual(send({ loss: 0.1 }, how), once);
  assert.notDeepEqual(send({ loss: 0.1 }, { ...how, seed: 8 }), once);
});

test('in a burst all is lost, between bursts nothing', () => {
  const packets = send({ bursts: { everyMs: 5_000, lengthMs: 500 } }, { count: 12_000, everyMs: 1 });
  const lost = packets.filter(({ arrives }) => arrives === undefined).map(({ sent }) => sent);
  assert.deepEqual([lost.length, lost[0], lost[499], lost[500]], [1_500, 0, 499, 5_000]);
});

test('jitter delays and does not overtake', () => {
  const packets = send({ delayMs: 20, jitterMs: 80 }, { count: 1_000, everyMs: 10 });
  const took = arrived(packets);
  assert.ok(Math.min(...took) >= 20 && Math.max(...took) <= 100 && Math.max(...took) > 80);
  const times = packets.map(({ arrives }) => arrives ?? 0);
  assert.ok(times.every((time, at) => at === 0 || time >= times[at - 1]));
});
