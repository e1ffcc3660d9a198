// Every page and dialog, on a computer in light colours and on a phone in dark ones, by the rules of axe: `npm run axe`. Not
// among the tests yet: it ends at the first page on which something is found.
import assert from 'node:assert/strict';
import { after, before } from 'node:test';

import { faultsOf } from './axe.mjs';
import { chromiumPerson, launchChromium, signIn } from './browsers.mjs';
import { Server } from './server.mjs';
import { steps } from './steps.mjs';

const ROOM = 'Робототехника, поток 1';
const STILL = /** @type {const} */ ({ reducedMotion: 'reduce' });
const PHONE = { viewport: { width: 360, height: 740 }, hasTouch: true, isMobile: true, colorScheme: /** @type {const} */ ('dark'), ...STILL };

const step = steps();
/** @type {Server} */
let server;
/** @type {import('playwright-core').Browser} */
let chromium;
/** @type {Awaited<ReturnType<typeof chromiumPerson>>} */
let teacher;
/** @type {Awaited<ReturnType<typeof chromiumPerson>>} */
let phone;

before(async () => {
  server = await Server.create();
  chromium = await launchChromium();
  [teacher, phone] = await Promise.all([chromiumPerson(chromium, 'teacher', STILL), chromiumPerson(chromium, 'phone', PHONE)]);
});

after(async () => {
  await chromium?.close();
  await server?.stop();
});

/** @param {{page: import('playwright-core').Page, name: string}} person @param {string} what */
async function isClean({ page, name }, what) {
  assert.deepEqual(await faultsOf(page), [], `${name}: ${what}`);
}

/** Both. */
const everybody = () => [teacher, phone];

/** @param {import('./browsers.mjs').Person & {page: import('playwright-core').Page}} person @param {string} name */
const press = (person, name) => person.page.getByRole('button', { name, exact: true }).first().click();

/**
 * Looks at what a button opens, and closes it.
 * @param {typeof teacher} person
 * @param {string} what
 * @param {() => Promise<void>} open
 * @param {() => import('playwright-core').Locator} shows what is there then
 */
async function dialog(person, what, open, shows) {
  await open();
  await shows().waitFor();
  await isClean(person, what);
  await person.press('Escape');
  await shows().waitFor({ state: 'hidden' });
}

step('the page for signing in', async () => {
  for (const person of everybody()) {
    await person.goto(server.origin);
    await person.page.getByText('Попробовать', { exact: true }).waitFor();
    await isClean(person, 'signing in');
    await person.type('Логин', 'teacher');
    await person.type('Пароль', 'никакой пароль');
    await press(person, 'Войти');
    await person.page.getByRole('alert').waitFor();
    await isClean(person, 'a wrong password');
  }
});

step('the list of groups, and no group', async () => {
  await signIn(teacher, server, 'teacher');
  await signIn(phone, server, 'student1');
  for (const person of everybody()) {
    await isClean(person, 'the list');
    await press(person, 'Настройки');
    await person.page.getByText('Тихие часы').first().waitFor();
    await isClean(person, 'the settings');
    await press(person, 'Настройки');
    await person.goto(`${server.origin}/room/none`);
    await person.page.getByText('Этой группы нет в вашем списке').waitFor({ state: 'attached' });
    await isClean(person, 'somebody else’s group');
    await person.goto(server.origin);
    await person.see('link', ROOM);
  }
});

