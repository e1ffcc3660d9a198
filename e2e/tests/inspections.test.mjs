// A conversation of two is read by one administrator with another one's leave, and by nobody alone.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { after, before } from 'node:test';

import { faultsOf } from '../axe/faults.mjs';
import { chromiumPerson, launchChromium, signIn } from '../browsers.mjs';
import { BINARY, Server } from '../server.mjs';
import { steps } from '../steps.mjs';

const ROOM = 'Робототехника, поток 1';
const PAIR = ['Анна Сергеевна Иванова', 'Алина Сафина'];
const SECRET = 'Никому не говори';
const REASON = 'Мама Алины просит проверить';
const TITLE = 'Доступ к личным беседам';
const PHONE = { viewport: { width: 360, height: 740 }, hasTouch: true, isMobile: true };

const step = steps();
/** @type {Server} */
let server;
/** @type {import('playwright-core').Browser} */
let chromium;
/** @type {Awaited<ReturnType<typeof chromiumPerson>>} */
let admin;
/** @type {Awaited<ReturnType<typeof chromiumPerson>>} */
let other;
/** @type {Awaited<ReturnType<typeof chromiumPerson>>} */
let teacher;
/** @type {Awaited<ReturnType<typeof chromiumPerson>>} */
let learner;

before(async () => {
  server = await Server.create();
  chromium = await launchChromium();
  [admin, other, teacher, learner] = await Promise.all([
    chromiumPerson(chromium, 'admin'),
    chromiumPerson(chromium, 'other', PHONE),
    chromiumPerson(chromium, 'teacher'),
    chromiumPerson(chromium, 'learner', PHONE),
  ]);
  const logins = /** @type {const} */ ([[admin, 'admin'], [teacher, 'teacher'], [learner, 'student2']]);
  await Promise.all(logins.map(([person, login]) => signIn(person, server, login)));
});

after(async () => {
  await chromium?.close();
  await server?.stop();
});

/** @param {typeof admin} person @param {string} text @param {string} [where] */
const says = (person, text, where = 'dialog') => person.page.locator(where).getByText(text).first().waitFor();

/** @param {typeof admin} person */
async function openPage(person) {
  await person.click('button', 'Настройки');
  await person.page.locator('.settings').getByRole('button', { name: TITLE }).click();
  await person.page.getByRole('dialog', { name: TITLE }).waitFor();
}

step('whoever opens a conversation of two is told once that it can be read', async () => {
  await teacher.click('link', ROOM);
  await teacher.click('button', 'Участники');
  await teacher.click('button', `Написать лично: ${PAIR[1]}`);
  await teacher.page.locator('main aside').waitFor({ state: 'detached' });
  await says(teacher, 'её могут открыть двое ответственных сотрудников', 'main');
  await teacher.type('Сообщение', SECRET);
  await teacher.click('button', 'Отправить');
  await learner.click('link', PAIR[0] ?? '');
  await says(learner, SECRET, 'main');
  await says(learner, 'её могут открыть двое', 'main');
  await learner.click('button', 'Ясно');
  await learner.page.getByText('её могут открыть двое').waitFor({ state: 'detached' });
  const loaded = learner.page.waitForResponse(/Notice/);
  await learner.reload();
  await loaded;
  await says(learner, SECRET, 'main');
  assert.equal(await learner.page.getByText('её могут открыть двое').count(), 0, 'once');
});

step('one administrator alone is told that it takes two', async () => {
  await openPage(admin);
  await says(admin, 'Сейчас вы единственный администратор');
  assert.equal(await admin.page.getByRole('button', { name: 'Попросить доступ' }).count(), 0);
  await admin.press('Escape');
});

step('the request comes to the second one, with its reason', async () => {
  const add = spawn(BINARY, ['user', 'add', '--data', server.data, '--login', 'second', '--name', 'Сергей Громов', '--role', 'administrator'], { stdio: ['pipe', 'ignore', 'inherit'] });
  add.stdin.end('parta-second');
  assert.deepEqual(await once(add, 'close'), [0, null]);
  await other.goto(server.origin);
  await other.type('Логин', 'second');
  await other.page.locator('input[type=password]').fill('parta-second');
  await other.click('button', 'Войти');
  await other.see('button', 'Настройки');
  await admin.page.locator('.settings').getByRole('button', { name: TITLE }).click();
  await admin.click('button', 'Попросить доступ');
  const send = admin.page.getByRole('button', { name: 'Отправить запрос' });
  for (const name of PAIR) await admin.page.locator('dialog').getByRole('checkbox', { name }).check();
  assert.equal(await send.isDisabled(), true, 'first a reason');
  await admin.type('Зачем это нужно', REASON);
  assert.deepEqual(await faultsOf(admin.page), []);
  await send.click();
  await says(admin, 'Ждёт ответа');
  assert.equal(await admin.page.getByRole('button', { name: /Разрешить на/ }).count(), 0, 'never one’s own');
  await other.page.locator('nav').getByRole('button', { name: TITLE }).click();
  await says(other, REASON);
  assert.deepEqual(await faultsOf(other.page), []);
  const [wide, screen] = /** @type {[number, number]} */ (await other.read(() => [document.documentElement.scrollWidth, innerWidth]));
  assert.ok(wide <= screen, 'the page is as wide as the screen');
  await other.click('button', 'Разрешить на 24 часа');
  await says(other, 'Доступ открыт');
  assert.equal(await other.page.getByRole('button', { name: 'Читать' }).count(), 0, 'whoever allows does not read');
});

step('whoever asked reads and downloads, and is in the conversation for nobody', async () => {
  await admin.click('button', 'Читать');
  await says(admin, SECRET);
  assert.deepEqual(await faultsOf(admin.page), []);
  await admin.click('button', 'К запросам');
  const downloads = admin.page.waitForEvent('download');
  await admin.page.locator('dialog').getByRole('link', { name: 'Скачать архив' }).click();
  assert.match((await downloads).suggestedFilename(), /\.zip$/);
  await admin.click('button', 'Не удалять по сроку');
  await says(admin, 'Удаление по сроку здесь остановлено');
  await teacher.click('button', 'Участники');
  await says(teacher, 'её могут открыть двое', 'main aside');
  assert.equal(await teacher.page.locator('main aside > ul > li').count(), 2, 'the two of them alone');
});

step('the second one closes it, and the log has all of it', async () => {
  await admin.click('button', 'Читать');
  await says(admin, SECRET);
  await other.click('button', 'Закрыть доступ');
  await says(other, 'Запросов, которые ждут ответа, и открытых бесед нет');
  await says(admin, 'Запросов, которые ждут ответа, и открытых бесед нет');
  assert.equal(await admin.page.getByText(SECRET).count(), 0, 'what was on the screen is gone');
  await admin.press('Escape');
  await admin.page.locator('.settings').getByRole('button', { name: 'Журнал действий' }).click();
  for (const act of ['Запрос доступа к личной беседе', 'Доступ к личной беседе дан', 'Чтение чужой личной беседы', 'Выгрузка чужой личной беседы', 'Доступ к личной беседе закрыт']) {
    await admin.page.locator('dialog li').filter({ hasText: act }).first().waitFor();
  }
  await admin.page.locator('dialog li').filter({ hasText: REASON }).first().waitFor();
});
