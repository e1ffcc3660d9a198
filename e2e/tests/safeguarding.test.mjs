// Conversations of a learner and an adult, where who is responsible for the safety of children may read them: both see that they may,
// an administrator says who it is and sees each time, and nobody else is told of any of it.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { after, before } from 'node:test';

import { faultsOf } from '../axe/faults.mjs';
import { chromiumPerson, launchChromium, signIn } from '../browsers.mjs';
import { BINARY, Server } from '../server.mjs';
import { steps } from '../steps.mjs';

const ROOM = 'Робототехника, поток 1';
const PAIR = ['Анна Сергеевна Иванова', 'Алина Сафина'];
const VERA = 'Вера Ильинична Носова';
const SAID = 'Задержись после урока';
const REASON = 'Алина говорит, что ей пишут ночью';
const TITLE = 'Доступ к личным беседам';
const NOTICE = 'Эту беседу может прочитать тот, кто отвечает здесь за безопасность детей';
const PHONE = { viewport: { width: 360, height: 740 }, hasTouch: true, isMobile: true };

const step = steps();
/** @type {Server} */
let server;
/** @type {import('playwright-core').Browser} */
let chromium;
/** @type {Awaited<ReturnType<typeof chromiumPerson>>} */
let admin;
/** @type {Awaited<ReturnType<typeof chromiumPerson>>} */
let deputy;
/** @type {Awaited<ReturnType<typeof chromiumPerson>>} */
let vera;
/** @type {Awaited<ReturnType<typeof chromiumPerson>>} */
let teacher;
/** @type {Awaited<ReturnType<typeof chromiumPerson>>} */
let learner;

before(async () => {
  process.env.PARTA_PEOPLE_DIRECT_WITH_LEARNERS = 'visible';
  server = await Server.create();
  chromium = await launchChromium();
  [admin, deputy, vera, teacher, learner] = await Promise.all([
    chromiumPerson(chromium, 'admin'),
    chromiumPerson(chromium, 'deputy'),
    chromiumPerson(chromium, 'vera', PHONE),
    chromiumPerson(chromium, 'teacher'),
    chromiumPerson(chromium, 'learner', PHONE),
  ]);
  const logins = /** @type {const} */ ([[admin, 'admin'], [teacher, 'teacher'], [learner, 'student2']]);
  await Promise.all(logins.map(([person, login]) => signIn(person, server, login)));
});

after(async () => {
  await chromium?.close();
  await server?.stop();
});

/** @param {typeof admin} person @param {string} text @param {string} [where] */
const says = (person, text, where = 'dialog') => person.page.locator(where).getByText(text).first().waitFor();

/** @param {typeof admin} person */
async function openPage(person) {
  await person.click('button', 'Настройки');
  await person.page.locator('.settings').getByRole('button', { name: TITLE }).click();
  await person.page.getByRole('dialog', { name: TITLE }).waitFor();
}

step('both see in the conversation that it may be read, each time', async () => {
  await teacher.click('link', ROOM);
  await teacher.click('button', 'Участники');
  await teacher.click('button', `Написать лично: ${PAIR[1]}`);
  await says(teacher, NOTICE, '.talk');
  assert.deepEqual(await faultsOf(teacher.page), []);
  await teacher.type('Сообщение', SAID);
  await teacher.click('button', 'Отправить');
  await learner.click('link', PAIR[0] ?? '');
  await says(learner, SAID, '.talk');
  await says(learner, NOTICE, '.talk');
  assert.deepEqual(await faultsOf(learner.page), []);
  const [wide, screen] = /** @type {[number, number]} */ (await learner.read(() => [document.documentElement.scrollWidth, innerWidth]));
  assert.ok(wide <= screen, 'the page is as wide as the screen');
  await learner.reload();
  await says(learner, SAID, '.talk');
  await says(learner, NOTICE, '.talk');
});

step('so they see before they forward something there, and in a thread that covers it', async () => {
  await teacher.page.locator('article', { hasText: SAID }).getByRole('button', { name: 'Действия с сообщением' }).click();
  await teacher.click('button', 'Переслать…');
  const into = teacher.page.getByRole('dialog', { name: 'Кому переслать' });
  const said = 'Может прочитать тот, кто отвечает за безопасность детей';
  await into.locator('li', { hasText: PAIR[1] }).getByText(said).waitFor();
  assert.equal(await into.locator('li', { hasText: ROOM }).getByText(said).count(), 0, 'not of the class');
  assert.deepEqual(await faultsOf(teacher.page), []);
  await teacher.press('Escape');
  await teacher.page.locator('article', { hasText: SAID }).getByRole('button', { name: 'Ответить' }).click();
  await teacher.type('Сообщение', 'В пять');
  await teacher.click('button', 'Отправить');
  await learner.page.getByRole('button', { name: '1 ответ' }).tap();
  await says(learner, 'В пять', 'aside');
  await says(learner, NOTICE, 'aside');
  await learner.type('Ответить в обсуждении', 'Хорошо');
  await learner.click('button', 'Отправить ответ');
  await says(teacher, '2 ответа', '.talk');
});

