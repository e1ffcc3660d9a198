// What a guardian sees, on a phone: the room of the parents, and nothing that she may not do; learners see nothing of that room.
import assert from 'node:assert/strict';
import { after, before } from 'node:test';

import { faultsOf } from '../axe/faults.mjs';
import { chromiumPerson, launchChromium, signIn } from '../browsers.mjs';
import { Server } from '../server.mjs';
import { steps } from '../steps.mjs';

const PARENTS = 'Родители: робототехника';
const MOTHER = 'Елена Викторовна Кузнецова';
const TEACHER = 'Анна Сергеевна Иванова';
const WELCOME = 'Здравствуйте! Здесь пишем о занятиях';
const PHONE = { viewport: { width: 360, height: 740 }, hasTouch: true, isMobile: true };

const step = steps();
/** @type {Server} */
let server;
/** @type {import('playwright-core').Browser} */
let chromium;
/** @type {Awaited<ReturnType<typeof chromiumPerson>>} */
let mother;
/** @type {Awaited<ReturnType<typeof chromiumPerson>>} */
let teacher;
/** @type {Awaited<ReturnType<typeof chromiumPerson>>} */
let learner;

before(async () => {
  server = await Server.create();
  chromium = await launchChromium();
  [mother, teacher, learner] = await Promise.all([
    chromiumPerson(chromium, 'mother', PHONE),
    chromiumPerson(chromium, 'teacher'),
    chromiumPerson(chromium, 'learner', PHONE),
  ]);
  await Promise.all([signIn(teacher, server, 'teacher'), signIn(learner, server, 'student1')]);
  // She is in no group of learners.
  await mother.goto(server.origin);
  await mother.click('button', MOTHER);
});

after(async () => {
  await chromium?.close();
  await server?.stop();
});

/** @param {typeof mother} person @param {string} text @param {string} [where] */
const says = (person, text, where = 'main') => person.page.locator(where).getByText(text).first().waitFor();
/** @param {typeof mother} person @param {string} name */
const count = (person, name) => person.page.getByRole('button', { name }).count();

step('she sees the room of the parents alone, and makes none', async () => {
  await mother.see('link', PARENTS);
  assert.equal(await mother.page.locator('nav a[href^="/room/"]').count(), 1);
  assert.deepEqual(await faultsOf(mother.page), []);
  assert.equal(await count(mother, 'Новая группа'), 0);
  // The staff are offered it in the same place.
  await teacher.see('button', 'Новая группа');
});

step('she reads and answers, and leads no lessons', async () => {
  await mother.click('link', PARENTS);
  await says(mother, WELCOME);
  await mother.type('Сообщение', 'Миша заболел, сегодня не придёт');
  await mother.click('button', 'Отправить');
  await teacher.click('link', PARENTS);
  await says(teacher, 'Миша заболел');
  await teacher.see('button', 'Начать урок');
  assert.equal(await count(mother, 'Начать урок'), 0);
  assert.deepEqual(await faultsOf(mother.page), []);
});

step('of a message of the teacher’s she is offered what she may do', async () => {
  const message = mother.page.locator('.talk article', { hasText: WELCOME });
  await message.hover();
  await message.getByRole('button', { name: 'Действия с сообщением' }).click();
  const menu = mother.page.getByRole('dialog', { name: 'Действия с сообщением' });
  await menu.getByRole('button', { name: 'Ответить' }).first().waitFor();
  for (const denied of ['Удалить', 'Изменить', 'Закрепить']) assert.equal(await menu.getByRole('button', { name: denied }).count(), 0, denied);
  assert.deepEqual(await faultsOf(mother.page), []);
  await mother.press('Escape');
  await menu.waitFor({ state: 'hidden' });
});

step('she may write to the teacher alone, and manages nobody', async () => {
  await mother.click('button', 'Участники');
  await mother.see('button', `Написать лично: ${TEACHER}`);
  const aside = mother.page.locator('main aside');
  assert.equal(await aside.getByRole('button', { name: /Новый пароль|Настройки группы|История и хранение|Боты/ }).count(), 0);
  assert.equal(await aside.locator('> ul > li').count(), 3, 'a teacher, an administrator and herself');
  assert.deepEqual(await faultsOf(mother.page), []);
  await mother.click('button', `Написать лично: ${TEACHER}`);
  await mother.page.getByRole('heading', { level: 1, name: TEACHER }).waitFor();
  await mother.type('Сообщение', 'Можно спросить?');
  await mother.click('button', 'Отправить');
  await teacher.click('link', MOTHER);
  await says(teacher, 'Можно спросить?');
});

step('her settings have no pages of the staff', async () => {
  await mother.click('link', 'К списку групп');
  await mother.click('button', 'Настройки');
  const settings = mother.page.locator('.settings');
  await settings.getByRole('combobox').first().waitFor();
  assert.equal(await settings.getByRole('button', { name: /Жалобы|Журнал действий|Доступ к личным беседам|Правила/ }).count(), 0);
  assert.deepEqual(await faultsOf(mother.page), []);
});

step('a learner sees nothing of the room, also by its address', async () => {
  await learner.see('link', 'Робототехника, поток 1');
  assert.equal(await learner.page.getByText(PARENTS).count(), 0);
  assert.equal(await learner.page.getByText(MOTHER).count(), 0);
  await teacher.click('link', PARENTS);
  await teacher.page.getByRole('heading', { level: 1, name: PARENTS }).waitFor();
  const address = await teacher.read(() => location.href);
  await learner.goto(address);
  // A phone shows the list instead.
  await learner.page.getByText('Этой группы нет в вашем списке').first().waitFor({ state: 'attached' });
  await learner.see('link', 'Робототехника, поток 1');
  assert.equal(await learner.page.getByText('Миша заболел').count(), 0);
  const id = address.split('/').at(-1);
  const status = await learner.read(async (id) => (await fetch(`/api/v1/rooms/${id}/events?after=0`)).status, id);
  assert.equal(status, 403);
});
