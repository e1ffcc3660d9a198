// A conversation with everything that can be in one.
import { png } from '../files.mjs';
import { button, field, heading, menu, message, press, send, shown, text, toRoom } from './walker.mjs';

/** @typedef {import('./walker.mjs').Walk} Walk */

const PHOTO = { name: 'фото.png', mimeType: 'image/png', buffer: png(300, 200) };
const PLAN = { name: 'план урока.pdf', mimeType: 'application/pdf', buffer: Buffer.from('%PDF-1.4') };
const MARKDOWN = '**Жирный**, *курсив*, ~~зачёркнутый~~, `код`, https://example.ru/адрес\n\n> цитата\n\n- первое\n- второе\n\n```python\nprint("привет")\n```\n\nи $x^2 + \\frac{1}{2}$';

/** @param {Walk} walk */
export async function conversation(walk) {
  const { staff, learner } = walk;
  await walk.both('a conversation', async (person) => {
    await toRoom(person);
    await person.page.locator('.talk article').first().waitFor();
    await walk.look(person, 'a conversation');
  });
  await send(staff, MARKDOWN);
  await walk.part('files', async () => {
    await staff.page.locator('input[type=file]:not([capture])').setInputFiles([PLAN, PHOTO, { ...PHOTO, name: 'второе.png' }]);
    await text(staff, 'второе.png').waitFor();
    await walk.look(staff, 'files before they are sent');
    await send(staff, 'Файлы к уроку');
  });
  await walk.part('a mention', async () => {
    await field(staff).pressSequentially('@Миш');
    const first = staff.page.locator('[role=option]').first();
    await first.waitFor();
    await walk.look(staff, 'whom to mention');
    await first.click();
    await send(staff, `${await field(staff).inputValue()} принеси датчик`);
  });
  await walk.part('a message to all', async () => {
    await field(staff).fill('@все завтра без меня ');
    await press(staff, 'Отправить');
    await heading(staff, 'Сообщение для всех').waitFor();
    await walk.look(staff, 'whether to tell all');
    await press(staff, 'Отправить без упоминания');
    await text(learner, 'завтра без меня').waitFor();
    await field(learner).fill('@все а я приду ');
    await text(learner, '«@все» пишут только сотрудники').waitFor();
    await walk.look(learner, 'only the staff tell all');
    await field(learner).fill('');
  });
  await walk.part('how the text looks', async () => {
    await field(staff).fill('Важное');
    await press(staff, 'Оформление текста');
    await staff.page.getByRole('toolbar', { name: 'Оформление текста' }).waitFor();
    await walk.look(staff, 'how the text looks');
    await press(staff, 'Оформление текста');
    await field(staff).fill('');
  });
  await walk.part('an answer with a quote', async () => {
    await (await menu(learner, 'Файлы к уроку')).getByRole('button', { name: 'Ответить', exact: true }).click();
    await walk.look(learner, 'an answer that is written');
    await send(learner, 'Спасибо, посмотрю');
    await text(staff, 'Спасибо, посмотрю').waitFor();
  });
  await walk.part('a reaction', async () => {
    await (await menu(learner, 'принеси датчик')).getByRole('button', { name: /^Реакция/ }).first().click();
    await staff.page.getByRole('list', { name: 'Реакции' }).first().waitFor();
  });
  await walk.part('a changed message and a deleted one', async () => {
    await send(learner, 'Опечатка');
    await (await menu(learner, 'Опечатка')).getByRole('button', { name: 'Изменить', exact: true }).click();
    await walk.look(learner, 'a message that is changed');
    await field(learner).fill('Без опечатки');
    await press(learner, 'Сохранить');
    await button(learner, 'Сохранить').waitFor({ state: 'hidden' });
    await send(learner, 'Лишнее');
    const open = await menu(learner, 'Лишнее');
    await open.getByRole('button', { name: 'Удалить', exact: true }).click();
    await walk.look(learner, 'whether to delete');
    await open.getByRole('button', { name: 'Удалить', exact: true }).click();
    await text(staff, 'Сообщение удалено').waitFor();
  });
  await walk.part('what is forwarded', async () => {
    await (await menu(staff, 'Файлы к уроку')).getByRole('button', { name: 'Переслать…', exact: true }).click();
    await heading(staff, 'Кому переслать').waitFor();
    await shown(staff).getByRole('button', { name: /Робототехника/ }).first().click();
    await text(learner, /^Переслано от/).waitFor();
  });
  await walk.both('the conversation', (person) => walk.look(person, 'the conversation'));
  await walk.both('emoji', async (person) => {
    const emoji = button(person, 'Вставить эмодзи');
    // A phone has its own keyboard for them.
    if (!(await emoji.isVisible())) return;
    await walk.dialog(person, 'emoji', () => emoji.click(), () => shown(person).getByRole('searchbox').or(shown(person).getByRole('textbox')).first());
  });
}

