// One person in two tabs: what waits is shown in both and sent by one, whichever is closed or takes it back.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, before } from 'node:test';

import { chromiumPerson, launchChromium, signIn } from '../browsers.mjs';
import { Server } from '../server.mjs';
import { eventually, steps } from '../steps.mjs';

/** @typedef {import('playwright-core').Page} Page */

const ROOM = 'Робототехника, поток 1';
const UPLOADS = /\/api\/v1\/.*uploads/;
const ELSEWHERE = 'отправляется в другой вкладке';

const step = steps();
/** @type {Server} */
let server;
/** @type {import('playwright-core').Browser} */
let chromium;
/** @type {Awaited<ReturnType<typeof chromiumPerson>>} */
let teacher;
/** @type {Awaited<ReturnType<typeof chromiumPerson>>} */
let student;
/** @type {Page} */
let first;
/** @type {Page} */
let second;

before(async () => {
  server = await Server.create();
  chromium = await launchChromium();
  [teacher, student] = await Promise.all([chromiumPerson(chromium, 'teacher'), chromiumPerson(chromium, 'student')]);
  await Promise.all([signIn(teacher, server, 'teacher'), signIn(student, server, 'student1')]);
  await Promise.all([enter(teacher.page), enter(student.page)]);
  first = teacher.page;
  second = await another();
});

after(async () => {
  await chromium?.close();
  await server?.stop();
});

/** @param {Page} page */
async function enter(page) {
  await page.getByRole('link', { name: ROOM }).first().click();
  await field(page).waitFor();
}

/** Another tab of the teacher's, in the same room. */
async function another() {
  const page = await teacher.context.newPage();
  page.on('dialog', (dialog) => void dialog.accept());
  await page.goto(server.origin);
  await enter(page);
  return page;
}

/** @param {Page} page */
const field = (page) => page.locator('.talk form textarea');

/** The messages, and what waits at their end. @param {Page} page */
const talk = (page) => page.locator('.scroller');

/** What waits, as it stands at the end. @param {Page} page @param {string} text */
const waiting = (page, text) => page.locator('.scroller .line', { hasText: text });

/** @param {Page} page @param {string} name @param {string} [where] */
const choose = (page, name, where = '.talk form') =>
  page.locator(`${where} input[type=file]`).first().setInputFiles([{ name, mimeType: 'application/octet-stream', buffer: randomBytes(100_000) }]);

/** @param {Page} page @param {string} text */
async function say(page, text) {
  await field(page).fill(text);
  await field(page).press('Enter');
}

/** Until this stands in the field. @param {Page} page @param {string} text @param {string} [where] */
const written = (page, text, where = '.talk form textarea') =>
  page.waitForFunction(({ text, where }) => /** @type {HTMLTextAreaElement | null} */ (document.querySelector(where))?.value === text, { text, where });

/** Begins an answer to a message, whose button shows when it is pointed at. @param {Page} page @param {string} text */
const answer = (page, text) =>
  page.locator('article', { hasText: text }).locator('[aria-label="Ответить"]').first().evaluate((button) => /** @type {HTMLElement} */ (button).click());

/** What a message is sent with: its text and a file. @param {Page} page @param {string} text */
async function sayWithFile(page, text) {
  await choose(page, 'опыт.bin');
  await say(page, text);
  await waiting(page, text).getByText('отправляется, 0 %').waitFor();
}

/** A message that comes after all that came before it. @param {Page} page @param {string} text */
async function mark(page, text) {
  await say(page, text);
  await talk(student.page).getByText(text).waitFor();
}

/** What the student has of these, in order. @param {string[]} texts */
const arrived = (texts) =>
  student.read(
    (texts) => [...document.querySelectorAll('.scroller article')].flatMap((one) => texts.filter((/** @type {string} */ text) => one.textContent?.includes(text))),
    texts,
  );

