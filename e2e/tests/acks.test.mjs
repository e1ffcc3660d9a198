// A teacher asks a group to acknowledge a message: in Chromium, in Firefox, and on a phone.
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { after, before } from 'node:test';

import { chromiumPerson, firefoxPerson, launchChromium, signIn } from '../browsers.mjs';
import { Server } from '../server.mjs';
import { steps } from '../steps.mjs';

const ROOM = 'Робототехника, поток 1';
const OTHER = '3D-моделирование, поток 2';
const RULES = 'Правила поведения в мастерской';
const TEXT = 'Собрание в четверг; приходите с родителями';

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
  for (const person of [teacher, student]) {
    await person.click('link', ROOM);
    await person.see('textbox', 'Сообщение');
  }
});

after(async () => {
  await Promise.allSettled([student?.close(), chromium?.close()]);
  await server?.stop();
});

/** @param {import('../browsers.mjs').Person} person @param {string} text @param {string} [where] */
const waitForText = (person, text, where = 'main') =>
  person.until(
    ({ text, where }) => /** @type {HTMLElement | null} */ (document.querySelector(where))?.innerText.replaceAll('\u00a0', ' ').includes(text),
    { text, where },
    `«${text}» in ${where}`,
  );

/** The message with this text says so: others may have said the same before it. @param {import('../browsers.mjs').Person} person @param {string} of @param {string} text */
const messageSays = (person, of, text) =>
  person.until(
    ({ of, text }) =>
      [...document.querySelectorAll('.talk article')].some((one) => one.textContent?.includes(of) && /** @type {HTMLElement} */ (one).innerText.replaceAll('\u00a0', ' ').includes(text)),
    { of, text },
    `«${text}» at «${of}»`,
  );

/** How many wait, as the bar over the list of rooms says. @param {import('../browsers.mjs').Person} person @param {number} count */
const waitForBar = (person, count) =>
  person.until(
    (count) => {
      const bar = [...document.querySelectorAll('nav button')].find((one) => one.textContent?.includes('Ждёт ознакомления'));
      return count === 0 ? bar === undefined : bar?.querySelector('.count')?.textContent === String(count);
    },
    count,
    `${count} to acknowledge`,
  );

step('a message asks everybody else, and their answers are counted', async () => {
  assert.equal(await student.read(() => document.querySelector('[aria-label="С ознакомлением"]')), null, 'learners do not ask');
  await teacher.click('button', 'С ознакомлением');
  await waitForText(teacher, 'увидят 5 человек');
  // It is still to be asked when one comes back to what one has begun.
  await teacher.type('Сообщение', TEXT);
  await teacher.click('link', OTHER);
  await teacher.until(() => !document.querySelector('main')?.textContent?.includes('увидят 5'), undefined, 'the other room');
  await teacher.click('link', ROOM);
  await waitForText(teacher, 'увидят 5 человек');
  await teacher.click('button', 'Отправить');
  await waitForText(teacher, 'Ознакомились: 0 из 5');
  await teacher.until(() => !document.querySelector('main')?.textContent?.includes('увидят 5'), undefined, 'the next message without it');

  await waitForBar(student, 1);
  await waitForBar(phone, 1);
  await student.click('button', 'Ознакомлен');
  await waitForText(student, 'Вы ознакомились');
  await waitForText(teacher, 'Ознакомились: 1 из 5');
  await waitForBar(student, 0);
  await student.reload();
  await waitForText(student, 'Вы ознакомились');
  assert.equal(await student.read(() => document.querySelector('.ack .button')), null, 'it cannot be taken back or given twice');
});

step('the teacher sees who has and who has not, and takes the list along', async () => {
  await teacher.click('button', 'Ознакомились: 1 из 5');
  await waitForText(teacher, 'Ещё не ознакомились 4', 'dialog');
  const { name } = await server.person('student1');
  await waitForText(teacher, name, 'dialog');
  const [download] = await Promise.all([teacher.page.waitForEvent('download'), teacher.click('button', 'Скачать таблицу')]);
  assert.match(download.suggestedFilename(), /^Ознакомление \d{4}-\d\d-\d\d Робототехника, поток 1\.csv$/u);
  const text = await readFile(await download.path(), 'utf8');
  const lines = text.split('\r\n');
  assert.equal(text.charCodeAt(0), 0xfeff);
  assert.equal(lines.length, 7, 'a heading, five people, and the end of the last line');
  const row = lines.find((line) => line.includes(name)) ?? '';
  assert.ok(row.startsWith(`${ROOM};"${TEXT}";`), row);
  assert.match(row, /;ученик;да;\d{4}-\d\d-\d\d \d\d:\d\d:\d\d;$/u);
  assert.equal(lines.filter((line) => line.includes(';нет;;')).length, 4);
});

