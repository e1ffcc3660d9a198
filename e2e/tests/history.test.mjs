// A teacher takes a room's history out, and reads it where there is no Parta: in a browser, and with Python.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before } from 'node:test';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';

import { chromiumPerson, launchChromium, signIn } from '../browsers.mjs';
import { BINARY, Server } from '../server.mjs';
import { eventually, steps } from '../steps.mjs';

const ROOM = 'Робототехника, поток 1';
const HOSTILE = '<script>document.title="run"</script><img src="https://evil.example/x.png" onerror="document.title=\'run\'">';
const PICTURE = {
  name: 'Схема №1 (ё) #50%.png',
  mimeType: 'image/png',
  // Two by two pixels.
  buffer: Buffer.from('iVBORw0KGgoAAAANSUhEUgAAAAIAAAACCAIAAAD91JpzAAAAEElEQVR4nGM4IScHRAwQCgAfJgQRoo8irwAAAABJRU5ErkJggg==', 'base64'),
};
const TEXT = { name: 'a.txt', mimeType: 'text/plain', buffer: Buffer.from('содержимое') };

/** Makes everything in the database so many days older. */
const AGE = `import sqlite3, sys
with sqlite3.connect(sys.argv[1]) as db:
    db.execute('UPDATE messages SET at = at - 86400000 * 40')
    db.execute('UPDATE files SET created_at = created_at - 86400000 * 40')
`;

const run = promisify(execFile);
const step = steps();
/** @type {Server} */
let server;
/** @type {import('playwright-core').Browser} */
let chromium;
/** @type {Awaited<ReturnType<typeof chromiumPerson>>} */
let teacher;
/** @type {string} */
let folder;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'parta-history-'));
  server = await Server.create();
  chromium = await launchChromium();
  teacher = await chromiumPerson(chromium, 'teacher');
  await signIn(teacher, server, 'teacher');
  await teacher.click('link', ROOM);
});

after(async () => {
  await chromium?.close();
  await server?.stop();
  await rm(folder, { recursive: true, force: true });
});

/** Opens an archive as people do, and gives the folder. @param {string} archive @param {string} name */
async function unpack(archive, name) {
  const to = join(folder, name);
  await run('python3', ['-m', 'zipfile', '-e', archive, to]);
  return to;
}

/** @param {string} at */
async function readPage(at) {
  const context = await chromium.newContext({ viewport: { width: 360, height: 740 } });
  const page = await context.newPage();
  /** @type {string[]} */
  const foreign = [];
  page.on('request', (request) => {
    if (!request.url().startsWith('file:')) foreign.push(request.url());
  });
  await page.goto(pathToFileURL(join(at, 'history.html')).href);
  return { page, foreign, close: () => context.close() };
}

step('a teacher downloads the history, with files of difficult names', async () => {
  await teacher.page.locator('input[type=file]').first().setInputFiles([PICTURE, TEXT, { ...TEXT, buffer: Buffer.from('другое') }]);
  await teacher.type('Сообщение', HOSTILE);
  await teacher.click('button', 'Отправить');
  // The message itself: on its way it has its links already, and is not counted.
  await teacher.page.locator('article').getByRole('link', { name: 'a.txt' }).first().waitFor();
  await teacher.page.getByRole('button', { name: 'Участники' }).click();
  await teacher.click('button', 'История и хранение');
  await teacher.page.getByText('2 сообщения, 3 файла').waitFor();
  const [download] = await Promise.all([teacher.page.waitForEvent('download'), teacher.click('link', 'Скачать архив')]);
  assert.match(download.suggestedFilename(), /^История переписки \d{4}-\d\d-\d\d Робототехника, поток 1\.zip$/u);
  await teacher.page.getByText('Загрузка началась').waitFor();
  await download.saveAs(join(folder, 'page.zip'));
});

step('the page in it reads well anywhere, runs nothing and calls nobody', async () => {
  const at = await unpack(join(folder, 'page.zip'), 'page');
  const { page, foreign, close } = await readPage(at);
  assert.match(await page.title(), /^Робототехника, поток 1/u);
  assert.ok((await page.locator('article').last().innerText()).includes(HOSTILE), 'it is text');
  const link = page.getByRole('link', { name: PICTURE.name }).last();
  const href = await link.evaluate((a) => /** @type {HTMLAnchorElement} */ (a).href);
  assert.deepEqual(await readFile(new URL(href)), PICTURE.buffer, 'links lead to the files');
  await page.waitForFunction(() => [...document.images].length === 1 && [...document.images].every((image) => image.naturalWidth === 2));
  const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  assert.equal(wide, 0, 'nothing sticks out on a phone');
  assert.deepEqual(foreign, []);
  await close();
});

