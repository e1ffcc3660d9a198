// Keeping order: reports from a phone, what the staff decide, mutes, slow rooms, rules and the log.
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { after, before } from 'node:test';

import { chromiumPerson, firefoxPerson, launchChromium, signIn } from '../browsers.mjs';
import { Server } from '../server.mjs';
import { steps } from '../steps.mjs';

const ROOM = 'Робототехника, поток 1';
const RUDE = 'Ты слабак, уходи отсюда';

const step = steps();
/** @type {Server} */
let server;
/** @type {import('playwright-core').Browser} */
let chromium;
/** @type {Awaited<ReturnType<typeof chromiumPerson>>} */
let teacher;
/** @type {Awaited<ReturnType<typeof chromiumPerson>>} */
let admin;
/** @type {Awaited<ReturnType<typeof chromiumPerson>>} */
let author;
/** @type {Awaited<ReturnType<typeof chromiumPerson>>} */
let phone;

before(async () => {
  server = await Server.create();
  chromium = await launchChromium();
  const small = { viewport: { width: 360, height: 740 }, hasTouch: true, isMobile: true };
  [teacher, admin, author, phone] = await Promise.all([
    chromiumPerson(chromium, 'teacher'),
    chromiumPerson(chromium, 'admin'),
    chromiumPerson(chromium, 'author'),
    chromiumPerson(chromium, 'phone', small),
  ]);
  const logins = /** @type {const} */ ([[teacher, 'teacher'], [admin, 'admin'], [author, 'student1'], [phone, 'student2']]);
  await Promise.all(logins.map(([person, login]) => signIn(person, server, login)));
  for (const [person] of logins) {
    await person.click('link', ROOM);
    await person.see('textbox', 'Сообщение');
  }
});

after(async () => {
  await chromium?.close();
  await server?.stop();
});

/** @param {import('../browsers.mjs').Person} person @param {string} text @param {string} [where] */
const waitForText = (person, text, where = 'main') =>
  person.until(
    ({ text, where }) =>
      [...document.querySelectorAll(where)].some((one) => /** @type {HTMLElement} */ (one).innerText.replaceAll('\u00a0', ' ').includes(text)),
    { text, where },
    `«${text}» in ${where}`,
  );

/** @param {import('../browsers.mjs').Person} person @param {string} text @param {string} [where] */
const waitForNoText = (person, text, where = 'main') =>
  person.until(
    ({ text, where }) =>
      ![...document.querySelectorAll(where)].some((one) => /** @type {HTMLElement} */ (one).innerText.replaceAll('\u00a0', ' ').includes(text)),
    { text, where },
    `no «${text}» in ${where}`,
  );

/** The room with this name is before a person. @param {typeof teacher} person @param {string} name */
const inRoom = (person, name) => person.until((name) => document.querySelector('main h1')?.textContent === name, name, `the room ${name}`);

/** Writes a message and waits until it is in the conversation. @param {typeof teacher} person @param {string} text */
async function write(person, text) {
  await person.type('Сообщение', text);
  await person.click('button', 'Отправить');
  await person.page.locator('article', { hasText: text }).waitFor();
}

/** Opens the menu of a message. @param {typeof teacher} person @param {string} text */
async function menu(person, text) {
  const message = person.page.locator('article', { hasText: text });
  await message.hover();
  await message.getByRole('button', { name: 'Действия с сообщением' }).click();
}

/** Nothing sticks out of the page to the right. @param {typeof teacher} person */
async function fits(person) {
  const [wide, screen] = /** @type {[number, number]} */ (await person.read(() => [document.documentElement.scrollWidth, innerWidth]));
  assert.ok(wide <= screen, 'the page is as wide as the screen');
}

