// A network that lets no WebSocket through: one of two takes part over plain HTTP and misses nothing.
import assert from 'node:assert/strict';
import { after, before } from 'node:test';

import { chromiumPerson, launchChromium, signIn } from '../browsers.mjs';
import { Server } from '../server.mjs';
import { steps } from '../steps.mjs';

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
/** What was written, in this order. @type {string[]} */
const written = [];
/** Requests of the student's that opened a stream. */
let streams = 0;

before(async () => {
  server = await Server.create();
  chromium = await launchChromium();
  teacher = await chromiumPerson(chromium, 'teacher');
  student = await chromiumPerson(chromium, 'student');
  await student.page.addInitScript(blockWebSockets);
  student.page.on('request', (request) => {
    if (request.url().endsWith('/api/v1/stream')) streams += 1;
  });
  await Promise.all([signIn(teacher, server, 'teacher'), signIn(student, server, 'student1')]);
  await open(teacher);
});

after(async () => {
  await chromium?.close();
  await server?.stop();
});

step('what happens in a room that is not open shows in the list of rooms', async () => {
  await say(teacher, 'Кто видит это без WebSocket?');
  await student.until(inList, { room: ROOM, text: written.at(-1) }, 'the message in the list of rooms');
  await student.until(unreadIs, { room: ROOM, is: true }, 'the count of unread messages');
  assert.ok(streams > 0, 'the student has no stream');
  assert.ok(await student.read(() => /** @type {any} */ (window).upgrades >= 2), 'the student tried no WebSocket');
});

step('a room that is opened goes on where it was, and is read', async () => {
  await open(student);
  await allShow(student);
  await student.until(unreadIs, { room: ROOM, is: false }, 'the end of the count');
});

step('messages and «печатает» go both ways', async () => {
  await say(student, 'Я вижу!');
  await say(teacher, 'И я тебя.');
  await Promise.all([allShow(teacher), allShow(student)]);
  await typingShows(student, teacher, 'student1');
  await typingShows(teacher, student, 'teacher');
});

step('three reloads keep the order', async () => {
  for (const time of ['первый', 'второй', 'третий']) {
    await say(student, `Перезагружаю в ${time} раз`);
    await student.reload();
    await say(teacher, `Пока ты грузился в ${time} раз`);
    await say(student, `Загрузился в ${time} раз`);
    await Promise.all([allShow(teacher), allShow(student)]);
  }
});

step('a message written while the server is down goes out once', async () => {
  await server.kill('SIGKILL');
  await write(student, 'Написано, пока сервер лежал');
  await server.start();
  await Promise.all([allShow(teacher), allShow(student)]);
});

// Runs in the page, before its own scripts.
function blockWebSockets() {
  const page = /** @type {any} */ (window);
  page.upgrades = 0;
  page.WebSocket = class extends EventTarget {
    /** @type {((event: CloseEvent) => void) | null} */
    onclose = null;
    readyState = 0;

    constructor() {
      super();
      page.upgrades += 1;
      setTimeout(() => {
        this.readyState = 3;
        this.onclose?.(new CloseEvent('close', { code: 1006 }));
      });
    }

    close() {}
  };
}

/** @param {import('../browsers.mjs').Person} person */
async function open(person) {
  await person.click('link', ROOM);
  await person.see('textbox', 'Сообщение');
}

/**
 * @param {import('../browsers.mjs').Person} person
 * @param {string} text
 */
async function write(person, text) {
  written.push(text);
  await person.type('Сообщение', text);
  await person.click('button', 'Отправить');
}

/**
 * Writes, and waits until the server has it: what is written next comes after it.
 * @param {import('../browsers.mjs').Person} person
 * @param {string} text
 */
async function say(person, text) {
  await write(person, text);
  await allShow(person);
}

/**
 * The last messages of the room are what was written, once and in order.
 * @param {import('../browsers.mjs').Person} person
 */
function allShow(person) {
  return person.until(
    (wanted) => {
      const messages = Array.from(document.querySelectorAll('main [data-message] p[dir=auto]:not(.author)'), (text) => text.textContent?.trim() ?? '');
      return JSON.stringify(messages.slice(-wanted.length)) === JSON.stringify(wanted);
    },
    written,
    `all of ${JSON.stringify(written)}`,
  );
}

/**
 * Writes until the other is told.
 * @param {import('../browsers.mjs').Person} writer
 * @param {import('../browsers.mjs').Person} reader
 * @param {string} login the writer's
 */
async function typingShows(writer, reader, login) {
  const { name } = await server.person(login);
  let seen = false;
  const seeing = reader
    .until((who) => new RegExp(`${who}[^\n]*\\s*печата`, 'u').test(document.body.innerText), name.split(' ')[0], `that ${name} is writing`)
    .finally(() => (seen = true));
  while (!seen) await writer.type('Сообщение', `м${Date.now() % 10}`);
  await seeing;
  await writer.type('Сообщение', '');
}

// Runs in the page.
/** @param {{room: string, text: string}} wanted */
function inList({ room, text }) {
  return Array.from(document.querySelectorAll('nav a')).some((link) => link.textContent?.includes(room) && link.textContent.includes(text));
}

// Runs in the page.
/** @param {{room: string, is: boolean}} wanted */
function unreadIs({ room, is }) {
  const link = Array.from(document.querySelectorAll('nav a')).find((one) => one.textContent?.includes(room));
  return link && (link.querySelector('.count') !== null) === is;
}
