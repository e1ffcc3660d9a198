// Parta as an app: its manifest, what other apps share with it, and how a newer version comes.
import assert from 'node:assert/strict';
import { createServer, request } from 'node:http';
import { connect } from 'node:net';
import { after, before } from 'node:test';

import { chromiumPerson, launchChromium, signIn } from '../browsers.mjs';
import { Server } from '../server.mjs';
import { steps } from '../steps.mjs';

const ROOM = 'Робототехника, поток 1';
/** What tells the newer worker from the older one. */
const NEWER = `\nself.addEventListener('message', (event) => event.data === 'which' && event.source.postMessage('newer'));\n`;

const step = steps();
/** @type {Server} */
let server;
/** @type {import('playwright-core').Browser} */
let chromium;
/** @type {Awaited<ReturnType<typeof chromiumPerson>>} */
let student;
let origin = '';
let isNewer = false;
/** Whether the server has no part of this version any more. */
let isReplaced = false;

// Passes everything on, but for the worker, which it can make another version of.
const front = createServer((ours, answer) => {
  if (isReplaced && ours.url?.startsWith('/_app/immutable/')) {
    answer.writeHead(404).end();
    return;
  }
  const upstream = new URL(server.origin);
  const headers = { ...ours.headers, 'accept-encoding': 'identity' };
  const theirs = request({ host: upstream.hostname, port: upstream.port, method: ours.method, path: ours.url, headers }, (from) => {
    const isWorker = isNewer && ours.url === '/service-worker.js';
    const { 'content-length': _, ...rest } = from.headers;
    answer.writeHead(from.statusCode ?? 502, rest);
    from.on('data', (part) => answer.write(part));
    from.on('end', () => answer.end(isWorker ? NEWER : undefined));
  });
  theirs.on('error', () => answer.destroy());
  ours.pipe(theirs);
});
front.on('upgrade', (ours, socket, head) => {
  const { hostname, port } = new URL(server.origin);
  const through = connect(Number(port), hostname, () => {
    const lines = [`${ours.method} ${ours.url} HTTP/1.1`];
    for (let k = 0; k < ours.rawHeaders.length; k += 2) lines.push(`${ours.rawHeaders[k]}: ${ours.rawHeaders[k + 1]}`);
    through.write(`${lines.join('\r\n')}\r\n\r\n`);
    through.write(head);
    socket.pipe(through).pipe(socket);
  });
  for (const end of [socket, through]) end.on('error', () => [socket, through].forEach((one) => one.destroy()));
});

before(async () => {
  await new Promise((resolve) => front.listen(0, '127.0.0.1', () => resolve(undefined)));
  const { port } = /** @type {import('node:net').AddressInfo} */ (front.address());
  origin = `http://127.0.0.1:${port}`;
  server = await Server.create(origin);
  chromium = await launchChromium();
  student = await chromiumPerson(chromium, 'student');
  await signIn(student, { origin, person: (login) => server.person(login) }, 'student1');
  await student.until(() => navigator.serviceWorker.controller, undefined, 'the service worker');
});

after(async () => {
  await chromium?.close();
  front.close();
  front.closeAllConnections();
  await server?.stop();
});

step('a browser finds it fit to be installed', async () => {
  const tools = await student.context.newCDPSession(student.page);
  const { errors, data } = await tools.send('Page.getAppManifest');
  assert.deepEqual(errors, []);
  const manifest = JSON.parse(data ?? '{}');
  assert.equal(manifest.short_name, 'Парта');
  const { installabilityErrors } = await tools.send('Page.getInstallabilityErrors');
  // A private window, which each context is, cannot install anything.
  assert.deepEqual(installabilityErrors.filter(({ errorId }) => errorId !== 'in-incognito'), []);
  for (const { src, sizes } of manifest.icons) {
    const size = await student.read(async (path) => {
      const picture = new Image();
      picture.src = path;
      await picture.decode();
      return `${picture.naturalWidth}x${picture.naturalHeight}`;
    }, src);
    if (sizes !== 'any') assert.equal(size, sizes, src);
  }
});

step('what another app shares goes into a message of the group that is chosen', async () => {
  await student.page.evaluate(() => {
    const form = document.createElement('form');
    Object.assign(form, { method: 'post', enctype: 'multipart/form-data', action: '/share' });
    for (const [name, value] of [['title', 'Статья о роботах'], ['url', 'https://example.ru/robots']]) {
      const field = document.createElement('input');
      Object.assign(field, { name, value });
      form.append(field);
    }
    const files = Object.assign(document.createElement('input'), { type: 'file', name: 'files' });
    const chosen = new DataTransfer();
    chosen.items.add(new File(['схема'], 'схема.txt', { type: 'text/plain' }));
    files.files = chosen.files;
    form.append(files);
    document.body.append(form);
    form.submit();
  });
  await student.page.getByRole('heading', { name: 'Куда отправить?' }).waitFor();
  await student.type('Найти группу', 'робот');
  await student.page.getByRole('dialog').getByRole('button', { name: ROOM }).click();
  const field = student.page.getByRole('textbox', { name: 'Сообщение' });
  await field.waitFor();
  assert.equal(await field.inputValue(), 'Статья о роботах\nhttps://example.ru/robots');
  await student.page.getByText('схема.txt').first().waitFor();
  await student.click('button', 'Отправить');
  await student.until(() => document.querySelector('main')?.innerText.includes('Статья о роботах'), undefined, 'the message');
  // It was taken: the address that asks for it again finds nothing.
  await student.goto(`${origin}/?shared`);
  await student.page.getByText('Отправлять нечего').waitFor();
  await student.press('Escape');
});

step('a newer version is offered, and comes when it is wanted', async () => {
  /** Whether one waits behind the one that is at work. */
  const waits = () =>
    student.read(async () => {
      const registration = await navigator.serviceWorker.ready;
      return registration.waiting !== null && registration.active === navigator.serviceWorker.controller;
    });
  assert.equal(await waits(), false);
  isNewer = true;
  await student.reload();
  await student.page.getByText('Доступна новая версия').waitFor();
  assert.equal(await waits(), true, 'not before it is wanted');
  await student.page.evaluate(() => Object.assign(window, { isOldPage: true }));
  await student.click('button', 'Обновить');
  await student.until(() => !('isOldPage' in window) && document.querySelector('nav'), undefined, 'the page of the newer version');
  assert.equal(await waits(), false);
  const answer = student.read(
    () =>
      new Promise((resolve) => {
        navigator.serviceWorker.addEventListener('message', (event) => resolve(event.data), { once: true });
        navigator.serviceWorker.startMessages();
        navigator.serviceWorker.controller?.postMessage('which');
      }),
  );
  assert.equal(await answer, 'newer');
  assert.equal(await student.page.getByText('Доступна новая версия').count(), 0);
});

step('a page that lacks a part which the server has no more says so', async () => {
  await student.goto(`${origin}/`);
  await student.page.getByRole('link', { name: ROOM }).click();
  await student.page.getByRole('textbox', { name: 'Сообщение' }).waitFor();
  // As on a phone that saves data: the parts were not kept.
  await student.read(async () => void (await Promise.all((await caches.keys()).map((name) => caches.delete(name)))));
  const tools = await student.context.newCDPSession(student.page);
  await tools.send('Network.clearBrowserCache');
  isReplaced = true;
  await student.click('button', 'Вставить эмодзи');
  await student.page.getByText('Parta обновилась. Перезагрузите страницу.').waitFor();
  isReplaced = false;
});
