// A learner forgets the password: the teacher gives a new one, the learner signs in with it on a phone and chooses their own.
import assert from 'node:assert/strict';
import { after, before } from 'node:test';

import { chromiumPerson, launchChromium, signIn } from '../browsers.mjs';
import { Server } from '../server.mjs';
import { steps } from '../steps.mjs';

const ROOM = 'Робототехника, поток 1';
const OWN = 'четыре синих кита';
const NEXT = 'зима близко, волки';

const step = steps();
/** @type {Server} */
let server;
/** @type {import('playwright-core').Browser} */
let chromium;
/** @typedef {Awaited<ReturnType<typeof chromiumPerson>>} Person */
/** @type {Person} */
let teacher;
/** @type {Person} */
let phone;
/** @type {Person} */
let tablet;
/** @type {Person} */
let admin;
/** The one-time password. */
let once = '';

const SMALL = { viewport: { width: 360, height: 740 }, hasTouch: true, isMobile: true };

before(async () => {
  server = await Server.create();
  chromium = await launchChromium();
  [teacher, phone, tablet, admin] = await Promise.all([
    chromiumPerson(chromium, 'teacher'),
    chromiumPerson(chromium, 'the phone', SMALL),
    chromiumPerson(chromium, 'the tablet'),
    chromiumPerson(chromium, 'admin', SMALL),
  ]);
  await signIn(teacher, server, 'teacher');
  await signIn(tablet, server, 'student1');
});

after(async () => {
  await chromium?.close();
  await server?.stop();
});

/** @param {Person} person @param {string} login @param {string} password */
async function enter({ page }, login, password) {
  await page.goto(server.origin);
  await page.getByLabel('Логин').fill(login);
  await page.getByLabel('Пароль', { exact: true }).fill(password);
  await page.getByRole('button', { name: 'Войти', exact: true }).click();
}

/** Nothing sticks out of the screen. @param {Person} person */
async function fits(person) {
  const widths = await person.read(() => [document.documentElement.scrollWidth, innerWidth]);
  assert.ok((widths[0] ?? 0) <= (widths[1] ?? 0), `${person.name}: ${widths}`);
}

step('whoever forgot the password is told whom to ask and what for', async () => {
  await enter(phone, 'student1', 'забытый');
  const told = phone.page.getByRole('alert');
  await told.waitFor();
  assert.match((await told.textContent()) ?? '', /преподавателя или администратора: они могут выдать новый/);
  await fits(phone);
});

step('the teacher gives a learner a new password beside the name, after a question', async () => {
  await teacher.click('link', ROOM);
  await teacher.click('button', 'Участники');
  const { page } = teacher;
  await page.getByRole('button', { name: 'Новый пароль: Миша Кузнецов' }).waitFor();
  assert.equal(await page.getByRole('button', { name: 'Новый пароль: Ольга Петровна' }).count(), 0, 'not of the staff');
  assert.equal(await page.getByRole('button', { name: 'Новый пароль: Анна Сергеевна' }).count(), 0, 'not of oneself');
  await page.getByRole('button', { name: 'Новый пароль: Миша Кузнецов' }).click();
  const dialog = page.getByRole('dialog', { name: 'Новый пароль: Миша Кузнецов' });
  await dialog.getByText('выйдет на всех устройствах').waitFor();
  await dialog.getByRole('button', { name: 'Отмена' }).click();
  await dialog.waitFor({ state: 'hidden' });
  await tablet.see('link', ROOM);

  await page.getByRole('button', { name: 'Новый пароль: Миша Кузнецов' }).click();
  // A learner has forgotten it, as a rule.
  const known = dialog.getByRole('checkbox', { name: 'Пароль мог узнать кто-то другой' });
  assert.equal(await known.isChecked(), false);
  await dialog.getByText('хотя человек его помнит').waitFor();
  await dialog.getByRole('button', { name: 'Выдать новый пароль' }).click();
  const secret = dialog.getByRole('status', { name: 'Одноразовый пароль' });
  await secret.waitFor();
  once = (await secret.textContent()) ?? '';
  assert.match(once, /^[a-z2-9]{3}-[a-z2-9]{3}-[a-z2-9]{3}$/);
  await dialog.getByText('student1').waitFor();
  await dialog.getByText('при входе он придумает свой').waitFor();
  await teacher.context.grantPermissions(['clipboard-read', 'clipboard-write']);
  await dialog.getByRole('button', { name: 'Скопировать' }).click();
  await dialog.getByRole('button', { name: 'Скопировано' }).waitFor();
  assert.equal(await teacher.read(() => navigator.clipboard.readText()), once);
  await dialog.getByRole('button', { name: 'Готово' }).click();
  await dialog.waitFor({ state: 'hidden' });
});

