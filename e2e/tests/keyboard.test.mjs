// With the keyboard alone: from message to message, and back to where one was when something closes. And what lists and quotes
// show of a text with marks, and what is offered in a room of the archive.
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

before(async () => {
  server = await Server.create();
  chromium = await launchChromium();
  teacher = await chromiumPerson(chromium, 'teacher');
  await signIn(teacher, server, 'teacher');
  await teacher.click('link', ROOM);
  await teacher.see('textbox', 'Сообщение');
  for (const text of ['Первое', 'Второе', '**Третье** и `код`']) {
    await teacher.type('Сообщение', text);
    await teacher.press('Enter');
    await teacher.until(
      (text) => [...document.querySelectorAll('.talk article')].some((one) => one.textContent?.includes(text)),
      text.replaceAll(/[*`]/g, ''),
      `«${text}»`,
    );
  }
});

after(async () => {
  await chromium?.close();
  await server?.stop();
});

/** The text of the message, or the name of the element, that has the focus. */
const focused = () =>
  teacher.read(() => {
    const { activeElement: at } = document;
    return at?.matches('article') ? at.querySelector('.text')?.textContent : (at?.getAttribute('aria-label') ?? at?.tagName);
  });

/** @param {string} text */
const isAt = (text) =>
  teacher.until((text) => document.activeElement?.matches('article') && document.activeElement.querySelector('.text')?.textContent === text, text, `the focus on «${text}»`);

/** @param {string} name */
const hasFocus = (name) => teacher.until((name) => document.activeElement?.getAttribute('aria-label') === name, name, `the focus on «${name}»`);

step('the arrow keys lead from message to message, Enter to what can be done with one, and Escape back', async () => {
  await teacher.page.getByRole('log', { name: ROOM }).focus();
  await teacher.page.keyboard.press('ArrowUp');
  assert.equal(await focused(), 'Третье и код');
  await teacher.page.keyboard.press('ArrowUp');
  assert.equal(await focused(), 'Второе');
  await teacher.page.keyboard.press('ArrowDown');
  assert.equal(await focused(), 'Третье и код');
  const menu = teacher.page.getByRole('dialog', { name: 'Действия с сообщением' });
  await teacher.press('Enter');
  await menu.waitFor();
  await teacher.press('Escape');
  await menu.waitFor({ state: 'hidden' });
  await isAt('Третье и код');
  await teacher.press('Escape');
  assert.equal(await focused(), 'Сообщение');
});

step('what closes gives the focus back to what had opened it', async () => {
  const opener = teacher.page.getByRole('button', { name: 'Новая группа' });
  const form = teacher.page.getByRole('dialog', { name: 'Новая группа' });
  await opener.focus();
  await teacher.press('Enter');
  await form.getByRole('button', { name: 'Закрыть' }).focus();
  await teacher.press('Enter');
  await form.waitFor({ state: 'hidden' });
  await hasFocus('Новая группа');

  await teacher.page.getByRole('button', { name: 'Участники' }).focus();
  await teacher.press('Enter');
  const panel = teacher.page.getByRole('complementary', { name: 'Участники' });
  await panel.getByRole('button', { name: 'Закрыть' }).focus();
  await teacher.press('Enter');
  await panel.waitFor({ state: 'hidden' });
  await hasFocus('Участники');

  const settings = teacher.page.getByRole('button', { name: 'Настройки', exact: true });
  await settings.focus();
  await teacher.press('Enter');
  await teacher.page.getByLabel('Тихие часы').focus();
  await teacher.press('Escape');
  await hasFocus('Настройки');
  assert.equal(await settings.getAttribute('aria-expanded'), 'false');
});

step('what is sent later has a button', async () => {
  await teacher.type('Сообщение', 'Потом');
  await teacher.page.getByRole('button', { name: 'Отложить отправку' }).click();
  const form = teacher.page.getByRole('heading', { name: 'Отправить позже' });
  await form.waitFor();
  await teacher.press('Escape');
  await form.waitFor({ state: 'hidden' });
  await teacher.type('Сообщение', '');
});

step('lists and quotes show what a text says, without marks', async () => {
  const line = teacher.page.locator('nav a', { hasText: ROOM }).locator('.bottom');
  await teacher.until(() => document.querySelector('nav a[aria-current] .bottom')?.textContent?.includes('Третье и код'), undefined, 'the text in the list');
  assert.ok(!(await line.innerText()).includes('*'));
  await teacher.page.locator('.talk article', { hasText: 'Третье' }).getByRole('button', { name: 'Ответить' }).click();
  assert.match(await teacher.page.locator('form .reply').innerText(), /Третье и код/);
  await teacher.type('Сообщение', 'Ответ');
  await teacher.press('Enter');
  const quote = teacher.page.locator('.talk article', { hasText: 'Ответ' }).last().locator('.quote');
  await quote.waitFor();
  assert.match(await quote.innerText(), /Третье и код/);
});

step('in the archive nothing is offered that is refused', async () => {
  await teacher.click('button', 'Участники');
  await teacher.click('button', 'Настройки группы');
  await teacher.click('button', 'В архив');
  await teacher.page.getByText('Группа в архиве: читать можно').waitFor();
  await teacher.page.getByRole('complementary', { name: 'Участники' }).getByRole('button', { name: 'Закрыть' }).click();
  const message = teacher.page.locator('.talk article', { hasText: 'Второе' });
  await message.hover();
  assert.equal(await message.getByRole('button', { name: 'Ответить' }).count(), 0);
  await message.getByRole('button', { name: 'Действия с сообщением' }).click();
  const menu = teacher.page.getByRole('dialog', { name: 'Действия с сообщением' });
  await menu.getByRole('button', { name: 'Переслать…' }).waitFor();
  for (const name of [/^Реакция/, 'Ответить', 'Изменить', 'Закрепить']) assert.equal(await menu.getByRole('button', { name }).count(), 0, String(name));
});