step('a reminder is before those who have not, wherever they are', async () => {
  await phone.click('link', OTHER);
  await phone.see('textbox', 'Сообщение');
  await teacher.click('button', 'Напомнить');
  await waitForText(teacher, 'Напомнили 4 людям', 'dialog');
  await teacher.click('button', 'Напомнить');
  await waitForText(teacher, 'Недавно уже напоминали', 'dialog');
  await teacher.press('Escape');
  await waitForText(phone, 'Напоминаем: ознакомьтесь');
  await phone.click('button', 'Посмотреть');
  await waitForText(phone, TEXT, 'dialog');
  await phone.page.locator('dialog').getByRole('button', { name: 'Ознакомлен' }).click();
  await waitForText(phone, 'Вы ознакомились', 'dialog');
  await waitForText(teacher, 'Ознакомились: 2 из 5');
  // What came later is there: a reminder would be, too.
  await waitForText(student, 'Ознакомились: 2 из 5');
  assert.equal(await student.read(() => document.querySelector('main')?.textContent?.includes('Напоминаем: ознакомьтесь')), false);
  await phone.press('Escape');
  await phone.until(() => !document.querySelector('main')?.textContent?.includes('Напоминаем: ознакомьтесь'), undefined, 'the reminder gone');
});

step('what is acknowledged without a network arrives with it', async () => {
  await teacher.click('button', 'С ознакомлением');
  await teacher.type('Сообщение', RULES);
  await teacher.click('button', 'Отправить');
  await waitForBar(student, 1);
  await server.kill();
  await waitForText(student, 'Нет связи', 'body');
  await student.click('button', 'Ознакомлен');
  await messageSays(student, RULES, 'Отправится, когда появится связь');
  await server.start();
  await messageSays(student, RULES, 'Вы ознакомились');
  await messageSays(teacher, RULES, 'Ознакомились: 1 из 5');
  await waitForBar(student, 0);
});

step('who acknowledged an earlier text is told apart', async () => {
  await teacher.page.getByRole('textbox', { name: 'Сообщение' }).press('ArrowUp');
  await teacher.type('Сообщение', `${RULES}, редакция 2`);
  await teacher.click('button', 'Сохранить');
  await waitForText(teacher, 'редакция 2');
  await teacher.page.locator('.talk article', { hasText: 'редакция 2' }).getByRole('button', { name: 'Ознакомились: 1 из 5' }).click();
  await waitForText(teacher, 'до изменения текста', 'dialog');
  await teacher.press('Escape');
});

step('what the list cuts is read before it is acknowledged, and nothing sticks out on a phone', async () => {
  await teacher.click('button', 'С ознакомлением');
  await teacher.type('Сообщение', `Мастерская: ${'не включать станок без преподавателя; '.repeat(8)}закрытая обувь`);
  await teacher.click('button', 'Отправить');
  await waitForBar(student, 1);
  await student.click('button', 'Ждёт ознакомления');
  await waitForText(student, 'Мастерская: не включать', 'dialog');
  await student.see('button', 'Посмотреть');
  const offered = await student.read(() => [...document.querySelectorAll('dialog button')].some((one) => one.textContent?.includes('Ознакомлен')));
  assert.equal(offered, false, 'it cannot be acknowledged where its end is not seen');
  await student.click('button', 'Посмотреть');
  await student.until(() => !document.querySelector('dialog[open]'), undefined, 'the message itself');
  await student.click('button', 'Ознакомлен');
  await waitForBar(student, 0);
  await phone.click('link', 'К списку групп');
  await phone.click('link', ROOM);
  await waitForText(phone, 'закрытая обувь');
  const over = await phone.read(() => [...document.querySelectorAll('.ack')].map((one) => one.scrollWidth - one.clientWidth));
  assert.ok(over.length > 1 && over.every((px) => px <= 0), `so many pixels stick out: ${over.join(' ')}`);
});