step('a learner reports a message on a phone', async () => {
  await write(author, RUDE);
  await menu(author, RUDE);
  await author.see('button', 'Изменить');
  assert.equal(await author.page.getByRole('button', { name: 'Пожаловаться' }).count(), 0, 'not of one’s own');
  await author.press('Escape');
  await menu(phone, RUDE);
  await phone.click('button', 'Пожаловаться');
  await waitForText(phone, 'Что не так с этим сообщением?', 'dialog');
  const send = phone.page.locator('dialog').getByRole('button', { name: 'Пожаловаться' });
  assert.equal(await send.isDisabled(), true, 'first a reason');
  await phone.page.getByRole('radio', { name: 'Обижают или дразнят' }).check();
  await phone.type('Можно добавить пару слов', 'Он всех обижает');
  await fits(phone);
  const target = await phone.page.locator('dialog fieldset label').first().boundingBox();
  assert.ok(target && target.height >= 44, 'a finger finds it');
  await send.click();
  await waitForText(phone, 'Спасибо, жалоба отправлена', 'dialog');
  await phone.page.locator('dialog').getByRole('button', { name: 'Закрыть' }).click();
});

step('what it said stays with the report when its author changes it', async () => {
  await menu(author, RUDE);
  await author.click('button', 'Изменить');
  await author.type('Сообщение', 'Я ничего такого не писал');
  await author.click('button', 'Сохранить');
  await waitForText(teacher, 'Я ничего такого не писал');
  await teacher.click('button', 'Жалобы');
  await waitForText(teacher, RUDE, 'dialog');
  await waitForText(teacher, 'Он всех обижает', 'dialog');
  await waitForText(teacher, 'Алина Сафина', 'dialog');
  assert.equal(await author.page.locator('nav').getByText('Жалобы').count(), 0, 'learners have no such list');
  await teacher.click('button', 'Показать в группе');
  await teacher.until(() => !document.querySelector('dialog[open]'), undefined, 'the way into the room');
  await waitForText(teacher, 'Я ничего такого не писал');
});

step('the staff delete it for all, and the reporter is told', async () => {
  await teacher.click('button', 'Жалобы');
  await teacher.page.locator('dialog').getByRole('button', { name: 'Удалить у всех' }).click();
  await teacher.page.locator('dialog').getByRole('button', { name: 'Удалить', exact: true }).click();
  await waitForText(teacher, 'Жалоб, которые ждут решения, нет', 'dialog');
  await teacher.press('Escape');
  await waitForText(author, 'Сообщение удалено');
  await waitForText(phone, 'Вашу жалобу рассмотрели: сообщение удалено', '.banners');
  await waitForNoText(author, 'жалобу', '.banners');
  await phone.reload();
  await waitForText(phone, 'Вашу жалобу рассмотрели', '.banners');
  // A reload before the server knows would bring it back.
  const told = phone.page.waitForResponse(/\/reports\/seen$/);
  await phone.click('button', 'Понятно');
  await waitForNoText(phone, 'Вашу жалобу', '.banners');
  assert.ok((await told).ok());
  await phone.reload();
  await phone.see('textbox', 'Сообщение');
  const news = await phone.read(async () => (await fetch('/api/v1/reports/news')).json());
  assert.deepEqual(news.handled ?? [], [], 'it is told no more');
  await waitForNoText(phone, 'Вашу жалобу', '.banners');
  await teacher.until(() => ![...document.querySelectorAll('nav button')].some((one) => one.textContent?.includes('Жалобы')), undefined, 'no badge');
});

step('so it goes in Firefox, from the report to the word about it', async () => {
  const text = 'Списать дашь или нет, зануда';
  const fox = await firefoxPerson('fox');
  try {
    await signIn(fox, server, 'student3');
    await fox.click('link', ROOM);
    await write(author, text);
    await waitForText(fox, text, 'article');
    await fox.read((text) => {
      const message = [...document.querySelectorAll('article')].find((one) => one.textContent?.includes(text));
      /** @type {HTMLElement | null | undefined} */ (message?.querySelector('[aria-label="Действия с сообщением"]'))?.click();
    }, text);
    await fox.click('button', 'Пожаловаться');
    await waitForText(fox, 'Что не так с этим сообщением?', 'dialog');
    await fox.read(() => /** @type {HTMLElement | undefined} */ ([...document.querySelectorAll('dialog label')].find((one) => one.textContent?.includes('Обижают или дразнят')))?.click());
    await fox.until(() => [...document.querySelectorAll('dialog button')].some((one) => one.textContent?.includes('Пожаловаться') && !one.matches(':disabled')), undefined, 'a reason, and the button');
    await fox.click('button', 'Пожаловаться');
    await waitForText(fox, 'Спасибо, жалоба отправлена', 'dialog');
    await fox.press('Escape');
    await teacher.click('button', 'Жалобы');
    await waitForText(teacher, text, 'dialog');
    await teacher.page.locator('dialog').getByRole('button', { name: 'Нарушения нет' }).click();
    await waitForText(teacher, 'Жалоб, которые ждут решения, нет', 'dialog');
    await teacher.press('Escape');
    await waitForText(fox, 'Вашу жалобу рассмотрели', '.banners');
    await fox.click('button', 'Понятно');
    await waitForNoText(fox, 'Вашу жалобу', '.banners');
  } finally {
    await fox.close();
  }
});

