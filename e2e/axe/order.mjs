// Keeping order: reports, rules, people who may not write, access to conversations of two; and what is told when something is away.
import { spawn } from 'node:child_process';
import { once } from 'node:events';

import { BINARY } from '../server.mjs';
import { button, field, heading, menu, message, press, send, shown, text, toList, toRoom } from './walker.mjs';

/** @typedef {import('./walker.mjs').Walk} Walk */
/** @typedef {import('./walker.mjs').Walker} Walker */

const PASSWORD = 'parta-second';
const SECRETS = 'Доступ к личным беседам';

/** A page of the staff, from the settings. @param {Walker} person @param {string} name */
async function openPage(person, name) {
  await toList(person);
  const link = person.page.locator('.settings').getByRole('button', { name });
  if (!(await link.isVisible())) await press(person, 'Настройки');
  await link.click();
  await heading(person, name).waitFor();
}

/** @param {Walk} walk */
export async function reports(walk) {
  const { learner, admin } = walk;
  await walk.part('a report', async () => {
    await toRoom(learner);
    await (await menu(learner, 'принеси датчик')).getByRole('button', { name: 'Пожаловаться', exact: true }).click();
    await text(learner, 'Что не так с этим сообщением?').waitFor();
    await walk.look(learner, 'the form of a report');
    await learner.page.getByLabel('Другое').check();
    await shown(learner).getByRole('button', { name: 'Пожаловаться', exact: true }).click();
    await text(learner, 'Спасибо, жалоба отправлена').waitFor();
    await walk.look(learner, 'a report that was sent');
    await learner.press('Escape');
  }, [learner]);
  await walk.part('the queue of reports', async () => {
    await admin.page.locator('nav').getByRole('button', { name: /^Жалобы/ }).first().click();
    await heading(admin, 'Жалобы').waitFor();
    await button(admin, 'Нарушения нет').waitFor();
    await walk.look(admin, 'the queue of reports');
    await press(admin, 'Нарушения нет');
    await text(admin, /^Рассмотренные/).click();
    await walk.look(admin, 'reports that are decided');
    await admin.press('Escape');
    await text(learner, 'Вашу жалобу рассмотрели').waitFor();
    await walk.look(learner, 'what became of a report');
    await press(learner, 'Понятно');
  }, [admin, learner]);
  await walk.part('rules', async () => {
    await openPage(admin, 'Правила сообщений');
    await admin.page.getByLabel('Куда ученикам можно давать ссылки').selectOption('named');
    await admin.page.getByLabel(/^Сайты, по одному/).fill('это не адрес');
    await walk.look(admin, 'the rules of messages');
    await press(admin, 'Сохранить');
    await admin.page.getByRole('alert').waitFor();
    await walk.look(admin, 'rules that are refused');
    await admin.press('Escape');
  }, [admin]);
  await walk.part('the log', async () => {
    await openPage(admin, 'Журнал действий');
    await text(admin, 'Решение по жалобе').waitFor();
    await walk.look(admin, 'the log of acts');
    await admin.page.getByLabel('Действие', { exact: true }).selectOption('person_unmuted');
    await text(admin, 'В журнале таких записей нет').waitFor();
    await walk.look(admin, 'nothing in the log');
    await admin.press('Escape');
  }, [admin]);
  await walk.part('who has not acknowledged', async () => {
    await openPage(admin, 'Кто не ознакомился');
    await button(admin, 'Кто ещё не ознакомился').first().click();
    await shown(admin).locator('li li').first().waitFor();
    await walk.look(admin, 'who has not acknowledged over all groups');
    await admin.page.getByLabel('Только просроченные').check();
    await text(admin, 'Просроченных нет').waitFor();
    await walk.look(admin, 'nothing overdue');
    await admin.press('Escape');
  }, [admin]);
}

