// Files that can never be sent: an empty one and one that is too large. It is said at once, and nothing waits for them. A phone
// with Chromium, a desk with Firefox.
import assert from 'node:assert/strict';
import { after, before } from 'node:test';

import { chromiumPerson, firefoxPerson, launchChromium, signIn } from '../browsers.mjs';
import { Server } from '../server.mjs';
import { steps } from '../steps.mjs';

const ROOM = 'Робототехника, поток 1';
const FILE_BYTES_MAX = 3 * 1_048_576;

const step = steps();
/** @type {Server} */
let server;
/** @type {import('playwright-core').Browser} */
let chromium;
/** @type {Awaited<ReturnType<typeof chromiumPerson>>} */
let phone;
/** @type {Awaited<ReturnType<typeof firefoxPerson>>} */
let desk;
/** Uploads that the phone began. */
let uploads = 0;

before(async () => {
  server = await Server.create();
  await server.kill('SIGTERM');
  server.env = { ...server.env, PARTA_FILE_BYTES_MAX: String(FILE_BYTES_MAX) };
  await server.start();
  chromium = await launchChromium();
  phone = await chromiumPerson(chromium, 'phone', { viewport: { width: 360, height: 740 }, hasTouch: true, isMobile: true });
  desk = await firefoxPerson('desk');
  phone.page.on('request', (request) => {
    if (request.method() === 'POST' && request.url().endsWith('/uploads')) uploads += 1;
  });
  await Promise.all([signIn(phone, server, 'student2'), signIn(desk, server, 'student1')]);
  for (const person of [phone, desk]) {
    await person.click('link', ROOM);
    await person.see('textbox', 'Сообщение');
  }
});

after(async () => {
  await desk?.close();
  await chromium?.close();
  await server?.stop();
});

/** Chooses files of these sizes. @param {import('../browsers.mjs').Person} person @param {Record<string, number>} sizes */
const choose = (person, sizes) =>
  person.read((sizes) => {
    const files = new DataTransfer();
    for (const [name, size] of Object.entries(sizes)) files.items.add(new File([new Uint8Array(Number(size))], name));
    const input = /** @type {HTMLInputElement} */ (document.querySelector('.talk form input[type=file]'));
    input.files = files.files;
    input.dispatchEvent(new Event('change', { bubbles: true }));
  }, sizes);

/** The files beside the field: what is said of each, and whether it seems to be on its way. */
const beside = () =>
  [...document.querySelectorAll('.talk form > ul li')].map((one) => ({
    name: one.firstElementChild?.textContent,
    problem: one.querySelector('[role=alert]')?.textContent ?? '',
    moves: one.querySelector('progress') !== null,
  }));

for (const who of ['phone', 'desk']) {
  step(`an empty and a too large file are refused in words, and the message goes without them (${who})`, async () => {
    const person = who === 'phone' ? phone : desk;
    await choose(person, { 'пусто.txt': 0, 'огромный.bin': FILE_BYTES_MAX + 1, 'годится.txt': 20 });
    await person.see('button', 'Убрать: годится.txt');
    assert.deepEqual(await person.read(beside), [
      { name: 'пусто.txt', problem: 'Файл пустой, его нельзя отправить.', moves: false },
      { name: 'огромный.bin', problem: 'Файл больше 3 МБ.', moves: false },
      { name: 'годится.txt', problem: '', moves: false },
    ]);
    // Another try would change nothing, and none is offered.
    assert.equal(await person.read(() => [...document.querySelectorAll('.talk form > ul button')].filter((one) => one.textContent?.includes('Повторить')).length), 0);
    await person.type('Сообщение', `Пишет ${who}`);
    await person.click('button', 'Отправить');
    await person.until(
      (text) => {
        const message = [...document.querySelectorAll('article')].find((one) => one.textContent?.includes(text));
        return message?.textContent?.includes('годится.txt') && !message.textContent.includes('пусто.txt');
      },
      `Пишет ${who}`,
      'the message with the one good file',
    );
    assert.equal(await person.read(() => document.querySelectorAll('progress').length), 0);
  });
}

step('nothing of them went to the server, and a file of exactly the limit does', async () => {
  assert.equal(uploads, 1);
  for (const name of ['пусто.txt', 'огромный.bin']) if (await phone.page.getByRole('button', { name: `Убрать: ${name}` }).count()) await phone.page.getByRole('button', { name: `Убрать: ${name}` }).tap();
  await choose(phone, { 'впритык.bin': FILE_BYTES_MAX });
  await phone.page.getByRole('button', { name: 'Убрать: впритык.bin' }).waitFor();
  await phone.page.getByRole('button', { name: 'Отправить' }).tap();
  await phone.page.locator('article').getByText('впритык.bin').waitFor();
});
