// Groups themselves: who is in them, how they are set, programs that write into them, groups of other kinds.
import { chromiumPerson } from '../browsers.mjs';
import { png } from '../files.mjs';
import { ROOM, button, heading, press, send, shown, text, toList, toRoom } from './walker.mjs';

/** @typedef {import('./walker.mjs').Walk} Walk */
/** @typedef {import('./walker.mjs').Walker} Walker */

const NEWS = 'Объявления центра';

/** @param {Walker} person */
const panel = (person) => person.page.getByRole('complementary', { name: 'Участники' });

/** @param {Walker} person */
async function openMembers(person) {
  await press(person, 'Участники');
  await heading(person, 'Участники').waitFor();
}

/** @param {Walker} person */
const closeMembers = (person) => panel(person).getByRole('button', { name: 'Закрыть' }).click();

/** @param {Walk} walk */
export async function members(walk) {
  const { staff } = walk;
  await walk.both('the members', async (person) => {
    await openMembers(person);
    await walk.look(person, 'the members');
    await walk.dialog(person, 'what one is told of a group', () => panel(person).getByRole('button', { name: /^Уведомления/ }).click(), () => text(person, 'Только упоминания'), async () => {
      await press(person, 'На 1 час');
      await button(person, 'Включить уведомления').waitFor();
      await walk.look(person, 'a muted group');
      await press(person, 'Включить уведомления');
      await button(person, 'Включить уведомления').waitFor({ state: 'hidden' });
    });
    if (person !== staff) await closeMembers(person);
  });
  await walk.dialog(staff, 'the settings of a group', () => press(staff, 'Настройки группы'), () => heading(staff, 'Настройки группы'), async () => {
    await shown(staff).locator('input[type=file]').setInputFiles({ name: 'робот.png', mimeType: 'image/png', buffer: png(200, 200) });
    await button(staff, 'Убрать картинку').waitFor();
    await walk.look(staff, 'a picture for a group');
  });
  await walk.dialog(staff, 'history and keeping', () => press(staff, 'История и хранение'), () => heading(staff, 'Журнал удаления'), async () => {
    await staff.page.getByLabel('Свой срок').check();
    await staff.page.getByLabel('Дней').fill('30');
    await shown(staff).getByRole('button', { name: 'Сохранить' }).click();
    await button(staff, 'Удалять навсегда').waitFor();
    await walk.look(staff, 'whether to delete for good');
    await press(staff, 'Удалять навсегда');
    await text(staff, 'Задан срок').waitFor();
    await walk.look(staff, 'a time to keep messages');
  });
  await walk.part('a one-time password', async () => {
    await press(staff, 'Новый пароль: Тимур Ахметов');
    await button(staff, 'Выдать новый пароль').waitFor();
    await walk.look(staff, 'whether to give a new password');
    await press(staff, 'Выдать новый пароль');
    const secret = staff.page.getByRole('status', { name: 'Одноразовый пароль' });
    await secret.waitFor();
    await walk.look(staff, 'a one-time password');
    await chooses(walk, (await secret.textContent()) ?? '');
    await press(staff, 'Готово');
    await secret.waitFor({ state: 'hidden' });
  }, [staff]);
  await walk.part('a new device', async () => {
    await press(staff, 'Подключить устройство');
    await staff.page.getByLabel('Название').fill('Камера в зале');
    await walk.look(staff, 'a new device');
    await press(staff, 'Создать ключ');
    await text(staff, 'Ключ виден только сейчас').waitFor();
    await walk.look(staff, 'the key of a device');
    await press(staff, 'Готово');
    await walk.look(staff, 'devices');
  }, [staff]);
}

/** Another learner signs in with it, at first in vain. @param {Walk} walk @param {string} password */
async function chooses(walk, password) {
  const { learner, server } = walk;
  const browser = learner.context.browser();
  if (!browser) throw new Error('a browser that is gone');
  const [colorScheme] = learner.themes;
  const looks = { viewport: learner.page.viewportSize(), reducedMotion: /** @type {const} */ ('reduce'), ...(colorScheme ? { colorScheme } : {}) };
  const person = { ...learner, ...(await chromiumPerson(browser, `${learner.name}, with a one-time password`, looks)) };
  await person.goto(server.origin);
  await person.type('Логин', 'student3');
  await person.type('Пароль', password);
  await press(person, 'Войти');
  await heading(person, 'Придумайте свой пароль').waitFor();
  await walk.look(person, 'a password to choose');
  await person.type('Новый пароль', 'коротко');
  await press(person, 'Сохранить и войти');
  await person.page.getByRole('alert').waitFor();
  await walk.look(person, 'a password that is too short');
  await person.close();
}