/** @param {Walk} walk */
export async function order(walk) {
  const { staff, learner } = walk;
  await walk.part('a slow group', async () => {
    await toRoom(staff);
    await press(staff, 'Участники');
    // Whoever wrote a moment ago has to wait.
    await send(learner, 'Успею ещё одно');
    await message(staff, 'Успею ещё одно').waitFor();
    await slow(staff, '5 минут');
    await text(learner, 'снова написать можно через').waitFor();
    await walk.look(learner, 'a slow group');
    await slow(staff, 'Выключен');
    await text(learner, 'снова написать можно через').waitFor({ state: 'hidden' });
  }, [staff, learner]);
  await walk.part('somebody may not write', async () => {
    const panel = staff.page.getByRole('complementary', { name: 'Участники' });
    await panel.getByRole('combobox', { name: 'Кому запретить писать' }).selectOption({ label: 'Миша Кузнецов' });
    await panel.getByRole('button', { name: 'Запретить писать…' }).click();
    await text(staff, 'На 15 минут').waitFor();
    await walk.look(staff, 'for how long somebody may not write');
    await press(staff, 'На 15 минут');
    await text(learner, 'запретили вам писать здесь').waitFor();
    await walk.look(learner, 'somebody may not write');
    await text(staff, /не может писать до/).waitFor();
    await walk.look(staff, 'who may not write');
    await press(staff, /^Снять/);
    await field(learner).waitFor();
    await panel.getByRole('button', { name: 'Закрыть' }).click();
  }, [staff, learner]);
}

/** The members are open. @param {Walker} person @param {string} pace */
async function slow(person, pace) {
  await press(person, 'Настройки группы');
  await shown(person).getByRole('combobox').selectOption({ label: pace });
  await shown(person).getByRole('button', { name: 'Сохранить' }).click();
  await heading(person, 'Настройки группы').waitFor({ state: 'hidden' });
}

/** @param {Walk} walk */
export async function inspections(walk) {
  const { admin, second, server } = walk;
  await walk.part('one administrator alone', async () => {
    await openPage(admin, SECRETS);
    await text(admin, 'Сейчас вы единственный администратор').waitFor();
    await walk.look(admin, 'one administrator alone');
    await admin.press('Escape');
  }, [admin]);
  await walk.part('access to a conversation of two', async () => {
    const add = spawn(BINARY, ['user', 'add', '--data', server.data, '--login', 'second', '--name', 'Сергей Громов', '--role', 'administrator'], { stdio: ['pipe', 'ignore', 'inherit'] });
    add.stdin.end(PASSWORD);
    await once(add, 'close');
    await second.goto(server.origin);
    await second.type('Логин', 'second');
    await second.page.locator('input[type=password]').fill(PASSWORD);
    await press(second, 'Войти');
    await button(second, 'Настройки').waitFor();
    await walk.look(second, 'no groups');
    await openPage(admin, SECRETS);
    await press(admin, 'Попросить доступ');
    for (const name of ['Анна Сергеевна Иванова', 'Миша Кузнецов']) await shown(admin).getByRole('checkbox', { name }).check();
    await admin.type('Зачем это нужно', 'Мама Миши просит проверить');
    await walk.look(admin, 'a request for access');
    await press(admin, 'Отправить запрос');
    await text(admin, 'Ждёт ответа').waitFor();
    await walk.look(admin, 'a request that waits');
    await second.page.locator('nav').getByRole('button', { name: SECRETS }).click();
    await button(second, 'Разрешить на 24 часа').waitFor();
    await walk.look(second, 'a request of somebody else');
    await press(second, 'Разрешить на 24 часа');
    await text(second, 'Доступ открыт').waitFor();
    await press(admin, 'Читать');
    await text(admin, 'Зайди после уроков').waitFor();
    await walk.look(admin, 'a conversation of two that is read');
    await press(admin, 'К запросам');
    await press(admin, 'Закрыть доступ');
    await text(admin, /^Прежние запросы/).click();
    await walk.look(admin, 'requests that are over');
    for (const person of [admin, second]) await person.press('Escape');
  }, [admin, second]);
}

/** @param {Walk} walk */
export async function without(walk) {
  const { learner, server } = walk;
  await walk.part('without a network', async () => {
    await learner.context.setOffline(true);
    await text(learner, 'Нет сети').waitFor();
    await send(learner, 'Написано без сети');
    await text(learner, 'ждёт отправки').waitFor();
    await walk.look(learner, 'without a network');
    await learner.context.setOffline(false);
    await text(learner, 'Нет сети').waitFor({ state: 'hidden' });
  }, [learner]);
  await walk.part('without a server', async () => {
    await server.kill();
    await walk.both('without a server', async (person) => {
      await text(person, 'Нет связи').waitFor();
      await walk.look(person, 'without a server');
    });
    await server.start();
    await walk.both('the server is back', (person) => text(person, 'Нет связи').waitFor({ state: 'hidden' }));
  });
}