step('a conversation with everything that can be in one', async () => {
  for (const person of everybody()) {
    await person.click('link', ROOM);
    await person.see('textbox', 'Сообщение');
  }
  const send = async (/** @type {string} */ text) => {
    await teacher.type('Сообщение', text);
    await press(teacher, 'Отправить');
    await teacher.until(() => /** @type {HTMLTextAreaElement} */ (document.querySelector('textarea[aria-label="Сообщение"]')).value === '', undefined, 'the field to be empty');
  };
  await send('**Жирный**, *курсив*, ~~зачёркнутый~~, `код`, https://example.ru/адрес\n\n> цитата\n\n- первое\n- второе\n\n```python\nprint("привет")\n```\n\nи $x^2 + \\frac{1}{2}$');
  await teacher.page.locator('input[type=file]:not([capture])').setInputFiles({ name: 'план урока.pdf', mimeType: 'application/pdf', buffer: Buffer.from('%PDF-1.4') });
  await teacher.page.getByText('план урока.pdf').first().waitFor();
  await isClean(teacher, 'a file before it is sent');
  await send('Файл к уроку');
  await press(teacher, 'С ознакомлением');
  await send('Завтра занятие в 10:00');
  await press(teacher, 'Ещё');
  await press(teacher, 'Опрос');
  await teacher.page.getByRole('heading', { name: 'Новый опрос' }).waitFor();
  await isClean(teacher, 'the form of a poll');
  await teacher.type('Вопрос', 'Когда консультация?');
  await teacher.page.getByLabel('Вариант 1', { exact: true }).fill('Во вторник');
  await teacher.page.getByLabel('Вариант 2', { exact: true }).fill('В четверг');
  await press(teacher, 'Отправить опрос');
  await phone.page.getByText('Когда консультация?').first().waitFor();
  await phone.click('button', 'В четверг');
  await press(phone, 'Ознакомлен');
  await phone.page.getByText('Вы ознакомились').waitFor();
  await teacher.page.getByText('Ознакомились: 1 из').first().waitFor();
  for (const person of everybody()) await isClean(person, 'the conversation');
});

step('what is done with a message', async () => {
  const last = (/** @type {typeof teacher} */ { page }) => page.getByRole('button', { name: 'Действия с сообщением' }).last();
  for (const person of everybody()) {
    const menu = () => person.page.getByRole('dialog', { name: 'Действия с сообщением' });
    const open = async () => {
      await person.page.getByText('Завтра занятие в 10:00').last().hover();
      await last(person).click();
    };
    await dialog(person, 'the menu of a message', open, menu);
    await open();
    await menu().getByRole('button', { name: 'Другие реакции' }).click();
    await person.page.getByRole('textbox', { name: 'Поиск эмодзи' }).or(person.page.getByRole('searchbox', { name: 'Поиск эмодзи' })).first().waitFor();
    await isClean(person, 'emoji');
    await person.press('Escape');
  }
  await dialog(teacher, 'who has acknowledged', () => teacher.page.getByText('Ознакомились: 1 из').first().click(), () => teacher.page.getByRole('heading', { name: 'Кто ознакомился' }));
});

step('members, a new group, what comes later, the search', async () => {
  for (const person of everybody()) {
    await press(person, 'Участники');
    await person.page.getByRole('heading', { name: 'Участники' }).or(person.page.getByText('в сети').first()).first().waitFor();
    await isClean(person, 'the members');
    await person.page.getByRole('button', { name: 'Закрыть' }).first().click();
  }
  await dialog(teacher, 'the form of a group', () => press(teacher, 'Новая группа'), () => teacher.page.getByRole('heading', { name: 'Новая группа' }));
  await teacher.type('Сообщение', 'Потом');
  const later = async () => {
    await teacher.page.getByRole('button', { name: 'Отправить', exact: true }).click({ button: 'right' });
    await press(teacher, 'Отправить позже…');
  };
  await dialog(teacher, 'a message for later', later, () => teacher.page.getByRole('heading', { name: 'Отправить позже' }));
  await teacher.type('Сообщение', '');
  await dialog(teacher, 'the search', () => teacher.page.keyboard.press('Control+k'), () => teacher.page.getByRole('searchbox').or(teacher.page.getByRole('combobox')).first());
});

step('a lesson', async () => {
  await press(teacher, 'Начать урок');
  await teacher.page.getByRole('button', { name: 'Войти в урок' }).waitFor();
  await isClean(teacher, 'before the lesson');
  await press(teacher, 'Войти в урок');
  await teacher.see('button', 'Выйти из урока');
  await isClean(teacher, 'the lesson');
  await phone.click('button', 'Присоединиться');
  await press(phone, 'Войти в урок');
  await phone.see('button', 'Выйти из урока');
  for (const person of everybody()) {
    await isClean(person, 'the lesson of two');
    await person.page.getByRole('button', { name: /^Участники: 2/ }).click();
    await person.page.getByText('У кого плохая связь').or(person.page.getByText('Связь')).first().waitFor();
    await isClean(person, 'the people of a lesson');
  }
});
