// Measures how a lesson fares on bad networks: how soon the picture adapts, how often it stands still, how much of the link
// is used. A measurement and no test. Two Chromium, the receiver in a network of its own (home.mjs); the sender's camera sees noise, so
// that every layer of its simulcast takes what it may. The last line that it prints is JSON.
import { setTimeout as passes } from 'node:timers/promises';

import { scriptInNetworkOfOwn } from './apart.mjs';
import { chromiumPerson, launchChromium } from './browsers.mjs';
import { Home, STREET } from './home.mjs';
import { enterLesson, tilePlays } from './lesson.mjs';
import { Server } from './server.mjs';

/** How long each state of the network lasts, in seconds. */
const SECONDS = Number(process.env.STATE_SECONDS ?? 30);
const LOOK_MS = 500;
/** The picture has settled when it keeps its size to the end; the share of the link is that of this last part. */
const SETTLED_S = 10;
const WIDE_BPS = 5_000_000;

/** @typedef {import('./link.mjs').Conditions} Conditions */
/** @typedef {import('./browsers.mjs').Person} Person */

/**
 * In this order; `up` is what happens to what the receiver sends, reports above all.
 * @type {{name: string, down: Conditions, up?: Conditions}[]}
 */
const STATES = [
  { name: '5 Mbit/s', down: { bps: WIDE_BPS } },
  ...[0.01, 0.05, 0.1, 0.2].map((loss) => ({ name: `${loss * 100} % lost both ways`, down: { bps: WIDE_BPS, loss }, up: { loss } })),
  {
    name: '500 ms lost both ways every 5 s',
    down: { bps: WIDE_BPS, bursts: { everyMs: 5_000, lengthMs: 500 } },
    up: { bursts: { everyMs: 5_000, lengthMs: 500 } },
  },
  { name: 'jitter of 80 ms both ways', down: { bps: WIDE_BPS, jitterMs: 80 }, up: { jitterMs: 80 } },
  { name: '5 Mbit/s before the step', down: { bps: WIDE_BPS } },
  { name: '500 kbit/s', down: { bps: 500_000 } },
  { name: '5 Mbit/s after the step', down: { bps: WIDE_BPS } },
  { name: '300 kbit/s', down: { bps: 300_000 } },
];

if (await scriptInNetworkOfOwn(import.meta.url)) {
  const home = await Home.open();
  const server = await Server.createEverywhere(STREET);
  const browsers = [await launchChromium(), await home.launchChromium(server)];
  try {
    const sender = await chromiumPerson(browsers[0], 'sender');
    await sender.page.addInitScript(seeNoise);
    const peer = await enterLesson(sender, server, 'teacher', 'Начать урок');
    const receiver = await chromiumPerson(browsers[1], 'receiver');
    await enterLesson(receiver, server.at(STREET), 'student1', 'Присоединиться');
    console.log(JSON.stringify({ seconds: SECONDS, states: await measure(home, receiver, peer) }));
  } finally {
    await Promise.allSettled(browsers.map((browser) => browser.close()));
    await server.stop();
    await home.close();
  }
}

/**
 * @param {Home} home
 * @param {Person} receiver
 * @param {string} peer the sender
 */
async function measure(home, receiver, peer) {
  // Two cores have enough to do with one picture.
  await receiver.click('button', 'Выключить камеру');
  await tilePlays(receiver, peer, 'camera');
  await receiver.read(enlarge, peer);
  await tilePlays(receiver, peer, 'camera');
  const rows = [];
  for (const { name, down, up } of STATES) {
    const row = { state: name, ...(await fare(home, receiver, peer, down, up)) };
    console.log(`# ${JSON.stringify(row)}`);
    rows.push(row);
  }
  return rows;
}

/**
 * One state of the network, from its beginning.
 * @param {Home} home
 * @param {Person} receiver
 * @param {string} peer
 * @param {Conditions} down
 * @param {Conditions} [up]
 */
