// Photos travel smaller than the camera made them, and messages are sent before their files are there.
import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { after, before } from 'node:test';

import { chromiumPerson, firefoxPerson, launchChromium, signIn } from '../browsers.mjs';
import { withExif } from '../files.mjs';
import { keptToSend, noFileKept } from '../kept.mjs';
import { startScanner, VIRUS } from '../scanner.mjs';
import { Server } from '../server.mjs';
import { steps } from '../steps.mjs';

const ROOM = 'Робототехника, поток 1';
/** As a phone makes them: twelve megapixels, lying on its side. */
const [WIDE, HIGH] = [4_000, 3_000];
const FILE_BYTES_MAX = 8_000_000;
const UPLOADS = /\/api\/v1\/.*uploads/;

const step = steps();
/** @type {Awaited<ReturnType<typeof startScanner>>} */
let scanner;
/** @type {Server} */
let server;
/** @type {import('playwright-core').Browser} */
let chromium;
/** @type {Awaited<ReturnType<typeof chromiumPerson>>} */
let teacher;
/** @type {Awaited<ReturnType<typeof firefoxPerson>>} */
let student;
/** @type {Buffer} */
let photo;

before(async () => {
  scanner = await startScanner();
  server = await Server.create();
  await server.kill('SIGTERM');
  server.env = { ...server.env, PARTA_VIRUS_SCANNER: scanner.address, PARTA_FILE_BYTES_MAX: String(FILE_BYTES_MAX) };
  await server.start();
  chromium = await launchChromium();
  teacher = await chromiumPerson(chromium, 'teacher');
  student = await firefoxPerson('student');
  await Promise.all([signIn(teacher, server, 'teacher'), signIn(student, server, 'student1')]);
  for (const person of [teacher, student]) {
    await person.click('link', ROOM);
    await person.see('textbox', 'Сообщение');
  }
  photo = withExif(Buffer.from(await teacher.read(draw, { w: WIDE, h: HIGH }), 'base64'));
});

after(async () => {
  await student?.close();
  await chromium?.close();
  await server?.stop();
  scanner?.close();
});

/** A photo of many colours, its first corner red, as base64. @param {{w: number, h: number}} size */
const draw = async ({ w, h }) => {
  const canvas = new OffscreenCanvas(w, h);
  const drawing = /** @type {OffscreenCanvasRenderingContext2D} */ (canvas.getContext('2d'));
  for (let k = 0; k < 20_000; k++) {
    drawing.fillStyle = `hsl(${(k * 47) % 360} 60% ${30 + (k % 40)}%)`;
    drawing.fillRect((k * 7_919) % w, (k * 104_729) % h, 40, 40);
  }
  drawing.fillStyle = '#f00';
  drawing.fillRect(0, 0, 600, 600);
  const jpeg = await canvas.convertToBlob({ type: 'image/jpeg', quality: 0.92 });
  let text = '';
  for (const byte of new Uint8Array(await jpeg.arrayBuffer())) text += String.fromCharCode(byte);
  return btoa(text);
};

/** @param {string} name @param {string} mimeType @param {Buffer} buffer @param {string} [where] */
const choose = (name, mimeType, buffer, where = '.talk form') =>
  teacher.page.locator(`${where} input[type=file]`).first().setInputFiles([{ name, mimeType, buffer }]);

/** The newest photo, as its bytes are: how many, their hash, whether the place is in them, and how it is shown. */
const newest = async () => {
  const src = [...document.querySelectorAll('.scroller article .picture img')].at(-1)?.getAttribute('src');
  const answer = await fetch((src ?? '').replace(/\/preview$/, ''));
  const bytes = await answer.arrayBuffer();
  const sum = await crypto.subtle.digest('SHA-256', bytes);
  const shown = await createImageBitmap(new Blob([bytes]), { imageOrientation: 'from-image' });
  const drawing = /** @type {OffscreenCanvasRenderingContext2D} */ (new OffscreenCanvas(shown.width, shown.height).getContext('2d'));
  drawing.drawImage(shown, 0, 0);
  const isRed = (/** @type {number} */ x) => {
    const [r = 0, g = 0, b = 0] = drawing.getImageData(x, 20, 1, 1).data;
    return r > 200 && g < 60 && b < 60;
  };
  return {
    bytes: bytes.byteLength,
    sha256: [...new Uint8Array(sum)].map((byte) => byte.toString(16).padStart(2, '0')).join(''),
    exif: new TextDecoder('latin1').decode(bytes).includes('Exif'),
    size: [shown.width, shown.height],
    red: { left: isRed(20), right: isRed(shown.width - 20) },
  };
};

/** @param {number} count */
const photosSeen = (count) =>
  student.until((wanted) => document.querySelectorAll('.scroller article .picture').length === wanted, count, `${count} photos`);

