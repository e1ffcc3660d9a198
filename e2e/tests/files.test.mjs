// Files on bad days: the server dies and the page is thrown away in the middle of an upload; a film plays from its middle.
import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { after, before } from 'node:test';

import { chromiumPerson, firefoxPerson, launchChromium, signIn } from '../browsers.mjs';
import { pdf } from '../files.mjs';
import { noFileKept } from '../kept.mjs';
import { Server } from '../server.mjs';
import { steps } from '../steps.mjs';

const ROOM = 'Робототехника, поток 1';
/** Three pieces of 8 MiB, and one that is shorter. */
const FILE = { name: 'Проект «Марс».bin', mimeType: 'application/octet-stream', buffer: randomBytes(27_000_000) };
const SHA256 = createHash('sha256').update(FILE.buffer).digest('hex');
const UPLOAD = /\/api\/v1\/uploads\//;

const step = steps();
/** @type {Server} */
let server;
/** @type {import('playwright-core').Browser} */
let chromium;
/** @type {Awaited<ReturnType<typeof chromiumPerson>>} */
let teacher;
/** @type {Awaited<ReturnType<typeof firefoxPerson>>} */
let student;

before(async () => {
  server = await Server.create();
  chromium = await launchChromium();
  teacher = await chromiumPerson(chromium, 'teacher');
  student = await firefoxPerson('student');
  await signIn(teacher, server, 'teacher');
  await teacher.click('link', ROOM);
});

after(async () => {
  await student?.close();
  await chromium?.close();
  await server?.stop();
});

step('an upload goes on after the server was killed and after the page was loaded anew', async () => {
  const first = teacher.page.waitForResponse((response) => UPLOAD.test(response.url()) && response.status() === 204);
  /** Where pieces began. @type {number[]} */
  const offsets = [];
  teacher.page.on('request', (request) => {
    if (request.method() === 'PATCH') offsets.push(Number(request.headers()['upload-offset']));
  });
  await teacher.page.locator('input[type=file]').first().setInputFiles([FILE]);
  await first;
  await server.kill();
  // Nobody answers until the server is there again.
  const second = teacher.page.waitForResponse(
    (response) => response.request().method() === 'PATCH' && Number(response.request().headers()['upload-offset']) > 0 && response.status() === 204,
  );
  await server.start();
  await second;
  await teacher.page.reload();
  await teacher.page.getByRole('button', { name: `Убрать: ${FILE.name}` }).waitFor();
  await teacher.page.getByRole('textbox', { name: 'Сообщение' }).fill('Вот проект.');
  await teacher.click('button', 'Отправить');
  await teacher.page.locator('article').getByRole('link', { name: FILE.name }).waitFor();
  const repeated = offsets.filter((offset) => offset === 0).length;
  assert.equal(repeated, 1, `the upload began anew: pieces at ${offsets.join(', ')}`);
});

step('what arrived is what was sent', async () => {
  const arrived = await teacher.read(async (name) => {
    const links = /** @type {HTMLAnchorElement[]} */ ([...document.querySelectorAll('article a[download]')]);
    const link = links.find((one) => one.download === name);
    if (!link) return 'no link';
    const answer = await fetch(link.href);
    const digest = await crypto.subtle.digest('SHA-256', await answer.arrayBuffer());
    return [...new Uint8Array(digest)].map((byte) => byte.toString(16).padStart(2, '0')).join('');
  }, FILE.name);
  assert.equal(arrived, SHA256);
});

step('after sending, a reload brings no file back', async () => {
  await noFileKept(teacher);
  await teacher.page.reload();
  await teacher.page.getByRole('main').getByText('Вот проект.').waitFor();
  await teacher.page.getByRole('textbox', { name: 'Сообщение' }).waitFor();
  assert.equal(await teacher.page.locator('form > ul li').count(), 0);
});

step('a PDF opens in a tab of its own, as nothing but a PDF, and can be saved beside it', async () => {
  const report = pdf();
  await teacher.page.locator('input[type=file]').first().setInputFiles([{ name: 'Отчёт.pdf', mimeType: 'application/pdf', buffer: report }]);
  await teacher.page.getByRole('button', { name: 'Убрать: Отчёт.pdf' }).waitFor();
  await teacher.click('button', 'Отправить');
  const link = teacher.page.locator('article').getByRole('link', { name: /^Отчёт\.pdf/ });
  await link.waitFor();
  const opened = teacher.context.waitForEvent('page');
  const answered = teacher.context.waitForEvent('response', (response) => /\/api\/v1\/files\/[^/]+\/pdf$/.test(response.url()));
  await link.click();
  const tab = await opened;
  const headers = (await answered).headers();
  assert.equal(headers['content-type'], 'application/pdf');
  assert.equal(headers['x-content-type-options'], 'nosniff');
  assert.ok(headers['content-disposition']?.startsWith('inline;'), headers['content-disposition']);
  // What is saved in place of being shown leaves its tab empty.
  await tab.waitForURL(/\/pdf$/);
  assert.equal(await tab.evaluate(() => window.opener), null);
  await tab.close();
  const saved = teacher.page.waitForEvent('download');
  await teacher.page.locator('article').getByRole('link', { name: 'Скачать: Отчёт.pdf' }).click();
  const copy = await saved;
  assert.equal(copy.suggestedFilename(), 'Отчёт.pdf');
  assert.deepEqual(await readFile(await copy.path()), report);
});

step('a film that was recorded in Chromium plays in Firefox, also from its middle', async () => {
  await teacher.read(async () => {
    const stream = await navigator.mediaDevices.getUserMedia({ video: { width: 320, height: 180 } });
    const recorder = new MediaRecorder(stream, { mimeType: 'video/webm;codecs=vp8' });
    /** @type {Blob[]} */
    const parts = [];
    recorder.ondataavailable = (event) => parts.push(event.data);
    const ended = new Promise((resolve) => (recorder.onstop = resolve));
    recorder.start(100);
    while (parts.length < 30) await new Promise((resolve) => requestAnimationFrame(resolve));
    recorder.stop();
    await ended;
    for (const track of stream.getTracks()) track.stop();
    const files = new DataTransfer();
    files.items.add(new File(parts, 'опыт.webm', { type: 'video/webm' }));
    const input = /** @type {HTMLInputElement} */ (document.querySelector('input[type=file]'));
    input.files = files.files;
    input.dispatchEvent(new Event('change', { bubbles: true }));
  });
  await teacher.page.getByRole('button', { name: 'Убрать: опыт.webm' }).waitFor();
  await teacher.click('button', 'Отправить');
  await signIn(student, server, 'student1');
  await student.click('link', ROOM);
  await student.until(
    () => {
      const video = document.querySelector('video');
      if (video && video.readyState > 0 && video.paused && video.currentTime === 0) {
        video.muted = true;
        video.currentTime = 1;
        void video.play();
      }
      return (video?.currentTime ?? 0) > 1.2 && (video?.videoWidth ?? 0) === 320;
    },
    undefined,
    'the film that plays beyond its first second',
  );
});
