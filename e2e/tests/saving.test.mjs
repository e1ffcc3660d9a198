// Saving data: on a phone whose browser says nothing of it, switched on in the settings, nothing is loaded that nobody pressed.
import assert from 'node:assert/strict';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before } from 'node:test';

import { chromiumPerson, firefoxPerson, launchChromium, signIn } from '../browsers.mjs';
import { pdf, png } from '../files.mjs';
import { Server } from '../server.mjs';
import { steps } from '../steps.mjs';

const ROOM = 'Робототехника, поток 1';
/** Pictures, films and files of messages, and pictures of people and rooms. */
const MEDIA = /\/api\/v1\/(?:files|people|rooms)\/[^/]+(?:$|\/(?:preview|pictures\/))/;
const SWITCH = 'Экономия трафика';

const step = steps();
/** @type {string} */
let folder;
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
/** What the phone asked for. @type {string[]} */
let asked = [];

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'parta-saving-'));
  const [program, page] = [join(folder, 'first-page'), join(folder, 'page.png')];
  await writeFile(page, png(300, 400));
  await writeFile(program, `#!/bin/sh\ncp ${page} "$3"\n`);
  await chmod(program, 0o755);
  server = await Server.create();
  await server.kill('SIGTERM');
  server.env = { ...server.env, PARTA_DOCUMENT_PREVIEW: program };
  await server.start();
  chromium = await launchChromium();
  teacher = await chromiumPerson(chromium, 'teacher');
  phone = await chromiumPerson(chromium, 'phone', { viewport: { width: 360, height: 740 }, hasTouch: true, isMobile: true, deviceScaleFactor: 2 });
  student = await firefoxPerson('student');
  await Promise.all([signIn(teacher, server, 'teacher'), signIn(phone, server, 'student2'), signIn(student, server, 'student1')]);
  phone.page.on('request', (request) => {
    const { pathname } = new URL(request.url());
    if (request.method() === 'GET' && MEDIA.test(pathname)) asked.push(pathname);
  });
  await teacher.click('link', ROOM);
  await teacher.see('textbox', 'Сообщение');
});

after(async () => {
  await student?.close();
  await chromium?.close();
  await server?.stop();
  await rm(folder, { recursive: true, force: true });
});

/** @param {{name: string, mimeType: string, buffer: Buffer}[]} files @param {string} text */
async function send(files, text) {
  await teacher.page.locator('.talk form input[type=file]').first().setInputFiles(files);
  for (const { name } of files) await teacher.page.getByRole('button', { name: `Убрать: ${name}` }).waitFor();
  await teacher.type('Сообщение', text);
  await teacher.click('button', 'Отправить');
  await teacher.page.locator('article', { hasText: text }).waitFor();
}

/** @param {string} choice */
const choose = (choice) => phone.page.getByLabel(SWITCH).selectOption(choice);

/** Whether the last picture in view is there. @param {string} where */
const drawn = (where) =>
  phone.until((where) => {
    const img = /** @type {HTMLImageElement | null} */ (document.querySelector(where));
    return img?.complete && img.naturalWidth > 0;
  }, where, `the picture ${where}`);

/** Two photos are there in the viewer: the one that is looked at, and one that was. @param {string} what */
const twoThere = (what) =>
  phone.until(() => {
    const shown = /** @type {HTMLImageElement[]} */ ([...document.querySelectorAll('dialog .pswp__img:not(.pswp__img--placeholder)')]);
    return shown.length === 2 && shown.every(({ complete, naturalWidth }) => complete && naturalWidth > 0);
  }, undefined, what);

