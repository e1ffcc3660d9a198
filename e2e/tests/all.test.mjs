// «@все»: a teacher on a phone calls everybody; students see that they are meant, in Chromium and in Firefox.
import assert from 'node:assert/strict';
import { after, before } from 'node:test';

import { chromiumPerson, firefoxPerson, launchChromium, signIn } from '../browsers.mjs';
import { Server } from '../server.mjs';
import { steps } from '../steps.mjs';

const ROOM = 'Робототехника, поток 1';
const OTHER = '3D-моделирование, поток 2';

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
let other;

before(async () => {
  server = await Server.create();
  chromium = await launchChromium();
  const small = { viewport: { width: 360, height: 740 }, hasTouch: true, isMobile: true };
  [teacher, student, other] = await Promise.all([
    chromiumPerson(chromium, 'teacher', small),
    firefoxPerson('student'),
    chromiumPerson(chromium, 'other'),
  ]);
  await Promise.all([signIn(teacher, server, 'teacher'), signIn(student, server, 'student1'), signIn(other, server, 'student2')]);
  for (const person of [teacher, student]) {
    await person.click('link', ROOM);
    await person.see('textbox', 'Сообщение');
  }
  await other.click('link', OTHER);
  await other.see('textbox', 'Сообщение');
});

after(async () => {
  await Promise.allSettled([student?.close(), chromium?.close()]);
  await server?.stop();
});

/** @param {import('../browsers.mjs').Person} person @param {string} text @param {string} [where] */
const seen = (person, text, where = 'main') =>
  person.until(
    ({ text, where }) => /** @type {HTMLElement | null} */ (document.querySelector(where))?.innerText.includes(text),
    { text, where },
    `«${text}» in ${where}`,
  );

/** How «@все» of the last message with this text is marked. @param {import('../browsers.mjs').Person} person @param {string} text */
const mark = (person, text) =>
  person.read((text) => {
    const message = [...document.querySelectorAll('article')].findLast((one) => one.textContent?.includes(text));
    return message?.querySelector('.name')?.className.includes('me') ?? null;
  }, text);

step('before it is sent, the teacher is told how many people it reaches', async () => {
  await teacher.type('Сообщение', '@все, завтра в девять');
  await teacher.page.getByRole('button', { name: 'Отправить' }).tap();
  await seen(teacher, 'упомянет 5 человек', 'dialog');
  await teacher.page.getByRole('dialog').getByRole('button', { name: 'Отмена' }).tap();
  await teacher.page.getByRole('dialog').waitFor({ state: 'hidden' });
  assert.equal(await teacher.read(() => document.querySelector('textarea')?.value), '@все, завтра в девять', 'the text is there still');
  await teacher.page.getByRole('button', { name: 'Отправить' }).tap();
  await teacher.page.getByRole('button', { name: 'Отправить всем (5)' }).tap();
  await seen(student, 'завтра в девять');
  assert.equal(await mark(student, 'завтра в девять'), true, 'one is meant oneself');
  await other.until(
    // Not the text of the message, which has the sign as well.
    (room) => [...document.querySelectorAll('nav a')].find((one) => one.querySelector('.name')?.textContent === room)?.querySelector('[aria-label="Вас упомянули"]'),
    ROOM,
    'the sign of a mention in the list of rooms',
  );
});

step('without a mention it is a plain word, and so it is for who may not', async () => {
  await teacher.type('Сообщение', 'Кто пишет @все?');
  await teacher.page.getByRole('button', { name: 'Отправить' }).tap();
  await teacher.page.getByRole('button', { name: 'Отправить без упоминания' }).tap();
  await seen(student, 'Кто пишет');
  assert.equal(await mark(student, 'Кто пишет'), null);
  await student.type('Сообщение', '@все, где конспект?');
  await seen(student, '«@все» пишут только сотрудники');
  await student.click('button', 'Отправить');
  await seen(teacher, 'где конспект');
  assert.equal(await mark(teacher, 'где конспект'), null);
});

step('it stands in the list of mentions', async () => {
  await other.page.getByRole('button', { name: 'Упоминания', exact: true }).click();
  await seen(other, 'завтра в девять', 'dialog');
  const listed = await other.read(() => document.querySelector('dialog')?.textContent);
  assert.ok(!listed?.includes('где конспект') && !listed?.includes('Кто пишет'), listed ?? '');
});

step('too many of them are refused, and the text stays', async () => {
  for (let k = 2; k <= 6; k++) {
    await teacher.type('Сообщение', `@все, объявление ${k}`);
    await teacher.page.getByRole('button', { name: 'Отправить' }).tap();
    await teacher.page.getByRole('button', { name: 'Отправить всем (5)' }).tap();
    await seen(teacher, `объявление ${k}`);
  }
  await seen(teacher, 'не чаще 5 раз в час');
  await seen(student, 'объявление 5');
  assert.equal(await student.read(() => document.querySelector('main')?.textContent?.includes('объявление 6')), false);
  assert.equal(await teacher.read(() => document.querySelector('.line')?.textContent?.includes('объявление 6')), true);
});
