// Notifications while the page is closed, as far as a browser without its maker's servers goes: the push itself is handed to
// the service worker by the browser's own tools. What the server sends is tested in server/tests/server/push.rs.
import assert from 'node:assert/strict';
import { after, before } from 'node:test';

import { chromiumPerson, launchChromium, signIn } from '../browsers.mjs';
import { Server } from '../server.mjs';
import { eventually, steps } from '../steps.mjs';

const ROOM = 'Робототехника, поток 1';

const step = steps();
/** @type {Server} */
let server;
/** @type {import('playwright-core').Browser} */
let chromium;
/** @type {Awaited<ReturnType<typeof chromiumPerson>>} */
let student;
/** @type {import('playwright-core').CDPSession} */
let tools;
let registrationId = '';
let room = '';
/** What the demo left unread, of all rooms. */
let was = 0;

before(async () => {
  process.env.PARTA_PUSH = 'on';
  process.env.PARTA_PUSH_CONTACT = 'mailto:it@example.ru';
  server = await Server.create();
  chromium = await launchChromium();
  student = await chromiumPerson(chromium, 'student');
  await student.context.grantPermissions(['notifications'], { origin: server.origin });
  await student.page.addInitScript(noteBadges);
  tools = await student.context.newCDPSession(student.page);
  tools.on('ServiceWorker.workerRegistrationUpdated', ({ registrations }) => {
    for (const one of registrations) if (one.scopeURL.startsWith(server.origin) && !one.isDeleted) registrationId = one.registrationId;
  });
  await tools.send('ServiceWorker.enable');
  await signIn(student, server, 'student1');
  await student.until(() => navigator.serviceWorker.controller, undefined, 'the service worker');
  await eventually(async () => registrationId, (id) => id !== '', 'the registration of the worker');
  room = await student.read((name) => [...document.querySelectorAll('nav a')].find((one) => one.querySelector('.name')?.textContent === name)?.getAttribute('href')?.split('/').at(-1) ?? '', ROOM);
  assert.ok(room);
});

after(async () => {
  await chromium?.close();
  await server?.stop();
});

/** Hands a push to the worker, and waits until it is done with it: it looks whether the page is open. @param {string} data */
async function push(data) {
  const worker = student.context.serviceWorkers().at(-1);
  assert.ok(worker);
  await worker.evaluate(() => {
    const { prototype } = /** @type {any} */ (globalThis).ExtendableEvent;
    const { waitUntil } = prototype;
    /** @type {any} */ (globalThis).told = new Promise((resolve) => {
      prototype.waitUntil = function (/** @type {Promise<unknown>} */ work) {
        waitUntil.call(this, work);
        if (this.type !== 'push') return;
        prototype.waitUntil = waitUntil;
        resolve(work);
      };
    });
  });
  await tools.send('ServiceWorker.deliverPushMessage', { origin: server.origin, registrationId, data });
  await worker.evaluate(() => /** @type {any} */ (globalThis).told);
}

/** Keeps what the page shows on its icon; runs in the page before its scripts, and in the worker. */
function noteBadges() {
  /** @type {(number | undefined)[]} */
  const badges = (/** @type {any} */ (globalThis).badges = []);
  Object.assign(navigator, {
    setAppBadge: async (/** @type {number | undefined} */ count) => void badges.push(count),
    clearAppBadge: async () => void badges.push(0),
  });
}

/** The last number that the page has shown on its icon is this one. @param {number} count */
const badged = (count) => student.until((count) => /** @type {any} */ (globalThis).badges.at(-1) === count, count, `${count} on the icon`);

/** How many messages the page has left for the worker to go on from. */
const counted = () =>
  student.read(async () => {
    // To open one that is not there would make it.
    if (!(await indexedDB.databases()).some(({ name }) => name === 'parta-counts')) return 0;
    /** @type {IDBDatabase} */
    const db = await new Promise((resolve, reject) => {
      const open = indexedDB.open('parta-counts');
      open.onsuccess = () => resolve(open.result);
      open.onerror = () => reject(open.error);
    });
    try {
      /** @type {{rooms: Record<string, number>} | undefined} */
      const counts = await new Promise((resolve, reject) => {
        const got = db.transaction('counts').objectStore('counts').get('last');
        got.onsuccess = () => resolve(got.result);
        got.onerror = () => reject(got.error);
      });
      return Object.values(counts?.rooms ?? {}).reduce((sum, one) => sum + one, 0);
    } finally {
      db.close();
    }
  });