/** How many messages wait in a tab's storage. @param {Page} page */
const kept = (page) =>
  page.evaluate(async () => {
    const db = await new Promise((resolve, reject) => {
      const open = indexedDB.open('parta');
      open.onsuccess = () => resolve(open.result);
      open.onerror = () => reject(open.error);
    });
    const count = await new Promise((resolve, reject) => {
      const counted = db.transaction('outbox').objectStore('outbox').count();
      counted.onsuccess = () => resolve(counted.result);
      counted.onerror = () => reject(counted.error);
    });
    db.close();
    return count;
  });

/** Nothing that is uploaded reaches the server, until it is let through. */
async function hold() {
  /** @type {import('playwright-core').Route[]} */
  const held = [];
  let through = false;
  const begun = { held: 0, reached: 0 };
  /** @param {import('playwright-core').Response} response */
  const answered = (response) => {
    if (response.request().method() === 'POST' && UPLOADS.test(response.url())) begun.reached++;
  };
  teacher.context.on('response', answered);
  await teacher.context.route(UPLOADS, async (route) => {
    if (!through && route.request().method() === 'POST') begun.held++;
    if (through) await route.continue();
    else held.push(route);
  });
  return {
    begun,
    async release() {
      through = true;
      for (const route of held.splice(0)) {
        // Its page may be gone, or have given it up.
        await route.continue().catch(() => undefined);
      }
    },
    end: () => {
      teacher.context.off('response', answered);
      return teacher.context.unroute(UPLOADS);
    },
  };
}

step('both tabs show what waits, one of them uploads it, and it is sent once', async () => {
  const network = await hold();
  await sayWithFile(first, 'Из первой вкладки');
  await waiting(second, 'Из первой вкладки').getByText(ELSEWHERE).waitFor();
  // One that is opened now shows it as well, and leaves it alone.
  await second.reload();
  await waiting(second, 'Из первой вкладки').getByText(ELSEWHERE).waitFor();
  await mark(second, 'Вторая вкладка не ждёт');
  await network.release();
  await talk(student.page).getByText('Из первой вкладки').waitFor();
  for (const page of [first, second]) await talk(page).locator('.line', { hasText: 'отправляется' }).waitFor({ state: 'detached' });
  assert.deepEqual(await arrived(['Из первой вкладки', 'Вторая вкладка не ждёт']), ['Вторая вкладка не ждёт', 'Из первой вкладки']);
  assert.deepEqual(network.begun, { held: 1, reached: 1 });
  await network.end();
});

step('what is taken back in the tab where it was written is sent by nobody', async () => {
  const network = await hold();
  await sayWithFile(first, 'Это лишнее');
  await waiting(second, 'Это лишнее').getByText(ELSEWHERE).waitFor();
  await second.reload();
  await waiting(second, 'Это лишнее').getByText(ELSEWHERE).waitFor();
  await waiting(first, 'Это лишнее').getByRole('button', { name: 'Отмена' }).click();
  await waiting(second, 'Это лишнее').waitFor({ state: 'detached' });
  await written(first, 'Это лишнее');
  await network.release();
  await field(first).fill('');
  await mark(first, 'После отмены из первой');
  await mark(second, 'После отмены из второй');
  await second.reload();
  await mark(second, 'После отмены, заново открыта');
  assert.deepEqual(await arrived(['Это лишнее']), []);
  await eventually(() => kept(second), (count) => count === 0, 'nothing kept');
  await network.end();
});

step('so is what is taken back in another tab, which has the text then', async () => {
  const network = await hold();
  await sayWithFile(first, 'И это лишнее');
  await waiting(second, 'И это лишнее').getByRole('button', { name: 'Отмена' }).click();
  await waiting(first, 'И это лишнее').waitFor({ state: 'detached' });
  await written(second, 'И это лишнее');
  await network.release();
  await field(second).fill('');
  await mark(first, 'Первая ничего не отправила');
  await first.reload();
  await mark(first, 'И заново открытая тоже');
  assert.deepEqual(await arrived(['И это лишнее']), []);
  await network.end();
});

