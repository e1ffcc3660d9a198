// A lesson: the check before it, the lesson itself with what stands beside it, and its end.
import { button, press, shown, text, toRoom } from './walker.mjs';

/** @typedef {import('./walker.mjs').Walk} Walk */

/** @param {Walk} walk */
export async function lesson(walk) {
  const { staff, learner } = walk;
  await walk.part('before the lesson', async () => {
    await walk.both('the group', (person) => toRoom(person));
    await staff.page.evaluate(whiteScreen);
    await press(staff, 'Начать урок');
    await button(staff, 'Зайти на урок').waitFor();
    await walk.look(staff, 'before the lesson');
    await staff.page.getByRole('meter', { name: 'Громкость микрофона' }).waitFor();
    await button(staff, 'Выключить камеру').waitFor();
    await walk.look(staff, 'before the lesson, with sound and picture');
    await press(staff, 'Выключить камеру');
    await button(staff, 'Включить камеру').waitFor();
    await walk.look(staff, 'before the lesson, without a picture');
    await press(staff, 'Зайти на урок');
    await staff.see('button', 'Выйти с урока');
    await walk.look(staff, 'a lesson of one');
    await walk.look(learner, 'a lesson that goes on');
  });
  await walk.part('the lesson', async () => {
    await press(learner, 'Присоединиться');
    await press(learner, 'Зайти на урок');
    await learner.see('button', 'Выйти с урока');
    if (await button(staff, 'Показать экран').isVisible()) await press(staff, 'Показать экран');
    await walk.both('the lesson', async (person) => {
      await walk.look(person, 'the lesson');
      await press(person, 'Говорящий');
      await walk.look(person, 'the lesson with one person large');
      await press(person, 'Только звук');
      await button(person, 'Показать видео').waitFor();
      await walk.look(person, 'only sound');
      await press(person, 'Показать видео');
      await person.page.getByRole('button', { name: /^Участники: 2/ }).click();
      await button(person, 'Связь').waitFor();
      await walk.look(person, 'the people of a lesson');
      await press(person, 'Связь');
      const link = shown(person, 'Идёт урок').locator('details summary').first();
      await link.waitFor();
      await walk.look(person, 'the links of a lesson');
      // One's own is open.
      if (person === staff) await link.click();
      await walk.look(person, 'a link of a lesson');
      await press(person, /^Чат/);
      await person.page.getByRole('log').last().waitFor();
      await walk.look(person, 'the chat of a lesson');
      await press(person, /^Чат/);
    });
    await press(staff, 'Завершить урок');
    await walk.both('the end of the lesson', async (person) => {
      await text(person, 'Урок завершён').waitFor();
      await walk.look(person, 'the end of the lesson');
      await press(person, 'Вернуться в чат');
      await walk.look(person, 'after the lesson');
    });
  });
}

// Runs in the page: the screen that is shared is a white sheet.
function whiteScreen() {
  const canvas = Object.assign(document.createElement('canvas'), { width: 640, height: 360 });
  const draw = /** @type {CanvasRenderingContext2D} */ (canvas.getContext('2d'));
  const paint = () => {
    draw.fillStyle = 'white';
    draw.fillRect(0, 0, 640, 360);
  };
  setInterval(paint, 200);
  paint();
  navigator.mediaDevices.getDisplayMedia = async () => canvas.captureStream(5);
}
