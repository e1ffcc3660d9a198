// Messages that are passed on, and that are sent later. Chromium, a phone with touch and Firefox.
import assert from 'node:assert/strict';
import { after, before } from 'node:test';

import { chromiumPerson, firefoxPerson, launchChromium, signIn } from '../browsers.mjs';
import { Server } from '../server.mjs';
import { steps } from '../steps.mjs';

const ROOM = 'Робототехника, поток 1';
const OTHER = '3D-моделирование, поток 2';
const PHONE = { viewport: { width: 360, height: 740 }, hasTouch: true, isMobile: true };

const step = steps();
/** @type {Server} */
let server;
/** @type {import('playwright-core').Browser} */
let chromium;
/** @type {Awaited<ReturnType<typeof chromiumPerson>>} */
let teacher;
/** @type {Awaited<ReturnType<typeof chromiumPerson>>} */
let phone;
/** @type {Awaited<ReturnType<typeof firefoxPerson>>} */
let student;

before(async () => {
  server = await Server.create();
  chromium = await launchChromium();
  [teacher, phone, student] = await Promise.all([
    chromiumPerson(chromium, 'teacher'),
    chromiumPerson(chromium, 'phone', PHONE),
    firefoxPerson('student'),
  ]);
  await Promise.all([signIn(teacher, server, 'teacher'), signIn(phone, server, 'teacher'), signIn(student, server, 'student1')]);
  for (const person of [teacher, phone, student]) {
    await person.click('link', ROOM);
    await person.see('textbox', 'Сообщение');
  }
});

after(async () => {
  await Promise.allSettled([student?.close(), chromium?.close()]);
  await server?.stop();
});

/** @param {import('../browsers.mjs').Person} person @param {string} text */
const reads = (person, text) =>
  person.until((wanted) => document.querySelector('main ol')?.textContent?.includes(wanted), text, `«${text}»`);

step('a message is passed on to a group that is found by its name, and says who wrote it', async () => {
  await student.type('Сообщение', 'Мотор готов');
  await student.click('button', 'Отправить');
  await reads(phone, 'Мотор готов');
  await phone.page.locator('main article', { hasText: 'Мотор готов' }).getByRole('button', { name: 'Действия с сообщением' }).click();
  await phone.click('button', 'Переслать…');
  await phone.page.getByRole('searchbox', { name: 'Найти группу или человека' }).fill('3d');
  await phone.page.locator('dialog').getByRole('button', { name: OTHER }).click();
  await phone.until((name) => document.querySelector('main h1')?.textContent === name, OTHER, 'the other group');
  const { name } = await server.person('student1');
  await reads(phone, `Переслано от: ${name}`);
  await reads(phone, 'Мотор готов');
  assert.ok(!(await phone.read((room) => document.querySelector('main ol')?.textContent?.includes(room), ROOM)));
});

step('a message is kept for later from the menu of the button, changed, and sent now', async () => {
  await teacher.type('Сообщение', 'Завтра контрольная');
  await teacher.page.getByRole('button', { name: 'Отправить', exact: true }).click({ button: 'right' });
  await teacher.click('button', 'Отправить позже…');
  await teacher.click('button', 'Отправить в это время');
  await teacher.see('button', 'Отложено сообщений: 1');
  // The news of it may come before the answer, which empties the field.
  await teacher.until(() => document.querySelector('textarea')?.value === '', undefined, 'the empty field');
  // The other device of the teacher knows it, too.
  await phone.page.goto(`${server.origin}${new URL(teacher.page.url()).pathname}`);
  await phone.click('button', 'Отложено сообщений: 1');
  await phone.click('button', 'Изменить');
  await phone.page.locator('dialog').getByRole('textbox', { name: 'Сообщение' }).fill('Завтра контрольная работа');
  await phone.click('button', 'Сохранить');
  await phone.until(() => document.querySelector('dialog .text')?.textContent === 'Завтра контрольная работа', undefined, 'the new text');
  await phone.click('button', 'Отправить сейчас');
  for (const person of [teacher, phone, student]) await reads(person, 'Завтра контрольная работа');
  await teacher.until(() => !document.body.textContent?.includes('Отложено сообщений'), undefined, 'the end of waiting');
});

step('one that asks to be acknowledged still does when it is sent, and the next one does not', async () => {
  /** @param {number} days */
  const field = (days) => {
    const day = new Date(Date.now() + days * 86_400_000);
    return [day.getFullYear(), day.getMonth() + 1, day.getDate()].map((n) => String(n).padStart(2, '0')).join('-');
  };
  await teacher.click('button', 'С ознакомлением');
  await teacher.page.getByLabel('до', { exact: true }).fill(field(5));
  await teacher.type('Сообщение', 'Согласие на поездку');
  await teacher.page.getByRole('button', { name: 'Отправить', exact: true }).click({ button: 'right' });
  await teacher.click('button', 'Отправить позже…');
  const form = teacher.page.locator('dialog');
  await form.getByText('С ознакомлением').waitFor();
  assert.equal(await form.getByLabel('Ознакомиться до').inputValue(), field(5));
  await teacher.click('button', 'Отправить в это время');
  await teacher.see('button', 'Отложено сообщений: 1');
  await teacher.until(() => document.querySelector('textarea')?.value === '', undefined, 'the empty field');
  await teacher.type('Сообщение', 'Без вопросов');
  assert.equal(await teacher.page.getByRole('button', { name: 'С ознакомлением' }).getAttribute('aria-pressed'), 'false');
  await teacher.type('Сообщение', '');

  await teacher.click('button', 'Отложено сообщений: 1');
  await form.locator('.asks', { hasText: 'Ознакомиться до' }).waitFor();
  // Later than the day until which it asks: it says so, and can be put right in the same place.
  await teacher.click('button', 'Изменить');
  await form.getByLabel('Дата и время').fill(`${field(9)}T09:00`);
  await teacher.click('button', 'Сохранить');
  await form.getByRole('alert').filter({ hasText: 'раньше, чем сообщение отправится' }).waitFor();
  await form.getByLabel('Ознакомиться до').fill(field(12));
  await form.getByRole('textbox', { name: 'Сообщение' }).fill('Согласие на поездку в музей');
  await teacher.click('button', 'Сохранить');
  await form.locator('.text', { hasText: 'в музей' }).waitFor();
  await form.locator('.asks', { hasText: 'Ознакомиться до' }).waitFor();
  await teacher.click('button', 'Отправить сейчас');
  await reads(student, 'Согласие на поездку в музей');
  await student.click('button', 'Ознакомлен');
  await teacher.press('Escape');
  const sent = teacher.page.locator('main article', { hasText: 'Согласие на поездку в музей' });
  await sent.getByRole('button', { name: /^Ознакомились: 1 из/u }).waitFor();
  await sent.getByText('Ознакомиться до').waitFor();
});