/** The texts of these messages as they stand in the room. @param {import('../browsers.mjs').Person} person @param {string[]} wanted */
const order = (person, wanted) =>
  person.read(
    (wanted) => [...document.querySelectorAll('.scroller article')].flatMap((one) => wanted.filter((/** @type {string} */ text) => one.textContent?.includes(text))),
    wanted,
  );

/** @param {import('../browsers.mjs').Person} person @param {string} text @param {string} [where] */
const seen = (person, text, where = '.talk') =>
  person.until(({ text, where }) => document.querySelector(where)?.textContent?.includes(text), { text, where }, `«${text}» in ${where}`);

const field = () => teacher.read(() => /** @type {HTMLTextAreaElement} */ (document.querySelector('.talk form textarea')).value);

step('a photo of twelve megapixels arrives smaller, upright and without the place', async () => {
  assert.ok(photo.length > 1_500_000 && photo.includes('Exif'), `${photo.length} bytes`);
  await choose('IMG_20261127.jpg', 'image/jpeg', photo);
  await teacher.click('button', 'Отправить');
  await photosSeen(1);
  const got = await student.read(newest);
  assert.deepEqual(got.size, [1_536, 2_048]);
  assert.ok(got.bytes < photo.length / 2, `${got.bytes} of ${photo.length} bytes`);
  assert.equal(got.exif, false);
  // What was its first corner is the right one above, once it is turned.
  assert.deepEqual(got.red, { left: false, right: true });
});

step('whoever wants it sends a photo byte for byte', async () => {
  await choose('IMG_20261128.jpg', 'image/jpeg', photo);
  await teacher.page.getByRole('checkbox', { name: 'Отправить без сжатия' }).check();
  await teacher.click('button', 'Отправить');
  await photosSeen(2);
  const got = await student.read(newest);
  assert.equal(got.sha256, createHash('sha256').update(photo).digest('hex'));
  await choose('IMG_20261129.jpg', 'image/jpeg', photo);
  assert.equal(await teacher.page.getByRole('checkbox', { name: 'Отправить без сжатия' }).isChecked(), false, 'it is for one message');
  await teacher.page.getByRole('button', { name: 'IMG_20261129.jpg' }).click();
});

step('a screenshot stays as it is', async () => {
  const png = Buffer.from(
    await teacher.read(async () => {
      const canvas = new OffscreenCanvas(1_080, 2_400);
      const drawing = /** @type {OffscreenCanvasRenderingContext2D} */ (canvas.getContext('2d'));
      drawing.fillStyle = '#fff';
      drawing.fillRect(0, 0, 1_080, 2_400);
      drawing.fillStyle = '#000';
      drawing.font = '40px sans-serif';
      for (let line = 1; line < 40; line++) drawing.fillText(`Задача ${line}: найдите передаточное число`, 40, line * 60);
      const bytes = new Uint8Array(await (await canvas.convertToBlob({ type: 'image/png' })).arrayBuffer());
      let text = '';
      for (const byte of bytes) text += String.fromCharCode(byte);
      return btoa(text);
    }),
    'base64',
  );
  await choose('Снимок экрана.png', 'image/png', png);
  await teacher.click('button', 'Отправить');
  await photosSeen(3);
  assert.equal((await student.read(newest)).sha256, createHash('sha256').update(png).digest('hex'));
});

step('a message is sent before its photo is there, and arrives in its order after a reload and without a network for a while', async () => {
  await teacher.page.route(UPLOADS, (route) => route.abort());
  await choose('грамота.jpg', 'image/jpeg', photo);
  await teacher.type('Сообщение', 'Вот грамота');
  await teacher.click('button', 'Отправить');
  await seen(teacher, 'отправляется, 0 %', '.scroller');
  assert.equal(await field(), '');
  assert.equal(await teacher.page.locator('.talk form > ul li').count(), 0);
  await teacher.type('Сообщение', 'и спасибо всем');
  await teacher.click('button', 'Отправить');
  await seen(teacher, 'уйдёт после файлов выше', '.scroller');
  await teacher.until(() => navigator.serviceWorker.controller, undefined, 'the service worker');
  await keptToSend(teacher, 2);
  await teacher.context.setOffline(true);
  await teacher.reload();
  await seen(teacher, 'Вот грамота', '.scroller');
  await seen(teacher, 'и спасибо всем', '.scroller');
  await teacher.until(() => document.querySelectorAll('.scroller li.picture img').length === 1, undefined, 'the photo as this device has it');
  assert.equal(await teacher.page.locator('.talk form > ul li').count(), 0, 'it is not beside the next message');
  await teacher.page.unroute(UPLOADS);
  await teacher.context.setOffline(false);
  await photosSeen(4);
  await seen(student, 'и спасибо всем', '.scroller');
  const wanted = ['Вот грамота', 'и спасибо всем'];
  assert.deepEqual(await order(student, wanted), wanted);
  assert.deepEqual((await student.read(newest)).size, [1_536, 2_048]);
  await teacher.until(() => !document.querySelector('.scroller')?.textContent?.includes('отправ'), undefined, 'nothing on its way');
  await noFileKept(teacher);
  await teacher.reload();
  await seen(teacher, 'и спасибо всем', '.scroller');
  assert.equal(await teacher.page.locator('.talk form > ul li').count(), 0);
});