step('whoever is muted sees why and for how long, and what they began stays', async () => {
  await write(author, 'Ещё одно сообщение');
  await author.type('Сообщение', 'Начал и не дописал');
  await menu(teacher, 'Ещё одно сообщение');
  await teacher.click('button', 'Запретить писать…');
  await teacher.click('button', 'На 15 минут');
  await waitForText(author, 'Сотрудники запретили вам писать здесь. Осталось 14 мин');
  assert.equal(await author.page.getByRole('textbox', { name: 'Сообщение' }).count(), 0);
  await author.reload();
  // However long the page took.
  await waitForText(author, 'Сотрудники запретили вам писать здесь. Осталось 1');
  await teacher.click('button', 'Участники');
  await waitForText(teacher, 'не может писать до', 'aside');
  await teacher.click('button', 'Разрешить писать');
  await author.see('textbox', 'Сообщение');
  assert.equal(await author.page.getByRole('textbox', { name: 'Сообщение' }).inputValue(), 'Начал и не дописал');
  await author.type('Сообщение', '');
});

step('what was written without a network while one was muted is kept', async () => {
  await server.kill();
  await waitForText(author, 'Нет связи', 'body');
  await author.type('Сообщение', 'Написано без сети');
  await author.click('button', 'Отправить');
  await waitForText(author, 'ждёт отправки');
  await author.context.setOffline(true);
  await server.start();
  await teacher.page.locator('aside').getByRole('combobox', { name: 'Кому запретить писать' }).selectOption({ label: 'Миша Кузнецов' });
  await teacher.page.locator('aside').getByRole('button', { name: 'Запретить писать…' }).click();
  await teacher.click('button', 'Пока не сниму');
  await waitForText(teacher, 'не может писать, пока не снимете запрет', 'aside');
  await author.context.setOffline(false);
  await waitForText(author, 'Не отправлено: Сотрудники пока запретили вам писать здесь.');
  await author.page.getByRole('textbox', { name: 'Сообщение' }).waitFor({ state: 'detached' });
  await teacher.click('button', 'Разрешить писать');
  await author.see('textbox', 'Сообщение');
  await author.click('button', 'Повторить');
  await waitForText(teacher, 'Написано без сети');
});

step('in a slow room the page counts down, and the staff go on', async () => {
  await teacher.click('button', 'Настройки группы');
  await teacher.page.locator('dialog').getByRole('combobox').selectOption({ label: '5 минут' });
  await teacher.page.locator('dialog').getByRole('button', { name: 'Сохранить' }).click();
  await teacher.until(() => !document.querySelector('dialog[open]'), undefined, 'the form closed');
  await write(phone, 'Первое в медленном режиме');
  await waitForText(phone, 'Медленный режим: снова написать можно через 4 мин');
  await phone.type('Сообщение', 'Второе');
  assert.equal(await phone.page.getByRole('button', { name: 'Отправить' }).isDisabled(), true);
  await fits(phone);
  await write(teacher, 'Сотрудники пишут');
  await write(teacher, 'и ещё раз');
  await teacher.click('button', 'Настройки группы');
  await teacher.page.locator('dialog').getByRole('combobox').selectOption({ label: 'Выключен' });
  await teacher.page.locator('dialog').getByRole('button', { name: 'Сохранить' }).click();
  await waitForNoText(phone, 'Медленный режим');
  await phone.click('button', 'Отправить');
  await waitForText(teacher, 'Второе');
});