/** @param {Walk} walk */
export async function polls(walk) {
  const { staff, learner } = walk;
  await walk.part('a poll', async () => {
    await press(staff, 'Ещё');
    await button(staff, 'Опрос').waitFor();
    await walk.look(staff, 'what else there is to send');
    await press(staff, 'Опрос');
    await heading(staff, 'Новый опрос').waitFor();
    await press(staff, 'Отправить опрос');
    await staff.page.getByRole('alert').waitFor();
    await walk.look(staff, 'the form of a poll, refused');
    await ask(walk, 'Когда консультация?', ['Во вторник', 'В четверг']);
    await text(learner, 'Когда консультация?').waitFor();
    await walk.look(learner, 'a poll before the vote');
    await learner.page.locator('.talk').getByText('В четверг').first().click();
    await button(staff, '1 ответил').waitFor();
  });
  await walk.dialog(staff, 'who voted', () => press(staff, '1 ответил'), () => shown(staff, 'Кто как ответил'));
  await walk.part('a quiz', async () => {
    await press(staff, 'Ещё');
    await press(staff, 'Опрос');
    await staff.page.getByLabel('Викторина').check();
    await staff.page.getByLabel('Правильный: вариант 2').check();
    await staff.page.getByLabel('Пояснение (увидят после ответа)').fill('Два умножить на два');
    await walk.look(staff, 'the form of a quiz');
    await ask(walk, 'Сколько будет дважды два?', ['Три', 'Четыре']);
    await button(learner, 'Три').click();
    await text(learner, 'Два умножить на два').waitFor();
    await walk.look(learner, 'a quiz, answered');
    await message(staff, 'Сколько будет дважды два?').getByRole('button', { name: 'Завершить опрос' }).click();
    await text(learner, 'Викторина · завершена').waitFor();
    await walk.both('a quiz that is over', (person) => walk.look(person, 'a quiz that is over'));
  });
}

/** Fills the form of a poll, and sends it. @param {Walk} walk @param {string} question @param {readonly [string, string]} options */
async function ask({ staff }, question, [one, other]) {
  await staff.type('Вопрос', question);
  await staff.page.getByLabel('Вариант 1', { exact: true }).fill(one);
  await staff.page.getByLabel('Вариант 2', { exact: true }).fill(other);
  await press(staff, /^Отправить (опрос|викторину)$/u);
  await shown(staff).waitFor({ state: 'hidden' });
}

/** @param {Walk} walk */
export async function acknowledging(walk) {
  const { staff, learner, admin } = walk;
  await walk.part('a message to acknowledge', async () => {
    await field(staff).fill('Завтра занятие в 10:00');
    await press(staff, 'С ознакомлением');
    await text(staff, 'кнопку «Ознакомлен»').waitFor();
    await walk.look(staff, 'a message to acknowledge');
    await press(staff, 'Отправить');
    await button(learner, 'Ознакомлен').waitFor();
    await walk.look(learner, 'what is to be acknowledged');
  });
  await walk.part('what waits to be acknowledged', async () => {
    await press(admin, /^Ждёт ознакомления/);
    await shown(admin).waitFor();
    await walk.look(admin, 'what waits to be acknowledged');
    await admin.press('Escape');
  });
  await walk.part('a reminder', async () => {
    await staff.page.getByRole('button', { name: /^Ознакомились: 0 из/ }).first().click();
    await heading(staff, 'Кто ознакомился').waitFor();
    await press(staff, 'Напомнить');
    await text(staff, /^Напомнили/).waitFor();
    await walk.look(staff, 'who has acknowledged');
    await staff.press('Escape');
    await text(learner, 'Напоминаем: ознакомьтесь').waitFor();
    await walk.look(learner, 'a reminder');
  });
  await walk.part('acknowledged', async () => {
    await press(learner, 'Ознакомлен');
    await text(learner, 'Вы ознакомились').waitFor();
    await text(staff, 'Ознакомились: 1 из').waitFor();
    await walk.look(learner, 'acknowledged');
  });
}
