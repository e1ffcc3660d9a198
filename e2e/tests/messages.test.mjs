// What people do with messages beside writing them: reactions, emoji, formatting. Chromium, also on a phone by touch, and Firefox.
import assert from 'node:assert/strict';
import { after, before } from 'node:test';

import { chromiumPerson, firefoxPerson, launchChromium, signIn } from '../browsers.mjs';
import { HOSTILE, post, SPACES_TYPED } from '../hostile.mjs';
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
/** @type {Awaited<ReturnType<typeof firefoxPerson>>} */
let student;
/** @type {Awaited<ReturnType<typeof chromiumPerson>>} */
let phone;
/** What the policy of the page refused. @type {string[]} */
const refused = [];

before(async () => {
  server = await Server.create();
  chromium = await launchChromium();
  const small = { viewport: { width: 360, height: 740 }, hasTouch: true, isMobile: true };
  [teacher, student, phone] = await Promise.all([chromiumPerson(chromium, 'teacher'), firefoxPerson('student'), chromiumPerson(chromium, 'phone', small)]);
  teacher.page.on('console', (message) => {
    if (/content security policy/iu.test(message.text())) refused.push(message.text());
  });
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

/**
 * @param {import('../browsers.mjs').Person} person
 * @param {string} text
 */
async function say(person, text) {
  await person.type('Сообщение', text);
  await person.click('button', 'Отправить');
}

/**
 * The last message with this text, once it is there and `look` finds something in it.
 * @param {import('../browsers.mjs').Person} person
 * @param {string} text
 * @param {string} selector
 * @param {string} [inner] what it says
 */
function waitFor(person, text, selector, inner = '') {
  return person.until(
    ({ text, selector, inner }) => {
      const message = [...document.querySelectorAll('article')].findLast((article) => article.textContent?.includes(text));
      return [...(message?.querySelectorAll(selector) ?? [])].some((one) => one.textContent?.replaceAll(/\s+/gu, ' ').includes(inner));
    },
    { text, selector, inner },
    `${selector} «${inner}» in «${text}»`,
  );
}

/** @param {import('../browsers.mjs').Person} person @param {string} text */
const openActions = (person, text) =>
  person.read((wanted) => {
    const all = [...document.querySelectorAll('article')];
    const message = all.findLast((article) => article.textContent?.includes(wanted));
    /** @type {HTMLElement | null | undefined} */ (message?.querySelector('[aria-label="Действия с сообщением"]'))?.click();
  }, text);

/** @param {import('../browsers.mjs').Person} person */
const closed = (person) => person.until(() => document.querySelector('dialog[open]') === null, undefined, 'the end of the popup');

step('a message is answered with an emoji, by several people, and taken back', async () => {
  await say(teacher, 'Завтра сдаём проект');
  await waitFor(student, 'Завтра сдаём проект', 'time');
  await openActions(student, 'Завтра сдаём проект');
  await student.click('button', 'Реакция 🎉');
  await closed(student);
  for (const person of [teacher, student]) await waitFor(person, 'Завтра сдаём проект', '.chip', '🎉1');
  await waitFor(student, 'Завтра сдаём проект', '.chip[aria-pressed="true"]', '🎉1');
  const { name } = await server.person('student1');
  // Whoever presses it joins in.
  await teacher.click('button', `🎉, 1: ${name}`);
  for (const person of [teacher, student]) await waitFor(person, 'Завтра сдаём проект', '.chip[aria-pressed="true"]', '🎉2');
  await student.click('button', '🎉, 2');
  for (const person of [teacher, student]) await waitFor(person, 'Завтра сдаём проект', '.chip', '🎉1');
  await waitFor(student, 'Завтра сдаём проект', '.chip[aria-pressed="false"]', '🎉1');
  await student.reload();
  await waitFor(student, 'Завтра сдаём проект', '.chip', '🎉1');
});

step('who answered with what is told', async () => {
  await teacher.page.locator('.chip').first().click({ button: 'right' });
  await teacher.until(() => document.querySelector('dialog[open]')?.textContent?.includes('🎉'), undefined, 'the list');
  const { name } = await server.person('teacher');
  assert.ok(await teacher.read((who) => document.querySelector('dialog[open]')?.textContent?.includes(who), name));
  await teacher.press('Escape');
  await closed(teacher);
  // By keyboard alone: the menu key on a chip.
  await teacher.page.locator('.chip').first().press('ContextMenu');
  await teacher.until(() => document.querySelector('dialog[open]')?.textContent?.includes('🎉'), undefined, 'the list');
  await teacher.press('Escape');
  await closed(teacher);
});

step('an emoji is found by a Russian and an English word, in a skin tone', async () => {
  await openActions(student, 'Завтра сдаём проект');
  await student.click('button', 'Другие реакции');
  await student.until(() => document.querySelector('dialog input[type=search]') !== null, undefined, 'the picker');
  await student.page.focus('dialog input[type=search]');
  await student.page.keyboard.type('ракета');
  await student.click('button', 'ракета');
  await closed(student);
  for (const person of [teacher, student]) await waitFor(person, 'Завтра сдаём проект', '.chip', '🚀1');
  await teacher.click('button', 'Добавить реакцию');
  const search = teacher.page.getByRole('searchbox', { name: 'Поиск эмодзи' });
  await search.fill('waving hand');
  await teacher.page.getByRole('combobox', { name: 'Оттенок кожи' }).selectOption('3');
  await search.press('Enter');
  await closed(teacher);
  for (const person of [teacher, student]) await waitFor(person, 'Завтра сдаём проект', '.chip', '👋🏽1');
});

step('marks, code and lists are shown, and mentions within them', async () => {
  const { name } = await server.person('student1');
  await teacher.type('Сообщение', '**Внимание, @миш');
  await teacher.page.getByRole('option', { name }).waitFor();
  await teacher.press('Enter');
  await teacher.page.keyboard.type('!** Код:\n'.replace('\n', ''));
  await teacher.page.keyboard.press('Shift+Enter');
  await teacher.page.evaluate(() => navigator.clipboard?.writeText('').catch(() => undefined));
  await teacher.page.keyboard.insertText('```python\nif готов:\n    print("<b>")\n```\n- раз\n- два');
  await teacher.click('button', 'Отправить');
  for (const person of [teacher, student]) {
    await waitFor(person, 'Внимание', 'strong .name', `@${name}`);
    await waitFor(person, 'Внимание', 'li', 'два');
  }
  const code = await student.read(() => [...document.querySelectorAll('article pre code')].at(-1)?.textContent);
  assert.equal(code, 'if готов:\n    print("<b>")');
});

step('a formula is drawn with fonts of the server’s own', async () => {
  await say(teacher, 'Площадь круга $S = \\pi r^2$ и $\\frac{1}{$');
  for (const person of [teacher, student]) {
    await waitFor(person, 'Площадь круга', '.katex-html');
    await waitFor(person, 'Площадь круга', 'code', '$\\frac{1}{$');
  }
  const fonts = await teacher.read(async () => {
    await document.fonts.ready;
    return [...document.fonts].filter((font) => font.family.includes('KaTeX') && font.status === 'loaded').length;
  });
  assert.ok(fonts > 0, 'no font of KaTeX was loaded');
  const foreign = await teacher.read(
    (origin) => performance.getEntriesByType('resource').filter(({ name }) => !name.startsWith(origin) && !name.startsWith('data:') && !name.startsWith('blob:')).map(({ name }) => name),
    server.origin,
  );
  assert.deepEqual(foreign, []);
});

step('an address shows where it leads, and a picture elsewhere is not fetched', async () => {
  const text = 'Смотрите [https://sberbank.ru](https://example.org/x), https://аpple.com и ![п](https://example.org/p.png)';
  await say(teacher, text);
  await waitFor(student, 'Смотрите', '.host', '(example.org)');
  await waitFor(student, 'Смотрите', 'a', 'https://xn--pple-43d.com');
  const pictures = await student.read(() => [...document.querySelectorAll('article')].at(-1)?.querySelectorAll('img').length);
  assert.equal(pictures, 0);
});

step('Ctrl+B and the bar put marks around what is selected', async () => {
  await teacher.type('Сообщение', 'очень важно');
  const field = teacher.page.getByRole('textbox', { name: 'Сообщение' });
  await field.press('Control+A');
  await field.press('Control+B');
  assert.equal(await field.inputValue(), '**очень важно**');
  await teacher.click('button', 'Оформление текста');
  await teacher.click('button', 'Курсив');
  assert.equal(await field.inputValue(), '***очень важно***');
  await field.press('Control+Z');
  await field.press('End');
  await teacher.click('button', 'Вставить эмодзи');
  await teacher.page.getByRole('searchbox', { name: 'Поиск эмодзи' }).fill('огонь');
  await teacher.page.getByRole('button', { name: 'огонь', exact: true }).click();
  await teacher.press('Escape');
  await closed(teacher);
  assert.match(await field.inputValue(), /🔥/u);
  await field.press('Enter');
  await waitFor(student, 'очень важно', 'strong', 'очень важно');
});

/** The room that is open. @param {import('../browsers.mjs').Person} person */
const roomOf = (person) => person.read(() => location.pathname.split('/').at(-1) ?? '');

step('hostile texts are shown, and the page goes on', async () => {
  const texts = ['>'.repeat(8_000), '*a '.repeat(5_000), '['.repeat(16_000), `Z${'\u0335\u0322'.repeat(2_000)}`, `\u202eтскет ${'$\\rule{9999em}{9999em}$'}`, '$\\def\\a{\\a\\a}\\a$', `$${'{'.repeat(1_900)}$`];
  for (const text of texts) {
    await teacher.read(post, { room: await roomOf(teacher), text, cid: `hostile-${texts.indexOf(text)}` });
  }
  await say(student, 'Всё ещё здесь');
  for (const person of [teacher, student]) await waitFor(person, 'Всё ещё здесь', 'time');
  await waitFor(teacher, 'тскет', '.formula.drawn, .formula code[title]');
  const tallest = await teacher.read(() =>
    Math.max(...[...document.querySelectorAll('article .formula.drawn')].map((one) => one.getBoundingClientRect().height)),
  );
  assert.ok(tallest < 400, `a formula is ${tallest} px high`);
  assert.deepEqual(refused, []);
});

step('what hung other messengers is shown as text, and one goes on writing between', async () => {
  const room = await roomOf(teacher);
  for (const { name, text, shows } of HOSTILE) {
    const id = await teacher.read(post, { room, text, cid: `hung-${name}` });
    for (const person of [teacher, student, phone]) {
      await person.until(({ id, shows }) => document.querySelector(`article[data-message="${id}"] .text`)?.textContent?.includes(shows), { id, shows }, `the message «${name}»`);
    }
    await say(student, `После «${name}»`);
    for (const person of [teacher, phone]) await waitFor(person, `После «${name}»`, 'time');
  }
  const link = await student.read(() => [...document.querySelectorAll('article .text a')].find((one) => one.textContent?.includes('Link'))?.getAttribute('href'));
  assert.equal(link, 'https://www.google.com/pages/viewpage.action?pageId=314703900#Title');
  assert.deepEqual(refused, []);
  assert.ok(await phone.read(() => document.documentElement.scrollWidth <= innerWidth), 'nothing sticks out on a phone');
});

step('a hundred thousand spaces in the field are too long, and the field goes on', async () => {
  const field = teacher.page.getByRole('textbox', { name: 'Сообщение' });
  await field.fill(SPACES_TYPED);
  // Spaces around it do not count: what goes is the sign alone.
  await field.press('End');
  await teacher.page.keyboard.type(' и текст');
  assert.ok((await field.inputValue()).endsWith('@ и текст'));
  await field.fill(`я${SPACES_TYPED}`);
  await teacher.page.getByText('Сообщение слишком длинное').waitFor();
  await field.fill('Коротко');
  await field.press('Enter');
  for (const person of [teacher, student, phone]) await waitFor(person, 'Коротко', 'time');
});

step('on a phone a touch opens the menu, answers with an emoji, and a finger that stays tells who it was', async () => {
  const message = phone.page.locator('article', { hasText: 'Коротко' }).last();
  await message.getByRole('button', { name: 'Действия с сообщением' }).tap();
  await phone.page.getByRole('button', { name: 'Реакция 👍' }).tap();
  await closed(phone);
  for (const person of [teacher, student, phone]) await waitFor(person, 'Коротко', '.chip', '👍1');
  // It stands still and takes a touch.
  await message.locator('.chip').first().tap({ trial: true });
  const chip = await message.locator('.chip').first().boundingBox();
  assert.ok(chip && chip.height >= 44, `a finger finds it: ${JSON.stringify(chip)}`);
  const touch = await phone.context.newCDPSession(phone.page);
  await touch.send('Input.dispatchTouchEvent', { type: 'touchStart', touchPoints: [{ x: chip.x + chip.width / 2, y: chip.y + chip.height / 2 }] });
  const { name } = await server.person('student2');
  await phone.until((who) => document.querySelector('dialog[open]')?.textContent?.includes(who), name, 'who it was');
  await touch.send('Input.dispatchTouchEvent', { type: 'touchEnd', touchPoints: [] });
  await phone.press('Escape');
  await closed(phone);
  await waitFor(phone, 'Коротко', '.chip[aria-pressed="true"]', '👍1');
  await message.locator('.chip').first().tap();
  for (const person of [teacher, student]) await person.until(() => ![...document.querySelectorAll('article')].findLast((one) => one.textContent?.includes('Коротко'))?.querySelector('.chip'), undefined, 'no reaction');
});

step('on a phone marks are put by touch', async () => {
  const field = phone.page.getByRole('textbox', { name: 'Сообщение' });
  await field.fill('важно');
  await field.selectText();
  await phone.page.getByRole('button', { name: 'Оформление текста' }).tap();
  await phone.page.getByRole('button', { name: 'Жирный' }).tap();
  assert.equal(await field.inputValue(), '**важно**');
  await phone.page.getByRole('button', { name: 'Отправить' }).tap();
  await waitFor(student, 'важно', 'strong', 'важно');
  assert.ok(await phone.read(() => document.documentElement.scrollWidth <= innerWidth));
});

/** Selects these words of the last message that has them, as a mouse or a long touch does. */
const selectWords = (/** @type {string} */ words) => {
  const message = [...document.querySelectorAll('.talk article .text')].findLast((one) => one.textContent?.includes(words));
  const walker = message && document.createTreeWalker(message, NodeFilter.SHOW_TEXT);
  for (let node = walker?.nextNode(); walker && node; node = walker.nextNode()) {
    const at = node.textContent?.indexOf(words) ?? -1;
    if (at >= 0) return getSelection()?.setBaseAndExtent(node, at, node, at + words.length);
  }
  throw new Error(`no «${words}»`);
};

step('words that are selected in a message are quoted in one’s own, with a mouse, by touch and in Firefox', async () => {
  await say(teacher, 'Сдаём в пятницу, в кабинет сорок два, до обеда');
  for (const person of [phone, student]) {
    await waitFor(person, 'Сдаём в пятницу', 'time');
    await person.read(selectWords, 'кабинет сорок два');
    await person.see('button', 'Цитировать');
    if (person === phone) await phone.page.getByRole('button', { name: 'Цитировать' }).tap();
    else await person.click('button', 'Цитировать');
    await person.until(() => /** @type {HTMLTextAreaElement | null} */ (document.querySelector('.talk form textarea'))?.value === '> кабинет сорок два\n\n', undefined, 'the quotation in the field');
    assert.equal(await person.read(() => document.activeElement?.tagName), 'TEXTAREA', 'one writes on');
    await person.page.keyboard.type(`А этаж? Спрашивает ${person.name}`);
    await person.click('button', 'Отправить');
    await waitFor(teacher, `Спрашивает ${person.name}`, 'blockquote', 'кабинет сорок два');
  }
  // With a mouse, from the second word on.
  const { page } = teacher;
  const text = page.locator('article .text', { hasText: 'Спрашивает student' }).last();
  await page.getByRole('textbox', { name: 'Сообщение' }).fill('Отвечаю:');
  await text.locator('p').last().dblclick({ position: { x: 20, y: 8 } });
  await page.getByRole('button', { name: 'Цитировать' }).click();
  assert.match(await page.getByRole('textbox', { name: 'Сообщение' }).inputValue(), /^Отвечаю:\n\n> \S+\n\n$/u);
  // What is selected elsewhere is not offered, and what was is not any more.
  await text.locator('p').last().dblclick({ position: { x: 20, y: 8 } });
  await page.getByRole('button', { name: 'Цитировать' }).waitFor();
  await teacher.read(() => getSelection()?.selectAllChildren(/** @type {Element} */ (document.querySelector('main h1'))));
  await page.getByRole('button', { name: 'Цитировать' }).waitFor({ state: 'detached' });
  await page.getByRole('textbox', { name: 'Сообщение' }).fill('');
});
