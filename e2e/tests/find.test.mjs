// Search, the switcher of rooms, jumps into the past, mentions.
import assert from 'node:assert/strict';
import { after, before } from 'node:test';

import { chromiumPerson, firefoxPerson, launchChromium, signIn } from '../browsers.mjs';
import { pdf } from '../files.mjs';
import { Server } from '../server.mjs';
import { steps } from '../steps.mjs';

const ROOM = 'Робототехника, поток 1';
const OTHER_ROOM = '3D-моделирование, поток 2';
/** Several pages of history. */
const MESSAGES = 260;
const EARLY = 7;
const KIND = 'Какие группы показать: вид';

const step = steps();
/** @type {Server} */
let server;
/** @type {import('playwright-core').Browser} */
let chromium;
/** @type {Awaited<ReturnType<typeof chromiumPerson>>} */
let student;
/** @type {Awaited<ReturnType<typeof firefoxPerson>>} */
let teacher;

before(async () => {
  server = await Server.create();
  chromium = await launchChromium();
  [student, teacher] = await Promise.all([chromiumPerson(chromium, 'student'), firefoxPerson('teacher')]);
  await student.page.addInitScript(noteMarks);
  await teacher.page.evaluateOnNewDocument(noteMarks);
  await Promise.all([signIn(student, server, 'student1'), signIn(teacher, server, 'teacher')]);
  await write();
});

after(async () => {
  await Promise.allSettled([teacher?.close(), chromium?.close()]);
  await server?.stop();
});

// A long conversation, faster than anybody types: over a socket of its own, in the teacher's session.
async function write() {
  const { name } = await server.person('student1');
  await teacher.read(
    async ([room, count, early, name]) => {
      const scheme = location.protocol === 'https:' ? 'wss' : 'ws';
      const socket = new WebSocket(`${scheme}://${location.host}/api/v1/ws`, 'hub.v1.json');
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
          if (frame.i === undefined) {
            if (Object.keys(frame).length === 0) socket.send('{}');
            continue;
          }
          waiting.get(frame.i)?.(frame);
        }
      };
      await new Promise((resolve) => (socket.onopen = resolve));
      const { ok } = await ask('hello', { v: 1, dev: crypto.randomUUID(), app: 'web', pos: {}, focus: [] });
      const { id } = ok.rooms.find((/** @type {any} */ one) => one.name === room);
      const person = ok.people.find((/** @type {any} */ one) => one.name === name).id;
      for (let k = 1; k <= count; k++) {
        const men = k === early + 1 ? [person] : [];
        const body =
          k === early ? 'Контрольная переносится на пятницу, <b>не забудьте</b>' : k === early + 1 ? `@${name} приготовь доклад` : `Сообщение номер ${k}`;
        const send = { r: id, cid: crypto.randomUUID(), body, men };
        // The server says how long to wait.
        for (;;) {
          const { err } = await ask('msg.send', send);
          if (!err) break;
          if (!err.tmp) throw new Error(JSON.stringify(err));
          await new Promise((resolve) => setTimeout(resolve, err.after ?? 100));
        }
      }
      socket.close();
    },
    [ROOM, MESSAGES, EARLY, name],
  );
}

// Runs in the page before its scripts. A message that was jumped to is marked for a moment, in which a slow page may not be asked.
function noteMarks() {
  /** @type {string[]} */
  const marked = (/** @type {any} */ (window).e2e.kept.marked = []);
  const note = () => marked.push(...Array.from(document.querySelectorAll('article.marked'), (one) => one.textContent ?? ''));
  new MutationObserver(note).observe(document, { subtree: true, childList: true, attributes: true, attributeFilter: ['class'] });
}

/** @param {import('../browsers.mjs').Person} person @param {string} text */
const marked = (person, text) =>
  person.until(
    (wanted) => /** @type {any} */ (window).e2e.kept.marked.some((/** @type {string} */ one) => one.includes(wanted)),
    text,
    `the mark at «${text}»`,
  );

/** @param {string} text */
const option = (text) => student.page.locator('#find-list [role=option]').filter({ hasText: text });

