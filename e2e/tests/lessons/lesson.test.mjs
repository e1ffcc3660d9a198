// A live lesson: three Chromium and one Firefox, then one more.
import assert from 'node:assert/strict';
import { after, before } from 'node:test';

import { chromiumPerson, firefoxPerson, launchChromium } from '../../browsers.mjs';
import { ROOM, enterLesson, tilePlays } from '../../lesson.mjs';
import { forget, remoteDescriptions, seeAndHear } from '../../media.mjs';
import { Server } from '../../server.mjs';
import { steps } from '../../steps.mjs';

const step = steps();
/** @type {Server} */
let server;
/** @type {import('playwright-core').Browser} */
let chromium;
/** @type {Awaited<ReturnType<typeof chromiumPerson>>} */
let teacher;
/** @type {import('../../browsers.mjs').Person[]} */
let students;
/** @type {Map<import('../../browsers.mjs').Person, string>} */
const peers = new Map();

const everybody = () => [...peers.keys()];
/** @param {import('../../browsers.mjs').Person} person */
const others = (person) => [...peers].filter(([other]) => other !== person).map(([, peer]) => peer);

before(async () => {
  server = await Server.create();
  chromium = await launchChromium();
  teacher = await chromiumPerson(chromium, 'teacher');
  students = await Promise.all([
    chromiumPerson(chromium, 'student 1'),
    chromiumPerson(chromium, 'student 2'),
    firefoxPerson('student 3 in Firefox'),
  ]);
});

after(async () => {
  await Promise.allSettled([students?.[2]?.close(), chromium?.close()]);
  await server?.stop();
});

step('four browsers see and hear each other', async () => {
  peers.set(teacher, await enterLesson(teacher, server, 'teacher', 'Начать урок'));
  for (const [at, student] of students.entries()) {
    peers.set(student, await enterLesson(student, server, `student${at + 1}`, 'Присоединиться'));
  }
  await Promise.all(everybody().map((person) => seeAndHear(person, others(person))));
  for (const person of everybody()) {
    for (const peer of others(person)) await tilePlays(person, peer, 'camera');
  }
});

step('one who comes late sees everybody and is seen, without a new offer from anybody', async () => {
  const before = everybody();
  const late = await chromiumPerson(chromium, 'student 4, late');
  peers.set(late, await enterLesson(late, server, 'student4', 'Присоединиться'));
  // With five, the three loudest are heard: sound is asked of nobody in particular.
  await Promise.all(everybody().map((person) => seeAndHear(person, others(person), { sound: false })));
  for (const person of before) assert.equal(await remoteDescriptions(person), 1, person.name);
});

step('one who reloads the page is back, without a new offer from anybody else', async () => {
  const [student] = students;
  const stay = everybody().filter((person) => person !== student);
  const old = peers.get(student);
  await student.click('button', 'Выключить микрофон');
  await student.reload();
  // Nothing is asked again, and who was muted still is.
  await student.see('button', 'Выйти с урока');
  await student.see('button', 'Включить микрофон');
  await student.see('button', 'Выключить камеру');
  await student.click('button', 'Включить микрофон');
  await student.until((was) => /** @type {any} */ (window).e2e.me && /** @type {any} */ (window).e2e.me !== was, old);
  peers.set(student, await student.read(() => /** @type {any} */ (window).e2e.me));
  await Promise.all(everybody().map((person) => seeAndHear(person, others(person), { sound: false })));
  for (const person of stay) assert.equal(await remoteDescriptions(person), 1, person.name);
});

step('one who reloads is as muted as the server knows, whatever the page remembers', async () => {
  const [student] = students;
  const old = peers.get(student);
  await student.click('button', 'Выключить микрофон');
  await teacher.until(has, [old, 'camera'], 'news of the mute');
  // Its memory says the opposite, each time after the page has written it.
  await student.read(() => {
    const turn = () => {
      const place = JSON.parse(sessionStorage.getItem('parta.place') ?? '');
      sessionStorage.setItem('parta.place', JSON.stringify({ ...place, mic: true, camera: false, muted: [] }));
    };
    window.addEventListener('pagehide', turn);
    document.addEventListener('visibilitychange', turn);
  });
  await student.reload();
  await student.see('button', 'Выйти с урока');
  await student.see('button', 'Выключить камеру');
  await student.see('button', 'Включить микрофон');
  await student.until((was) => /** @type {any} */ (window).e2e.me && /** @type {any} */ (window).e2e.me !== was, old);
  const peer = await student.read(() => /** @type {any} */ (window).e2e.me);
  peers.set(student, peer);
  await teacher.until(has, [peer, 'camera'], 'the camera alone');
  await tilePlays(teacher, peer, 'camera');
  // Not even the device is asked for.
  assert.deepEqual(await student.read(sendingKinds), ['video']);
  await student.click('button', 'Включить микрофон');
  await teacher.until(has, [peer, 'mic,camera'], 'the microphone again');
});

