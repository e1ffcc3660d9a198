// Measures how far sound and picture of one person are apart at another's, in a real lesson through the real server.
// A measurement and no test. The last line that it prints is JSON; docs/decisions/0001-media-engine.md says more. Needs
// Debian's `pulseaudio`: without a sound device Firefox runs no AudioContext.
import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { chromiumPerson, firefoxPerson, launchChromium } from './browsers.mjs';
import { EAR, flashAndBeep, noteFlashes } from './flashes.mjs';
import { enterLesson, tilePlays } from './lesson.mjs';
import { seeAndHear } from './media.mjs';
import { Server } from './server.mjs';

/** Flashes that must be seen and heard, per receiving browser. */
const FLASHES = Number(process.env.FLASHES ?? 30);
/** What is presented belongs to the flash that was drawn no longer before than this. */
const DELAY_MS_MAX = 800;
/** The page's own policy would keep the ear out, which is a script that the server does not have. */
const LAX = { bypassCSP: true };
const EAR_URL = `data:text/javascript,${encodeURIComponent(EAR)}`;
/** Firefox has no such option: there the ear is put into the page's origin. */
const EAR_PATH = '/e2e-ear.js';

/** @typedef {import('./flashes.mjs').Marks} Marks */

const loudspeaker = await nullSink();
const server = await Server.create();
const chromium = await launchChromium();
try {
  const sender = await chromiumPerson(chromium, 'sender', LAX);
  await sender.page.addInitScript(flashAndBeep);
  const peer = await enterLesson(sender, server, 'teacher', 'Начать урок');
  const inChromium = await chromiumPerson(chromium, 'Chromium', LAX);
  const receivers = [await measure(inChromium, EAR_URL, sender, peer)];
  await inChromium.close();
  const inFirefox = await firefoxPerson('Firefox');
  try {
    await inFirefox.page.setRequestInterception(true);
    inFirefox.page.on('request', (request) => {
      const ear = request.url().endsWith(EAR_PATH);
      void (ear ? request.respond({ contentType: 'text/javascript', body: EAR }) : request.continue());
    });
    receivers.push(await measure(inFirefox, EAR_PATH, sender, peer));
  } finally {
    await inFirefox.close();
  }
  console.log(JSON.stringify({ unit: 'ms', receivers }));
} finally {
  await chromium.close();
  await server.stop();
  await loudspeaker.close();
}

/** A sound device that plays to nobody, for the browsers that are started afterwards. */
async function nullSink() {
  const folder = await mkdtemp(join(tmpdir(), 'parta-pulse-'));
  const socket = join(folder, 'native');
  const modules = ['module-null-sink', `module-native-protocol-unix auth-anonymous=1 socket=${socket}`].flatMap((module) => ['--load', module]);
  const pulse = spawn('pulseaudio', ['-n', '--daemonize=no', '--use-pid-file=no', '--exit-idle-time=-1', ...modules], { stdio: 'ignore' });
  await new Promise((resolve, reject) => pulse.once('error', reject).once('spawn', () => resolve(undefined)));
  process.env.PULSE_SERVER = `unix:${socket}`;
  return {
    close: async () => {
      pulse.kill();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/**
 * @param {import('./browsers.mjs').Person} receiver
 * @param {string} ear
 * @param {import('./browsers.mjs').Person} sender
 * @param {string} peer
 */
async function measure(receiver, ear, sender, peer) {
  await enterLesson(receiver, server, 'student1', 'Присоединиться');
  // Two cores have enough to do with one picture.
  await receiver.click('button', 'Выключить камеру');
  await seeAndHear(receiver, [peer]);
  await tilePlays(receiver, peer, 'camera');
  await sender.read(noteFlashes, { ear: EAR_URL });
  await receiver.read(noteFlashes, { peer, ear });
  await receiver.until(() => /** @type {any} */ (window).e2e.kept.ear.state === 'running', undefined, 'a sound device');
  await receiver.until(
    (least) => {
      const { flashes, tones } = /** @type {any} */ (window).e2e.kept.marks;
      return flashes.length >= least && tones.length >= least;
    },
    FLASHES,
    `${FLASHES} flashes with tones`,
  );
  const [there, here] = await Promise.all([marksOf(receiver), marksOf(sender)]);
  const drawn = /** @type {number[]} */ (await sender.read(() => /** @type {any} */ (window).flashing.drawn));
  const events = drawn.flatMap((at) => together(at, here, there) ?? []);
  return {
    browser: (await receiver.read(() => navigator.userAgent)).match(/(?:Chrome|Firefox)\/\S+/)?.[0],
    flashes: events.length,
    // How much later than the picture the sound is: as presented, in the sender's own stream, and what the way added.
    presented: spread(events.map(({ sound, picture }) => sound - picture)),
    own: spread(events.map(({ ownSound, ownPicture }) => ownSound - ownPicture)),
    added: spread(events.map((event) => event.sound - event.picture - (event.ownSound - event.ownPicture))),
    // Since the flash was drawn.
    sound: spread(events.map(({ at, sound }) => sound - at)),
    picture: spread(events.map(({ at, picture }) => picture - at)),
    held: spread(there.held),
    says: spread(there.says),
  };
}

/**
 * @param {import('./browsers.mjs').Person} person
 * @returns {Promise<Marks>}
 */
function marksOf(person) {
  return person.read(() => /** @type {any} */ (window).e2e.kept.marks);
}

/**
 * What belongs to the flash that was drawn at this time; nothing when a part was missed.
 * @param {number} at
 * @param {Marks} here
 * @param {Marks} there
 */
function together(at, here, there) {
  /** @type {(times: number[]) => number | undefined} */
  const first = (times) => times.find((time) => time >= at && time < at + DELAY_MS_MAX);
  const [ownPicture, ownSound, picture, sound] = [here.flashes, here.tones, there.flashes, there.tones].map(first);
  if (ownPicture === undefined || ownSound === undefined || picture === undefined || sound === undefined) return undefined;
  return { at, ownPicture, ownSound, picture, sound };
}

/** @param {number[]} values */
function spread(values) {
  const sorted = values.toSorted((a, b) => a - b);
  /** @type {(share: number) => number | null} */
  const at = (share) => (sorted.length ? Math.round(sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))]) : null);
  return { p5: at(0.05), median: at(0.5), p95: at(0.95) };
}