step('when the tab is closed the other one goes on, and sends it once', async () => {
  const network = await hold();
  await sayWithFile(first, 'Закрыта с файлом');
  await waiting(second, 'Закрыта с файлом').getByText(ELSEWHERE).waitFor();
  await first.close();
  await waiting(second, 'Закрыта с файлом').getByText('отправляется, 0 %').waitFor();
  await network.release();
  await talk(student.page).getByText('Закрыта с файлом').waitFor();
  await mark(second, 'Осталась одна вкладка');
  assert.deepEqual(await arrived(['Закрыта с файлом', 'Осталась одна вкладка']), ['Закрыта с файлом', 'Осталась одна вкладка']);
  assert.equal(network.begun.reached, 1);
  await network.end();
});

step('what was written later goes before a file only when its author says so', async () => {
  const network = await hold();
  await sayWithFile(second, 'Большое видео');
  await say(second, 'Завтра в девять');
  await waiting(second, 'Завтра в девять').getByText('уйдёт после файлов выше').waitFor();
  assert.deepEqual(await arrived(['Завтра в девять']), []);
  await waiting(second, 'Завтра в девять').getByRole('button', { name: 'Отправить сейчас' }).click();
  await talk(student.page).getByText('Завтра в девять').waitFor();
  await mark(second, 'И возьмите ноутбуки');
  await network.release();
  await talk(student.page).getByText('Большое видео').waitFor();
  const wanted = ['Завтра в девять', 'И возьмите ноутбуки', 'Большое видео'];
  assert.deepEqual(await arrived(wanted), wanted);
  await network.end();
});

step('what is taken back is what it was: an answer, and to be acknowledged by a day', async () => {
  const network = await hold();
  await mark(second, 'Кто принесёт датчики?');
  await answer(second, 'Кто принесёт датчики?');
  await second.getByRole('button', { name: 'С ознакомлением' }).click();
  const day = await second.evaluate(() => {
    const date = new Date(Date.now() + 3 * 86_400_000);
    return [date.getFullYear(), date.getMonth() + 1, date.getDate()].map((part) => String(part).padStart(2, '0')).join('-');
  });
  await second.locator('.talk form input[type=date]').fill(day);
  await sayWithFile(second, 'Прочитайте до пятницы');
  await second.locator('.talk form input[type=date]').waitFor({ state: 'detached' });
  assert.equal(await second.locator('.talk form .reply').count(), 0);
  await waiting(second, 'Прочитайте до пятницы').getByRole('button', { name: 'Отмена' }).click();
  await second.locator('.talk form .reply', { hasText: 'Кто принесёт датчики?' }).waitFor();
  assert.equal(await second.locator('.talk form input[type=date]').inputValue(), day);
  assert.equal(await field(second).inputValue(), 'Прочитайте до пятницы');
  await second.locator('.talk form [role=group] button').click();
  await second.locator('.talk form .reply button').click();
  await field(second).fill('');
  await network.release();
  await network.end();
});

step('a message of a thread comes back to the thread although its file is lost', async () => {
  await answer(student.page, 'Кто принесёт датчики?');
  await say(student.page, 'Я принесу');
  await second.getByRole('button', { name: '1 ответ' }).click();
  const network = await hold();
  await choose(second, 'список.bin', 'aside form');
  await second.locator('aside textarea').fill('Вот список');
  await second.locator('aside textarea').press('Enter');
  await second.locator('aside').getByText('отправляется, 0 %').waitFor();
  await second.locator('aside').getByRole('button', { name: 'Закрыть' }).click();
  // As if the browser had had no room for it.
  await second.evaluate(async () => {
    const db = await new Promise((resolve) => {
      const open = indexedDB.open('parta-uploads');
      open.onsuccess = () => resolve(open.result);
    });
    await new Promise((resolve) => {
      const tx = db.transaction('uploads', 'readwrite');
      tx.objectStore('uploads').clear();
      tx.oncomplete = resolve;
    });
    db.close();
  });
  await second.reload();
  await talk(second).getByRole('alert').getByText('Файла больше нет на этом устройстве').waitFor();
  await talk(second).getByRole('button', { name: 'Вернуть в поле' }).click();
  await written(second, 'Вот список', 'aside textarea');
  assert.equal(await field(second).inputValue(), '');
  await eventually(() => kept(second), (count) => count === 0, 'nothing kept');
  await network.release();
  await network.end();
});