/** Somebody who is not of the demo school. @param {typeof admin} person @param {string} login @param {string} name @param {string} role */
async function joins(person, login, name, role) {
  const add = spawn(BINARY, ['user', 'add', '--data', server.data, '--login', login, '--name', name, '--role', role], { stdio: ['pipe', 'ignore', 'inherit'] });
  add.stdin.end('parta-second');
  assert.deepEqual(await once(add, 'close'), [0, null]);
  await person.goto(server.origin);
  await person.type('Логин', login);
  await person.page.locator('input[type=password]').fill('parta-second');
  await person.click('button', 'Войти');
}

step('two administrators say who it is, and never themselves', async () => {
  await joins(vera, 'vera', VERA, 'teacher');
  await joins(deputy, 'deputy', 'Сергей Иванович Громов', 'administrator');
  await vera.click('button', 'Настройки');
  await vera.page.locator('.settings').getByRole('button', { name: 'Жалобы' }).waitFor();
  assert.equal(await vera.page.getByRole('button', { name: TITLE }).count(), 0, 'not yet');
  await openPage(admin);
  await says(admin, 'Никто не назначен');
  await admin.click('button', 'Предложить человека');
  const whom = admin.page.getByRole('combobox', { name: 'Кого предложить' });
  await whom.selectOption(VERA);
  const offered = await whom.getByRole('option').allTextContents();
  assert.ok(offered.includes(PAIR[0] ?? ''), 'the staff');
  assert.ok(!offered.some((name) => name === PAIR[1] || name.startsWith('Ольга')), 'no learner, and not oneself');
  assert.deepEqual(await faultsOf(admin.page), []);
  await admin.page.locator('dialog').getByRole('button', { name: 'Предложить', exact: true }).click();
  await says(admin, 'Теперь должен подтвердить другой администратор');
  await admin.see('button', `Отклонить: ${VERA}`);
  assert.equal(await admin.page.getByRole('button', { name: `Подтвердить: ${VERA}` }).count(), 0, 'not by the same');
  assert.deepEqual(await faultsOf(admin.page), []);
  await openPage(deputy);
  await deputy.click('button', `Подтвердить: ${VERA}`);
  await admin.see('button', `Снять: ${VERA}`);
  assert.deepEqual(await faultsOf(admin.page), []);
});

step('who it is opens the conversation with a reason, and reads', async () => {
  await vera.page.locator('.settings').getByRole('button', { name: TITLE }).click();
  await vera.page.getByRole('dialog', { name: TITLE }).waitFor();
  await says(vera, 'Вы отвечаете за безопасность детей');
  await vera.click('button', 'Открыть беседу');
  const open = vera.page.locator('form').getByRole('button', { name: 'Открыть беседу' });
  for (const name of PAIR) await vera.page.locator('dialog').getByRole('checkbox', { name }).check();
  assert.equal(await open.isDisabled(), true, 'first a reason');
  await vera.type('Зачем это нужно', REASON);
  assert.deepEqual(await faultsOf(vera.page), []);
  await open.click();
  await says(vera, 'Доступ открыт');
  assert.equal(await vera.page.getByRole('link', { name: 'Скачать архив' }).count(), 0);
  assert.deepEqual(await faultsOf(vera.page), []);
  await vera.click('button', 'Читать');
  await says(vera, SAID);
  await says(vera, 'написано после предупреждения');
  assert.deepEqual(await faultsOf(vera.page), []);
});

step('the administrator sees who and why, and closes it; the log has it', async () => {
  await says(admin, REASON);
  await says(admin, `Открыто без второго человека: ${VERA}`);
  await admin.click('button', 'Закрыть доступ');
  await says(vera, 'Запросов, которые ждут ответа, и открытых бесед нет');
  assert.equal(await vera.page.getByText(SAID).count(), 0, 'what was on the screen is gone');
  await admin.press('Escape');
  await admin.page.locator('.settings').getByRole('button', { name: 'Журнал действий' }).click();
  for (const act of ['Предложен ответственный за безопасность детей', 'Назначен ответственный за безопасность детей', 'Личная беседа открыта ответственным за безопасность детей', 'Чтение чужой личной беседы', 'Доступ к личной беседе закрыт']) {
    await admin.page.locator('dialog li').filter({ hasText: act }).first().waitFor();
  }
  await admin.page.locator('dialog li').filter({ hasText: REASON }).first().waitFor();
});