/** How many messages the page counts itself, in its title. */
const inTitle = () => student.read(() => Number(/^\((\d+)\)/.exec(document.title)?.[1] ?? 0));

/** What is shown, and then taken away. */
const shown = () =>
  student.read(async () => {
    const registration = await navigator.serviceWorker.ready;
    const all = await registration.getNotifications();
    for (const one of all) one.close();
    return all.map(({ title, body, data, tag }) => ({ title, body, data, tag }));
  });

step('who looks at the page is shown nothing beside it', async () => {
  await push(JSON.stringify({ r: room }));
  assert.deepEqual(await shown(), []);
});

step('with the page closed the worker asks our server what it is about', async () => {
  const teacher = await chromiumPerson(chromium, 'teacher');
  await signIn(teacher, server, 'teacher');
  await teacher.click('link', ROOM);
  was = await eventually(inTitle, (count) => count > 0, 'the unread messages of the demo in the title');
  await teacher.type('Сообщение', 'Секретный текст');
  await teacher.press('Enter');
  await student.until((name) => [...document.querySelectorAll('nav a')].find((one) => one.querySelector('.name')?.textContent === name)?.querySelector('.count'), ROOM, 'the unread message');
  // The title follows the list.
  const before = await eventually(inTitle, (count) => count === was + 1, 'it in the title');
  await badged(before);
  await eventually(counted, (count) => count === before, 'the count on the device, from which the worker goes on');
  await student.goto('about:blank');
  const worker = student.context.serviceWorkers().at(-1);
  assert.ok(worker);
  await worker.evaluate(noteBadges);
  for (const text of ['Второй текст', 'Третий текст']) {
    await teacher.type('Сообщение', text);
    await teacher.press('Enter');
    await teacher.page.locator('article', { hasText: text }).getByRole('button', { name: /Отправлено|Доставлено|Прочитано/ }).first().waitFor();
  }
  await push(JSON.stringify({ r: room }));
  assert.deepEqual(await worker.evaluate(() => /** @type {any} */ (globalThis).badges), [before + 2], 'of all rooms, and not of this one alone');
  // Where it can be seen what is shown, the page is open again.
  await student.goto(`${server.origin}/`);
  const [one] = await eventually(shown, (all) => all.length > 0, 'a notification');
  assert.ok(one);
  assert.equal(one.title, ROOM);
  assert.match(one.body, /^Непрочитанных: [1-9]/);
  assert.deepEqual([one.data, one.tag], [`/room/${room}`, room]);
  await teacher.close();
});

step('what is read is not on the icon any more', async () => {
  // What came while the page was closed comes with its connection.
  await student.until((room) => Number(document.querySelector(`nav a[href="/room/${room}"] .count`)?.textContent) >= 3, room, 'three messages of the teacher');
  const before = await eventually(inTitle, (count) => count === was + 3, 'them in the title');
  const there = await student.read((room) => Number(document.querySelector(`nav a[href="/room/${room}"] .count`)?.textContent), room);
  await student.click('link', ROOM);
  await badged(before - there);
  await eventually(counted, (count) => count === before - there, 'the count on the device');
});

step('without the server, or with a push that says nothing, it says only that there is something', async () => {
  const before = await inTitle();
  const worker = student.context.serviceWorkers().at(-1);
  assert.ok(worker);
  await student.goto('about:blank');
  await server.kill();
  await worker.evaluate(noteBadges);
  await push(JSON.stringify({ r: room }));
  await push('{"r":"../../evil"}');
  // As it was: the server could not be asked.
  assert.deepEqual(await worker.evaluate(() => /** @type {any} */ (globalThis).badges), [before, before]);
  await student.goto(`${server.origin}/`);
  const all = await eventually(shown, (found) => found.length >= 2, 'two notifications');
  for (const one of all) assert.deepEqual([one.title, one.body], ['Parta', 'Есть новые сообщения']);
  assert.deepEqual(all.map((one) => one.data).sort(), ['/', `/room/${room}`]);
  await server.start();
});

step('it is switched on in the settings, and a browser that cannot reach its own server says so', async () => {
  await student.see('link', ROOM);
  await student.click('button', 'Настройки');
  const box = student.page.getByLabel('Сообщать, когда Parta закрыта');
  await box.waitFor();
  await box.click();
  await student.page.getByText('браузер не смог связаться со своим сервером уведомлений').waitFor();
  assert.equal(await box.isChecked(), false);
});
