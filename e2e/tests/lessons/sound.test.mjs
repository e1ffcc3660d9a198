// Sound on a link that loses packets: repeated towards the browser and by it, and by neither once the link is well.
import assert from 'node:assert/strict';
import { after, before } from 'node:test';

import { chromiumPerson, launchChromium } from '../../browsers.mjs';
import { enterLesson } from '../../lesson.mjs';
import { seeAndHear } from '../../media.mjs';
import { Relay, sendMediaThrough } from '../../relay.mjs';
import { Server } from '../../server.mjs';
import { steps } from '../../steps.mjs';

/** One in so many is lost: 12 %. */
const EVERY = 8;
/** Stretches of two seconds that are looked at. */
const STRETCHES_MAX = 10;

const step = steps();
/** @type {Server} */
let server;
/** @type {Relay} */
let relay;
/** @type {import('playwright-core').Browser} */
let chromium;
/** @type {Awaited<ReturnType<typeof chromiumPerson>>} */
let teacher;
/** @type {Awaited<ReturnType<typeof chromiumPerson>>} */
let student;
/** The student in the lesson. */
let peer = '';

before(async () => {
  relay = await Relay.open();
  server = await Server.create(relay.origin);
  relay.leadTo(server);
  chromium = await launchChromium();
  teacher = await chromiumPerson(chromium, 'teacher');
  student = await chromiumPerson(chromium, 'student');
  await student.page.addInitScript(sendMediaThrough, relay.mediaPorts);
});

after(async () => {
  await chromium?.close();
  await server?.stop();
  await relay?.close();
});

step('on a link that is well nothing is repeated', async () => {
  const teachers = await enterLesson(teacher, server, 'teacher', 'Начать урок');
  const entrance = { origin: relay.origin, person: (/** @type {string} */ login) => server.person(login) };
  peer = await enterLesson(student, entrance, 'student1', 'Присоединиться');
  await Promise.all([seeAndHear(teacher, [peer]), seeAndHear(student, [teachers])]);
  assert.equal(await repeated(student), 0);
  assert.deepEqual(await first(student), ['opus', 'opus']);
});

step('what is lost towards a browser comes again with the next packets', async () => {
  relay.impair({ loss: 1 / EVERY });
  await student.until(
    async () => {
      const { e2e } = /** @type {any} */ (window);
      const stats = [...(await e2e.connections.at(-1).getStats()).values()];
      return stats.some((stat) => stat.type === 'inbound-rtp' && stat.kind === 'audio' && stat.fecPacketsReceived > 50);
    },
    undefined,
    'sound that is repeated',
  );
});

step('a browser whose packets are lost repeats them, without an offer', async () => {
  relay.impair({}, { loss: 1 / EVERY });
  await sendsFirst(['red', 'red']);
  assert.equal(await student.read(() => /** @type {any} */ (window).e2e.offers), 1);
  await seeAndHear(teacher, [peer]);
  // The false microphone beeps and is silent in between, where there is little to repeat: a stretch of two seconds may have
  // more or less of it. Without repeats it is about the same for both.
  const plain = await bytesOfSound(teacher);
  /** @type {number[]} */
  const sent = [];
  while (sent.length < STRETCHES_MAX && !sent.some((bytes) => bytes > plain * 1.2)) sent.push(await bytesOfSound(student));
  assert.ok(sent.some((bytes) => bytes > plain * 1.2), `${sent} bytes in a packet of sound, others send ${plain}`);
});

step('and stops when nothing has been lost for a while', async () => {
  relay.impair({});
  await sendsFirst(['opus', 'opus']);
  await seeAndHear(teacher, [peer]);
});

/** Blocks of sound that came beside others. @param {typeof student} person @returns {Promise<number>} */
const repeated = (person) =>
  person.read(async () => {
    const stats = [...(await /** @type {any} */ (window).e2e.connections.at(-1).getStats()).values()];
    return stats.reduce((sum, stat) => sum + (stat.kind === 'audio' ? (stat.fecPacketsReceived ?? 0) : 0), 0);
  });

/** What the microphone's and the screen's sound are sent in. @param {typeof student} person @returns {Promise<string[]>} */
const first = (person) => person.read(firstOfSound);

/** @param {string[]} wanted */
async function sendsFirst(wanted) {
  await student.page.evaluate(`window.firstOfSound = ${firstOfSound}`);
  await student.until(
    (/** @type {string[]} */ want) => /** @type {any} */ (window).firstOfSound().join() === want.join(),
    wanted,
    `sound sent in ${wanted[0]}`,
  );
}

// Runs in the page.
function firstOfSound() {
  const { sdp } = /** @type {any} */ (window).e2e.connections.at(-1).remoteDescription;
  return ['0', '3'].map((mid) => {
    const section = sdp.split(/(?=^m=)/m).find((/** @type {string} */ one) => one.includes(`a=mid:${mid}\r\n`));
    const [, type] = /^m=audio \d+ \S+ (\d+)/.exec(section) ?? [];
    return new RegExp(`^a=rtpmap:${type} (\\w+)/`, 'm').exec(section)?.[1] ?? '';
  });
}

/** Bytes of the payload of a packet from the microphone, on average of two seconds. @param {typeof student} person @returns {Promise<number>} */
const bytesOfSound = (person) =>
  person.read(async () => {
    const pc = /** @type {any} */ (window).e2e.connections.at(-1);
    const look = async () => {
      const stats = [...(await pc.getStats()).values()].filter((one) => one.type === 'outbound-rtp' && one.kind === 'audio');
      return [stats.reduce((sum, one) => sum + one.bytesSent, 0), stats.reduce((sum, one) => sum + one.packetsSent, 0)];
    };
    const before = await look();
    await new Promise((done) => setTimeout(done, 2_000));
    const after = await look();
    return (after[0] - before[0]) / (after[1] - before[1]);
  });
