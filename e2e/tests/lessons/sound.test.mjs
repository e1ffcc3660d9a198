// Sound on a link that loses packets: repeated towards the browser and by it, and by neither once the link is well.
import assert from 'node:assert/strict';
import { after, before } from 'node:test';

import { inNetworkOfOwn } from '../../apart.mjs';
import { STREET, teacherAndStudentAtHome } from '../../home.mjs';
import { enterLesson } from '../../lesson.mjs';
import { seeAndHear } from '../../media.mjs';
import { eventually, steps } from '../../steps.mjs';

/** One in so many is lost: 12 %. */
const EVERY = 8;
/** Stretches of two seconds that are looked at. */
const STRETCHES_MAX = 10;

/** @typedef {import('../../home.mjs').Scene} Scene */
/** @typedef {Scene['student']} Browsing */

if (inNetworkOfOwn(import.meta.url)) lesson();

function lesson() {
  const step = steps();
  /** @type {Scene} */
  let scene;
  /** @type {Scene['home']} */
  let home;
  /** @type {Scene['server']} */
  let server;
  /** @type {Browsing} */
  let teacher;
  /** @type {Browsing} */
  let student;
  /** The student in the lesson. */
  let peer = '';

  before(async () => {
    scene = await teacherAndStudentAtHome();
    ({ home, server, teacher, student } = scene);
  });

  after(() => scene?.close());

  step('on a link that is well sound is sent as it is', async () => {
    const teachers = await enterLesson(teacher, server, 'teacher', 'Начать урок');
    peer = await enterLesson(student, server.at(STREET), 'student1', 'Присоединиться');
    await Promise.all([seeAndHear(teacher, [peer]), seeAndHear(student, [teachers])]);
    assert.deepEqual(await first(student), ['opus', 'opus']);
  });

  step('what is lost towards a browser comes again with the next packets', async () => {
    home.impair({ loss: 1 / EVERY });
    const isWhole = (/** @type {{lost: number, madeUp: number}} */ { lost, madeUp }) => lost > 1 / EVERY / 2 && madeUp < lost / 4;
    await eventually(() => fares(student), isWhole, 'sound that is whole although packets are lost');
  });

  step('a browser whose packets are lost repeats them, without an offer', async () => {
    home.impair({}, { loss: 1 / EVERY });
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
    home.impair({});
    await sendsFirst(['opus', 'opus']);
    await seeAndHear(teacher, [peer]);
  });

  /** @param {string[]} wanted */
  async function sendsFirst(wanted) {
    await student.page.evaluate(`window.firstOfSound = ${firstOfSound}`);
    await student.until(
      (/** @type {string[]} */ want) => /** @type {any} */ (window).firstOfSound().join() === want.join(),
      wanted,
      `sound sent in ${wanted[0]}`,
    );
  }
}

/** Of the sound of the next two seconds, the shares that are lost on the way and that the browser makes up. @param {Browsing} person */
const fares = (person) =>
  person.read(async () => {
    const look = async () => {
      const stats = [...(await /** @type {any} */ (window).e2e.connections.at(-1).getStats()).values()];
      const one = stats.find((one) => one.type === 'inbound-rtp' && one.kind === 'audio' && one.packetsReceived > 0);
      if (!one) throw new Error('no sound has come');
      return one;
    };
    const before = await look();
    await new Promise((done) => setTimeout(done, 2_000));
    const after = await look();
    const grown = (/** @type {string} */ name) => after[name] - before[name];
    return {
      lost: grown('packetsLost') / (grown('packetsLost') + grown('packetsReceived')),
      madeUp: grown('concealedSamples') / grown('totalSamplesReceived'),
    };
  });

/** What the microphone's and the screen's sound are sent in. @param {Browsing} person @returns {Promise<string[]>} */
const first = (person) => person.read(firstOfSound);

// Runs in the page.
function firstOfSound() {
  const { sdp } = /** @type {any} */ (window).e2e.connections.at(-1).remoteDescription;
  return ['0', '3'].map((mid) => {
    const section = sdp.split(/(?=^m=)/m).find((/** @type {string} */ one) => one.includes(`a=mid:${mid}\r\n`));
    const [, type] = /^m=audio \d+ \S+ (\d+)/.exec(section) ?? [];
    return new RegExp(`^a=rtpmap:${type} (\\w+)/`, 'm').exec(section)?.[1] ?? '';
  });
}

/** Bytes of the payload of a packet from the microphone, on average of two seconds. @param {Browsing} person @returns {Promise<number>} */
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