step('with the switch on neither photos nor documents, films nor faces are loaded', async () => {
  await teacher.click('button', 'Настройки');
  await teacher.page.locator('.settings input[type=file]').first().setInputFiles({ name: 'я.png', mimeType: 'image/png', buffer: png(300, 300) });
  await teacher.page.locator('.settings').getByRole('button', { name: 'Сохранить' }).click();
  await teacher.page.getByText('Фотография сохранена').waitFor();
  await teacher.click('button', 'Настройки');
  await phone.click('button', 'Настройки');
  await choose('always');
  await phone.click('button', 'Настройки');
  await send(['опыт 1.png', 'опыт 2.png', 'опыт 3.png'].map((name, k) => ({ name, mimeType: 'image/png', buffer: png(400 + k, 300) })), 'Три фото');
  await send([{ name: 'Отчёт.pdf', mimeType: 'application/pdf', buffer: pdf() }], 'Отчёт о них');
  await send([{ name: 'звук.mp3', mimeType: 'audio/mpeg', buffer: Buffer.concat([Buffer.from('ID3\x03\0\0\0\0\0\0', 'latin1'), Buffer.alloc(4_000)]) }], 'Запись опыта');
  asked = [];
  await phone.reload();
  await phone.page.getByRole('link', { name: ROOM }).tap();
  await phone.page.getByRole('button', { name: 'Показать фото: Фото 3 из 3' }).waitFor();
  await phone.page.getByRole('button', { name: 'Показать первую страницу: Отчёт.pdf' }).waitFor();
  await phone.page.locator('article', { hasText: 'Запись опыта' }).locator('audio').waitFor();
  assert.deepEqual(asked, []);
  const [wide, screen] = /** @type {[number, number]} */ (await phone.read(() => [document.documentElement.scrollWidth, innerWidth]));
  assert.ok(wide <= screen, 'nothing sticks out');
});

step('a tap loads the one that was tapped, where it was, and a second one opens it', async () => {
  const photo = phone.page.getByRole('button', { name: 'Показать фото: Фото 2 из 3' });
  const before = await photo.boundingBox();
  assert.ok(before && before.height >= 44, 'a finger finds it');
  await photo.tap();
  await drawn('.album img');
  assert.equal(asked.length, 1, asked.join(' '));
  const [first] = asked;
  const loaded = phone.page.getByRole('button', { name: 'Фото 2 из 3: опыт 2.png', exact: true });
  const after = await loaded.boundingBox();
  assert.ok(after && Math.abs(before.height - after.height) < 2 && Math.abs(before.width - after.width) < 2, JSON.stringify([before, after]));
  assert.ok(await loaded.evaluate((one) => one === document.activeElement), 'whoever came by keyboard is still there');
  await loaded.tap();
  await phone.page.getByRole('button', { name: 'Показать в полном размере' }).waitFor();
  // Open to its end, when those beside it have got their places.
  await phone.until(() => {
    const places = /** @type {HTMLElement[]} */ ([...document.querySelectorAll('dialog .pswp__item')]);
    return places.length === 3 && places.every(({ style }) => style.display === 'block');
  }, undefined, 'the places beside it');
  await phone.page.keyboard.press('ArrowRight');
  await phone.page.locator('dialog header').getByText('Фото 3 из 3').waitFor();
  await twoThere('the next photo');
  // What it was asked for before has come before: neither the first nor an original, and each smaller copy once more at most.
  const others = [...new Set(asked)];
  assert.equal(others.length, 2, asked.join(' '));
  assert.ok(others.every((path) => path.endsWith('/preview')), asked.join(' '));
  assert.equal(others[0], first, 'the one that was pressed');
  await phone.page.keyboard.press('ArrowLeft');
  await phone.page.locator('dialog header').getByText('Фото 2 из 3').waitFor();
  await phone.page.keyboard.press('ArrowLeft');
  await phone.page.locator('dialog header').getByText('Фото 1 из 3').waitFor();
  await twoThere('the first photo');
  assert.equal(new Set(asked).size, 3, asked.join(' '));
  await phone.click('button', 'Закрыть');
  await phone.until(() => document.querySelector('dialog[open]') === null, undefined, 'the viewer closed');
  asked = [];
  await phone.page.getByRole('button', { name: 'Показать первую страницу: Отчёт.pdf' }).tap();
  await drawn('article img.page');
  assert.deepEqual(asked.map((path) => path.split('/').at(-1)), ['preview']);
});

