// A lesson of two in which one loses the network, or closes the lid of the laptop, and is back without a click.
import assert from 'node:assert/strict';
import { after, before } from 'node:test';
import { setTimeout as passes } from 'node:timers/promises';

import { chromiumPerson, launchChromium } from '../browsers.mjs';
import { enterLesson } from '../lesson.mjs';
import { closeLid } from '../lid.mjs';
import { peerOf, remoteDescriptions, seeAndHear } from '../media.mjs';
import { Relay, sendMediaThrough } from '../relay.mjs';
import { Server } from '../server.mjs';
import { steps } from '../steps.mjs';

/** How long the network is lost, or the lid closed: the length of the fault and no waiting for an effect. */
const FAULT_MS = 20_000;

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

step('a lid closed for 20 s heals by itself', async () => {
  const texts = ['Запишите задание на дом', 'Я вернулся'];
  const openLid = await closeLid(browsers[1]);
  /** @type {Promise<void> | undefined} */
  let saying;
  try {
    const fault = passes(FAULT_MS);
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
  await allIsWell(texts);
});

async function bothSeeAndHear() {
  await seeAndHear(student, [teachersPeer]);
  // The student may have a new place.
  await seeAndHear(teacher, [await peerOf(student)]);
}

/**
 * Nobody has clicked anything, and it is as before the fault.
 * @param {string[]} texts what was written meanwhile, in this order
 */
async function allIsWell(texts) {
  await bothSeeAndHear();
  for (const person of [teacher, student]) {
    for (const text of texts) await until(person, isSent, text);
    assert.deepEqual((await sent(person)).filter((text) => texts.includes(text)), texts, person.name);
    await person.see('button', 'Выйти из урока');
    await person.until(
      () => !document.querySelector('[role=dialog]')?.textContent?.includes('Восстанавливаем'),
      undefined,
      'the end of «Восстанавливаем»',
    );
    assert.equal(await person.read(() => /** @type {any} */ (window).e2e.kept.page), 'the first', person.name);
  }
  assert.equal(await remoteDescriptions(teacher), 1);
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