step('a shared screen is legible at the others', async () => {
  await teacher.page.evaluate(stripesAsScreen);
  await teacher.click('button', 'Показать экран');
  const peer = /** @type {string} */ (peers.get(teacher));
  for (const student of students) {
    await tilePlays(student, peer, 'screen');
    await student.until(contrastOfStripes, peer, 'a sharp picture of the screen');
  }
  for (const person of everybody()) assert.equal(await remoteDescriptions(person), 1, person.name);
});

step('cameras beside a shared screen are sent small, and large again for one who looks', async () => {
  /** @param {import('../../browsers.mjs').Person} person @param {string[]} layers */
  const sends = (person, layers) =>
    person.until((wanted) => String(/** @type {any} */ (window).e2e.layers) === wanted, String(layers), `layers ${layers}`);
  const [student, , inFirefox] = students;
  await Promise.all([sends(student, ['q']), sends(inFirefox, ['q'])]);
  const peer = /** @type {string} */ (peers.get(student));
  const tile = teacher.page.locator(`[data-peer="${peer}"][data-source="camera"]`);
  await tile.dblclick();
  await student.until(() => /** @type {any} */ (window).e2e.layers.length > 1, undefined, 'more than the lowest layer');
  await tile.dblclick();
  await sends(student, ['q']);
});

step('who mutes is not heard, and is again afterwards', async () => {
  const [student] = students;
  const listeners = everybody().filter((person) => person !== student);
  const peer = /** @type {string} */ (peers.get(student));
  // Three voices at most are sent at once: two go silent so that this one has a place.
  const silent = everybody().filter((person) => person !== student).slice(-2);
  for (const person of silent) await person.click('button', 'Выключить микрофон');
  await Promise.all(listeners.map(forget));
  await Promise.all(listeners.map((person) => hears(person, peer)));
  // Where each hears the voice. The place stays empty while the student is silent: nobody else waits for one.
  const places = new Map();
  for (const person of listeners) places.set(person, await placeOfVoice(person, peer));
  await student.click('button', 'Выключить микрофон');
  for (const person of listeners) {
    await person.until(
      (who) => !(/** @type {any} */ (window).e2e.people.find((/** @type {any} */ one) => one.p === who)?.on.includes('mic')),
      peer,
      'news of the mute',
    );
  }
  // Others go on being heard: silence is the student's, not the line's.
  await Promise.all(
    listeners.map((person) => fallsSilent(person, places.get(person), person === teacher ? students[1] : teacher)),
  );
  await student.click('button', 'Включить микрофон');
  await Promise.all(listeners.map((person) => hears(person, peer)));
});

step('who goes back with the button of the browser is gone for the others, too', async () => {
  const [late, peer] = /** @type {[import('../../browsers.mjs').Person, string]} */ ([...peers].at(-1));
  await late.read(() => history.back());
  await late.until(() => document.querySelector('.lesson[role=dialog]') === null, undefined, 'the way out of the lesson');
  for (const person of everybody().filter((one) => one !== late)) {
    await person.until(
      (gone) => !(/** @type {any} */ (window).e2e.people.some((/** @type {any} */ one) => one.p === gone && one.here)),
      peer,
      `the place of ${late.name} empty`,
    );
  }
  peers.delete(late);
});

step('when the teacher ends the lesson, it is over for all', async () => {
  await teacher.click('button', 'Завершить урок');
  for (const person of everybody().filter((one) => one !== teacher)) {
    await person.until(
      () => /** @type {any} */ (window).e2e.connections.every((/** @type {RTCPeerConnection} */ c) => c.connectionState === 'closed'),
      undefined,
      'the end of the lesson',
    );
  }
});

// Runs in the page: whether exactly that is on of a peer, as the server tells.
/** @param {[peer: string, on: string]} wanted */
function has([peer, on]) {
  const { people } = /** @type {any} */ (window).e2e;
  return people.find((/** @type {any} */ one) => one.p === peer)?.on.join() === on;
}

