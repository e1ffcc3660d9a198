// A lesson of two in which one loses the network, closes the lid of the laptop or has a page that stands still, and is back
// without a click.
import assert from 'node:assert/strict';
import { after, before } from 'node:test';
import { setTimeout as passes } from 'node:timers/promises';

import { chromiumPerson, launchChromium } from '../../browsers.mjs';
import { enterLesson } from '../../lesson.mjs';
import { closeLid } from '../../lid.mjs';
import { peerOf, remoteDescriptions, seeAndHear } from '../../media.mjs';
import { Relay, sendMediaThrough } from '../../relay.mjs';
import { Server } from '../../server.mjs';
import { steps } from '../../steps.mjs';

/** How long the network is lost: the length of the fault and no waiting for an effect. */
const FAULT_MS = 20_000;
/** How long the lid is closed: so long that the server gives the place in the lesson up (30 s). */
const LID_MS = 35_000;
/** How long the page stands still: longer than the server waits for one who is silent (30 s). */
const STILL_MS = 40_000;

/** @typedef {Awaited<ReturnType<typeof chromiumPerson>>} Browsing */

const step = steps();
/** @type {Server} */
let server;
/** @type {Relay} */
let relay;
// Each has a browser of their own: one that stands still must not hold up the other.
/** @type {import('playwright-core').Browser[]} */
let browsers = [];
/** @type {Browsing} */
let teacher;
/** @type {Browsing} */
let student;
/** @type {string} */
let teachersPeer;

before(async () => {
  relay = await Relay.open();
  server = await Server.create(relay.origin);
  relay.leadTo(server);
  browsers = await Promise.all([launchChromium(), launchChromium()]);
  teacher = await chromiumPerson(browsers[0], 'teacher');
  student = await chromiumPerson(browsers[1], 'student');
  await student.page.addInitScript(sendMediaThrough, relay.mediaPorts);
  await student.page.addInitScript(watchWakeLocks);
});

after(async () => {
  await Promise.allSettled(browsers.map((browser) => browser.close()));
  await server?.stop();
  await relay?.close();
});

step('two see and hear each other, one of them through a network that can be lost', async () => {
  teachersPeer = await enterLesson(teacher, server, 'teacher', 'Начать урок');
  const entrance = { origin: relay.origin, person: (/** @type {string} */ login) => server.person(login) };
  await enterLesson(student, entrance, 'student1', 'Присоединиться');
  await bothSeeAndHear();
  for (const person of [teacher, student]) {
    await person.click('button', 'Чат');
    // A page that was loaded anew would not have it.
    await person.read(() => void (/** @type {any} */ (window).e2e.kept.page = 'the first'));
  }
});

step('a microphone that the system took is back with one press', async () => {
  const peer = await peerOf(student);
  const sends = (/** @type {boolean} */ mic) =>
    teacher.until(
      (/** @type {{peer: string, mic: boolean}} */ want) =>
        /** @type {any} */ (window).e2e.people.find((/** @type {any} */ one) => one.p === want.peer)?.on.includes('mic') === want.mic,
      { peer, mic },
      mic ? 'the microphone' : 'news of the lost microphone',
    );
  await student.read(loseMicrophone);
  await sends(false);
  // On a phone, too, the button is in view; the chat would lie over it there.
  await student.click('button', 'Чат');
  const viewport = student.page.viewportSize();
  await student.page.setViewportSize({ width: 360, height: 740 });
  await student.until(isInView, 'Вернуть микрофон', 'the button within a page of 360 px');
  await student.click('button', 'Вернуть микрофон');
  await sends(true);
  if (viewport) await student.page.setViewportSize(viewport);
  await student.click('button', 'Чат');
  await bothSeeAndHear();
  assert.equal(await student.page.getByRole('button', { name: 'Вернуть микрофон' }).count(), 0);
});