step('rules refuse in the administrator’s words, or report by themselves', async () => {
  await admin.click('button', 'Настройки');
  await admin.click('button', 'Правила сообщений');
  await admin.type('Запрещённые слова и фразы', 'дурак\n\nтёмный лес');
  await admin.page.getByRole('combobox', { name: 'Куда ученикам можно давать ссылки' }).selectOption({ label: 'Никуда' });
  await admin.page.getByRole('combobox', { name: 'Если ссылка ведёт не туда' }).selectOption({ label: 'Отправить и сообщить сотрудникам' });
  await admin.type('Что сказать автору', 'Так у нас не пишут.');
  await admin.click('button', 'Сохранить');
  await waitForText(admin, 'Сохранено', 'dialog');
  await admin.press('Escape');
  await author.type('Сообщение', 'Заблудились в тёмном лесу, дураки');
  await author.click('button', 'Отправить');
  await waitForText(author, 'В сообщении есть слова, которые здесь не разрешены');
  await waitForText(author, 'Так у нас не пишут.');
  await author.click('button', 'Удалить');
  await write(author, 'Смотрите t.me/joinchat');
  await waitForText(teacher, 'Жалобы', 'nav');
  await teacher.click('button', 'Жалобы');
  await waitForText(teacher, 'правила организации', 'dialog');
  await teacher.page.locator('dialog').getByRole('button', { name: 'Нарушения нет' }).click();
  await waitForText(teacher, 'Жалоб, которые ждут решения, нет', 'dialog');
  await teacher.press('Escape');
});

step('an administrator who is not in a conversation sees what stands around a report of it', async () => {
  await teacher.click('button', 'Написать лично: Миша Кузнецов');
  await inRoom(teacher, 'Миша Кузнецов');
  await write(teacher, 'Миша, как успехи?');
  // With the last name: others' last words in the list have the first ones, too.
  await author.click('link', 'Анна Сергеевна Иванова');
  await inRoom(author, 'Анна Сергеевна Иванова');
  await write(author, 'Отстаньте от меня');
  await menu(teacher, 'Отстаньте от меня');
  await teacher.click('button', 'Пожаловаться');
  await teacher.page.getByRole('radio', { name: 'Другое' }).check();
  await teacher.page.locator('dialog').getByRole('button', { name: 'Пожаловаться' }).click();
  await waitForText(teacher, 'жалоба отправлена', 'dialog');
  await teacher.press('Escape');
  await admin.page.locator('nav').getByRole('button', { name: 'Жалобы' }).first().click();
  await waitForText(admin, 'Личная переписка', 'dialog');
  await admin.click('button', 'Что было вокруг');
  await waitForText(admin, 'Миша, как успехи?', 'dialog');
  await admin.page.locator('dialog').getByRole('button', { name: 'Нарушения нет' }).click();
  await waitForText(admin, 'Жалоб, которые ждут решения, нет', 'dialog');
  await admin.press('Escape');
});

step('the log has all of it, to be narrowed and taken along', async () => {
  await admin.page.locator('nav').getByRole('button', { name: 'Журнал действий' }).click();
  for (const act of ['Решение по жалобе', 'Просмотр переписки вокруг жалобы', 'Новые правила сообщений', 'Запрет писать снят', 'Медленный режим']) {
    await waitForText(admin, act, 'dialog li');
  }
  await admin.page.getByRole('combobox', { name: 'Действие' }).selectOption({ label: 'Удаление чужого сообщения' });
  await waitForNoText(admin, 'Запрет писать снят', 'dialog li');
  await waitForText(admin, 'Кого касается: Миша Кузнецов', 'dialog li');
  const [download] = await Promise.all([admin.page.waitForEvent('download'), admin.click('button', 'Скачать таблицу')]);
  const text = await readFile(await download.path(), 'utf8');
  const lines = text.split('\r\n');
  assert.equal(lines.length, 3, 'a heading, one entry, and the end of the last line');
  assert.match(lines[1] ?? '', /;Анна Сергеевна Иванова;преподаватель;Удаление чужого сообщения;Миша Кузнецов;Робототехника, поток 1;/u);
  assert.ok(!text.includes('слабак'), 'no texts of messages');
  await admin.press('Escape');
});
