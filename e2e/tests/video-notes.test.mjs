// Short video messages: recorded on a phone, watched in Chromium and in Firefox at the speed that one likes.
import assert from 'node:assert/strict';
import { after, before } from 'node:test';

import { chromiumPerson, firefoxPerson, launchChromium, signIn } from '../browsers.mjs';
import { Server } from '../server.mjs';
import { steps } from '../steps.mjs';

const ROOM = 'Робототехника, поток 1';

const step = steps();
/** @type {Server} */
let server;
/** @type {import('playwright-core').Browser} */
let chromium;
/** @type {Awaited<ReturnType<typeof chromiumPerson>>} */
let phone;
/** @type {Awaited<ReturnType<typeof chromiumPerson>>} */
let teacher;
/** @type {Awaited<ReturnType<typeof firefoxPerson>>} */
let student;

before(async () => {
  server = await Server.create();
  chromium = await launchChromium();
  phone = await chromiumPerson(chromium, 'phone', { viewport: { width: 360, height: 740 }, hasTouch: true, isMobile: true, deviceScaleFactor: 2 });
  teacher = await chromiumPerson(chromium, 'teacher');
  student = await firefoxPerson('student');
  // A machine without loudspeakers, where Firefox plays nothing that could be heard.
  await student.page.evaluateOnNewDocument(() => {
    const { play } = HTMLMediaElement.prototype;
    HTMLMediaElement.prototype.play = function () {
      this.muted = true;
      return play.call(this);
    };
  });
  for (const person of [phone, teacher]) await person.page.addInitScript(noteFilms);
  await student.page.evaluateOnNewDocument(noteFilms);
  await Promise.all([signIn(phone, server, 'student2'), signIn(teacher, server, 'teacher'), signIn(student, server, 'student1')]);
  for (const person of [phone, teacher, student]) {
    await person.click('link', ROOM);
    await person.see('textbox', 'Сообщение');
  }
});

after(async () => {
  await student?.close();
  await chromium?.close();
  await server?.stop();
});

/** So many video messages are there. @param {import('../browsers.mjs').Person} person @param {number} count */
const notes = (person, count) => person.until((count) => document.querySelectorAll('article .note video').length === count, count, `${count} video messages`);

// Runs in the page before its scripts: notes what is played, which at twice the speed is over before a slow test looks.
function noteFilms() {
  /** @type {{film: string, at: number, wide: number, rate: number}[]} */
  const ran = (/** @type {any} */ (window).e2e.kept.ran = []);
  document.addEventListener(
    'timeupdate',
    ({ target }) => {
      if (!(target instanceof HTMLVideoElement) || !target.closest('.note')) return;
      ran.push({ film: target.src, at: target.currentTime, wide: target.videoWidth, rate: target.playbackRate });
    },
    true,
  );
}

/** The last one has moved on, with a picture and at this speed. */
const runs = (/** @type {number} */ rate) => {
  const src = /** @type {HTMLVideoElement | undefined} */ ([...document.querySelectorAll('article .note video')].at(-1))?.src;
  const ran = /** @type {{film: string, at: number, wide: number, rate: number}[]} */ (/** @type {any} */ (window).e2e.kept.ran);
  return ran.some((one) => one.film === src && one.at > 0.3 && one.wide > 0 && one.rate === rate);
};

const recorded = (/** @type {string} */ time) => (document.querySelector('[role=timer]')?.textContent ?? '') >= time;

step('a phone records one by touch and sends it', async () => {
  await phone.page.getByRole('button', { name: 'Голосовое сообщение' }).tap();
  await phone.page.getByRole('button', { name: 'Записать видео' }).tap();
  await phone.until(() => (/** @type {HTMLVideoElement | null} */ (document.querySelector('.picture video'))?.videoWidth ?? 0) > 0, undefined, 'one’s own face');
  await phone.until(recorded, '0:02', 'two seconds of recording');
  const wide = await phone.read(() => document.documentElement.scrollWidth - innerWidth);
  assert.ok(wide <= 0, `${wide} px stick out`);
  await phone.page.getByRole('button', { name: 'Отправить' }).tap();
  for (const person of [phone, teacher, student]) await notes(person, 1);
});

step('others watch it, and it is new no more', async () => {
  for (const person of [teacher, student]) {
    assert.ok(await person.read(() => document.querySelector('article .note .new') !== null), `${person.name}: it is new`);
    await person.click('button', 'Смотреть, Видеосообщение');
    await person.until(runs, 1, 'the video message playing');
    assert.ok(await person.read(() => document.querySelector('article .note .new') === null), `${person.name}: it is new no more`);
  }
  assert.ok(await phone.read(() => document.querySelector('article .note .new') === null), 'one’s own never is');
});

step('its speed is that of voice messages, changes while it plays, and is remembered', async () => {
  for (const person of [teacher, student]) {
    await person.see('button', 'Смотреть, Видеосообщение');
    await person.click('button', 'Скорость: 1');
    await person.see('button', 'Скорость: 1,5');
    await person.click('button', 'Смотреть, Видеосообщение');
    await person.until(runs, 1.5, 'the video message playing faster');
    await person.see('button', 'Смотреть, Видеосообщение');
  }
  await teacher.reload();
  await notes(teacher, 1);
  await teacher.click('button', 'Скорость: 1,5');
  await teacher.see('button', 'Скорость: 2');
  await teacher.click('button', 'Смотреть, Видеосообщение');
  await teacher.until(runs, 2, 'the video message playing twice as fast');
});

step('on a phone its buttons are large enough, and a touch stops and goes on', async () => {
  const sizes = await phone.read(() => [...document.querySelectorAll('article .note, article .rate')].map((one) => one.getBoundingClientRect()).map(({ width, height, right }) => [width, height, right]));
  for (const [width = 0, height = 0, right = 0] of sizes) assert.ok(width >= 44 && height >= 44 && right <= 360, JSON.stringify(sizes));
  const note = phone.page.locator('article .note');
  await note.tap();
  await phone.until(() => document.querySelector('article .note')?.getAttribute('aria-label')?.startsWith('Пауза'), undefined, 'it plays');
  await note.tap();
  await phone.until(() => document.querySelector('article .note')?.getAttribute('aria-label')?.startsWith('Смотреть'), undefined, 'it stands');
});

step('what Firefox records is watched in Chromium, also on the phone', async () => {
  await student.click('button', 'Голосовое сообщение');
  await student.click('button', 'Записать видео');
  await student.until(recorded, '0:02', 'two seconds of recording');
  await student.click('button', 'Отправить');
  for (const person of [phone, teacher]) await notes(person, 2);
  await teacher.page.locator('article .note').last().click();
  await teacher.until(runs, 2, 'the video message of Firefox');
  await phone.page.locator('article .note').last().tap();
  await phone.until(runs, 1, 'the video message of Firefox on the phone');
});