step('a network lost for 20 s heals by itself', async () => {
  const texts = ['Сейчас покажу, как паять', 'У меня пропал интернет'];
  relay.silence();
  try {
    const fault = passes(FAULT_MS);
    await say(teacher, texts[0]);
    await until(teacher, isSent, texts[0]);
    await say(student, texts[1]);
    await until(student, waitsToBeSent, texts[1]);
    await missesStudent();
    await fault;
    // The loss was one: neither has crossed it.
    assert.equal((await sent(student)).filter((text) => texts.includes(text)).length, 0);
    assert.deepEqual((await sent(teacher)).filter((text) => texts.includes(text)), [texts[0]]);
  } finally {
    relay.heal();
  }
  await allIsWell(texts);
});

step('a lid closed for 35 s heals by itself, and who was muted still is', async () => {
  const texts = ['Запишите задание на дом', 'Я вернулся'];
  await student.click('button', 'Выключить микрофон');
  await student.see('button', 'Включить микрофон');
  const openLid = await closeLid(browsers[1]);
  /** @type {Promise<void> | undefined} */
  let saying;
  try {
    const fault = passes(LID_MS);
    await say(teacher, texts[0]);
    await until(teacher, isSent, texts[0]);
    // Reaches the browser when the lid opens, before it knows what it has missed.
    saying = say(student, texts[1]);
    await missesStudent();
    await fault;
    assert.deepEqual((await sent(teacher)).filter((text) => texts.includes(text)), [texts[0]]);
  } finally {
    openLid();
  }
  await saying;
  await seeAndHear(student, [teachersPeer]);
  await seeAndHear(teacher, [await peerOf(student)], { sound: false });
  await student.see('button', 'Включить микрофон');
  await teacher.until(
    (/** @type {string} */ peer) =>
      /** @type {any} */ (window).e2e.people.some(
        (/** @type {any} */ one) => one.p === peer && one.here && one.on.includes('camera') && !one.on.includes('mic'),
      ),
    await peerOf(student),
    'the student, muted',
  );
  await student.click('button', 'Включить микрофон');
  await allIsWell(texts);
});

step('a page that stands still for 40 s is back by itself', async () => {
  const texts = ['Кто хочет ответить?', 'Я могу'];
  await student.read(noteStandstill);
  const before = await peerOf(student);
  // As in a page that the browser froze no timer and no handler runs, and the rest of the browser goes on. The browser freezes
  // only pages that nobody sees, and headless it takes every page for seen: a debugger's pause does the same to any.
  const debug = await student.context.newCDPSession(student.page);
  await debug.send('Debugger.enable');
  await debug.send('Debugger.pause');
  try {
    const fault = passes(STILL_MS);
    await say(teacher, texts[0]);
    await until(teacher, isSent, texts[0]);
    await fault;
  } finally {
    await debug.send('Debugger.resume');
    await debug.detach();
  }
  await bothSeeAndHear();
  await say(student, texts[1]);
  await allIsWell(texts);
  const stood = await student.read(() => /** @type {any} */ (window).e2e.kept.stood);
  assert.ok(stood >= STILL_MS - 2_000, `the page stood still for ${stood} ms only`);
  console.log(`# its place in the lesson was ${(await peerOf(student)) === before ? 'kept' : 'taken anew'}`);
});

async function bothSeeAndHear() {
  await seeAndHear(student, [teachersPeer]);
  // The student may have a new place.
  await seeAndHear(teacher, [await peerOf(student)]);
}

/**
 * It is as before the fault: the lesson is on in the same page, and the screen is kept awake for it.
 * @param {string[]} texts what was written meanwhile, in this order
 */
