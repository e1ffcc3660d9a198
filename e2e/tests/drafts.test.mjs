// What one has begun to write, on several devices. Chromium and Firefox.
import assert from 'node:assert/strict';
import { after, before } from 'node:test';

import { chromiumPerson, firefoxPerson, launchChromium, signIn } from '../browsers.mjs';
import { Server } from '../server.mjs';
import { steps } from '../steps.mjs';

const ROOM = 'Робототехника, поток 1';
const OTHER = '3D-моделирование, поток 2';

const step = steps();
/** @type {Server} */
let server;
/** @type {import('playwright-core').Browser} */
let chromium;
/** @type {Awaited<ReturnType<typeof chromiumPerson>>} */
let desk;
/** @type {Awaited<ReturnType<typeof firefoxPerson>>} */
let tablet;

before(async () => {
  server = await Server.create();
  chromium = await launchChromium();
  [desk, tablet] = await Promise.all([chromiumPerson(chromium, 'desk'), firefoxPerson('tablet')]);
  await Promise.all([signIn(desk, server, 'student1'), signIn(tablet, server, 'student1')]);
});

after(async () => {
  await Promise.allSettled([tablet?.close(), chromium?.close()]);
  await server?.stop();
});

/** @param {import('../browsers.mjs').Person} person @param {string} text */
const written = (person, text) =>
  person.until((wanted) => document.querySelector('textarea')?.value === wanted, text, `«${text}» in the field`);

/** @param {import('../browsers.mjs').Person} person @param {string} text */
const listed = (person, text) =>
  person.until((wanted) => document.querySelector('.rooms')?.textContent?.replaceAll(/\s+/gu, ' ').includes(wanted), text, `«${text}» in the list`);

step('what was begun appears in the list and in the field of another device', async () => {
  await desk.click('link', ROOM);
  await desk.type('Сообщение', 'Завтра принесу мотор');
  await listed(tablet, 'Черновик: Завтра принесу мотор');
  await tablet.click('link', ROOM);
  await written(tablet, 'Завтра принесу мотор');
});

step('it goes on there, and is not put over what is being typed', async () => {
  await tablet.type('Сообщение', ' и датчик');
  await written(desk, 'Завтра принесу мотор и датчик');
  const field = desk.page.getByRole('textbox', { name: 'Сообщение' });
  await field.fill('');
  // Key by key, while the other device tells of its own text.
  const typed = 'Всё принесу сам, честное слово';
  await Promise.all([field.pressSequentially(typed, { delay: 100 }), tablet.type('Сообщение', '!')]);
  assert.equal(await field.inputValue(), typed);
});

step('sent on one device it is gone on both', async () => {
  await desk.type('Сообщение', 'Завтра принесу мотор');
  await written(tablet, 'Завтра принесу мотор');
  await desk.click('button', 'Отправить');
  for (const device of [desk, tablet]) await written(device, '');
  await desk.click('link', OTHER);
  await listed(desk, 'Вы: Завтра принесу мотор');
  assert.ok(!(await desk.read(() => document.querySelector('.rooms')?.textContent?.includes('Черновик'))));
});

step('a reload keeps it, also when the page was closed at once', async () => {
  await desk.type('Сообщение', 'Недописанное');
  await listed(tablet, 'Черновик: Недописанное');
  await desk.reload();
  await written(desk, 'Недописанное');
});
