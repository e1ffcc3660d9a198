// Group chat between Chromium and Firefox.
import assert from 'node:assert/strict';
import { on } from 'node:events';
import { watch } from 'node:fs';
import { mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before } from 'node:test';

import { PATIENCE_MS, chromiumPerson, firefoxPerson, launchChromium, signIn } from '../browsers.mjs';
import { pdf, png } from '../files.mjs';
import { keptToSend } from '../kept.mjs';
import { Server } from '../server.mjs';
import { eventually, steps } from '../steps.mjs';

const ROOM = 'Робототехника, поток 1';
const OTHER_ROOM = '3D-моделирование, поток 2';
const REPORT = 'Отчёт №1 (финал).pdf';
const PHOTO = 'Схема робота.png';

const step = steps();
/** @type {Server} */
let server;
/** @type {import('playwright-core').Browser} */
let chromium;
/** @type {Awaited<ReturnType<typeof chromiumPerson>>} */
let teacher;
/** @type {Awaited<ReturnType<typeof firefoxPerson>>} */
let student;
/** @type {string} */
let folder;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'parta-files-'));
  server = await Server.create();
  chromium = await launchChromium();
  [teacher, student] = await Promise.all([chromiumPerson(chromium, 'teacher'), firefoxPerson('student')]);
  await Promise.all([signIn(teacher, server, 'teacher'), signIn(student, server, 'student1')]);
  for (const person of [teacher, student]) {
    await person.click('link', ROOM);
    await person.see('textbox', 'Сообщение');
  }
});

after(async () => {
  await Promise.allSettled([student?.close(), chromium?.close()]);
  await server?.stop();
  await rm(folder, { recursive: true, force: true });
});

/**
 * @param {import('../browsers.mjs').Person} person
 * @param {string} text
 */
async function say(person, text) {
  await person.type('Сообщение', text);
  await person.click('button', 'Отправить');
}

/**
 * @param {import('../browsers.mjs').Person} person
 * @param {string} text
 */
function waitForText(person, text) {
  return person.until((wanted) => document.querySelector('main')?.innerText.includes(wanted), text, `«${text}»`);
}

/**
 * Messages with this text in the open room, as the server has them.
 * @param {import('../browsers.mjs').Person} person
 * @param {string} text
 */
async function stored(person, text) {
  const rows = await person.read(async () => {
    const room = location.pathname.split('/').at(-1);
    const answer = await fetch(`/api/v1/rooms/${room}/events?limit=100`);
    return /** @type {{events: any[]}} */ (await answer.json()).events;
  });
  return rows.filter((row) => row.e === 'msg' && row.d.body === text).length;
}

/**
 * Waits until a message stands in the conversation and not only before it, on its way.
 * @param {import('../browsers.mjs').Person} person
 * @param {string} text
 */
const waitForMessage = (person, text) =>
  person.until(
    (wanted) => [...document.querySelectorAll('main article[data-message]')].some((one) => /** @type {HTMLElement} */ (one).innerText.includes(wanted)),
    text,
    `the message «${text}»`,
  );

/**
 * How often a text stands in the room. Between the answer to who sent it and the news of it, a message is nowhere for a moment.
 * @param {import('../browsers.mjs').Person} person
 * @param {string} text
 * @returns {Promise<number>}
 */
function shown(person, text) {
  return person.read((wanted) => (document.querySelector('main')?.innerText ?? '').split(wanted).length - 1, text);
}

/**
 * A message stands in the room once.
 * @param {import('../browsers.mjs').Person[]} people
 * @param {string} text
 */
async function onceFor(people, text) {
  for (const person of people) {
    await waitForMessage(person, text);
    assert.equal(await shown(person, text), 1, person.name);
  }
}

/** @param {import('../browsers.mjs').Person} person @param {string} name */
const inRoom = (person, name) => person.until((name) => document.querySelector('main h1')?.textContent === name, name, `the room ${name}`);

/** @param {import('../browsers.mjs').Person} person */
const closed = (person) => person.until(() => document.querySelector('dialog[open]') === null, undefined, 'the end of what lay above');

step('a message arrives at once, in both directions', async () => {
  const question = 'Привет! Кто принёс батарейки? 🔋 <b>не тег</b>';
  await say(teacher, question);
  await waitForText(student, question);
  const answer = 'Я принёс «две» — и зарядку.';
  await say(student, answer);
  await waitForText(teacher, answer);
  for (const text of [question, answer]) await onceFor([teacher, student], text);
});