step('until when is said with it, and what is late is marked', async () => {
  await teacher.click('button', 'С ознакомлением');
  const day = new Date(Date.now() + 3 * 86_400_000);
  const field = [day.getFullYear(), day.getMonth() + 1, day.getDate()].map((n) => String(n).padStart(2, '0')).join('-');
  await teacher.page.getByLabel('до', { exact: true }).fill(field);
  await teacher.type('Сообщение', 'Согласие на экскурсию');
  await teacher.click('button', 'Отправить');
  await messageSays(student, 'Согласие на экскурсию', 'Ознакомиться до');
  await student.click('button', 'Ознакомлен');
  // Of this message: the one before it says «1 из 5» as well, and has no date.
  const consent = teacher.page.locator('article', { hasText: 'Согласие на экскурсию' });
  await consent.getByText('Ознакомиться до').waitFor();
  const known = consent.getByRole('button', { name: 'Ознакомились: 1 из 5' });
  await known.waitFor();
  // Beyond its last hour also where this day has one more.
  await teacher.page.clock.setFixedTime(new Date(day.getTime() + 2 * 86_400_000));
  await known.click();
  await waitForText(teacher, 'Срок прошёл', 'dialog');
  const marked = await teacher.read(() => [...document.querySelectorAll('dialog li .late')].map((one) => one.textContent));
  assert.deepEqual(marked, Array(4).fill('срок прошёл'));
  const [download] = await Promise.all([teacher.page.waitForEvent('download'), teacher.click('button', 'Скачать таблицу')]);
  const text = await readFile(await download.path(), 'utf8');
  assert.equal(text.split('\r\n').filter((line) => line.includes(field) && line.endsWith(';нет;;срок прошёл')).length, 4, text);
  await teacher.press('Escape');
});

step('an administrator sees over all groups who has not, and takes the table along', async () => {
  // A group in which the administrator is not.
  await teacher.click('link', OTHER);
  await teacher.until((name) => document.querySelector('main h1')?.textContent === name, OTHER, 'the other group');
  await teacher.click('button', 'С ознакомлением');
  await teacher.type('Сообщение', 'Инструктаж в мастерской\nСекрет: ключ под ковриком');
  await teacher.click('button', 'Отправить');
  await messageSays(teacher, 'Инструктаж', 'Ознакомились: 0 из 2');

  const admin = await chromiumPerson(chromium, 'admin');
  await signIn(admin, server, 'admin');
  await admin.click('button', 'Настройки');
  await admin.click('button', 'Кто не ознакомился');
  const sheet = admin.page.locator('dialog');
  const asked = sheet.locator('li', { hasText: 'Инструктаж в мастерской' });
  await asked.getByText('Ознакомились: 0 из 2').waitFor();
  await asked.getByText(OTHER).waitFor();
  await sheet.locator('li', { hasText: 'Согласие на экскурсию' }).getByText('Ознакомились: 1 из 5').waitFor();
  await asked.getByRole('button', { name: 'Кто ещё не ознакомился' }).click();
  const { name } = await server.person('student1');
  await asked.locator('li', { hasText: name }).waitFor();
  assert.equal(await asked.locator('li').count(), 2);
  assert.ok(!(await sheet.textContent())?.includes('Секрет'), 'no more than the first line');
  await sheet.getByLabel('Только просроченные').check();
  await waitForText(admin, 'Просроченных нет', 'dialog');
  await sheet.getByLabel('Только просроченные').uncheck();
  await asked.waitFor();
  const [download] = await Promise.all([admin.page.waitForEvent('download'), admin.click('button', 'Скачать таблицу')]);
  assert.match(download.suggestedFilename(), /^Кто не ознакомился \d{4}-\d\d-\d\d\.csv$/u);
  const text = await readFile(await download.path(), 'utf8');
  const rows = text.split('\r\n').filter((line) => line.startsWith(`${OTHER};Инструктаж в мастерской;`));
  assert.equal(rows.length, 2, text);
  assert.ok(rows.every((row) => row.includes(';0;2;') && row.includes(';ученик;')), text);
  assert.ok(!text.includes('Секрет'));
  await admin.press('Escape');
  await admin.page.locator('nav').getByRole('button', { name: 'Журнал действий' }).click();
  for (const act of ['Просмотр, кто не ознакомился', 'Выгрузка, кто не ознакомился']) await sheet.locator('li', { hasText: act }).first().waitFor();
  await admin.close();
});
