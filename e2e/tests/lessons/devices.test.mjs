// A camera that is no browser publishes into a lesson, a display plays it: WHIP and WHEP with aiortc and FFmpeg.
import assert from 'node:assert/strict';
import { after, before } from 'node:test';

import { chromiumPerson, firefoxPerson, launchChromium, signIn } from '../../browsers.mjs';
import { Device } from '../../device.mjs';
import { ROOM, enterLesson, tilePlays } from '../../lesson.mjs';
import { peerOf, seeAndHear } from '../../media.mjs';
import { Server } from '../../server.mjs';
import { steps } from '../../steps.mjs';

const CAMERA = 'Камера в зале';
const DISPLAY = 'Экран в холле';

const step = steps();
/** @type {Server} */
let server;
/** @type {import('playwright-core').Browser} */
let chromium;
/** @type {Awaited<ReturnType<typeof chromiumPerson>>} */
let teacher;
/** @type {import('../../browsers.mjs').Person | undefined} */
let student;
/** @type {Device | undefined} */
let camera;
/** @type {Device | undefined} */
let display;
/** @type {Record<string, {address: string, token: string}>} */
const keys = {};

before(async () => {
  server = await Server.create();
  chromium = await launchChromium();
  teacher = await chromiumPerson(chromium, 'teacher');
});

after(async () => {
  await Promise.allSettled([student?.close(), camera?.stop(), display?.stop(), chromium?.close()]);
  await server?.stop();
});

step('a teacher makes a key for a camera and one for a display', async () => {
  await signIn(teacher, server, 'teacher');
  await teacher.click('link', ROOM);
  await teacher.click('button', 'Участники');
  await makeKey(CAMERA, 'publish');
  await makeKey(DISPLAY, 'play');
  assert.match(keys[CAMERA].address, /\/api\/v1\/whip$/);
  assert.match(keys[DISPLAY].address, /\/api\/v1\/whep$/);
  // Shown once: nothing on the page has it any more.
  assert.ok(!(await teacher.page.content()).includes(keys[CAMERA].token));
});

step('a camera that comes before the lesson waits, and is seen as soon as it begins', async () => {
  camera = new Device('camera', keys[CAMERA].address, keys[CAMERA].token);
  await camera.says(({ status }) => status === 201, 'answer');
  await camera.says(({ state }) => state === 'connected', 'connection');
  await teacher.until((name) => document.body.innerText.includes(`${name}\nкамера, в сети`), CAMERA, 'the camera in the list');
  await teacher.click('button', 'Начать урок');
  await teacher.click('button', 'Зайти на урок');
  await teacher.see('button', 'Выйти с урока');
  await peerOf(teacher);
  await tilePlays(teacher, await peerNamed(CAMERA), 'camera');
});

step('a display plays the lesson', async () => {
  display = new Device('display', keys[DISPLAY].address, keys[DISPLAY].token);
  await display.says(({ got }) => got && got.video >= 10 && got.audio >= 50, 'pictures and sound');
  // It is told to everybody, and has no tile.
  await peerNamed(DISPLAY);
  assert.equal(await teacher.page.locator('.tile', { hasText: DISPLAY }).count(), 0);
});

step('the teacher switches the camera off and on again', async () => {
  const peer = await peerNamed(CAMERA);
  /** @param {boolean} wanted */
  const sends = (wanted) =>
    teacher.until(
      (/** @type {{peer: string, wanted: boolean}} */ { peer, wanted }) => {
        const { people } = /** @type {any} */ (window).e2e;
        const one = people.find((/** @type {any} */ person) => person.p === peer);
        return one?.on.includes('camera') === wanted;
      },
      { peer, wanted },
      `the camera ${wanted ? 'on' : 'off'}`,
    );
  await teacher.page.locator('.lesson').getByRole('button', { name: 'Участники' }).click();
  await teacher.click('button', `Выключить картинку: ${CAMERA}`);
  await sends(false);
  await teacher.click('button', `Включить картинку: ${CAMERA}`);
  await sends(true);
  await tilePlays(teacher, peer, 'camera');
});

