// Messages that a teacher pins in Chromium, as students see them in Firefox and on a phone.
import { after, before } from 'node:test';
import assert from 'node:assert/strict';

import { chromiumPerson, firefoxPerson, launchChromium, signIn } from '../browsers.mjs';
import { Server } from '../server.mjs';
import { eventually, steps } from '../steps.mjs';

const ROOM = 'Робототехника, поток 1';
const WHEN = 'Занятия по средам в 16:00';

const step = steps();
/** @type {Server} */
let server;
/** @type {import('playwright-core').Browser} */
let chromium;
/** @type {Awaited<ReturnType<typeof chromiumPerson>>} */
let teacher;
/** @type {Awaited<ReturnType<typeof firefoxPerson>>} */
let student;
/** @type {Awaited<ReturnType<typeof chromiumPerson>>} */
let phone;

before(async () => {
  server = await Server.create();
  chromium = await launchChromium();
  const small = { viewport: { width: 360, height: 740 }, hasTouch: true, isMobile: true };
  [teacher, student, phone] = await Promise.all([
    chromiumPerson(chromium, 'teacher'),
    firefoxPerson('student'),
    chromiumPerson(chromium, 'phone', small),
  ]);
  await Promise.all([signIn(teacher, server, 'teacher'), signIn(student, server, 'student1'), signIn(phone, server, 'student2')]);
  for (const person of [teacher, student, phone]) {
    await person.click('link', ROOM);
    await person.see('textbox', 'Сообщение');
  }
});

after(async () => {
  await Promise.allSettled([student?.close(), chromium?.close()]);
  await server?.stop();
});

/** @param {import('../browsers.mjs').Person} person @param {string} text */
async function say(person, text) {
  await person.type('Сообщение', text);
  await person.click('button', 'Отправить');
  await person.until((text) => [...document.querySelectorAll('article')].some((one) => one.textContent?.includes(text)), text, `«${text}»`);
}

/** @param {import('../browsers.mjs').Person} person @param {string} text */
async function openActions(person, text) {
  // A menu that is still open closes with the answer to what was chosen in it, and would take this one with it.
  await person.until(() => document.querySelector('dialog[open]') === null, undefined, 'the end of what lay above');
  await person.until(
    (wanted) => {
      const message = [...document.querySelectorAll('article')].findLast((article) => article.textContent?.includes(wanted));
      if (message) message.scrollIntoView({ block: 'center' });
      else document.querySelector('.scroller')?.scrollTo(0, 0);
      /** @type {HTMLElement | null | undefined} */ (message?.querySelector('[aria-label="Действия с сообщением"]'))?.click();
      return message !== undefined;
    },
    text,
    `«${text}» to act on`,
  );
  await person.until(() => document.querySelector('dialog[open]') !== null, undefined, 'the menu');
}

/** What the bar says: nothing when there is none. @param {import('../browsers.mjs').Person} person @param {string} text */
const waitForBar = (person, text) =>
  person.until((text) => (document.querySelector('.pins .ellipsis')?.textContent ?? '') === text, text, `the pin «${text}»`);

/** @param {import('../browsers.mjs').Person} person @param {string} text */
const waitForView = (person, text) =>
  person.until(
    (text) => {
      const message = [...document.querySelectorAll('article')].find((one) => one.textContent?.includes(text));
      const view = document.querySelector('.scroller')?.getBoundingClientRect();
      const at = message?.getBoundingClientRect();
      return at !== undefined && view !== undefined && at.top >= view.top && at.bottom <= view.bottom;
    },
    text,
    `«${text}» in view`,
  );

step('the newest pin stands above the messages, and leads to its place', async () => {
  await say(teacher, WHEN);
  for (let k = 1; k <= 40; k++) await say(teacher, `строка ${k}.`);
  await openActions(teacher, WHEN);
  await teacher.click('button', 'Закрепить');
  for (const person of [teacher, student, phone]) await waitForBar(person, WHEN);
  await student.until(() => document.querySelector('main')?.textContent?.includes('сообщение закреплено'), undefined, 'the line in the log');
  await student.click('button', `Закреплено: ${WHEN}`);
  await waitForView(student, WHEN);
});

step('a learner does not pin, and sees the list after a reload', async () => {
  await openActions(student, WHEN);
  assert.equal(await student.read(() => document.querySelector('dialog[open]')?.textContent?.includes('репить')), false);
  await student.press('Escape');
  await teacher.read(() => document.querySelector('.scroller')?.scrollTo(0, 1e6));
  await openActions(teacher, 'строка 40.');
  await teacher.click('button', 'Закрепить');
  await waitForBar(student, 'строка 40.');
  await student.reload();
  await waitForBar(student, 'строка 40.');
  await student.click('button', 'Все закреплённые: 2');
  await student.until(() => document.querySelectorAll('dialog[open] li').length === 2, undefined, 'both pins');
  await student.press('Escape');
});

step('on a phone, touches go through all of them, newest first and round again', async () => {
  await waitForBar(phone, 'строка 40.');
  const bar = phone.page.getByRole('button', { name: /^Закреплено, \d из 2/u });
  await bar.tap();
  await waitForBar(phone, WHEN);
  await waitForView(phone, 'строка 40.');
  await bar.tap();
  await waitForBar(phone, 'строка 40.');
  await waitForView(phone, WHEN);
  const { width, height } = (await bar.boundingBox()) ?? { width: 0, height: 0 };
  assert.ok(width > 200 && height >= 44, `${width} × ${height}`);
});

step('an edit shows in the pin, and without a network it is there', async () => {
  await openActions(teacher, WHEN);
  await teacher.click('button', 'Изменить');
  await teacher.type('Сообщение', 'Занятия по четвергам');
  await teacher.click('button', 'Сохранить');
  await phone.page.getByRole('button', { name: 'Все закреплённые: 2' }).tap();
  await phone.until(() => document.querySelector('dialog[open]')?.textContent?.includes('Занятия по четвергам'), undefined, 'the new text');
  await phone.page.getByRole('dialog').getByRole('button', { name: 'Закрыть' }).tap();
  await phone.until(() => navigator.serviceWorker.controller, undefined, 'the service worker');
  await eventually(() => phone.read(keptPins), (pins) => JSON.stringify(pins).includes('четвергам'), 'the pin on the device');
  await phone.context.setOffline(true);
  await phone.reload();
  await waitForBar(phone, 'строка 40.');
  await phone.context.setOffline(false);
});

step('a pin is taken down from the list, and with its message', async () => {
  await teacher.click('button', 'Все закреплённые: 2');
  await teacher.page.locator('dialog li').first().getByRole('button', { name: 'Открепить' }).click();
  for (const person of [student, phone]) await waitForBar(person, 'Занятия по четвергам');
  await teacher.press('Escape');
  await openActions(teacher, 'Занятия по четвергам');
  await teacher.click('button', 'Удалить');
  await teacher.page.locator('dialog .alarm').click();
  for (const person of [teacher, student, phone]) await waitForBar(person, '');
});

/** In the page: the pins of all rooms that are kept on the device. */
async function keptPins() {
  /** @type {IDBDatabase} */
  const db = await new Promise((resolve, reject) => {
    const open = indexedDB.open('parta-kept');
    open.onsuccess = () => resolve(open.result);
    open.onerror = () => reject(open.error);
  });
  /** @type {{pins: unknown}[]} */
  const rooms = await new Promise((resolve, reject) => {
    const got = db.transaction('rooms').objectStore('rooms').getAll();
    got.onsuccess = () => resolve(got.result);
    got.onerror = () => reject(got.error);
  });
  db.close();
  return rooms.map(({ pins }) => pins);
}
