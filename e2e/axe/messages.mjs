// What is done with messages that are there: their menus, threads, pins, photos, recordings.
import { button, field, heading, menu, message, press, send, shown, text } from './walker.mjs';

/** @typedef {import('./walker.mjs').Walk} Walk */

/** @param {Walk} walk */
export async function actions(walk) {
  const { staff } = walk;
  await walk.both('what is done with a message', async (person) => {
    const open = () => shown(person, 'Действия с сообщением');
    await walk.dialog(person, 'the menu of a message', () => menu(person, 'Завтра занятие'), open);
    await walk.chosen(person, 'Завтра занятие', 'Другие реакции', () => open().getByRole('searchbox').or(open().getByRole('textbox')).first());
    await walk.chosen(person, 'Спасибо, посмотрю', 'Переслать…', () => heading(person, 'Кому переслать'));
    await walk.chosen(person, 'план урока.pdf', 'Сведения о файле', () => text(person, 'Контрольная сумма'));
    await walk.chosen(person, 'принеси датчик', 'Кто отреагировал', () => shown(person, 'Реакции'));
  });
  await walk.chosen(staff, 'Без опечатки', 'История изменений', () => text(staff, 'Опечатка'));
  await walk.chosen(staff, 'Без опечатки', 'Запретить писать…', () => text(staff, 'На 15 минут'));
  await walk.dialog(staff, 'who has read', () => staff.page.getByRole('button', { name: /^Прочитали: / }).last().click(), () => text(staff, 'Прочитали'));
}

/** @param {Walk} walk */
export async function viewer(walk) {
  await walk.both('the viewer', async (person) => {
    await message(person, 'план урока.pdf').getByRole('button', { name: /^Фото 1/ }).click();
    await button(person, 'Увеличить').waitFor();
    await person.page.locator('.pswp__img').first().waitFor();
    await walk.look(person, 'the viewer');
    await press(person, 'Сведения о файле');
    await text(person, 'Контрольная сумма').waitFor();
    await walk.look(person, 'the viewer with what is known of the photo');
    await person.press('Escape');
    await text(person, 'Контрольная сумма').waitFor({ state: 'hidden' });
    await person.press('Escape');
    await button(person, 'Увеличить').waitFor({ state: 'hidden' });
  });
}

/** @param {Walk} walk */
export async function threads(walk) {
  const { staff, learner } = walk;
  await walk.both('a thread', async (person) => {
    await person.page.getByRole('button', { name: /1 ответ(?!и)/ }).first().click();
    await heading(person, 'Обсуждение').waitFor();
    await walk.look(person, 'a thread');
    await walk.dialog(person, 'the menu of an answer', async () => {
      const answer = person.page.locator('aside article', { hasText: 'Спасибо, посмотрю' }).first();
      await answer.hover();
      await answer.getByRole('button', { name: 'Действия с сообщением' }).click();
    }, () => shown(person, 'Действия с сообщением'));
    await person.press('Escape');
    await heading(person, 'Обсуждение').waitFor({ state: 'hidden' });
  });
  await walk.part('pins', async () => {
    for (const body of ['Завтра занятие', 'Спасибо, посмотрю']) await (await menu(staff, body)).getByRole('button', { name: 'Закрепить', exact: true }).click();
    await walk.both('the pinned messages', async (person) => {
      await button(person, 'Все закреплённые: 2').waitFor();
      await walk.look(person, 'a pinned message');
      await walk.dialog(person, 'the pinned messages', () => press(person, 'Все закреплённые: 2'), () => heading(person, 'Закреплённые сообщения'));
    });
  });
  await walk.part('away from the end', async () => {
    await learner.page.getByRole('log').first().evaluate((log) => log.scrollTo(0, 0));
    await button(learner, 'К новым сообщениям').waitFor();
    await send(staff, 'Новое, пока вы читали старое');
    await button(learner, /^К новым сообщениям: 1/).waitFor();
    await walk.look(learner, 'away from the end, with something new');
    await press(learner, /^К новым сообщениям/);
    await text(learner, 'Новое, пока вы читали старое').waitFor();
  });
}

/** @param {Walk} walk */
export async function recordings(walk) {
  const { staff, learner } = walk;
  await walk.part('a message for later', async () => {
    await field(staff).fill('Потом');
    if (staff.device === 'phone') await press(staff, 'Ещё');
    await press(staff, staff.device === 'phone' ? 'Отправить позже…' : 'Отложить отправку');
    await heading(staff, 'Отправить позже').waitFor();
    await walk.look(staff, 'when to send');
    await press(staff, 'Отправить в это время');
    await walk.dialog(staff, 'what waits to be sent', () => press(staff, 'Отложено сообщений: 1'), () => heading(staff, 'Отложенные сообщения'), async () => {
      await shown(staff).getByRole('button', { name: 'Изменить' }).click();
      await shown(staff).getByLabel('Сообщение').waitFor();
      await walk.look(staff, 'what waits to be sent, changed');
    });
  });
  await walk.part('a voice message', async () => {
    await press(learner, 'Голосовое сообщение');
    await button(learner, 'Приостановить запись').waitFor();
    await walk.look(learner, 'a voice message that is recorded');
    await press(learner, 'Приостановить запись');
    await button(learner, 'Продолжить запись').waitFor();
    await walk.look(learner, 'a voice message that is listened to before it is sent');
    await press(learner, 'Отправить');
    await button(staff, 'Слушать').waitFor();
    await walk.look(staff, 'a voice message');
  });
  await walk.part('a video message', async () => {
    await press(learner, 'Голосовое сообщение');
    await press(learner, 'Записать видео');
    await learner.page.getByLabel('Вы в кадре').or(learner.page.locator('.picture video')).first().waitFor();
    await button(learner, 'Приостановить запись').waitFor();
    await walk.look(learner, 'a video message that is recorded');
    await press(learner, 'Отправить');
    await button(staff, /Видеосообщение/).waitFor();
    await walk.look(staff, 'a video message');
  });
}
