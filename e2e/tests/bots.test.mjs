// A teacher makes a bot; a program in Python, the example of the docs, answers in the room.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createHmac } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { after, before } from 'node:test';
import { fileURLToPath } from 'node:url';

import { chromiumPerson, launchChromium, signIn } from '../browsers.mjs';
import { Server } from '../server.mjs';
import { steps } from '../steps.mjs';

const ROOM = 'Робототехника, поток 1';
const OTHER = '3D-моделирование, поток 2';
const EXAMPLE = fileURLToPath(new URL('../../docs/bots/echo_bot.py', import.meta.url));

const step = steps();
/** @type {Server} */
let server;
/** @type {import('playwright-core').Browser} */
let chromium;
/** @type {Awaited<ReturnType<typeof chromiumPerson>>} */
let teacher;
/** @type {Awaited<ReturnType<typeof chromiumPerson>>} */
let student;
/** @type {string} */
let token;
/** @type {import('node:child_process').ChildProcess | undefined} */
let bot;
/** What came to a program of the school's. @type {{headers: import('node:http').IncomingHttpHeaders, body: string}[]} */
const came = [];
let status = 204;
const program = createServer((request, response) => {
  let body = '';
  request.on('data', (part) => (body += String(part)));
  request.on('end', () => {
    came.push({ headers: request.headers, body });
    response.writeHead(status).end();
    program.emit('came');
  });
});

before(async () => {
  program.listen(0, '127.0.0.1');
  await once(program, 'listening');
  process.env.PARTA_WEBHOOKS_ALLOWED_HOSTS = `127.0.0.1:${port()}`;
  server = await Server.create();
  chromium = await launchChromium();
  teacher = await chromiumPerson(chromium, 'teacher');
  student = await chromiumPerson(chromium, 'student', { viewport: { width: 360, height: 740 } });
  for (const [person, login] of /** @type {const} */ ([[teacher, 'teacher'], [student, 'student1']])) {
    await signIn(person, server, login);
    await person.click('link', ROOM);
  }
});

after(async () => {
  bot?.kill();
  await chromium?.close();
  await server?.stop();
  program.closeAllConnections();
  program.close();
});

const port = () => /** @type {import('node:net').AddressInfo} */ (program.address()).port;

/** @param {string} text @param {string} [key] */
const hook = (text, key = text) =>
  fetch(`${server.origin}/api/hooks`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json', 'idempotency-key': encodeURIComponent(key) },
    body: JSON.stringify({ text }),
  });

step('a bot gets its key once, and its messages bear its name and what it is', async () => {
  await teacher.page.getByRole('button', { name: 'Участники' }).click();
  await teacher.click('button', 'Боты');
  await teacher.click('button', 'Новый бот');
  await teacher.type('Имя, под которым он пишет', 'Дежурный');
  await teacher.page.getByLabel('Может читать').check();
  await teacher.click('button', 'Создать');
  token = await teacher.page.getByLabel('Ключ', { exact: true }).inputValue();
  assert.match(token, /^[0-9a-f]{64}$/);
  await teacher.click('button', 'Готово');
  await teacher.page.getByText('пишет и читает, ещё не приходил').waitFor();
  assert.equal(await teacher.page.getByText(token).count(), 0);
  assert.equal((await hook('Дверь **открыта**')).status, 200);
  assert.equal((await hook('Дверь **открыта**')).status, 200);
  // What comes after it: by then a second one would be there.
  assert.equal((await hook('Окно закрыто')).status, 200);
  await student.page.locator('article').filter({ hasText: 'Окно закрыто' }).waitFor();
  const line = student.page.locator('article').filter({ hasText: 'Дверь открыта' });
  await line.first().waitFor();
  assert.equal(await line.count(), 1);
  assert.match(await line.innerText(), /Дежурный\s+бот/u);
  assert.equal(await line.locator('strong').innerText(), 'открыта');
});