step('the author sees who has read a message', async () => {
  const { name } = await server.person('student1');
  const absent = await server.person('student3');
  const text = 'Прочитайте, пожалуйста';
  await say(teacher, text);
  await teacher.until(
    (wanted) => {
      const message = [...document.querySelectorAll('article')].findLast((article) => article.innerText.includes(wanted));
      return message?.querySelector('[aria-label="Прочитали: 1"]');
    },
    text,
    'the second tick',
  );
  await teacher.page.locator('article', { hasText: text }).getByRole('button', { name: 'Прочитали: 1', exact: true }).click();
  await teacher.until(
    (people) => {
      const [read, unread] = document.querySelector('dialog[open]')?.querySelectorAll('ul') ?? [];
      return read?.innerText.includes(people.read) && unread?.innerText.includes(people.unread);
    },
    { read: name, unread: absent.name },
    'the list of readers',
  );
  await teacher.press('Escape');
  await closed(teacher);
});

step('presence and typing show', async () => {
  const { name } = await server.person('student1');
  await waitForText(teacher, '2 в сети');
  // Goes on writing as a person does: the client tells it every 3 s at most.
  let seen = false;
  const seeing = teacher
    .until(
      (who) => document.body.innerText.match(new RegExp(`${who.split(' ')[0]}[^\n]*\\s*печата`, 'u')),
      name,
      `that ${name} is writing`,
    )
    .finally(() => (seen = true));
  while (!seen) await student.type('Сообщение', 'м');
  await seeing;
  await student.type('Сообщение', ' — думаю…');
  await student.click('button', 'Отправить');
  await waitForText(teacher, ' — думаю…');
});

step('whoever is mentioned sees it from another room, and has seen it on all their devices', async () => {
  const { name } = await server.person('student1');
  const phone = await chromiumPerson(chromium, 'the student’s phone', { viewport: { width: 360, height: 740 } });
  await signIn(phone, server, 'student1');
  await student.click('link', OTHER_ROOM);
  await inRoom(student, OTHER_ROOM);
  await teacher.type('Сообщение', 'Кто покажет? @миш');
  await teacher.page.getByRole('option', { name }).waitFor();
  await teacher.press('Enter');
  await teacher.page.keyboard.type('и все, кто хочет');
  await teacher.click('button', 'Отправить');
  const text = `Кто покажет? @${name} и все, кто хочет`;
  await waitForText(teacher, text);
  /** @type {(person: import('../browsers.mjs').Person, there: boolean) => Promise<void>} */
  const badge = (person, there) =>
    person.until(
      ({ room, there }) => [...document.querySelectorAll('nav a')].some((one) => one.querySelector('.name')?.textContent === room && one.querySelector('[aria-label="Вас упомянули"]')) === there,
      { room: ROOM, there },
      there ? 'the badge of a mention' : 'the end of the badge',
    );
  await Promise.all([badge(student, true), badge(phone, true)]);
  await student.click('link', ROOM);
  await waitForText(student, text);
  await Promise.all([badge(student, false), badge(phone, false)]);
  const marked = await student.read(() => document.querySelector('main .name.me')?.textContent);
  assert.equal(marked, `@${name}`);
  await phone.close();
});

step('reading goes on where it was left', async () => {
  await student.click('link', OTHER_ROOM);
  await inRoom(student, OTHER_ROOM);
  const texts = [1, 2, 3, 4].map((no) => `План ${no}${`\nпункт ${no}`.repeat(12)}`);
  for (const text of texts) await say(teacher, text);
  const four = '[aria-label^="4 непрочитан"]';
  await student.until((badge) => document.querySelector(badge) !== null, four, 'four unread messages');
  await student.click('link', ROOM);
  /** @param {string} text */
  const inView = (text) =>
    student.until(
      (wanted) => {
        const all = [...document.querySelectorAll('[data-unread], article')];
        const { top, bottom } = all.findLast((one) => one.textContent?.includes(wanted))?.getBoundingClientRect() ?? {};
        return top !== undefined && bottom !== undefined && bottom > 0 && top < innerHeight;
      },
      text,
      `«${text}» in view`,
    );
  await inView('Новые сообщения');
  await inView('План 1');
  // They are not taken for read before they were in view.
  await student.see('button', 'К новым сообщениям');
  assert.ok(await student.read((badge) => document.querySelector(badge) !== null, four));
  await student.click('button', 'К новым сообщениям');
  await inView('План 4');
  await student.until(() => document.querySelector('[aria-label*="непрочитан"]') === null, undefined, 'all to be read');
});

