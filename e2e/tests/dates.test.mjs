// A conversation of several months: to another date from the line of a day, and the search by person and by dates.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { after, before } from 'node:test';
import { promisify } from 'node:util';

import { chromiumPerson, firefoxPerson, launchChromium, signIn } from '../browsers.mjs';
import { Server } from '../server.mjs';
import { steps } from '../steps.mjs';

const ROOM = 'Робототехника, поток 1';
const DAY_MS = 86_400_000;
/** Days ago, and how many messages then: more than a screen, so that they do not all lie in view. */
const DAYS = [
  { word: 'весеннее', ago: 60, count: 30 },
  { word: 'летнее', ago: 30, count: 30 },
  { word: 'осеннее', ago: 0, count: 30 },
];

/** Makes messages with a word so many days older. */
const AGE = `import sqlite3, sys
with sqlite3.connect(sys.argv[1]) as db:
    db.create_function('has', 2, lambda text, word: word in text)
    age, word = int(sys.argv[3]), sys.argv[2]
    db.execute('UPDATE events SET at = at - ? WHERE EXISTS (SELECT 1 FROM messages m WHERE m.room_id = events.room_id AND m.seq = events.seq AND has(m.body, ?))', (age, word))
    db.execute('UPDATE messages SET at = at - ? WHERE has(body, ?)', (age, word))
`;

const step = steps();
/** @type {Server} */
let server;
/** @type {import('playwright-core').Browser} */
let chromium;
/** @type {Awaited<ReturnType<typeof chromiumPerson>>} */
let student;
/** @type {Awaited<ReturnType<typeof chromiumPerson>>} */
let phone;
/** @type {Awaited<ReturnType<typeof firefoxPerson>>} */
let teacher;

before(async () => {
  server = await Server.create();
  chromium = await launchChromium();
  const writers = await Promise.all(['teacher', 'student2'].map((login) => chromiumPerson(chromium, login)));
  for (const writer of writers) {
    await signIn(writer, server, writer.name);
    await writer.click('link', ROOM);
    await writer.see('textbox', 'Сообщение');
  }
  // In the order of their days, as it would have been.
  for (const { word, count } of DAYS) {
    for (const writer of writers) await writer.read(write, { word, by: writer.name, count: writer.name === 'teacher' ? count : 1 });
  }
  await Promise.all(writers.map((writer) => writer.close()));
  await server.kill('SIGTERM');
  for (const { word, ago } of [{ word: 'Добро пожаловать', ago: 70 }, ...DAYS]) await promisify(execFile)('python3', ['-c', AGE, `${server.data}/parta.db`, word, String(ago * DAY_MS)]);
  await server.start();
  [student, phone, teacher] = await Promise.all([
    chromiumPerson(chromium, 'student'),
    chromiumPerson(chromium, 'phone', { viewport: { width: 360, height: 740 }, hasTouch: true, isMobile: true }),
    firefoxPerson('teacher'),
  ]);
  await Promise.all([signIn(student, server, 'student1'), signIn(phone, server, 'student3'), signIn(teacher, server, 'teacher')]);
});

after(async () => {
  await Promise.allSettled([teacher?.close(), chromium?.close()]);
  await server?.stop();
});

// Runs in the page: writes over a socket of its own, faster than anybody types.
/** @param {{word: string, count: number, by: string}} what */
async function write({ word, count, by }) {
  const room = location.pathname.split('/').at(-1);
  const socket = new WebSocket(`ws://${location.host}/api/v1/ws`, 'hub.v1.json');
  /** @type {Map<number, (answer: any) => void>} */
  const waiting = new Map();
  let asked = 0;
  /** @type {(m: string, p: unknown) => Promise<any>} */
  const ask = (m, p) =>
    new Promise((resolve) => {
      waiting.set(++asked, resolve);
      socket.send(JSON.stringify({ i: asked, m, p }));
    });
  socket.onmessage = ({ data }) => {
    for (const line of data.split('\n')) {
      const frame = JSON.parse(line);
      if (frame.i !== undefined) waiting.get(frame.i)?.(frame);
      else if (Object.keys(frame).length === 0) socket.send('{}');
    }
  };
  await new Promise((resolve) => (socket.onopen = resolve));
  await ask('hello', { v: 1, dev: crypto.randomUUID(), app: 'test', focus: [] });
  for (let k = 1; k <= count; k++) {
    const send = { r: room, cid: crypto.randomUUID(), body: `Сообщение ${word} от ${by} ${k}.` };
    // The server says how long to wait.
    for (;;) {
      const { err } = await ask('msg.send', send);
      if (!err) break;
      if (!err.tmp) throw new Error(JSON.stringify(err));
      await new Promise((resolve) => setTimeout(resolve, err.after ?? 100));
    }
  }
  socket.close();
}

