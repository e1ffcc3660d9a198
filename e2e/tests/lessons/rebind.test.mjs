// A router that forgets the port that it gave to a browser, as they do after a restart or a change of the line: the lesson goes
// on without signalling.
import assert from 'node:assert/strict';
import { after, before } from 'node:test';

import { inNetworkOfOwn } from '../../apart.mjs';
import { STREET, teacherAndStudentAtHome } from '../../home.mjs';
import { enterLesson } from '../../lesson.mjs';
import { peerOf, remoteDescriptions, seeAndHear } from '../../media.mjs';
import { steps } from '../../steps.mjs';

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

  before(async () => {
    scene = await teacherAndStudentAtHome();
    ({ home, server, teacher, student } = scene);
  });

  after(() => scene?.close());

  step('two see and hear each other', async () => {
    await enterLesson(teacher, server, 'teacher', 'Начать урок');
    await enterLesson(student, server.at(STREET), 'student1', 'Присоединиться');
    await bothSeeAndHear();
  });

  step('another port in the middle of the lesson costs no signalling', async () => {
    const before = await signalled();
    const ports = await home.ports(server.mediaPort);
    await home.rebind();
    const begin = Date.now();
    await bothSeeAndHear();
    console.log(`# both saw and heard each other again after ${Date.now() - begin} ms`);
    assert.deepEqual(await signalled(), before);
    const now = await home.ports(server.mediaPort);
    assert.ok(ports.length > 0 && now.some((port) => !ports.includes(port)), `${ports} and then ${now}`);
  });

  async function bothSeeAndHear() {
    const [teachers, students] = await Promise.all([teacher, student].map(peerOf));
    await Promise.all([seeAndHear(teacher, [students]), seeAndHear(student, [teachers])]);
  }

  async function signalled() {
    const offers = await student.read(() => /** @type {any} */ (window).e2e.offers);
    return { offers, answers: await remoteDescriptions(student) };
  }
}
