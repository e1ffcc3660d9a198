// What one has begun to write, on several devices: a desk and a phone with Chromium, a tablet with Firefox.
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
/** @type {Awaited<ReturnType<typeof chromiumPerson>>} */
let phone;
/** What the server told the desk. @type {string[]} */
const told = [];

before(async () => {
  server = await Server.create();
  chromium = await launchChromium();
  const small = { viewport: { width: 360, height: 740 }, hasTouch: true, isMobile: true };
  [desk, tablet, phone] = await Promise.all([chromiumPerson(chromium, 'desk'), firefoxPerson('tablet'), chromiumPerson(chromium, 'phone', small)]);
  desk.page.on('websocket', (socket) => socket.on('framereceived', ({ payload }) => told.push(String(payload))));
  await Promise.all([desk, tablet, phone].map((device) => signIn(device, server, 'student1')));
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
  // Key by key, until the other device has told of its own text.
  let typed = '';
  const typing = async () => {
    while (!told.some((frame) => frame.includes(' и датчик!'))) {
      await field.pressSequentially('я', { delay: 50 });
      typed += 'я';
    }
  };
  await Promise.all([typing(), tablet.type('Сообщение', '!')]);
  assert.equal(await field.inputValue(), typed);
  // What was written last counts.
  await written(tablet, typed);
});

step('sent on one device it is gone on both', async () => {
  await desk.type('Сообщение', 'Завтра принесу мотор');
  await written(tablet, 'Завтра принесу мотор');
  await desk.click('button', 'Отправить');
  for (const device of [desk, tablet]) await written(device, '');
  await desk.click('link', OTHER);
  await desk.until((name) => document.querySelector('main h1')?.textContent === name, OTHER, 'the other room');
  await listed(desk, 'Вы: Завтра принесу мотор');
  assert.ok(!(await desk.read(() => document.querySelector('.rooms')?.textContent?.includes('Черновик'))));
});

step('a reload keeps it, also when the page was closed at once', async () => {
  await desk.type('Сообщение', 'Недописанное');
  await listed(tablet, 'Черновик: Недописанное');
  await desk.reload();
  await written(desk, 'Недописанное');
});

step('so it is on a phone, by touch, and what is written there is on the others', async () => {
  // On a phone the list and a group are two pages.
  await listed(phone, 'Черновик: Недописанное');
  await phone.page.getByRole('link', { name: OTHER }).tap();
  await written(phone, 'Недописанное');
  await phone.page.getByRole('textbox', { name: 'Сообщение' }).tap();
  // The tap put the cursor where it was, in the middle of the words.
  await phone.page.keyboard.press('End');
  await phone.page.keyboard.type(' с телефона');
  await written(desk, 'Недописанное с телефона');
  await listed(tablet, 'Черновик: Недописанное с телефона');
  await phone.page.getByRole('button', { name: 'Отправить' }).tap();
  await written(phone, '');
  await written(desk, '');
  await listed(tablet, 'Вы: Недописанное с телефона');
  assert.ok(await phone.read(() => document.documentElement.scrollWidth <= innerWidth));
});
