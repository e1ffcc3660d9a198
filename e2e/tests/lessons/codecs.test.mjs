// A screen in the codec that everybody takes: two Chromium, then a Firefox that has VP8 alone.
import assert from 'node:assert/strict';
import { after, before } from 'node:test';

import { chromiumPerson, firefoxPerson, launchChromium } from '../../browsers.mjs';
import { enterLesson, tilePlays } from '../../lesson.mjs';
import { forget, remoteDescriptions } from '../../media.mjs';
import { Server } from '../../server.mjs';
import { steps } from '../../steps.mjs';

const step = steps();
/** @type {Server} */
let server;
/** @type {import('playwright-core').Browser} */
let chromium;
/** @type {Awaited<ReturnType<typeof chromiumPerson>>} */
let teacher;
/** @type {import('../../browsers.mjs').Person} */
let student;
/** @type {import('../../browsers.mjs').Person | undefined} */
let late;
/** The teacher in the lesson. */
let peer = '';

before(async () => {
  server = await Server.create();
  chromium = await launchChromium();
  teacher = await chromiumPerson(chromium, 'teacher');
  student = await chromiumPerson(chromium, 'student');
});

after(async () => {
  await Promise.allSettled([late?.close(), chromium?.close()]);
  await server?.stop();
});

step('a screen is sent and seen in AV1 where both browsers can', async () => {
  peer = await enterLesson(teacher, server, 'teacher', 'Начать урок');
  await enterLesson(student, server, 'student1', 'Присоединиться');
  await teacher.page.evaluate(movingScreen);
  await teacher.click('button', 'Показать экран');
  await sendsScreenIn('video/AV1');
  await seesScreenIn(student, 'video/AV1');
});

step('when one joins who cannot, everybody sees it in VP8', async () => {
  late = await firefoxPerson('student in Firefox', {
    'media.peerconnection.video.vp9_enabled': false,
    'media.webrtc.codec.video.av1.enabled': false,
  });
  await enterLesson(late, server, 'student2', 'Присоединиться');
  await sendsScreenIn('video/VP8');
  await Promise.all([seesScreenIn(student, 'video/VP8'), seesScreenIn(late, 'video/VP8')]);
});

step('when that one leaves, it is AV1 again, and nobody has made another offer', async () => {
  await late?.click('button', 'Выйти с урока');
  await sendsScreenIn('video/AV1');
  await seesScreenIn(student, 'video/AV1');
  for (const person of [teacher, student]) assert.equal(await remoteDescriptions(person), 1, person.name);
});

/** @param {string} codec */
const sendsScreenIn = (codec) =>
  teacher.until((wanted) => /** @type {any} */ (window).e2e.screenCodec === wanted, codec, `the screen sent in ${codec}`);

/**
 * Waits until this person gets the teacher's screen in a codec, and it moves.
 * @param {import('../../browsers.mjs').Person} person
 * @param {string} codec
 */
async function seesScreenIn(person, codec) {
  await forget(person);
  await person.until(
    (/** @type {{stream: string, codec: string}} */ want) =>
      /** @type {any} */ (window).e2e.seen[want.stream]?.codec === want.codec,
    { stream: `${peer}/screen`, codec },
    `the screen received in ${codec}`,
  );
  await tilePlays(person, peer, 'screen');
}

// Runs in the page: the next screen that is shared is a text that changes five times a second.
function movingScreen() {
  const canvas = document.createElement('canvas');
  canvas.width = 1280;
  canvas.height = 720;
  const draw = /** @type {CanvasRenderingContext2D} */ (canvas.getContext('2d'));
  let count = 0;
  const paint = () => {
    draw.fillStyle = 'white';
    draw.fillRect(0, 0, 1280, 720);
    draw.fillStyle = 'black';
    draw.font = '40px sans-serif';
    draw.fillText(`Урок ${count++}`, 40 + ((count * 20) % 800), 200);
  };
  setInterval(paint, 200);
  paint();
  navigator.mediaDevices.getDisplayMedia = async () => canvas.captureStream(5);
}
