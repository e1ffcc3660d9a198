// Where a room opens when something in it is unread: the line above that stays in view, also when what is below it grows late.
import assert from 'node:assert/strict';
import { after, before } from 'node:test';

import { chromiumPerson, launchChromium, signIn } from '../browsers.mjs';
import { Server } from '../server.mjs';
import { steps } from '../steps.mjs';

const ROOM = 'Робототехника, поток 1';
const OTHER_ROOM = '3D-моделирование, поток 2';
/** With the line above it as high as most of what is in view, but not all of it. */
const LONG = `План${'\nпункт'.repeat(19)}`;

const step = steps();
/** @type {Server} */
let server;
/** @type {import('playwright-core').Browser} */
let chromium;
/** @type {Awaited<ReturnType<typeof chromiumPerson>>} */
let teacher;
/** @type {Awaited<ReturnType<typeof chromiumPerson>>} */
let student;

before(async () => {
  server = await Server.create();
  chromium = await launchChromium();
  // Without a worker, which would have the parts of the page that come later.
  [teacher, student] = await Promise.all([chromiumPerson(chromium, 'teacher'), chromiumPerson(chromium, 'student', { serviceWorkers: 'block' })]);
  await Promise.all([signIn(teacher, server, 'teacher'), signIn(student, server, 'student1')]);
  for (const person of [teacher, student]) {
    await person.click('link', ROOM);
    await person.see('textbox', 'Сообщение');
  }
  await student.click('link', OTHER_ROOM);
  await student.until((name) => document.querySelector('main h1')?.textContent === name, OTHER_ROOM, 'the other room');
});

after(async () => {
  await chromium?.close();
  await server?.stop();
});

/** @param {string} text */
async function say(text) {
  await teacher.type('Сообщение', text);
  await teacher.click('button', 'Отправить');
}

async function ask() {
  const { page } = teacher;
  await teacher.click('button', 'Ещё');
  await page.locator('dialog').getByRole('button', { name: 'Опрос', exact: true }).click();
  await teacher.type('Вопрос', 'Когда консультация?');
  await page.getByLabel('Вариант 1', { exact: true }).fill('Во вторник');
  await page.getByLabel('Вариант 2', { exact: true }).fill('В четверг');
  await teacher.click('button', 'Отправить опрос');
}

/** Where the line above what is unread stands, in pixels below the top of the messages, and how high they are in view. */
const place = () =>
  student.read(async () => {
    await new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn)));
    const view = document.querySelector('[role=log]')?.getBoundingClientRect();
    const line = document.querySelector('[data-unread]')?.getBoundingClientRect();
    return { top: Math.round((line?.top ?? NaN) - (view?.top ?? NaN)), high: view?.height ?? NaN };
  });

/** @param {boolean} there */
const wayDown = (there) =>
  student.until(
    (wanted) => (document.querySelector('[aria-label^="К новым сообщениям"]') !== null) === wanted,
    there,
    there ? 'the way to the end' : 'the end',
  );

step('a poll that comes late does not push the line above what is unread out of view', async () => {
  await ask();
  await say(LONG);
  await student.until(() => document.querySelector('[aria-label^="2 непрочитан"]') !== null, undefined, 'two unread messages');
  /** @type {() => void} */
  let release = () => undefined;
  const released = new Promise((resolve) => (release = () => resolve(undefined)));
  await student.page.route('**/_app/immutable/**', async (route) => {
    await released;
    await route.continue();
  });
  await student.click('link', ROOM);
  await student.until(() => document.querySelector('[data-unread]') !== null && document.querySelector('main h1'), undefined, 'the line');
  await wayDown(false);
  const before = await place();
  assert.ok(before.top >= 0 && before.top < before.high, JSON.stringify(before));
  assert.equal(await student.read(() => document.querySelector('.poll')), null);
  release();
  await student.until(() => document.querySelector('.poll'), undefined, 'the poll');
  const then = await place();
  assert.ok(then.top >= 0 && then.top < then.high, JSON.stringify(then));
  // What is below the view is a way off now.
  await wayDown(true);
});

step('whoever goes to the end stays there when something new comes', async () => {
  await student.click('button', 'К новым сообщениям');
  await wayDown(false);
  await say(LONG);
  await student.until(() => [...document.querySelectorAll('article')].filter((one) => one.textContent?.includes('План')).length === 2, undefined, 'the second plan');
  const below = await student.read(async () => {
    await new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn)));
    const log = document.querySelector('[role=log]');
    return log ? log.scrollHeight - log.scrollTop - log.clientHeight : NaN;
  });
  assert.ok(below < 2, `${below}px from the end`);
});
