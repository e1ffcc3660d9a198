// How one comes in, and what there is before a group is open.
import { signIn } from '../browsers.mjs';
import { ROOM, button, heading, press, shown, text, toList, toRoom } from './walker.mjs';

/** @typedef {import('./walker.mjs').Walk} Walk */

/** @param {Walk} walk */
export async function entering(walk) {
  await walk.both('signing in', async (person) => {
    await person.goto(walk.server.origin);
    await text(person, 'Попробовать').waitFor();
    await walk.look(person, 'signing in');
    await person.type('Логин', 'teacher');
    await person.type('Пароль', 'никакой пароль');
    await press(person, 'Войти');
    await person.page.getByRole('alert').waitFor();
    await walk.look(person, 'a wrong password');
  });
  // The page is there for everybody; a token that is none is refused when the form is sent.
  await walk.both('the first administrator', async (person) => {
    await person.goto(`${walk.server.origin}/setup#token=none`);
    await heading(person, 'Первый администратор').waitFor();
    await walk.look(person, 'the first administrator');
    await person.type('Имя и фамилия', 'Сергей Громов');
    await person.type('Логин', 'sergey');
    await person.page.locator('input[type=password]').fill('никакой пароль');
    await press(person, 'Создать');
    await person.page.getByRole('alert').waitFor();
    await walk.look(person, 'the first administrator, refused');
  });
}

/** @param {Walk} walk */
export async function settings(walk) {
  const { staff, learner, admin, server } = walk;
  await Promise.all([signIn(staff, server, 'teacher'), signIn(learner, server, 'student1'), signIn(admin, server, 'admin')]);
  await Promise.all([staff, learner, admin].map((person) => walk.part('the settings', async () => {
    await walk.look(person, 'the list');
    await press(person, 'Настройки');
    await person.page.getByLabel('Тихие часы').check();
    await person.page.getByLabel('Адрес почты').waitFor();
    await walk.look(person, 'the settings');
    await person.page.getByRole('group', { name: 'Не беспокоить' }).getByRole('button', { name: 'На 1 час' }).click();
    await button(person, 'Снова сообщать').waitFor();
    await walk.look(person, 'the settings while nothing is told');
    await press(person, 'Снова сообщать');
    await button(person, 'Снова сообщать').waitFor({ state: 'hidden' });
    await walk.dialog(person, 'another password', () => press(person, 'Сменить пароль'), () => shown(person, 'Сменить пароль'), async () => {
      await person.page.getByLabel('Нынешний пароль', { exact: true }).fill('никакой пароль');
      await person.page.getByLabel('Новый пароль', { exact: true }).fill('коротко');
      await press(person, 'Сменить');
      await person.page.getByRole('alert').waitFor();
      await walk.look(person, 'another password, too short');
    });
    if (person !== learner) await press(person, 'Настройки');
  }, [person])));
  await walk.part('mail', () => mail(walk), [learner]);
  await walk.part('in English', async () => {
    await press(admin, 'Настройки');
    await admin.page.getByLabel('Язык').selectOption('en');
    await button(admin, 'Settings').waitFor();
    await walk.look(admin, 'the settings in English');
    await admin.page.getByLabel('Language').selectOption('ru');
    await press(admin, 'Настройки');
  }, [admin]);
  await walk.both('which groups are shown', async (person) => {
    await press(person, 'С упоминаниями');
    await text(person, 'Таких сейчас нет').waitFor();
    await walk.look(person, 'no such groups');
    await press(person, 'Все');
  });
}

/** The learner's settings are open. @param {Walk} walk */
async function mail(walk) {
  const { learner, post } = walk;
  const mails = learner.page.getByRole('group', { name: 'Письма о непрочитанном' });
  await learner.page.getByLabel('Адрес почты').fill('миша');
  await press(learner, 'Отправить код');
  await mails.getByRole('alert').waitFor();
  await walk.look(learner, 'no address of a mail');
  await learner.page.getByLabel('Адрес почты').fill('misha@example.test');
  await press(learner, 'Отправить код');
  await learner.page.getByLabel('Код из письма').waitFor();
  await walk.look(learner, 'the code of a mail');
  const code = /^\s+(\d{6})\s*$/m.exec(await post.next())?.[1] ?? '';
  await learner.page.getByLabel('Код из письма').fill(code);
  await press(learner, 'Подтвердить');
  const when = mails.getByLabel('Когда присылать');
  await when.waitFor();
  await when.selectOption('digest');
  await mails.getByLabel('Во сколько').waitFor();
  await walk.look(learner, 'when mails come');
  await press(learner, 'Удалить адрес');
  await text(learner, 'Удалить адрес? Писем больше не будет').waitFor();
  await walk.look(learner, 'whether to forget the address');
  await mails.getByRole('button', { name: 'Отмена' }).click();
  await press(learner, 'Настройки');
}

/** @param {Walk} walk */
export async function apart(walk) {
  const { server } = walk;
  await walk.both('somebody else’s group', async (person) => {
    await person.goto(`${server.origin}/room/none`);
    // On a phone it is under the list.
    await person.page.getByText('Этой группы нет в вашем списке').waitFor({ state: 'attached' });
    await walk.look(person, 'somebody else’s group');
  });
  await walk.both('links of mails', async (person) => {
    await person.goto(`${server.origin}/mail#none`);
    await text(person, 'Ссылка не подходит или устарела').waitFor();
    await walk.look(person, 'an old link of a mail');
    await person.goto('about:blank');
    await person.goto(`${server.origin}/mail#stop=${'a'.repeat(64)}`);
    await text(person, 'Отключить письма о непрочитанном?').waitFor();
    await walk.look(person, 'a link of a mail');
    await person.goto(server.origin);
    await person.see('link', ROOM);
  });
}

/** @param {Walk} walk */
export async function shared(walk) {
  await walk.both('what another app shares', async (person) => {
    await person.until(() => navigator.serviceWorker.controller, undefined, 'the service worker');
    await person.page.evaluate(() => {
      const form = Object.assign(document.createElement('form'), { method: 'post', enctype: 'multipart/form-data', action: '/share' });
      form.append(Object.assign(document.createElement('input'), { name: 'title', value: 'Статья о роботах' }));
      document.body.append(form);
      form.submit();
    });
    await heading(person, 'Куда отправить?').waitFor();
    await walk.look(person, 'where to send what is shared');
    await person.press('Escape');
    await shown(person).waitFor({ state: 'hidden' });
    await person.goto(`${walk.server.origin}/?shared`);
    await text(person, 'Отправлять нечего').waitFor();
    await walk.look(person, 'nothing is shared');
    await person.press('Escape');
    await toList(person);
    await toRoom(person);
  });
}
