// Groups that are muted and quiet hours, on two devices of one person.
import assert from 'node:assert/strict';
import { after, before } from 'node:test';

import { chromiumPerson, launchChromium, signIn } from '../browsers.mjs';
import { Server } from '../server.mjs';
import { steps } from '../steps.mjs';

const ROOM = 'Робототехника, поток 1';

const step = steps();
/** @type {Server} */
let server;
/** @type {import('playwright-core').Browser} */
let chromium;
/** @type {Awaited<ReturnType<typeof chromiumPerson>>} */
let teacher;
/** @type {Awaited<ReturnType<typeof chromiumPerson>>} */
let phone;
/** @type {Awaited<ReturnType<typeof chromiumPerson>>} */
let tablet;

before(async () => {
  server = await Server.create();
  chromium = await launchChromium();
  const small = { viewport: { width: 360, height: 740 }, hasTouch: true, isMobile: true };
  [teacher, phone, tablet] = await Promise.all([
    chromiumPerson(chromium, 'teacher'),
    chromiumPerson(chromium, 'the phone', small),
    chromiumPerson(chromium, 'the tablet'),
  ]);
  await signIn(teacher, server, 'teacher');
  await signIn(phone, server, 'student1');
  await signIn(tablet, server, 'student1');
  await teacher.click('link', ROOM);
});

after(async () => {
  await chromium?.close();
  await server?.stop();
});

/** @param {string} text */
async function say(text) {
  await teacher.type('Сообщение', text);
  await teacher.press('Enter');
}

/** The phone leaves the room: what comes from now on is unread. */
async function toList() {
  await phone.click('link', 'К списку групп');
  await phone.see('link', ROOM);
}

/** @param {import('../browsers.mjs').Person} person */
const titleCount = (person) => person.read(() => /^\((\d+)\)/.exec(document.title)?.[1] ?? '');

/**
 * The number at the room in the list is this one.
 * @param {import('../browsers.mjs').Person} person
 * @param {string} count
 */
const unreadIs = (person, count) =>
  person.until(
    (/** @type {{room: string, count: string}} */ wanted) => {
      const link = [...document.querySelectorAll('nav a')].find((one) => one.querySelector('.name')?.textContent === wanted.room);
      return [...(link?.querySelectorAll('.count') ?? [])].some((one) => one.textContent === wanted.count);
    },
    { room: ROOM, count },
    `${count} unread`,
  );

step('a group that is muted on the phone is muted on the tablet, and counts in the title of neither', async () => {
  await phone.click('link', ROOM);
  await phone.click('button', 'Участники');
  await phone.click('button', 'Уведомления: Все сообщения');
  await phone.click('button', 'На 1 час');
  await phone.page.getByText(/Уведомления группы отключены до \d\d:\d\d/).waitFor();
  await phone.press('Escape');
  await phone.click('button', 'Закрыть');
  await toList();
  await tablet.until(() => document.querySelector('nav [aria-label="Без уведомлений"]'), undefined, 'the mark of a muted group');
  const before = await titleCount(tablet);
  await say('Первое');
  await say('Второе');
  for (const person of [phone, tablet]) {
    await unreadIs(person, '2');
    assert.equal(await titleCount(person), before, person.name);
  }
});

step('a mention counts all the same', async () => {
  await teacher.type('Сообщение', '@Миша');
  await teacher.press('Enter');
  await teacher.page.keyboard.type(' зайди, пожалуйста');
  await teacher.press('Enter');
  for (const person of [phone, tablet]) {
    await unreadIs(person, '3');
    await person.until(() => document.title.startsWith('(2)'), undefined, 'the mention in the title, beside what waits in another group from the start');
  }
});

step('unmuted again it counts whole, until nothing is to disturb', async () => {
  await tablet.click('button', 'Настройки');
  await phone.click('link', ROOM);
  await phone.click('button', 'Участники');
  await phone.click('button', 'Уведомления');
  await phone.click('button', 'Включить');
  await phone.page.getByRole('button', { name: 'На 8 часов' }).waitFor();
  await phone.press('Escape');
  await phone.click('button', 'Закрыть');
  await toList();
  await say('Четвёртое');
  await unreadIs(tablet, '1');
  await tablet.until(() => document.title.startsWith('(2)'), undefined, 'one more in the title');
  await tablet.page.getByRole('button', { name: 'Пока не включу снова' }).click();
  await tablet.page.getByText('Сейчас не беспокоим').waitFor();
  for (const person of [phone, tablet]) {
    await person.until(() => !document.title.startsWith('('), undefined, 'no number in the title');
  }
  await tablet.click('button', 'Снова сообщать');
  await phone.until(() => document.title.startsWith('(2)'), undefined, 'one more in the title again');
});

step('quiet hours are kept by the server', async () => {
  await tablet.page.getByLabel('Тихие часы', { exact: true }).check();
  const from = tablet.page.getByLabel('Тихие часы, с');
  await from.waitFor();
  assert.equal(await from.inputValue(), '22:00');
  await tablet.page.getByLabel('Тихие часы, до').fill('06:30');
  // The other device is told when the server has it.
  await phone.click('button', 'Настройки');
  await phone.until(() => /** @type {HTMLInputElement | null} */ (document.querySelector('[aria-label="Тихие часы, до"]'))?.value === '06:30', undefined, 'the hours on the phone');
  await tablet.reload();
  await tablet.see('link', ROOM);
  await tablet.click('button', 'Настройки');
  await tablet.page.getByText(/по часам: /).waitFor();
  assert.equal(await tablet.page.getByLabel('Тихие часы, до').inputValue(), '06:30');
  // The same time twice is not taken.
  await tablet.page.getByLabel('Тихие часы, до').fill('22:00');
  await tablet.page.getByText('Начало и конец тихих часов должны отличаться.').waitFor();
  assert.equal(await tablet.page.getByLabel('Тихие часы, до').inputValue(), '06:30');
});