step('what one wrote can be changed and deleted, and the staff can look it up', async () => {
  await say(student, 'Превет всем');
  await waitForText(teacher, 'Превет всем');
  // The one before it would be changed until it is there for its author, too.
  await waitForMessage(student, 'Превет всем');
  await student.press('ArrowUp');
  await student.see('button', 'Сохранить');
  await student.type('Сообщение', '!');
  await student.click('button', 'Сохранить');
  for (const person of [student, teacher]) {
    await waitForText(person, 'Превет всем!');
    await waitForText(person, 'изменено');
  }
  /** @param {import('../browsers.mjs').Person} person @param {string} text */
  const open = (person, text) =>
    person.read((wanted) => {
      const all = [...document.querySelectorAll('article')];
      const message = all.findLast((article) => article.innerText.includes(wanted));
      /** @type {HTMLElement | null | undefined} */ (message?.querySelector('[aria-label="Действия с сообщением"]'))?.click();
    }, text);
  await open(teacher, 'Превет всем!');
  await teacher.click('button', 'Удалить');
  await waitForText(teacher, 'Удалить сообщение у всех?');
  await teacher.click('button', 'Удалить');
  const { name } = await server.person('teacher');
  for (const person of [student, teacher]) {
    await waitForText(person, `Сообщение удалено (${name})`);
    assert.equal(await shown(person, 'Превет'), 0, person.name);
  }
  // The menu closes with the answer, which may come after the news: it would take the next one with it.
  await closed(teacher);
  await open(teacher, `Сообщение удалено (${name})`);
  await teacher.click('button', 'История изменений');
  await teacher.until(
    () => [...document.querySelectorAll('dialog .said')].map((one) => one.textContent).join() === 'Превет всем,Превет всем!',
    undefined,
    'what it said before',
  );
  await teacher.press('Escape');
  await closed(teacher);
});

step('a photo and a document arrive whole, with their names', async () => {
  const report = pdf();
  const photo = png(640, 480);
  await writeFile(join(folder, REPORT), report);
  await writeFile(join(folder, PHOTO), photo);
  const chooser = teacher.page.waitForEvent('filechooser');
  await teacher.click('button', 'Прикрепить файл');
  await (await chooser).setFiles([join(folder, PHOTO), join(folder, REPORT)]);
  await waitForText(teacher, REPORT);
  await say(teacher, 'Отчёт и схема');
  await waitForText(student, 'Отчёт и схема');
  await waitForText(student, REPORT);
  // The picture is there, not only its frame.
  await student.until(
    () => Array.from(document.querySelectorAll('main img')).some((img) => /** @type {HTMLImageElement} */ (img).naturalWidth > 100),
    undefined,
    'the preview of the photo',
  );

  const saved = await downloaded(student, REPORT);
  assert.ok(saved.equals(report), 'Firefox: the bytes are the same');

  const another = await chromiumPerson(chromium, 'another student');
  await signIn(another, server, 'student2');
  await another.click('link', ROOM);
  await another.see('link', REPORT);
  const download = another.page.waitForEvent('download');
  // It would be shown by the browser otherwise.
  await another.click('link', `Скачать: ${REPORT}`);
  assert.equal((await download).suggestedFilename(), REPORT);
  assert.ok((await readFile(await (await download).path())).equals(report), 'Chromium: the bytes are the same');
  await another.close();
});

/**
 * Clicks a link and gives the finished download.
 * @param {Awaited<ReturnType<typeof firefoxPerson>>} person
 * @param {string} name
 */
async function downloaded(person, name) {
  const folder = person.downloads;
  // Before the click, so that no change goes unseen.
  const watcher = watch(folder);
  /** @type {string[]} */
  let names = [];
  try {
    const changes = on(watcher, 'change', { signal: AbortSignal.timeout(PATIENCE_MS) });
    await person.click('link', name);
    for await (const _ of changes) {
      names = (await readdir(folder)).map((found) => found.normalize('NFC'));
      if (!names.includes(name) || names.some((found) => found.endsWith('.part'))) continue;
      const bytes = await readFile(join(folder, name));
      // Firefox holds the name with an empty file until the whole one takes its place.
      if (bytes.length > 0) return bytes;
    }
  } catch (error) {
    throw new Error(`${name} was not downloaded, only ${names}`, { cause: error });
  } finally {
    watcher.close();
  }
  throw new Error(`${name} was not downloaded, only ${names}`);
}

step('a message written without a network goes out once', async () => {
  const text = 'Написано в метро';
  await teacher.context.setOffline(true);
  await say(teacher, text);
  await waitForText(teacher, text);
  await teacher.context.setOffline(false);
  await waitForText(student, text);
  assert.equal(await stored(student, text), 1);
  await onceFor([student, teacher], text);
});

step('a message written while the server is down goes out once', async () => {
  const text = 'Написано, пока сервер лежал';
  await server.kill('SIGKILL');
  await say(teacher, text);
  await waitForText(teacher, text);
  await server.start();
  await waitForText(student, text);
  const answers = () =>
    teacher.read(async () => {
      const room = location.pathname.split('/').at(-1);
      return (await fetch(`/api/v1/rooms/${room}/events?limit=1`)).ok;
    });
  await eventually(answers, Boolean, 'the server to answer');
  assert.equal(await stored(student, text), 1);
  await onceFor([student, teacher], text);
});

step('a message written and left by a reload goes out once', async () => {
  const text = 'Написано перед перезагрузкой страницы';
  await server.kill('SIGKILL');
  await say(teacher, text);
  await waitForText(teacher, text);
  await keptToSend(teacher, 1);
  await server.start();
  await teacher.reload();
  await waitForText(student, text);
  assert.equal(await stored(student, text), 1);
});