step('faces are letters, and one that is pressed is shown', async () => {
  asked = [];
  await phone.page.getByRole('button', { name: 'Участники' }).tap();
  const { name } = await server.person('teacher');
  await phone.page.getByRole('button', { name: `Фотография: ${name}` }).waitFor();
  assert.deepEqual(asked, []);
  await phone.page.getByRole('button', { name: `Фотография: ${name}` }).tap();
  await drawn('.large img');
  assert.equal(asked.length, 1);
  await phone.press('Escape');
});

step('so are groups, of which a press among the members shows the picture', async () => {
  await teacher.click('button', 'Участники');
  await teacher.click('button', 'Настройки группы');
  await teacher.page.locator('dialog input[type=file]').setInputFiles({ name: 'кружок.png', mimeType: 'image/png', buffer: png(300, 300) });
  await teacher.page.getByRole('dialog').getByRole('button', { name: 'Сохранить' }).click();
  await teacher.page.getByRole('dialog').waitFor({ state: 'detached' });
  asked.splice(0);
  await phone.goto(server.origin);
  await phone.page.getByRole('link', { name: ROOM }).tap();
  await phone.page.getByRole('button', { name: 'Участники' }).tap();
  await phone.page.getByRole('button', { name: 'Показать картинку' }).waitFor();
  assert.equal(asked.length, 0, asked.join(' '));
  await phone.page.getByRole('button', { name: 'Показать картинку' }).tap();
  await drawn('aside [role=group] img');
  assert.deepEqual([...new Set(asked.map((path) => path.split('/')[3]))], ['rooms'], asked.join(' '));
});

step('switched off they are all there, at once and after a reload', async () => {
  await phone.goto(server.origin);
  await phone.click('button', 'Настройки');
  assert.equal(await phone.page.getByLabel(SWITCH).inputValue(), 'always', 'it was kept');
  await choose('never');
  await phone.click('button', 'Настройки');
  asked = [];
  await phone.page.getByRole('link', { name: ROOM }).tap();
  await phone.until(() => document.querySelectorAll('article .album img').length === 3, undefined, 'the album');
  await drawn('article img.page');
  assert.equal(await phone.page.getByRole('button', { name: /^Показать (фото|первую|картинку)/u }).count(), 0);
  assert.ok(asked.length >= 3, asked.join(' '));
});

step('Firefox, which never says that data is to be saved, obeys the switch', async () => {
  await student.click('button', 'Настройки');
  await student.until(() => [...document.querySelectorAll('.settings label')].some((one) => one.textContent?.includes('Экономия трафика')), undefined, 'the switch');
  await student.read(() => {
    const field = [...document.querySelectorAll('.settings label')].find((one) => one.textContent?.includes('Экономия трафика'))?.querySelector('select');
    if (!field) throw new Error('no switch');
    field.value = 'always';
    field.dispatchEvent(new Event('change', { bubbles: true }));
  });
  /** As they begin, also those that have no answer yet. @type {string[]} */
  const begun = [];
  student.page.on('request', (request) => {
    const { pathname } = new URL(request.url());
    if (request.method() === 'GET' && MEDIA.test(pathname)) begun.push(pathname);
  });
  await student.reload();
  await student.click('link', ROOM);
  await student.see('button', 'Показать фото: Фото 3 из 3');
  await student.click('button', 'Показать фото: Фото 1 из 3');
  await student.until(() => {
    const photos = /** @type {HTMLImageElement[]} */ ([...document.querySelectorAll('article .album img')]);
    return photos.length === 1 && photos[0]?.complete && photos[0].naturalWidth > 0;
  }, undefined, 'the photo');
  assert.equal(new Set(begun).size, 1, begun.join(' '));
});