// Runs in the page: kinds of what it has to send.
function sendingKinds() {
  const connection = /** @type {any} */ (window).e2e.connections.at(-1);
  return connection.getSenders().flatMap((/** @type {RTCRtpSender} */ sender) => sender.track?.kind ?? []);
}

/**
 * Waits until this person hears `peer`, and has played `seconds` of that sound.
 * @param {import('../../browsers.mjs').Person} person
 * @param {string} peer
 * @param {number} [seconds]
 */
async function hears(person, peer, seconds = 0) {
  await person.until(
    (/** @type {{peer: string, seconds: number}} */ want) => {
      const sound = /** @type {any} */ (window).e2e.seen[`${want.peer}/mic`];
      return sound?.energy > 1e-4 && sound.seconds >= want.seconds;
    },
    { peer, seconds },
    `the voice of ${peer}`,
  );
}

/**
 * Waits until nothing more comes out of a section while this person plays 2 s of another's voice: false microphones
 * beep twice a second. What was on its way when the mute came is played to its end, which takes seconds where five
 * browsers share two cores.
 * @param {import('../../browsers.mjs').Person} person
 * @param {string} mid
 * @param {import('../../browsers.mjs').Person} loud
 */
async function fallsSilent(person, mid, loud) {
  for (let tries = 0; ; tries++) {
    const before = await energyIn(person, mid);
    await forget(person);
    await hears(person, /** @type {string} */ (peers.get(loud)), 2);
    const more = (await energyIn(person, mid)) - before;
    // Without a figure there is no difference, and nothing was shown.
    assert.ok(Number.isFinite(more), `${person.name} has no sound in section ${mid}`);
    if (more < 1e-6) return;
    assert.ok(tries < 10, `${person.name} still hears ${more}`);
  }
}

/**
 * The section in which this person hears `peer`.
 * @param {import('../../browsers.mjs').Person} person
 * @param {string} peer
 * @returns {Promise<string>}
 */
async function placeOfVoice(person, peer) {
  const mid = await person.read(
    (who) => /** @type {any} */ (window).e2e.slots.find((/** @type {any} */ slot) => slot.from?.p === who && slot.from.src === 'mic')?.mid,
    peer,
  );
  assert.ok(mid, `${person.name} has no place for the voice of ${peer}`);
  return mid;
}

/**
 * @param {import('../../browsers.mjs').Person} person
 * @param {string} mid
 * @returns {Promise<number>}
 */
function energyIn(person, mid) {
  return person.read((place) => /** @type {any} */ (window).e2e.heard[place], mid);
}

// Runs in the page: the next screen that is shared is black and white stripes of two pixels, 1920 wide, as fine as
// the strokes of small text.
function stripesAsScreen() {
  const canvas = document.createElement('canvas');
  canvas.width = 1920;
  canvas.height = 1080;
  const draw = /** @type {CanvasRenderingContext2D} */ (canvas.getContext('2d'));
  const paint = () => {
    draw.fillStyle = 'white';
    draw.fillRect(0, 0, 1920, 1080);
    draw.fillStyle = 'black';
    for (let x = 0; x < 1920; x += 4) draw.fillRect(x, 0, 2, 1080);
  };
  setInterval(paint, 200);
  paint();
  navigator.mediaDevices.getDisplayMedia = async () => canvas.captureStream(5);
}

// Runs in the page: whether neighbouring stripes of the shared screen still differ.
/** @param {string} peer */
function contrastOfStripes(peer) {
  const tile = document.querySelector(`[data-peer="${peer}"][data-source="screen"]`);
  const video = /** @type {HTMLVideoElement | null} */ (tile?.matches('video') ? tile : tile?.querySelector('video'));
  if (!video || video.videoWidth < 1920) return false;
  const canvas = document.createElement('canvas');
  canvas.width = 400;
  canvas.height = 1;
  const draw = /** @type {CanvasRenderingContext2D} */ (canvas.getContext('2d'));
  draw.drawImage(video, 700, 500, 400, 1, 0, 0, 400, 1);
  const { data } = draw.getImageData(0, 0, 400, 1);
  const levels = Array.from({ length: 400 }, (_, x) => data[x * 4]).sort((a, b) => a - b);
  return levels[300] - levels[100] > 120;
}
