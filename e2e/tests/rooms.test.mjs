// Rooms that a teacher makes and changes in Chromium, as a student in Firefox sees it.
import assert from 'node:assert/strict';
import { after, before } from 'node:test';

import { chromiumPerson, firefoxPerson, launchChromium, signIn } from '../browsers.mjs';
import { png } from '../files.mjs';
import { Server } from '../server.mjs';
import { steps } from '../steps.mjs';

const NAME = 'Проект «Луноход»';
const NEWS = 'Объявления центра';

const step = steps();
/** @type {Server} */
let server;
/** @type {import('playwright-core').Browser} */
let chromium;
/** @type {Awaited<ReturnType<typeof chromiumPerson>>} */
let teacher;
/** @type {Awaited<ReturnType<typeof firefoxPerson>>} */
let student;

before(async () => {
  server = await Server.create();
  chromium = await launchChromium();
  [teacher, student] = await Promise.all([chromiumPerson(chromium, 'teacher'), firefoxPerson('student')]);
  await Promise.all([signIn(teacher, server, 'teacher'), signIn(student, server, 'student1')]);
});

after(async () => {
  await Promise.allSettled([student?.close(), chromium?.close()]);
  await server?.stop();
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
 * Whether the list of rooms has one of this name.
 * @param {import('../browsers.mjs').Person} person
 * @param {string} name
 * @param {boolean} there
 */
function waitForRoom(person, name, there) {
  return person.until(
    (wanted) => [...document.querySelectorAll('nav a')].some((link) => link.querySelector('.name')?.textContent === wanted.name) === wanted.there,
    { name, there },
    `${there ? 'a' : 'no'} room «${name}»`,
  );
}

/** @param {import('../browsers.mjs').Person} person @param {string} name */
const inRoom = (person, name) => person.until((name) => document.querySelector('main h1')?.textContent === name, name, `the room «${name}»`);

step('a teacher makes a group with the keyboard, and it is there for its members at once', async () => {
  await teacher.click('button', 'Новая группа');
  await teacher.type('Название', NAME);
  await teacher.type('Найти по имени', 'куз миш');
  await teacher.press('Enter');
  const chosen = await teacher.read(() => [...document.querySelectorAll('dialog input:checked[type="checkbox"]')].length);
  assert.equal(chosen, 1);
  await teacher.click('button', 'Создать');
  await teacher.see('textbox', 'Сообщение');
  await say(teacher, 'Собираемся в среду');
  await waitForRoom(student, NAME, true);
  await student.click('link', NAME);
  await waitForText(student, 'Собираемся в среду');
  await say(student, 'Буду!');
  await waitForText(teacher, 'Буду!');
});

step('a picture that the teacher gives the group is there for its members at once', async () => {
  await teacher.click('button', 'Участники');
  await teacher.click('button', 'Настройки группы');
  const file = { name: 'кружок.png', mimeType: 'image/png', buffer: png(900, 600) };
  await teacher.page.locator('dialog input[type=file]').setInputFiles([file]);
  await teacher.until(() => document.querySelector('dialog .avatar img')?.getAttribute('src')?.startsWith('blob:'), undefined, 'what was chosen');
  await teacher.click('button', 'Сохранить');
  for (const person of [teacher, student]) {
    await person.until(
      (name) => {
        const link = [...document.querySelectorAll('nav a')].find((one) => one.querySelector('.name')?.textContent === name);
        const picture = link?.querySelector('img');
        return picture?.complete && picture.naturalWidth === 192 && picture.naturalHeight === 192;
      },
      NAME,
      'the picture in the list',
    );
  }
});

step('a photo that the teacher gives herself stands beside her messages at once', async () => {
  await teacher.click('button', 'Настройки');
  await teacher.see('button', 'Выйти');
  const file = { name: 'я.png', mimeType: 'image/png', buffer: png(900, 600) };
  await teacher.page.locator('.settings input[type=file]').setInputFiles([file]);
  await teacher.until(() => document.querySelector('.settings .avatar img')?.getAttribute('src')?.startsWith('blob:'), undefined, 'what was chosen');
  await teacher.click('button', 'Сохранить');
  await teacher.until(() => document.querySelector('.settings')?.textContent?.includes('Фотография сохранена.'), undefined, 'that it is saved');
  await student.until(
    () => {
      const line = [...document.querySelectorAll('article')].find((one) => one.textContent?.includes('Собираемся в среду'));
      const picture = line?.querySelector('img');
      return picture?.complete && picture.naturalWidth === 192;
    },
    undefined,
    'the photo beside the message',
  );
  await teacher.click('button', 'Настройки');
});

step('an unsuitable photo of a student is taken away in the list of members, and letters are shown again', async () => {
  await student.click('button', 'Настройки');
  await student.until(() => document.querySelector('.settings input[type=file]') !== null, undefined, 'the field for a photo');
  await student.read(async () => {
    const canvas = document.createElement('canvas');
    [canvas.width, canvas.height] = [300, 200];
    canvas.getContext('2d')?.fillRect(0, 0, 300, 200);
    const photo = await new Promise((resolve) => canvas.toBlob(resolve));
    const files = new DataTransfer();
    files.items.add(new File([/** @type {Blob} */ (photo)], 'я.png', { type: 'image/png' }));
    const field = /** @type {HTMLInputElement} */ (document.querySelector('.settings input[type=file]'));
    field.files = files.files;
    field.dispatchEvent(new Event('change', { bubbles: true }));
  });
  await student.click('button', 'Сохранить');
  await student.until(() => document.querySelector('.settings')?.textContent?.includes('Фотография сохранена.'), undefined, 'that it is saved');
  /** @param {boolean} there */
  const besideMessage = (there) =>
    teacher.until(
      (wanted) => {
        const line = [...document.querySelectorAll('article')].find((one) => one.textContent?.includes('Буду!'));
        const avatar = line?.querySelector('.avatar');
        return avatar && (wanted ? avatar.querySelector('img')?.naturalWidth === 192 : avatar.textContent?.trim() === 'МК');
      },
      there,
      there ? 'the photo of the student' : 'the letters of the student',
    );
  await besideMessage(true);
  await teacher.click('button', 'Фотография: Миша Кузнецов');
  await teacher.click('button', 'Убрать фотографию');
  await besideMessage(false);
  await student.until(() => document.querySelector('.settings .avatar')?.textContent?.trim() === 'МК', undefined, 'the settings without it');
  await student.click('button', 'Настройки');
});

step('in announcements a student reads, and the page says why they cannot write', async () => {
  await teacher.click('button', 'Новая группа');
  await teacher.type('Название', NEWS);
  await teacher.read(() => document.querySelector('dialog input[value="announcements"]')?.closest('label')?.click());
  await teacher.type('Найти по имени', 'Миша');
  await teacher.press('Enter');
  await teacher.click('button', 'Создать');
  await inRoom(teacher, NEWS);
  await say(teacher, 'Завтра занятий нет');
  await waitForRoom(student, NEWS, true);
  await student.click('link', NEWS);
  await waitForText(student, 'Завтра занятий нет');
  await waitForText(student, 'Здесь пишут только сотрудники.');
  assert.equal(await student.read(() => document.querySelector('main textarea')), null);
});

step('a group in the archive is read and not written, until it is back', async () => {
  for (const person of [teacher, student]) await person.click('link', NAME);
  // Otherwise it might be the room before that goes to the archive.
  for (const person of [teacher, student]) await inRoom(person, NAME);
  await teacher.click('button', 'Участники');
  await teacher.click('button', 'Настройки группы');
  await teacher.click('button', 'В архив');
  for (const person of [teacher, student]) {
    await waitForText(person, 'Группа в архиве: читать можно, писать нельзя.');
    await waitForText(person, 'Собираемся в среду');
  }
  await teacher.click('button', 'Настройки группы');
  await teacher.click('button', 'Вернуть из архива');
  await student.see('textbox', 'Сообщение');
  await say(student, 'Снова здесь');
  await waitForText(teacher, 'Снова здесь');
});

step('a student writes to the teacher alone', async () => {
  const [{ name: teachers }, { name: students }] = [await server.person('teacher'), await server.person('student1')];
  await student.click('button', 'Участники');
  await student.click('button', `Написать лично: ${teachers}`);
  await inRoom(student, teachers);
  await say(student, 'Можно личный вопрос?');
  await waitForRoom(teacher, students, true);
  await teacher.click('link', students);
  await waitForText(teacher, 'Можно личный вопрос?');
});

step('who is taken out of a group loses it at once, with the page open', async () => {
  for (const person of [teacher, student]) await person.click('link', NAME);
  await waitForText(student, 'Снова здесь');
  await inRoom(teacher, NAME);
  await teacher.click('button', 'Участники');
  await teacher.click('button', 'Настройки группы');
  const { name } = await server.person('student1');
  await teacher.click('button', `Убрать: ${name}`);
  await teacher.click('button', 'Сохранить');
  await waitForRoom(student, NAME, false);
  await waitForText(student, 'Этой группы нет в вашем списке.');
  const page = await student.read(() => document.body.innerText);
  assert.ok(!page.includes('Снова здесь'), page);
  await say(teacher, 'Дальше без него');
  const status = await student.read(async () => {
    const room = location.pathname.split('/').at(-1);
    return (await fetch(`/api/v1/rooms/${room}/events`)).status;
  });
  assert.equal(status, 403);
  await student.reload();
  await waitForRoom(student, NEWS, true);
  await waitForRoom(student, NAME, false);
});
