// Answers to one message, gathered beside the others: a teacher in Chromium, a student in Firefox, and one on a phone.
import assert from 'node:assert/strict';
import { after, before } from 'node:test';

import { chromiumPerson, firefoxPerson, launchChromium, signIn } from '../browsers.mjs';
import { Server } from '../server.mjs';
import { eventually, steps } from '../steps.mjs';

const ROOM = 'Робототехника, поток 1';
const QUESTION = 'Кто возьмёт датчики на дом?';

const step = steps();
/** @type {Server} */
let server;
/** @type {import('playwright-core').Browser} */
let chromium;
/** @type {Awaited<ReturnType<typeof chromiumPerson>>} */
let teacher;
/** @type {Awaited<ReturnType<typeof firefoxPerson>>} */
let student;
/** @type {Awaited<ReturnType<typeof chromiumPerson>>} */
let phone;

before(async () => {
  server = await Server.create();
  chromium = await launchChromium();
  const small = { viewport: { width: 360, height: 740 }, hasTouch: true, isMobile: true };
  [teacher, student, phone] = await Promise.all([
    chromiumPerson(chromium, 'teacher'),
    firefoxPerson('student'),
    chromiumPerson(chromium, 'phone', small),
  ]);
  await Promise.all([signIn(teacher, server, 'teacher'), signIn(student, server, 'student1'), signIn(phone, server, 'student2')]);
  for (const person of [teacher, student, phone]) {
    await person.click('link', ROOM);
    await person.see('textbox', 'Сообщение');
  }
});

after(async () => {
  await Promise.allSettled([student?.close(), chromium?.close()]);
  await server?.stop();
});

/** @param {import('../browsers.mjs').Person} person @param {string} text @param {string} [where] */
const seen = (person, text, where = '.talk') =>
  person.until(
    ({ text, where }) => /** @type {HTMLElement | null} */ (document.querySelector(where))?.innerText.replaceAll('\u00a0', ' ').includes(text),
    { text, where },
    `«${text}» in ${where}`,
  );

/** @param {import('../browsers.mjs').Person} person @param {string} text */
async function say(person, text) {
  await person.type('Сообщение', text);
  await person.click('button', 'Отправить');
  await seen(person, text);
}

/** @param {import('../browsers.mjs').Person} person @param {string} text */
async function answer(person, text) {
  await person.type('Ответить в обсуждении', text);
  await person.click('button', 'Отправить ответ');
  await seen(person, text, 'aside');
}

/** Waits until these are the last answers, and none of them is still on its way. @param {import('../browsers.mjs').Person} person @param {string[]} texts */
const lastAnswers = (person, texts) =>
  person.until(
    (wanted) => {
      const all = Array.from(document.querySelectorAll('aside ol article .text'), (one) => one.textContent?.trim());
      return JSON.stringify(all.slice(-wanted.length)) === JSON.stringify(wanted);
    },
    texts,
    `the answers ${texts.join(', ')}`,
  );

/** Texts of the answers in the panel. @param {import('../browsers.mjs').Person} person */
const answers = (person) => person.read(() => [...document.querySelectorAll('aside ol .text')].map((one) => one.textContent?.trim()));

step('an answer in the room begins a thread, which the message tells of', async () => {
  await say(teacher, QUESTION);
  await seen(student, QUESTION);
  await student.read((text) => {
    const message = [...document.querySelectorAll('article')].find((one) => one.textContent?.includes(text));
    /** @type {HTMLElement | null | undefined} */ (message?.querySelector('[aria-label="Ответить"]'))?.click();
  }, QUESTION);
  await say(student, 'Я возьму два');
  for (const person of [teacher, student, phone]) await seen(person, '1 ответ');
  const { name } = await server.person('student1');
  await seen(teacher, `последний: ${name}`);
});