step('a camera that sends H.264 is seen, too, or its tile says why it is not', async () => {
  // The same key: it takes the place of the camera that is there.
  const { address, token } = keys[CAMERA];
  const before = await peerNamed(CAMERA);
  const other = new Device('camera', address, token, 'H264');
  try {
    await other.says(({ state }) => state === 'connected', 'connection');
    const peer = await peerNamed(CAMERA, before);
    await tilePlays(teacher, peer, 'camera');
    // This Firefox has no H.264, and its tile says so.
    student = await firefoxPerson('student in Firefox');
    await enterLesson(student, server, 'student1', 'Присоединиться');
    await student.until(
      (of) => /** @type {HTMLElement} */ (document.querySelector(`[data-peer="${of}"]`))?.innerText.includes('Этот браузер не может показать'),
      peer,
      'a tile that says why it is empty',
    );
    await student.close();
    student = undefined;
  } finally {
    await other.stop();
  }
});

step('what FFmpeg publishes is seen and heard by a learner', async () => {
  const { address, token } = keys[CAMERA];
  await gone(CAMERA);
  const ffmpeg = new Device('ffmpeg', address, token);
  const learner = await chromiumPerson(chromium, 'learner');
  try {
    await ffmpeg.says(({ state }) => state === 'connected', 'connection');
    await enterLesson(learner, server, 'student1', 'Присоединиться');
    const peer = await peerNamed(CAMERA);
    await seeAndHear(learner, [peer]);
    await tilePlays(learner, peer, 'camera');
  } finally {
    await Promise.all([ffmpeg.stop(), learner.close()]);
  }
});

step('a key that is revoked ends what it began', async () => {
  await camera?.stop();
  await gone(CAMERA);
  camera = new Device('camera', keys[CAMERA].address, keys[CAMERA].token);
  await camera.says(({ state }) => state === 'connected', 'connection');
  const peer = await peerNamed(CAMERA);
  await teacher.page.evaluate(revoke, CAMERA);
  await camera.says(({ state }) => state === 'closed' || state === 'failed', 'end of the connection');
  await teacher.until((gone) => !document.querySelector(`[data-peer="${gone}"]`), peer, 'the tile gone');
  const again = new Device('camera', keys[CAMERA].address, keys[CAMERA].token);
  assert.equal((await again.says(({ status }) => status !== undefined, 'answer')).status, 401);
  await again.stop();
  for (const { token } of Object.values(keys)) assert.ok(!server.log.includes(token), 'no key in the log');
});

/**
 * @param {string} name
 * @param {'publish' | 'play'} does
 */
async function makeKey(name, does) {
  await teacher.click('button', 'Подключить устройство');
  await teacher.page.getByLabel('Что это').selectOption(does);
  await teacher.type('Название', name);
  await teacher.click('button', 'Создать ключ');
  const address = await teacher.page.getByLabel(/^Адрес/).inputValue();
  const token = await teacher.page.getByLabel(/^Ключ \(/).inputValue();
  keys[name] = { address, token };
  await teacher.click('button', 'Готово');
}

/**
 * The peer of a device that is in the lesson and has a path.
 * @param {string} name
 * @param {string} [before] the peer whose place it takes, which may still be there
 * @returns {Promise<string>}
 */
async function peerNamed(name, before) {
  await teacher.until(isThere, { name, before }, `${name} among the participants`);
  return teacher.read(
    ({ name, before }) => /** @type {any} */ (window).e2e.people.find((/** @type {any} */ one) => one.device?.name === name && one.here && one.p !== before).p,
    { name, before },
  );
}

// Runs in the page.
/** @param {{name: string, before?: string}} wanted */
function isThere({ name, before }) {
  return /** @type {any} */ (window).e2e.people.some((/** @type {any} */ one) => one.device?.name === name && one.here && one.p !== before);
}

/** Waits until nothing is left of a device in the lesson: the next one is not taken for it. @param {string} name */
const gone = (name) =>
  teacher.until(
    (name) => !(/** @type {any} */ (window).e2e.people.some((/** @type {any} */ one) => one.device?.name === name)),
    name,
    `${name} to be gone`,
  );

// Runs in the page, as the list of devices does it: the lesson covers that.
/** @param {string} name */
async function revoke(name) {
  const room = location.pathname.split('/').at(-1);
  const path = `/api/v1/rooms/${room}/devices`;
  const { devices } = await (await fetch(path)).json();
  const { id } = devices.find((/** @type {any} */ one) => one.name === name);
  const answer = await fetch(`${path}/${id}`, { method: 'DELETE' });
  if (answer.status !== 204) throw new Error(`revoking was answered ${answer.status}`);
}