step('a word in another form is found, marked, and leads into its context', async () => {
  const { page } = student;
  await page.keyboard.press('Control+KeyK');
  await student.page.getByRole('combobox', { name: 'Поиск' }).fill('контрольной');
  await option('Контрольная').waitFor();
  assert.equal(await page.locator('mark').first().textContent(), 'Контрольная');
  assert.equal(await page.locator('[role=option] b').count(), 0, 'what looks like markup is text');
  await page.keyboard.press('Enter');
  await marked(student, 'Контрольная');
  await page.waitForURL(/\/room\//);
  const text = await page.locator('main').innerText();
  assert.match(text, /Сообщение номер 6[^0-9]/);
  assert.match(text, /Сообщение номер 9[^0-9]/);
  assert.doesNotMatch(text, /Сообщение номер 260/, 'the end of the room is not there');
  assert.equal(await page.getByRole('dialog').count(), 0);
});

step('from there one scrolls on to the end without a gap, and nothing comes twice', async () => {
  const { page } = student;
  const log = page.getByRole('log');
  await student.until(
    (last) => {
      const scroller = document.querySelector('[role=log]');
      if (scroller) scroller.scrollTop = scroller.scrollHeight;
      return document.querySelector('main')?.innerText.includes(`Сообщение номер ${last}`);
    },
    MESSAGES,
    'the newest message',
  );
  const numbers = [...(await log.innerText()).matchAll(/Сообщение номер (\d+)/g)].map(([, number]) => Number(number));
  const expected = Array.from({ length: MESSAGES }, (_, k) => k + 1).filter((k) => k !== EARLY && k !== EARLY + 1);
  assert.deepEqual(numbers, expected.slice(-numbers.length));
  assert.ok(numbers.length > MESSAGES - 60, `${numbers.length}`);
  await student.until(
    () => {
      const scroller = document.querySelector('[role=log]');
      if (scroller) scroller.scrollTop = scroller.scrollHeight;
      return !document.querySelector('.down, a[aria-current] .count');
    },
    undefined,
    'all of it read',
  );
});

step('what comes while one reads in the past is there when one comes back', async () => {
  const { page } = student;
  await student.reload();
  await page.getByRole('log').waitFor();
  await page.keyboard.press('Control+KeyK');
  await page.getByRole('combobox', { name: 'Поиск' }).fill('"номер 20" ');
  await option('Сообщение номер 20').first().click();
  await marked(student, 'Сообщение номер 20');
  await teacher.click('link', ROOM);
  await teacher.type('Сообщение', 'Свежая новость');
  await teacher.click('button', 'Отправить');
  const down = page.getByRole('button', { name: 'К новым сообщениям' });
  await student.until(() => document.querySelector('.down .count')?.textContent === '1', undefined, 'the count');
  assert.doesNotMatch(await page.getByRole('log').innerText(), /Свежая новость/);
  await down.click();
  await page.getByRole('log').getByText('Свежая новость').waitFor();
  await student.until(() => !document.querySelector('.down'), undefined, 'the end');
});

step('what one writes in the past stands at the end, and one is there', async () => {
  const { page } = student;
  await page.keyboard.press('Control+KeyK');
  await page.getByRole('combobox', { name: 'Поиск' }).fill('"номер 30" ');
  await option('Сообщение номер 30').first().click();
  await marked(student, 'Сообщение номер 30');
  await student.type('Сообщение', 'Понял, спасибо');
  await student.click('button', 'Отправить');
  await page.getByRole('log').getByText('Понял, спасибо').waitFor();
  assert.match(await page.getByRole('log').innerText(), /Свежая новость/);
});

step('the other keyboard layout is understood, and that is said', async () => {
  const { page } = student;
  await page.keyboard.press('Control+KeyK');
  const field = page.getByRole('combobox', { name: 'Поиск' });
  await field.fill('rjynhjkmyfz');
  await option('Контрольная').waitFor();
  await page.getByText('похоже, была включена другая раскладка').waitFor();
  await field.fill('синхрофазотрон');
  await page.getByText('Ничего не нашлось').waitFor();
  // Rooms and people by name.
  await field.fill('vjltkb');
  await option(OTHER_ROOM).waitFor();
  await page.keyboard.press('Enter');
  await page.getByRole('heading', { name: OTHER_ROOM }).waitFor();
  await student.until(() => !document.querySelector('a[aria-current] .count'), undefined, 'it counts as read');
  await page.keyboard.press('Control+KeyK');
  await field.waitFor();
  await page.keyboard.press('Escape');
  await page.getByRole('dialog').waitFor({ state: 'detached' });
});

step('filters narrow by room, person and files', async () => {
  const { page } = student;
  await student.click('link', ROOM);
  await page.getByRole('heading', { name: ROOM }).waitFor();
  await page.locator('input[type=file]:not([capture])').setInputFiles({ name: 'Учебный план.pdf', mimeType: 'application/pdf', buffer: pdf() });
  await page.getByText('Учебный план.pdf').first().waitFor();
  await student.click('button', 'Отправить');
  // Before it is a message, which the search can find, it stands there as one on its way.
  await page.getByRole('log').locator('article').getByText('Учебный план.pdf').waitFor();
  await page.keyboard.press('Control+KeyK');
  await page.getByRole('button', { name: 'С файлами' }).click();
  await option('Учебный план.pdf').waitFor();
  assert.equal(await page.locator('#find-list [role=option]').count(), 1);
  await page.getByLabel('В какой группе').selectOption({ label: OTHER_ROOM });
  await page.getByText('Ничего не нашлось').waitFor();
  await page.getByRole('button', { name: 'Сбросить фильтры' }).click();
  await page.getByRole('combobox', { name: 'Поиск' }).fill('планы');
  await option('Учебный план.pdf').waitFor();
  await page.keyboard.press('Escape');
  await page.getByRole('dialog').waitFor({ state: 'detached' });
});

step('an error is told, and the same is asked again', async () => {
  const { page } = student;
  await page.route('**/api/v1/search', (route) => route.abort());
  await page.keyboard.press('Control+KeyK');
  await page.getByRole('combobox', { name: 'Поиск' }).fill('пятница');
  await page.getByText('Нет связи с сервером').waitFor();
  await page.unroute('**/api/v1/search');
  await page.getByRole('dialog').getByRole('button', { name: 'Повторить' }).click();
  await option('Контрольная').waitFor();
  await page.keyboard.press('Escape');
});

step('all mentions are a list, and each leads to its place', async () => {
  const { page } = student;
  await page.getByRole('button', { name: 'Упоминания', exact: true }).first().click();
  await page.getByRole('dialog').getByText('приготовь доклад').click();
  await marked(student, 'приготовь доклад');
});

step('rooms are narrowed to those with something new', async () => {
  const { page } = student;
  await page.getByRole('button', { name: 'Новые', exact: true }).click();
  await page.getByRole('link', { name: ROOM }).waitFor();
  await page.getByRole('link', { name: OTHER_ROOM }).waitFor({ state: 'detached' });
  await page.getByRole('button', { name: 'Все', exact: true }).click();
  await page.getByRole('link', { name: OTHER_ROOM }).waitFor();
});

step('or to those that mention one, by keyboard alone', async () => {
  const { page } = student;
  const mention = { name: OTHER_ROOM };
  await student.click('link', ROOM);
  await page.getByRole('heading', { name: ROOM }).waitFor();
  await teacher.click('link', OTHER_ROOM);
  await teacher.until((name) => document.querySelector('main h1')?.textContent === name, OTHER_ROOM, 'the other group');
  const { name } = await server.person('student1');
  await teacher.type('Сообщение', '@Миш');
  await teacher.until((name) => [...document.querySelectorAll('[role=option]')].some((one) => one.textContent?.includes(name)), name, 'the name');
  await teacher.press('Enter');
  await teacher.click('button', 'Отправить');
  await page.getByRole('link', mention).getByRole('img', { name: 'Вас упомянули' }).waitFor();
  await page.getByRole('button', { name: 'С упоминаниями' }).press('Enter');
  // The one that is read stays.
  await student.until(() => document.querySelectorAll('nav .rooms a').length === 2, undefined, 'two groups');
  await page.getByRole('link', mention).press('Enter');
  await page.getByRole('heading', mention).waitFor();
  await student.until(() => document.querySelectorAll('nav .rooms a').length === 1, undefined, 'read there are none but the open one');
  await page.getByRole('button', { name: 'Все', exact: true }).press('Enter');
  await page.getByRole('link', { name: ROOM }).waitFor();
});

step('or to a kind of them, or to those that are not muted; which ones is to be seen, and undone by a press', async () => {
  const { page } = student;
  const shown = () => page.locator('nav .rooms a .name').allTextContents();
  // Where there is nothing to choose from there is no choice: all are groups, and none is muted.
  assert.equal(await page.getByLabel(KIND).count(), 0);
  const { name } = await server.person('teacher');
  await student.click('button', 'Участники');
  await student.click('button', `Написать лично: ${name}`);
  await page.getByRole('heading', { name }).waitFor();
  const field = page.getByLabel(KIND);
  await field.waitFor();
  assert.deepEqual(await field.locator('option').allTextContents(), ['Все группы', 'Беседы', 'Группы']);
  await field.focus();
  await field.selectOption('Беседы');
  await student.until(() => document.querySelectorAll('nav .rooms a').length === 1, undefined, 'one conversation');
  assert.deepEqual(await shown(), [name]);
  await field.selectOption('Группы');
  await student.until((name) => ![...document.querySelectorAll('nav .rooms a .name')].some((one) => one.textContent === name), name, 'no conversation');
  await page.getByRole('button', { name: 'Показано: «Группы». Показать все группы' }).press('Enter');
  assert.equal(await student.read(() => document.activeElement?.getAttribute('aria-label')), KIND, 'whoever came by keyboard goes on from there');
  await page.getByRole('link', { name }).waitFor();
  await student.click('link', ROOM);
  await page.getByRole('heading', { name: ROOM }).waitFor();
  await page.getByRole('button', { name: /^Уведомления: / }).first().click();
  await page.getByRole('button', { name: 'Пока не включу снова' }).click();
  await page.getByRole('link', { name: ROOM }).getByRole('img', { name: 'Без уведомлений' }).waitFor();
  await page.keyboard.press('Escape');
  await field.selectOption('С уведомлениями');
  await page.getByRole('link', { name: ROOM }).waitFor({ state: 'detached' });
  assert.ok((await shown()).includes(OTHER_ROOM));
  await page.getByRole('button', { name: /^Показано: / }).click();
});

step('so it is on a phone; what was chosen is over with its last group', async () => {
  const phone = await chromiumPerson(chromium, 'phone', { viewport: { width: 360, height: 740 }, hasTouch: true, isMobile: true });
  await signIn(phone, server, 'student1');
  const field = phone.page.getByLabel(KIND);
  const chip = phone.page.getByRole('button', { name: 'Показано: «С уведомлениями». Показать все группы' });
  await field.selectOption('С уведомлениями');
  await phone.page.getByRole('link', { name: ROOM }).waitFor({ state: 'detached' });
  // The field lies within the border of its button.
  for (const one of [field.locator('..'), chip]) {
    const place = await one.boundingBox();
    assert.ok(place && place.width >= 44 && place.height >= 44, `a finger finds it: ${JSON.stringify(place)}`);
  }
  assert.ok(await phone.read(() => document.documentElement.scrollWidth <= innerWidth));
  await chip.tap();
  await phone.page.getByRole('link', { name: ROOM }).waitFor();
  await field.selectOption('С уведомлениями');
  await chip.waitFor();
  const { page } = student;
  await page.getByRole('button', { name: /^Уведомления: / }).first().click();
  await page.getByRole('button', { name: 'Включить уведомления' }).click();
  await phone.page.getByRole('link', { name: ROOM }).waitFor();
  await page.getByRole('button', { name: 'Пока не включу снова' }).click();
  await phone.page.getByRole('link', { name: ROOM }).getByRole('img', { name: 'Без уведомлений' }).waitFor();
  assert.equal(await chip.count(), 0);
  await page.keyboard.press('Escape');
  await phone.close();
});

step('Firefox finds and jumps, too', async () => {
  await teacher.click('button', 'Поиск');
  await teacher.until(() => document.activeElement?.getAttribute('role') === 'combobox', undefined, 'the field');
  await teacher.page.keyboard.type('пятницей');
  await teacher.until(() => document.querySelector('[role=option] mark')?.textContent === 'пятницу', undefined, 'the hit');
  await teacher.press('Enter');
  await marked(teacher, 'переносится');
});

step('on a phone the search is all of the screen, and a finger is enough', async () => {
  const phone = await chromiumPerson(chromium, 'phone', { viewport: { width: 360, height: 740 }, hasTouch: true, isMobile: true });
  await phone.page.addInitScript(noteMarks);
  await signIn(phone, server, 'student2');
  await phone.page.getByRole('button', { name: 'Поиск' }).tap();
  const dialog = await phone.page.getByRole('dialog').boundingBox();
  assert.deepEqual(dialog, { x: 0, y: 0, width: 360, height: 740 });
  await phone.page.getByRole('combobox', { name: 'Поиск' }).fill('контрольная');
  await phone.page.locator('#find-list [role=option]').filter({ hasText: 'Контрольная' }).tap();
  await marked(phone, 'Контрольная');
  assert.ok(await phone.read(() => document.documentElement.scrollWidth <= innerWidth));
  await phone.close();
});