step('the example of the docs answers a question', async () => {
  bot = spawn('python3', [EXAMPLE], { env: { ...process.env, PARTA: server.origin, PARTA_TOKEN: token }, stdio: 'inherit' });
  await once(bot, 'spawn');
  // It hears what comes after it has begun: until it has come once it is asked anew.
  for (let n = 1; (await student.page.getByText('Хороший вопрос').count()) === 0; n++) {
    await student.type('Сообщение', `Когда урок ${n}?`);
    await student.click('button', 'Отправить');
    await student.page.getByText('Хороший вопрос').first().waitFor({ timeout: 10_000 }).catch(() => undefined);
  }
});

step('its maker lets it into another group, where it is taken for nobody else', async () => {
  const { page } = teacher;
  await page.keyboard.press('Escape');
  await teacher.click('link', OTHER);
  await page.getByRole('button', { name: 'Участники' }).click();
  await teacher.click('button', 'Боты');
  await teacher.click('button', 'Новый бот');
  await teacher.type('Имя, под которым он пишет', 'алина  Caфина');
  await teacher.click('button', 'Создать');
  await page.getByText('примут за человека из этой группы').waitFor();
  await teacher.click('button', 'Отмена');
  await teacher.click('button', 'Пустить сюда: Дежурный');
  await page.getByRole('button', { name: 'Отключить: Дежурный' }).waitFor();
  assert.equal(await page.getByText('Ваши боты из других групп').count(), 0);
  assert.equal((await hook('куда?')).status, 400);
  await teacher.click('button', 'Отключить: Дежурный');
  await page.getByText('Ваши боты из других групп').waitFor();
  await page.keyboard.press('Escape');
  await teacher.click('link', ROOM);
  await page.getByRole('button', { name: 'Участники' }).click();
  await teacher.click('button', 'Боты');
});

step('a bot that was removed has no key any more', async () => {
  await teacher.click('button', 'Отключить: Дежурный');
  await teacher.page.getByText('Ботов пока нет').waitFor();
  assert.equal((await hook('ещё')).status, 401);
  await student.reload();
  await student.page.locator('article').filter({ hasText: 'Дверь открыта' }).filter({ hasText: 'Дежурный' }).waitFor();
});

step('messages of the group go to a program, signed with the secret that was shown once', async () => {
  const url = `http://127.0.0.1:${port()}/parta`;
  await teacher.click('button', 'Новый адрес');
  await teacher.type('Адрес программы', 'https://evil.example/');
  await teacher.click('button', 'Создать');
  await teacher.page.getByText('Этот адрес не разрешён').waitFor();
  await teacher.type('Адрес программы', url);
  await teacher.click('button', 'Создать');
  const secret = await teacher.page.getByLabel('Секрет подписи', { exact: true }).inputValue();
  await teacher.click('button', 'Готово');
  await teacher.page.getByText('ещё ничего не передано').waitFor();
  const coming = once(program, 'came');
  await student.type('Сообщение', 'Для программы');
  await student.click('button', 'Отправить');
  await coming;
  const [{ headers, body } = { headers: {}, body: '' }] = came;
  const key = Buffer.from(secret.replace('whsec_', ''), 'base64');
  const signed = `${headers['webhook-id']}.${headers['webhook-timestamp']}.${body}`;
  assert.equal(headers['webhook-signature'], `v1,${createHmac('sha256', key).update(signed).digest('base64')}`);
  const { type, data } = JSON.parse(body);
  assert.deepEqual([type, data.message.text, data.author.name], ['message.created', 'Для программы', 'Миша Кузнецов']);
});

step('a program that wants nothing any more is switched off, and the page says so', async () => {
  status = 410;
  const coming = once(program, 'came');
  await student.type('Сообщение', 'Ещё одно');
  await student.click('button', 'Отправить');
  await coming;
  const again = teacher.page.getByRole('button', { name: /Попробовать снова/ });
  for (;;) {
    await teacher.page.keyboard.press('Escape');
    await teacher.click('button', 'Боты');
    await teacher.page.getByRole('button', { name: /Удалить адрес/ }).waitFor();
    if (await again.count()) break;
  }
  await teacher.page.getByText('Отключён: программа больше ничего не принимает').waitFor();
  status = 204;
  const back = once(program, 'came');
  await again.click();
  await back;
  assert.equal(JSON.parse(came.at(-1)?.body ?? '{}').data.message.text, 'Ещё одно');
});