step('in the panel one answers beside the others, and everybody has it at once', async () => {
  await say(teacher, 'А теперь о другом');
  await teacher.click('button', '1 ответ');
  await seen(teacher, 'Я возьму два', 'aside');
  await answer(teacher, 'Хорошо, запишу');
  await lastAnswers(teacher, ['Хорошо, запишу']);
  assert.deepEqual(await answers(teacher), ['Я возьму два', 'Хорошо, запишу']);
  await seen(student, '2 ответа');
  await seen(student, 'Хорошо, запишу');
  await student.click('button', '2 ответа');
  await seen(student, 'Хорошо, запишу', 'aside');
  await answer(student, 'Спасибо');
  await seen(teacher, 'Спасибо', 'aside');
  assert.equal((await answers(teacher)).length, 3);
  assert.ok(!(await teacher.read(() => document.querySelector('aside')?.textContent))?.includes('А теперь о другом'));
});

step('on a phone it lies over the messages, and a touch answers and closes', async () => {
  await phone.page.getByRole('button', { name: '3 ответа' }).tap();
  await seen(phone, 'Спасибо', 'aside');
  const [panel, talk] = await phone.read(() => ['aside', '.talk'].map((one) => document.querySelector(one)?.getBoundingClientRect().toJSON()));
  assert.ok(panel.width >= talk.width && panel.left <= talk.left, JSON.stringify([panel, talk]));
  await phone.page.getByRole('textbox', { name: 'Ответить в обсуждении' }).fill('И мне один');
  await phone.page.getByRole('button', { name: 'Отправить ответ' }).tap();
  await seen(phone, 'И мне один', 'aside');
  await seen(teacher, 'И мне один', 'aside');
  await phone.page.locator('aside').getByRole('button', { name: 'Закрыть' }).tap();
  await phone.until(() => document.querySelector('aside') === null, undefined, 'the panel closed');
  await seen(phone, '4 ответа');
});

step('on a phone going back closes what lies over the messages, and then leaves them', async () => {
  const goBack = () => phone.page.evaluate(() => history.back());
  // The browser is on the page before for a moment, until that is undone.
  const closed = () => phone.until(() => document.querySelector('aside') === null && location.pathname.startsWith('/room/'), undefined, 'the messages again');
  await phone.page.getByRole('button', { name: '4 ответа' }).tap();
  await seen(phone, 'Спасибо', 'aside');
  await goBack();
  await closed();
  await phone.page.getByRole('button', { name: 'Участники' }).tap();
  await phone.page.getByRole('complementary', { name: 'Участники' }).waitFor();
  await goBack();
  await closed();
  await goBack();
  await phone.page.waitForURL((url) => url.pathname === '/');
  await phone.click('link', ROOM);
  await seen(phone, '4 ответа');
});

step('an answer that is edited or deleted is so in the panel, and its message is where it was', async () => {
  await teacher.page.locator('aside article', { hasText: 'Хорошо, запишу' }).getByRole('button', { name: 'Действия с сообщением' }).click();
  await teacher.click('button', 'Изменить');
  await teacher.type('Сообщение', 'Записала');
  await teacher.click('button', 'Сохранить');
  await seen(student, 'Записала', 'aside');
  await teacher.page.locator('aside article', { hasText: 'Записала' }).getByRole('button', { name: 'Действия с сообщением' }).click();
  await teacher.click('button', 'Удалить');
  await teacher.page.locator('dialog .alarm').click();
  await seen(student, 'удалено', 'aside');
  await seen(student, '4 ответа');
});

step('an answer has files, chosen or dropped on the panel, and they are not the room’s', async () => {
  const { page } = teacher;
  await page.locator('aside input[type=file]').setInputFiles([{ name: 'схема.txt', mimeType: 'text/plain', buffer: Buffer.from('схема') }]);
  await seen(teacher, 'схема.txt', 'aside form');
  const dropped = await page.evaluateHandle(() => {
    const data = new DataTransfer();
    data.items.add(new File(['список'], 'список.txt'));
    return data;
  });
  await page.locator('aside .answers').dispatchEvent('drop', { dataTransfer: dropped });
  await seen(teacher, 'список.txt', 'aside form');
  assert.ok(!(await page.locator('.talk form').first().innerText()).includes('.txt'));
  await teacher.click('button', 'Отправить ответ');
  for (const file of ['схема.txt', 'список.txt']) await seen(student, file, 'aside');
  await seen(student, '5 ответов');
  assert.ok(!(await page.locator('aside form').innerText()).includes('.txt'));
});