step('the technical person gets the same from the command line while the server runs', async () => {
  const room = new URL(teacher.page.url()).pathname.split('/').at(-1) ?? '';
  const to = join(folder, 'line.zip');
  const said = await run(BINARY, ['export', '--data', server.data, '--room', room, '--to', to]);
  assert.match(said.stdout, /^2 messages, 3 files, /);
  const [page, line] = await Promise.all([unpack(join(folder, 'page.zip'), 'one'), unpack(to, 'two')]);
  /** @param {string} at */
  const messages = async (at) => JSON.parse(await readFile(join(at, 'history.json'), 'utf8')).messages;
  assert.deepEqual(await messages(line), await messages(page));
  await assert.rejects(run(BINARY, ['export', '--data', server.data, '--room', room, '--to', to]), /exists already/);
});

step('a rule says what it will take, and then takes it before everybody’s eyes', async () => {
  const student = await chromiumPerson(chromium, 'student', { viewport: { width: 360, height: 740 }, hasTouch: true, isMobile: true });
  await signIn(student, server, 'student1');
  await student.click('link', ROOM);
  await student.page.getByRole('link', { name: 'a.txt' }).first().waitFor();
  await server.kill('SIGTERM');
  await run('python3', ['-c', AGE, join(server.data, 'parta.db')]);
  server.env = { ...server.env, PARTA_RETENTION_GRACE_HOURS: '0' };
  await server.start();
  await teacher.reload();
  await teacher.type('Сообщение', 'Это останется');
  await teacher.click('button', 'Отправить');
  await student.page.locator('main').getByText('Это останется').first().waitFor();

  await teacher.page.getByRole('button', { name: 'Участники' }).click();
  await teacher.click('button', 'История и хранение');
  const dialog = teacher.page.getByRole('dialog');
  await dialog.getByLabel('Свой срок').check();
  await dialog.getByLabel('Дней').fill('30');
  await dialog.getByRole('button', { name: 'Сохранить' }).click();
  await dialog.getByText('Сейчас это 2 сообщения и 3 файла.').waitFor();
  await dialog.getByRole('button', { name: 'Удалять навсегда' }).click();
  for (const { page } of [teacher, student]) await page.locator('main').getByText('Удалено по сроку хранения: 2 сообщения').waitFor();
  const left = await student.read(() => document.body.innerText);
  assert.ok(!left.includes('a.txt') && !left.includes('onerror') && left.includes('Это останется'), left);
  await teacher.press('Escape');
  await teacher.click('button', 'История и хранение');
  await dialog.getByText('Удалены сообщения № 1–2').waitFor();

  // What the device had kept is gone with the network away, too.
  await student.reload();
  await student.page.locator('main').getByText('Удалено по сроку хранения: 2 сообщения').waitFor();
  const kept = () =>
    student.read(async () => {
      const db = await new Promise((resolve) => (indexedDB.open('parta-kept').onsuccess = (event) => resolve(/** @type {any} */ (event.target).result)));
      const rooms = await new Promise((resolve) => (db.transaction('rooms').objectStore('rooms').getAll().onsuccess = (/** @type {any} */ event) => resolve(event.target.result)));
      db.close();
      return JSON.stringify(rooms);
    });
  const isWithout = (/** @type {string} */ text) => text.includes('Это останется') && !text.includes('onerror') && !text.includes('a.txt');
  await eventually(kept, isWithout, 'what the device keeps to be without them');
  await student.close();
});

step('an administrator holds deleting, and takes the log along', async () => {
  const admin = await chromiumPerson(chromium, 'admin');
  await signIn(admin, server, 'admin');
  await admin.click('link', ROOM);
  await admin.page.getByRole('button', { name: 'Участники' }).click();
  await admin.click('button', 'История и хранение');
  await admin.click('button', 'Остановить удаление');
  await admin.page.getByText('Удаление остановил администратор').waitFor();
  const [download] = await Promise.all([admin.page.waitForEvent('download'), admin.click('button', 'Скачать журнал')]);
  const text = await readFile(await download.path(), 'utf8');
  assert.match(text, /;Удаление остановлено;/u);
  assert.match(text, /;Удалены сообщения № 1–2;;30;нет;1;2;2;/u);
  assert.ok(!text.includes('onerror'));
  await admin.close();
});