step('after a reload it goes on although another room is looked at', async () => {
  await teacher.page.route(UPLOADS, (route) => route.abort());
  await choose('опыт.bin', 'application/octet-stream', randomBytes(100_000));
  await teacher.type('Сообщение', 'Из другой группы');
  await teacher.click('button', 'Отправить');
  await seen(teacher, 'отправляется', '.scroller');
  await keptToSend(teacher, 1);
  await teacher.goto(server.origin);
  await teacher.see('link', ROOM);
  await teacher.page.unroute(UPLOADS);
  await seen(student, 'Из другой группы', '.scroller');
  await teacher.click('link', ROOM);
});

step('so it is in a thread', async () => {
  await teacher.type('Сообщение', 'Кто сделал схему?');
  await teacher.click('button', 'Отправить');
  await seen(student, 'Кто сделал схему?', '.scroller');
  await student.read(() => {
    const message = [...document.querySelectorAll('article')].findLast((one) => one.textContent?.includes('Кто сделал схему?'));
    /** @type {HTMLElement | null | undefined} */ (message?.querySelector('[aria-label="Ответить"]'))?.click();
  });
  await student.type('Сообщение', 'Я');
  await student.click('button', 'Отправить');
  await teacher.click('button', '1 ответ');
  await teacher.page.route(UPLOADS, (route) => route.abort());
  await choose('схема.bin', 'application/octet-stream', randomBytes(100_000), 'aside form');
  await teacher.type('Ответить в обсуждении', 'Моя схема');
  await teacher.click('button', 'Отправить ответ');
  await seen(teacher, 'отправляется, 0 %', 'aside');
  assert.equal(await teacher.page.locator('aside form > ul li').count(), 0);
  await teacher.page.unroute(UPLOADS);
  await seen(student, 'Моя схема', '.scroller');
  await seen(student, '2 ответа');
  await teacher.page.locator('aside').getByRole('button', { name: 'Закрыть' }).click();
});

step('whoever stops a message on its way has the text again', async () => {
  await teacher.page.route(UPLOADS, (route) => route.abort());
  await choose('не то.bin', 'application/octet-stream', randomBytes(100_000));
  await teacher.type('Сообщение', 'Это ещё не всё');
  await teacher.click('button', 'Отправить');
  await teacher.page.locator('.scroller').getByRole('button', { name: 'Отмена' }).click();
  await teacher.page.unroute(UPLOADS);
  await teacher.until(() => /** @type {HTMLTextAreaElement} */ (document.querySelector('.talk form textarea')).value === 'Это ещё не всё', undefined, 'the text in the field');
  assert.equal(await teacher.page.locator('.talk form > ul li').count(), 0);
  await teacher.type('Сообщение', '');
});

/** Text, good file and what was wrong, after this file was sent with them. @param {() => Promise<void>} chooseBad @param {string} why */
async function comesBack(chooseBad, why) {
  // Otherwise it would be known before it is sent.
  await teacher.page.route(UPLOADS, (route) => route.abort());
  await choose('конспект.txt', 'text/plain', Buffer.from('Передаточное число'));
  await chooseBad();
  await teacher.type('Сообщение', 'Конспект и ещё кое-что');
  await teacher.click('button', 'Отправить');
  await seen(teacher, 'отправляется', '.scroller');
  await teacher.page.unroute(UPLOADS);
  await teacher.page.locator('.scroller').getByRole('alert').getByText(why).waitFor();
  await teacher.type('Сообщение', 'Пишу дальше');
  await teacher.page.locator('.scroller').getByRole('button', { name: 'Вернуть в поле' }).click();
  await teacher.until(
    () => {
      const area = /** @type {HTMLTextAreaElement} */ (document.querySelector('.talk form textarea'));
      return area.value === 'Конспект и ещё кое-что\nПишу дальше' && area.scrollHeight <= area.clientHeight;
    },
    undefined,
    'both texts in the field, which has grown',
  );
  assert.deepEqual(await teacher.read(() => [...document.querySelectorAll('.talk form > ul li > :first-child')].map((one) => one.textContent)), ['конспект.txt']);
  assert.equal(await teacher.page.locator('.scroller').getByRole('alert').count(), 0);
  await teacher.page.getByRole('button', { name: 'Убрать: конспект.txt' }).click();
  await teacher.type('Сообщение', '');
}

step('a file with a virus gives the text and the other files back', () =>
  comesBack(() => choose('игра.exe', 'application/octet-stream', Buffer.from(VIRUS)), 'В файле найден вирус'));

step('so does one that is too large, which only the server finds', () =>
  // It is called a photo and is none: it does not become smaller.
  comesBack(() => choose('снимок.jpg', 'image/jpeg', randomBytes(FILE_BYTES_MAX + 1)), 'Файл больше'));