step('a long one comes in pages, from its end', async () => {
  for (let k = 1; k <= 55; k++) await answer(teacher, `ответ ${k}.`);
  await lastAnswers(teacher, ['ответ 54.', 'ответ 55.']);
  await teacher.reload();
  // What stands far above is drawn on the way there.
  await teacher.until(
    () => {
      document.querySelector('.talk .scroller')?.scrollTo(0, 0);
      return document.querySelector('.talk')?.textContent?.includes('60 ответов');
    },
    undefined,
    'the message at which the thread began',
  );
  await teacher.click('button', '60 ответов');
  await seen(teacher, 'ответ 55.', 'aside');
  await teacher.until(
    () => {
      const panel = document.querySelector('aside .answers');
      return panel && panel.scrollHeight - panel.scrollTop - panel.clientHeight < 5;
    },
    undefined,
    'the end of the thread',
  );
  const count = (await answers(teacher)).length;
  assert.ok(count < 59, `${count} at once`);
  await teacher.click('button', 'Показать предыдущие ответы');
  await seen(teacher, 'Я возьму два', 'aside');
  // One of them was deleted.
  assert.equal((await answers(teacher)).length, 58);
  await teacher.press('Escape');
  await teacher.until(() => document.querySelector('aside') === null, undefined, 'the panel closed');
});

/** What is kept on the device of answers that were begun. @param {import('../browsers.mjs').Person} person @returns {Promise<string[]>} */
const begun = (person) =>
  person.read(async () => {
    // To open one that is not there would make it.
    if (!(await indexedDB.databases()).some(({ name }) => name === 'parta-begun')) return [];
    /** @type {IDBDatabase} */
    const db = await new Promise((resolve, reject) => {
      const open = indexedDB.open('parta-begun');
      open.onsuccess = () => resolve(open.result);
      open.onerror = () => reject(open.error);
    });
    try {
      return await new Promise((resolve, reject) => {
        const got = db.transaction('answers').objectStore('answers').getAll();
        got.onsuccess = () => resolve(got.result.map((/** @type {any} */ one) => one.body));
        got.onerror = () => reject(got.error);
      });
    } finally {
      db.close();
    }
  });

/** @param {import('../browsers.mjs').Person} person @param {string} text */
const inField = (person, text) =>
  person.until((wanted) => /** @type {HTMLTextAreaElement | null} */ (document.querySelector('aside textarea'))?.value === wanted, text, `«${text}» in the thread's field`);

/** Opens the thread under the question. @param {import('../browsers.mjs').Person} person @param {string} [count] */
async function openThread(person, count = '60 ответов') {
  await person.until(
    (count) => {
      document.querySelector('.talk .scroller')?.scrollTo(0, 0);
      return document.querySelector('.talk')?.textContent?.includes(count);
    },
    count,
    'the message at which the thread began',
  );
  await person.click('button', count);
  await person.see('textbox', 'Ответить в обсуждении');
}

step('an answer that was begun is there after a reload, on a phone and in Firefox, and sent it is forgotten', async () => {
  await student.press('Escape');
  await student.until(() => document.querySelector('aside') === null, undefined, 'the panel closed');
  for (const person of [phone, student]) {
    await openThread(person);
    await person.type('Ответить в обсуждении', `Недописанное: ${person.name}`);
    await eventually(() => begun(person), (all) => all.includes(`Недописанное: ${person.name}`), 'the answer on the device');
    await person.reload();
    await openThread(person);
    await inField(person, `Недописанное: ${person.name}`);
  }
  await phone.page.getByRole('button', { name: 'Отправить ответ' }).tap();
  await seen(teacher, 'Недописанное: phone');
  await eventually(() => begun(phone), (all) => all.length === 0, 'nothing on the device');
});

step('whoever signs out leaves none', async () => {
  assert.deepEqual(await begun(student), ['Недописанное: student']);
  await student.click('button', 'Настройки');
  await student.click('button', 'Выйти');
  const { name } = await server.person('student1');
  await student.see('button', name);
  assert.deepEqual(await begun(student), []);
  await signIn(student, server, 'student1');
  await student.click('link', ROOM);
  await openThread(student, '61 ответ');
  await inField(student, '');
});