async function allIsWell(texts) {
  await bothSeeAndHear();
  for (const person of [teacher, student]) {
    for (const text of texts) await until(person, isSent, text);
    assert.deepEqual((await sent(person)).filter((text) => texts.includes(text)), texts, person.name);
    await person.see('button', 'Выйти с урока');
    await person.until(
      () => !document.querySelector('[role=dialog]')?.textContent?.includes('Восстанавливаем'),
      undefined,
      'the end of «Восстанавливаем»',
    );
    assert.equal(await person.read(() => /** @type {any} */ (window).e2e.kept.page), 'the first', person.name);
  }
  assert.ok(await student.read(() => /** @type {any} */ (window).e2e.kept.awake()), 'the screen may go dark');
  assert.equal(await remoteDescriptions(teacher), 1);
}

// Runs in the page: the track ends as when the device is unplugged or the system takes it.
function loseMicrophone() {
  const { connections } = /** @type {any} */ (window).e2e;
  const senders = /** @type {RTCRtpSender[]} */ (connections.at(-1).getSenders());
  const track = senders.find((sender) => sender.track?.kind === 'audio')?.track;
  track?.stop();
  track?.dispatchEvent(new Event('ended'));
}

// Runs in the page: whether a press on the middle of this button would reach it, and all of it shows.
/** @param {string} name */
function isInView(name) {
  const button = Array.from(document.querySelectorAll('button')).find((one) => one.textContent?.trim() === name);
  if (!button) return false;
  const { left, right, top, bottom } = button.getBoundingClientRect();
  const inside = left >= 0 && right <= innerWidth && top >= 0 && bottom <= innerHeight;
  return inside && document.elementFromPoint((left + right) / 2, (top + bottom) / 2) === button;
}

// Runs in the page: the longest time in which none of its timers ran.
function noteStandstill() {
  const { kept } = /** @type {any} */ (window).e2e;
  kept.stood = 0;
  let last = performance.now();
  setInterval(() => {
    const now = performance.now();
    kept.stood = Math.max(kept.stood, now - last);
    last = now;
  }, 500);
}

// Runs in the page before its scripts.
function watchWakeLocks() {
  /** @type {WakeLockSentinel | undefined} */
  let latest;
  const { prototype } = WakeLock;
  const request = prototype.request;
  prototype.request = async function (type) {
    return (latest = await request.call(this, type));
  };
  /** @type {any} */ (window).e2e.kept.awake = () => latest !== undefined && !latest.released;
}

/** Waits until the teacher is told that nothing comes from the student. */
async function missesStudent() {
  await teacher.until(
    (mine) => /** @type {any} */ (window).e2e.people.some((/** @type {any} */ one) => one.p !== mine && !one.here),
    teachersPeer,
    'news of the loss',
  );
}

/**
 * Writes into the chat beside the lesson.
 * @param {Browsing} person
 * @param {string} text
 */
async function say(person, text) {
  const lesson = person.page.getByRole('dialog');
  await lesson.getByRole('textbox', { name: 'Сообщение' }).fill(text);
  await lesson.getByRole('button', { name: 'Отправить' }).click();
}

/**
 * @param {Browsing} person
 * @param {(text: string) => boolean} look
 * @param {string} text
 */
function until(person, look, text) {
  return person.until(look, text, `«${text}» ${look === isSent ? 'in the room' : 'on its way'}`);
}

/**
 * The messages beside the lesson that the server has, in their order.
 * @param {Browsing} person
 * @returns {Promise<string[]>}
 */
function sent(person) {
  return person.read(() =>
    Array.from(document.querySelectorAll('[role=dialog] [data-message] p[dir=auto]:not(.author)'), (text) => text.textContent?.trim() ?? ''),
  );
}

// Runs in the page.
/** @param {string} text */
function isSent(text) {
  return Array.from(document.querySelectorAll('[role=dialog] [data-message]')).some((message) => message.textContent?.includes(text));
}

// Runs in the page: in the chat, without an id that the server gave.
/** @param {string} text */
function waitsToBeSent(text) {
  return Array.from(document.querySelectorAll('[role=dialog] [role=log] li')).some(
    (line) => line.textContent?.includes(text) && !line.querySelector('[data-message]'),
  );
}
