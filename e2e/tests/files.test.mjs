// Files on bad days: the server dies and the page is thrown away in the middle of an upload; a film plays from its middle.
import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { after, before } from 'node:test';

import { chromiumPerson, firefoxPerson, launchChromium, signIn } from '../browsers.mjs';
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
  await server.start();
  const second = teacher.page.waitForRequest((request) => request.method() === 'PATCH' && Number(request.headers()['upload-offset']) > 0);
  await second;
  await teacher.page.reload();
  await teacher.page.getByRole('button', { name: `Убрать: ${FILE.name}` }).waitFor();
  const repeated = offsets.filter((offset) => offset === 0).length;
  assert.equal(repeated, 1, `the upload began anew: pieces at ${offsets.join(', ')}`);
  await teacher.page.getByRole('textbox', { name: 'Сообщение' }).fill('Вот проект.');
  await teacher.click('button', 'Отправить');
  await teacher.page.getByRole('link', { name: FILE.name }).waitFor();
});

step('what arrived is what was sent', async () => {
  const isWhole = async (/** @type {{name: string, sha256: string}} */ sent) => {
    const links = /** @type {HTMLAnchorElement[]} */ ([...document.querySelectorAll('a[download]')]);
    const link = links.find((one) => one.download === sent.name);
    // For a moment the message is neither on its way nor there.
    if (!link) return false;
    const answer = await fetch(link.href);
    const digest = await crypto.subtle.digest('SHA-256', await answer.arrayBuffer());
    return [...new Uint8Array(digest)].map((byte) => byte.toString(16).padStart(2, '0')).join('') === sent.sha256;
  };
  await teacher.until(isWhole, { name: FILE.name, sha256: SHA256 }, 'the file as it was sent');
});

step('after sending, a reload brings no file back', async () => {
  await teacher.page.reload();
  await teacher.page.getByRole('main').getByText('Вот проект.').waitFor();
  await teacher.page.getByRole('textbox', { name: 'Сообщение' }).waitFor();
  assert.equal(await teacher.page.locator('.uploads li').count(), 0);
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
