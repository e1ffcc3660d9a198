// Polls: made in a dialog, answered by several people, closed. Chromium, a phone with touch and Firefox.
import assert from 'node:assert/strict';
import { after, before } from 'node:test';

import { chromiumPerson, firefoxPerson, launchChromium, signIn } from '../browsers.mjs';
import { Server } from '../server.mjs';
import { steps } from '../steps.mjs';

const ROOM = 'Робототехника, поток 1';
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
  await Promise.all([signIn(teacher, server, 'teacher'), signIn(phone, server, 'student1'), signIn(student, server, 'student2')]);
  for (const person of [teacher, phone, student]) {
    await person.click('link', ROOM);
    await person.see('textbox', 'Сообщение');
  }
});

after(async () => {
  await Promise.allSettled([student?.close(), chromium?.close()]);
  await server?.stop();
});

/**
 * What the last poll says, without the spaces of its layout.
 * @param {import('../browsers.mjs').Person} person
 * @param {string} text
 */
const says = (person, text) =>
  person.until(
    (wanted) => [...document.querySelectorAll('.poll')].at(-1)?.textContent?.replaceAll(/\s+/gu, ' ').includes(wanted),
    text,
    `«${text}» in the poll`,
  );

/** @param {import('../browsers.mjs').Person} person */
const lastPoll = (person) => person.read(() => [...document.querySelectorAll('.poll')].at(-1)?.textContent ?? '');

/** @param {string} question @param {string[]} options @param {...string} switches */
async function make(question, options, ...switches) {
  await teacher.click('button', 'Ещё');
  await teacher.page.locator('dialog').getByRole('button', { name: 'Опрос', exact: true }).click();
  await teacher.type('Вопрос', question);
  const { page } = teacher;
  for (const [at, option] of options.entries()) {
    if (at >= 2) await page.keyboard.press('Enter');
    await page.getByLabel(`Вариант ${at + 1}`, { exact: true }).fill(option);
  }
  for (const name of switches) await page.getByLabel(name).check();
}

const send = () => teacher.page.getByRole('button', { name: /^Отправить (опрос|викторину)$/u }).click();

step('an open poll is made, answered, changed and taken back, and everybody sees how it stands', async () => {
  await make('Когда консультация?', ['Во вторник', 'В четверг', 'В субботу']);
  await send();
  for (const person of [teacher, phone, student]) await says(person, 'Когда консультация?');
  assert.ok(!(await lastPoll(student)).includes('%'), 'nobody is led by the others');
  await phone.click('button', 'В четверг');
  await says(phone, '100 % В четверг ваш ответ');
  await says(teacher, '1 ответил');
  await student.click('button', 'Во вторник');
  await says(student, '50 % Во вторник ваш ответ');
  await says(phone, '2 ответили');
  await phone.click('button', 'Изменить ответ');
  await phone.click('button', 'В субботу');
  await says(phone, '50 % В субботу ваш ответ');
  await student.click('button', 'Убрать ответ');
  await student.see('button', 'Во вторник');
  await says(phone, '100 % В субботу ваш ответ');
  // The bars are told in words, too.
  const label = await phone.read(() => document.querySelector('.poll .mine [aria-label]')?.getAttribute('aria-label'));
  assert.equal(label?.replaceAll('\u00a0', ' '), 'В субботу: 1 голос, 100 %');
});

step('who voted for what is told, and a reload forgets nothing', async () => {
  await phone.reload();
  await says(phone, '100 % В субботу ваш ответ');
  await phone.click('button', '1 ответил');
  const { name } = await server.person('student1');
  await phone.until((who) => document.querySelector('dialog[open]')?.textContent?.includes(who), name, 'the voters');
  await phone.press('Escape');
});

step('a form says what is missing and keeps what was typed', async () => {
  await make('Сколько бит в байте?', ['Восемь', 'Восемь'], 'Викторина');
  await send();
  await teacher.until(() => document.querySelector('dialog [role=alert]')?.textContent === 'Два варианта одинаковые.', undefined, 'the fault');
  await teacher.page.getByLabel('Вариант 2', { exact: true }).fill('Десять');
  await send();
  await teacher.until(
    () => document.querySelector('dialog [role=alert]')?.textContent === 'Отметьте, какой ответ правильный.',
    undefined,
    'the fault',
  );
  await teacher.page.getByLabel('Правильный: вариант 1').check();
  await teacher.page.getByLabel('Пояснение').fill('Байт состоит из восьми бит.');
  await send();
  await says(teacher, 'Сколько бит в байте?');
});

step('a quiz tells what is right after the answer, which stays', async () => {
  await says(phone, 'Сколько бит в байте?');
  assert.ok(!(await lastPoll(phone)).includes('восьми бит'));
  await phone.click('button', 'Десять');
  await says(phone, 'неправильный ответ');
  await says(phone, 'Байт состоит из восьми бит.');
  await student.click('button', 'Восемь');
  await says(student, 'правильный ответ');
  await says(student, 'ваш ответ');
  assert.ok(!(await lastPoll(student)).includes('Изменить'));
});

step('an anonymous poll with several answers shows nobody who voted for what', async () => {
  await make('Что повторить?', ['Циклы', 'Массивы', 'Функции'], 'Анонимно', 'Можно выбрать несколько');
  await send();
  for (const person of [teacher, phone]) await says(person, 'Анонимный опрос');
  await phone.click('button', 'Циклы');
  await phone.click('button', 'Функции');
  await phone.click('button', 'Проголосовать');
  await says(phone, '100 % Функции ваш ответ');
  await says(teacher, '1 ответил');
  assert.equal(await teacher.page.getByRole('button', { name: '1 ответил' }).count(), 1, 'only that of the open poll before');
});

step('who asked closes it, and then everybody sees the result', async () => {
  await teacher.page.getByRole('button', { name: 'Завершить опрос' }).last().click();
  for (const person of [teacher, phone, student]) await says(person, 'опрос · завершён');
  await says(student, '100 % Циклы');
  assert.equal(await student.read(() => [...document.querySelectorAll('.poll')].at(-1)?.querySelectorAll('.option:is(button)').length), 0);
});