/** So many days ago, as a field for dates has it. @param {number} ago */
function day(ago) {
  const date = new Date(Date.now() - ago * DAY_MS);
  return [date.getFullYear(), date.getMonth() + 1, date.getDate()].map((part) => String(part).padStart(2, '0')).join('-');
}

/** The first message of a day is in view. @param {import('../browsers.mjs').Person} person @param {string} word */
const inView = (person, word) =>
  person.until(
    (word) => {
      const scroller = document.querySelector('[role=log]');
      if (!scroller) return false;
      const { top, bottom } = scroller.getBoundingClientRect();
      const first = [...scroller.querySelectorAll('article')].find((one) => one.textContent?.includes(`${word} от teacher 1.`))?.getBoundingClientRect();
      return first !== undefined && first.top >= top - 5 && first.bottom <= bottom + 5;
    },
    word,
    `the first message of «${word}» in view`,
  );

/** Picks a date in the line of a day, as the browser's calendar does. @param {import('../browsers.mjs').Person} person @param {string} chosen */
const toDate = (person, chosen) =>
  person.read((chosen) => {
    const field = /** @type {HTMLInputElement | undefined} */ ([...document.querySelectorAll('[role=log] input[type=date]')].at(-1));
    if (!field) throw new Error('no day in the conversation');
    field.value = chosen;
    field.dispatchEvent(new Event('change', { bubbles: true }));
  }, chosen);

/** @param {import('../browsers.mjs').Person} person */
const opened = (person) => person.until(() => document.querySelector('[role=log] input[type=date]') !== null, undefined, 'a day in the conversation');

step('a day of the conversation leads to another date, also to one on which nothing was said', async () => {
  await student.click('link', ROOM);
  await opened(student);
  // It has a name, and takes what is typed.
  const field = student.page.getByLabel(/^Перейти к дате: /).last();
  assert.equal(await field.getAttribute('max'), day(0));
  await field.fill(day(60));
  await inView(student, 'весеннее');
  await opened(student);
  await toDate(student, day(40));
  // The next one on which something was said.
  await inView(student, 'летнее');
  await student.click('button', 'К новым сообщениям');
  await student.until(() => document.querySelector('[role=log]')?.textContent?.includes('осеннее от teacher 30.'), undefined, 'the end');
});

step('so it does on a phone and in Firefox', async () => {
  await phone.page.getByRole('link', { name: ROOM }).tap();
  await opened(phone);
  const target = await phone.page.locator('[role=log] input[type=date]').last().boundingBox();
  assert.ok(target && target.height >= 44, 'a finger finds it');
  await toDate(phone, day(60));
  await inView(phone, 'весеннее');
  await teacher.click('link', ROOM);
  // Whoever has read all of it is at the end, and the day begins above.
  await teacher.until(
    () => {
      const log = document.querySelector('[role=log]');
      if (log) log.scrollTop = 0;
      return document.querySelector('[role=log] input[type=date]') !== null;
    },
    undefined,
    'a day in the conversation',
  );
  await toDate(teacher, day(30));
  await inView(teacher, 'летнее');
});

step('the search is narrowed to a person and to days, and back', async () => {
  const { page } = student;
  const hits = page.locator('#find-list [role=option]');
  const author = (/** @type {string} */ login) => page.locator('#find-list [role=option]').filter({ hasText: `от ${login} ` });
  const { name } = await server.person('student2');
  await page.keyboard.press('Control+KeyK');
  await page.getByRole('combobox', { name: 'Поиск' }).fill('сообщение');
  await author('teacher').first().waitFor();
  await page.getByLabel('Кто написал').selectOption({ label: name });
  await student.until(() => document.querySelectorAll('#find-list [role=option]').length === 3, undefined, 'three of one person');
  assert.equal(await author('student2').count(), 3);
  await page.getByRole('button', { name: 'Даты' }).click();
  await page.getByLabel('с', { exact: true }).fill(day(31));
  await student.until(() => document.querySelectorAll('#find-list [role=option]').length === 2, undefined, 'two since then');
  await page.getByLabel('Кто написал').selectOption('');
  await author('teacher').first().waitFor();
  assert.doesNotMatch(await page.locator('#find-list').innerText(), /весеннее/);
  await page.getByRole('button', { name: 'Сбросить фильтры' }).click();
  await hits.filter({ hasText: 'осеннее' }).first().waitFor();
  assert.equal(await page.getByLabel('Кто написал').inputValue(), '');
});
