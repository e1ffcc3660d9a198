// The page without a network: opened again it shows what was there, takes messages, and goes on when the network is back.
import assert from 'node:assert/strict';
import { after, before } from 'node:test';

import { chromiumPerson, firefoxPerson, launchChromium, signIn } from '../browsers.mjs';
import { keptToSend } from '../kept.mjs';
import { Server } from '../server.mjs';
import { eventually, steps } from '../steps.mjs';

const ROOM = 'Робототехника, поток 1';

const step = steps();
/** @type {Server} */
let server;
/** @type {import('playwright-core').Browser} */
let chromium;
/** @type {Awaited<ReturnType<typeof chromiumPerson>>} */
let teacher;
/** @type {Awaited<ReturnType<typeof chromiumPerson>>} */
let student;

before(async () => {
  server = await Server.create();
  chromium = await launchChromium();
  [teacher, student] = await Promise.all([chromiumPerson(chromium, 'teacher'), chromiumPerson(chromium, 'student')]);
  await signIn(teacher, server, 'teacher');
  await signIn(student, server, 'student1');
});

after(async () => {
  await chromium?.close();
  await server?.stop();
});

/**
 * @param {import('../browsers.mjs').Person} person
 * @param {string} text
 */
async function say(person, text) {
  await person.type('Сообщение', text);
  await person.press('Enter');
}

/**
 * @param {import('../browsers.mjs').Person} person
 * @param {string} text
 */
const seen = (person, text) =>
  person.until((wanted) => document.body.innerText.includes(wanted), text, `«${text}»`);

/**
 * In the conversation, and not only in the list of groups.
 * @param {import('../browsers.mjs').Person} person
 * @param {string} text
 */
const read = (person, text) =>
  person.until((wanted) => /** @type {HTMLElement | null} */ (document.querySelector('[role=log]'))?.innerText.includes(wanted), text, `«${text}» in the room`);

/** A message that is kept on the device in the conversation, and not only as the last one of a group. @param {string} text */
const isKept = (text) => eventually(() => kept('events'), (all) => all.includes(text), `«${text}» on the device`);

/** What is kept on the device, as text: all, or this of each record. @param {string} [of] */
const kept = (of) => keptIn(student, of);

/** @param {import('../browsers.mjs').Person} person @param {string} [of] @returns {Promise<string>} */
const keptIn = (person, of) =>
  person.read(async (of) => {
    const names = (await indexedDB.databases()).flatMap(({ name }) => (name?.startsWith('parta-kept') ? [name] : []));
    let all = '';
    for (const name of names) {
      const db = await new Promise((resolve, reject) => {
        const open = indexedDB.open(name);
        open.onsuccess = () => resolve(open.result);
        open.onerror = () => reject(open.error);
      });
      for (const store of db.objectStoreNames) {
        all += await new Promise((resolve, reject) => {
          const got = db.transaction(store).objectStore(store).getAll();
          got.onsuccess = () => resolve(JSON.stringify(of ? got.result.map((/** @type {any} */ one) => one[of]) : got.result));
          got.onerror = () => reject(got.error);
        });
      }
      db.close();
    }
    return all;
  }, of);

step('a page that was here once is kept on the device, with what was said last', async () => {
  await teacher.click('link', ROOM);
  await student.click('link', ROOM);
  await say(teacher, 'Завтра в девять');
  await read(student, 'Завтра в девять');
  await student.until(() => navigator.serviceWorker.controller, undefined, 'the service worker');
  await isKept('Завтра в девять');
  const addresses = await student.read(async () => {
    const caches_ = await Promise.all((await caches.keys()).map(async (name) => (await caches.open(name)).keys()));
    return caches_.flat().map((request) => new URL(request.url).pathname);
  });
  assert.ok(addresses.includes('/'), addresses.join());
  assert.deepEqual(addresses.filter((path) => path.startsWith('/api/')), [], 'answers of the server are not kept');
});

step('without a network it opens, says so, shows what was said and keeps what is written', async () => {
  await student.context.setOffline(true);
  await student.reload();
  await read(student, 'Завтра в девять');
  await seen(student, 'Нет сети.');
  await say(student, 'Буду');
  await read(student, 'Буду');
  await keptToSend(student, 1);
  // Another group, of which only the list is known.
  await student.goto(`${server.origin}/`);
  await student.see('link', ROOM);
});

step('back in the network it tells what was written and shows what it missed', async () => {
  await say(teacher, 'Возьмите ноутбуки');
  await student.context.setOffline(false);
  await student.click('link', ROOM);
  await read(student, 'Возьмите ноутбуки');
  await read(teacher, 'Буду');
  await student.until(() => !document.body.innerText.includes('Нет сети.'), undefined, 'no more word of the network');
});

step('the server is away: the page opens all the same, and goes on when it is back', async () => {
  await isKept('Возьмите ноутбуки');
  await server.kill();
  await student.reload();
  await read(student, 'Возьмите ноутбуки');
  await seen(student, 'Нет связи');
  await server.start();
  await say(student, 'Снова здесь');
  await read(teacher, 'Снова здесь');
});

step('in Firefox too the page opens without the server, keeps what is written and goes on', async () => {
  const fox = await firefoxPerson('fox');
  try {
    await signIn(fox, server, 'student2');
    await fox.click('link', ROOM);
    await read(fox, 'Снова здесь');
    await fox.until(() => navigator.serviceWorker.controller, undefined, 'the service worker');
    await eventually(() => keptIn(fox, 'events'), (all) => all.includes('Снова здесь'), 'the last message on the device');
    await server.kill();
    await fox.reload();
    await read(fox, 'Снова здесь');
    await seen(fox, 'Нет связи');
    await say(fox, 'Из другого браузера');
    await keptToSend(fox, 1);
    await server.start();
    await read(teacher, 'Из другого браузера');
  } finally {
    await fox.close();
  }
});

step('who signs out leaves nothing behind, in no tab, and does so without a network too', async () => {
  const beside = await student.context.newPage();
  await beside.goto(`${server.origin}/`);
  await beside.getByRole('link', { name: ROOM }).waitFor();
  await isKept('Снова здесь');
  await student.context.setOffline(true);
  await student.click('button', 'Настройки');
  await student.click('button', 'Выйти из аккаунта');
  await student.see('button', 'Войти');
  await beside.getByRole('button', { name: 'Войти', exact: true }).waitFor();
  assert.equal(await beside.getByText(ROOM).count(), 0);
  await beside.close();
  assert.equal((await kept()).includes('Снова здесь'), false);
  await student.context.setOffline(false);
  await student.reload();
  const { name } = await server.person('student1');
  await student.see('button', name);
  assert.equal(await student.read(() => fetch('/api/v1/session').then((answer) => answer.status)), 401);
});