/** The members are open. @param {Walk} walk */
export async function bots(walk) {
  const { staff } = walk;
  await walk.dialog(staff, 'bots', () => press(staff, 'Боты'), () => heading(staff, 'Боты'), async () => {
    await press(staff, 'Новый бот');
    await staff.type('Имя, под которым он пишет', 'Дежурный');
    await walk.look(staff, 'a new bot');
    await press(staff, 'Создать');
    await staff.page.getByLabel('Ключ', { exact: true }).waitFor();
    await walk.look(staff, 'the key of a bot');
    await press(staff, 'Готово');
    await press(staff, 'Новый адрес');
    await staff.type('Адрес программы', 'https://evil.example/');
    await press(staff, 'Создать');
    await text(staff, 'Этот адрес не разрешён').waitFor();
    await walk.look(staff, 'an address for messages, refused');
    await staff.type('Адрес программы', 'http://127.0.0.1:9/parta');
    await press(staff, 'Создать');
    await staff.page.getByLabel('Секрет подписи', { exact: true }).waitFor();
    await walk.look(staff, 'the secret of an address');
    await press(staff, 'Готово');
    await text(staff, 'ещё ничего не передано').waitFor();
    await walk.look(staff, 'bots and addresses');
  });
  await closeMembers(staff);
}

/** @param {Walk} walk */
export async function groups(walk) {
  const { staff, learner } = walk;
  await walk.part('a group for news', async () => {
    await toList(staff);
    await press(staff, 'Новая группа');
    await heading(staff, 'Новая группа').waitFor();
    await walk.look(staff, 'the form of a group');
    await staff.type('Название', NEWS);
    await staff.page.getByRole('radio', { name: /Объявления/ }).check();
    await shown(staff).locator('input[type=file]').setInputFiles({ name: 'рупор.png', mimeType: 'image/png', buffer: png(200, 200) });
    await shown(staff).getByRole('checkbox', { name: 'Миша Кузнецов' }).check();
    await walk.look(staff, 'the form of a group, filled in');
    await press(staff, 'Создать');
    await heading(staff, NEWS).waitFor();
    await walk.look(staff, 'a group in which nothing was said');
    await toRoom(learner, NEWS);
    await text(learner, 'Здесь пишут только сотрудники').waitFor();
    await walk.look(learner, 'a group in which one does not write');
  }, [staff, learner]);
  await walk.part('a conversation of two', async () => {
    await toRoom(staff);
    await openMembers(staff);
    await press(staff, 'Написать лично: Миша Кузнецов');
    await heading(staff, 'Миша Кузнецов').waitFor();
    await text(staff, 'её могут открыть двое').waitFor();
    await walk.look(staff, 'a conversation of two');
    await send(staff, 'Зайди после уроков');
    await toRoom(learner, 'Анна Сергеевна Иванова');
    await text(learner, 'Зайди после уроков').waitFor();
    await walk.look(learner, 'a conversation of two');
    await press(learner, 'Ясно');
    await openMembers(learner);
    await walk.look(learner, 'the two of a conversation');
    await closeMembers(learner);
  }, [staff, learner]);
}

/** @param {Walk} walk */
export async function group(walk) {
  const { staff, learner } = walk;
  await walk.part('a group in the archive', async () => {
    await toRoom(staff, NEWS);
    await openMembers(staff);
    await press(staff, 'Настройки группы');
    await press(staff, 'В архив');
    await heading(staff, 'Настройки группы').waitFor({ state: 'hidden' });
    await closeMembers(staff);
    await text(staff, 'Группа в архиве').waitFor();
    await walk.look(staff, 'a group in the archive');
    await toList(learner);
    await text(learner, 'Архив (1)').click();
    await learner.page.getByRole('link', { name: NEWS }).waitFor();
    await walk.look(learner, 'the groups in the archive');
  }, [staff, learner]);
  await walk.both('back', (person) => toRoom(person, ROOM));
}