step('whatever was open of the learner is at the page for signing in', async () => {
  await tablet.see('button', 'Войти');
});

step('on the phone the learner signs in with it and must choose a password first', async () => {
  await enter(phone, 'Student1', once.toUpperCase().replaceAll('-', ' '));
  const { page } = phone;
  await page.getByRole('heading', { name: 'Придумайте свой пароль' }).waitFor();
  await page.getByText('Миша, вы вошли по одноразовому паролю').waitFor();
  await fits(phone);
  // Neither another address nor a reload leads past it.
  await page.goto(`${server.origin}/room/x`);
  await page.getByRole('heading', { name: 'Придумайте свой пароль' }).waitFor();
  const field = page.getByLabel('Новый пароль', { exact: true });
  for (const [password, told] of [
    ['коротко', 'Слишком короткий'],
    ['qwertyuiop', 'угадают первым'],
    [once, 'угадают первым'],
  ]) {
    await field.fill(password ?? '');
    await page.getByRole('button', { name: 'Сохранить и войти' }).click();
    await page.getByRole('alert').filter({ hasText: told ?? '' }).waitFor();
  }
  await page.getByLabel('Показать набранное').check();
  assert.equal(await field.getAttribute('type'), 'text');
  await field.fill(OWN);
  await page.getByRole('button', { name: 'Сохранить и войти' }).click();
  await phone.see('link', ROOM);
  await page.getByRole('link', { name: ROOM }).first().click();
  await phone.type('Сообщение', 'Я снова здесь');
  await page.getByRole('button', { name: 'Отправить', exact: true }).click();
  await teacher.page.getByText('Я снова здесь').first().waitFor();
});

step('the one-time password is over, and the own one holds', async () => {
  await enter(tablet, 'student1', once);
  await tablet.page.getByRole('alert').filter({ hasText: 'Неверный логин или пароль' }).waitFor();
  await enter(tablet, 'student1', OWN);
  await tablet.see('link', ROOM);
});

step('the own password is changed in the settings, and the other device has to sign in anew', async () => {
  const { page } = phone;
  await page.goto(server.origin);
  await phone.click('button', 'Настройки');
  await phone.click('button', 'Сменить пароль');
  const dialog = page.getByRole('dialog', { name: 'Сменить пароль' });
  const [old, fresh] = [dialog.getByLabel('Нынешний пароль', { exact: true }), dialog.getByLabel('Новый пароль', { exact: true })];
  assert.equal(await dialog.getByLabel('Выйти на других устройствах').isChecked(), true);
  await fits(phone);
  await old.fill('не помню');
  await fresh.fill(NEXT);
  await dialog.getByRole('button', { name: 'Сменить', exact: true }).click();
  await dialog.getByRole('alert').filter({ hasText: 'Нынешний пароль не подошёл' }).waitFor();
  await old.fill(OWN);
  await dialog.getByRole('button', { name: 'Сменить', exact: true }).click();
  await page.getByText('Пароль изменён.').waitFor();
  await tablet.see('button', 'Войти');
  await phone.see('link', ROOM);
  await enter(tablet, 'student1', NEXT);
  await tablet.see('link', ROOM);
});

step('an administrator finds anybody in the settings, and the log says who gave whom a password', async () => {
  await signIn(admin, server, 'admin');
  const { page } = admin;
  await admin.click('button', 'Настройки');
  await admin.click('button', 'Выдать новый пароль');
  const dialog = page.getByRole('dialog');
  await dialog.getByText('Пароль администратора меняет тот, кто обслуживает сервер').waitFor();
  await dialog.getByLabel('Кому').fill('ольга петровна');
  await dialog.getByText('Никого не нашлось').waitFor();
  await dialog.getByLabel('Кому').fill('анна');
  await dialog.getByRole('button', { name: 'Анна Сергеевна Иванова' }).click();
  assert.equal(await dialog.getByRole('checkbox', { name: 'Пароль мог узнать кто-то другой' }).isChecked(), true);
  await dialog.getByRole('button', { name: 'Выдать новый пароль' }).click();
  await dialog.getByRole('status', { name: 'Одноразовый пароль' }).waitFor();
  await dialog.getByText('Передайте его этому человеку').waitFor();
  await fits(admin);
  await dialog.getByRole('button', { name: 'Готово' }).click();
  await teacher.see('button', 'Войти');
  await admin.click('button', 'Журнал действий');
  const entries = page.getByRole('listitem').filter({ hasText: 'Выдан новый пароль' });
  await entries.filter({ hasText: 'Анна Сергеевна Иванова' }).filter({ hasText: 'Миша Кузнецов' }).waitFor();
  await entries.filter({ hasText: 'Ольга Петровна, администратор' }).waitFor();
});