async function fare(home, receiver, peer, down, up) {
  const begin = performance.now();
  home.impair(down, up);
  /** @type {(Awaited<ReturnType<typeof look>> & {at: number, carried: number})[]} */
  const looks = [];
  for (let at = 0; at <= SECONDS * 1_000; at = performance.now() - begin) {
    looks.push({ at, carried: home.carriedDown, ...(await look(receiver, peer)) });
    await passes(LOOK_MS);
  }
  const [first] = looks;
  const last = looks[looks.length - 1];
  const settled = looks.findLastIndex(({ width }) => width !== last.width) + 1;
  const tail = looks.find(({ at }) => at >= last.at - SETTLED_S * 1_000) ?? first;
  const bps = ((last.carried - tail.carried) * 8_000) / (last.at - tail.at);
  return {
    adapted_ms: Math.round(looks[settled].at),
    width: last.width,
    frames_per_s: round((last.frames - first.frames) / ((last.at - first.at) / 1_000)),
    freezes: last.freezes - first.freezes,
    frozen_ms: Math.round((last.frozenS - first.frozenS) * 1_000),
    // Of all sound that was played, what the browser made up.
    concealed: round((last.concealed - first.concealed) / Math.max(1, last.samples - first.samples)),
    kbps: Math.round(bps / 1_000),
    ...(down.bps === undefined ? {} : { link_used: round(bps / down.bps) }),
  };
}

/** @param {number} value */
function round(value) {
  return Math.round(value * 1_000) / 1_000;
}

/**
 * @param {Person} receiver
 * @param {string} peer
 */
function look(receiver, peer) {
  return receiver.read(async (from) => {
    const { connections, slots } = /** @type {any} */ (window).e2e;
    const mids = slots.filter((/** @type {any} */ slot) => slot.from?.p === from).map((/** @type {any} */ slot) => slot.mid);
    const stats = [...(await connections.at(-1).getStats()).values()].filter(
      (stat) => stat.type === 'inbound-rtp' && mids.includes(String(stat.mid)),
    );
    const sum = (/** @type {string} */ name) => stats.reduce((all, stat) => all + (stat[name] ?? 0), 0);
    return {
      width: stats.reduce((most, stat) => Math.max(most, stat.frameWidth ?? 0), 0),
      frames: sum('framesDecoded'),
      freezes: sum('freezeCount'),
      frozenS: sum('totalFreezesDuration'),
      concealed: sum('concealedSamples'),
      samples: sum('totalSamplesReceived'),
    };
  }, peer);
}

// Runs in the page: makes this camera's tile the large one.
/** @param {string} peer */
function enlarge(peer) {
  document.querySelector(`[data-peer="${peer}"][data-source="camera"]`)?.dispatchEvent(new MouseEvent('dblclick', { bubbles: true }));
}

// Runs in the page before its scripts.
function seeNoise() {
  const devices = navigator.mediaDevices;
  const getUserMedia = devices.getUserMedia.bind(devices);
  devices.getUserMedia = async (constraints) => {
    const stream = await getUserMedia(constraints);
    for (const track of stream.getVideoTracks()) {
      track.stop();
      stream.removeTrack(track);
      stream.addTrack(noise());
    }
    return stream;
  };

  function noise() {
    const small = new OffscreenCanvas(320, 180);
    const grain = /** @type {OffscreenCanvasRenderingContext2D} */ (small.getContext('2d'));
    const canvas = document.createElement('canvas');
    canvas.width = 1280;
    canvas.height = 720;
    const draw = /** @type {CanvasRenderingContext2D} */ (canvas.getContext('2d'));
    const picture = grain.createImageData(320, 180);
    setInterval(() => {
      for (let at = 0; at < picture.data.length; at++) picture.data[at] = at % 4 === 3 ? 255 : 112 + Math.random() * 32;
      grain.putImageData(picture, 0, 0);
      draw.drawImage(small, 0, 0, 1280, 720);
    }, 100);
    return canvas.captureStream(10).getVideoTracks()[0];
  }
}
