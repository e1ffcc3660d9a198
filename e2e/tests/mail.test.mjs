// Mails about what is unread: the settings on a phone, a real mail server, and the links in the mails.
import assert from 'node:assert/strict';
import { after, before } from 'node:test';

import { chromiumPerson, launchChromium, signIn } from '../browsers.mjs';
import { Post } from '../post.mjs';
import { Server } from '../server.mjs';
import { steps } from '../steps.mjs';

const ROOM = 'Робототехника, поток 1';

const step = steps();
/** @type {Post} */
let post;
/** @type {Server} */
let server;
/** @type {import('playwright-core').Browser} */
let chromium;
/** @type {Awaited<ReturnType<typeof chromiumPerson>>} */
let phone;
/** @type {Awaited<ReturnType<typeof chromiumPerson>>} */
let teacher;
let stop = '';

before(async () => {
  post = await Post.create();
  Object.assign(process.env, post.variables);
  server = await Server.create();
  chromium = await launchChromium();
  [phone, teacher] = await Promise.all([
    chromiumPerson(chromium, 'the phone', { viewport: { width: 360, height: 740 }, hasTouch: true, isMobile: true, timezoneId: 'Asia/Yekaterinburg' }),
    chromiumPerson(chromium, 'teacher'),
  ]);
  await signIn(phone, server, 'student1');
  await signIn(teacher, server, 'teacher');
});

after(async () => {
  await chromium?.close();
  await server?.stop();
  await post?.stop();
});

const mail = () => phone.page.getByRole('group', { name: 'Письма о непрочитанном' });

step('what is no address is told so, and a wrong code too', async () => {
  await phone.click('button', 'Настройки');
  await mail().getByText('кто и в какой группе написал, но не сам текст').waitFor();
  await phone.type('Адрес почты', 'миша');
  await phone.click('button', 'Отправить код');
  await mail().getByText('Это не похоже на адрес почты').waitFor();
  await phone.page.getByLabel('Адрес почты').fill('misha@example.test');
  await phone.click('button', 'Отправить код');
  await mail().getByText('Мы отправили письмо на misha@example.test').waitFor();
  await phone.click('button', 'Отправить ещё раз');
  await mail().getByText('Ещё одно можно попросить через 1 мин').waitFor();
  await phone.type('Код из письма', '000000');
  await phone.click('button', 'Подтвердить');
  await mail().getByText('Код не подошёл или устарел').waitFor();
});

step('the code of the mail confirms the address, and what is unread comes there', async () => {
  const text = await post.next();
  const code = /^\s+(\d{6})\s*$/m.exec(text)?.[1];
  assert.ok(code, text);
  await phone.page.getByLabel('Код из письма').fill(`${code.slice(0, 3)} ${code.slice(3)}`);
  await phone.click('button', 'Подтвердить');
  const when = mail().getByLabel('Когда присылать');
  await when.waitFor();
  assert.equal(await when.inputValue(), 'hour');
  await when.selectOption('soon');
  await mail().getByText('Пока вы в Parta, писем нет').waitFor();
  await phone.until(() => !document.querySelector('select:disabled'), undefined, 'the wish is kept');

  await phone.goto('about:blank');
  await teacher.click('link', ROOM);
  await teacher.type('Сообщение', 'Секретный текст');
  await teacher.press('Enter');
  // Of the other group, where somebody was welcomed, a mail of its own comes first or second.
  const mails = [await post.next(), await post.next()];
  const told = mails.find((one) => one.includes(ROOM)) ?? '';
  assert.match(told, /Робототехника, поток 1: \d+ нов/);
  assert.match(told, /Asia\/Yekaterinburg, UTC\+5/);
  assert.doesNotMatch(told, /Секретный/);
  stop = /https?:\S+#stop=\S+/.exec(told)?.[0] ?? '';
  assert.ok(stop, told);
});

step('a digest has its hour, and the address can be taken back', async () => {
  await phone.goto(`${server.origin}/`);
  await phone.click('button', 'Настройки');
  await mail().getByLabel('Когда присылать').selectOption('digest');
  const at = mail().getByLabel('Во сколько');
  await at.waitFor();
  assert.equal(await at.inputValue(), '18:00');
  await at.fill('07:30');
  await phone.until(() => !document.querySelector('input[type=time]:disabled'), undefined, 'the hour is kept');
  await phone.reload();
  await phone.click('button', 'Настройки');
  await at.waitFor();
  assert.equal(await at.inputValue(), '07:30');
  await mail().getByText('по часам: Asia/Yekaterinburg').waitFor();
});

step('the link at the end of a mail switches them off after one press, without signing in', async () => {
  const anybody = await chromiumPerson(chromium, 'a mail program');
  await anybody.goto(stop);
  await anybody.page.getByRole('heading', { name: 'Отключить письма о непрочитанном?' }).waitFor();
  await phone.reload();
  await phone.click('button', 'Настройки');
  await mail().getByLabel('Когда присылать').waitFor();
  assert.equal(await mail().getByLabel('Когда присылать').inputValue(), 'digest', 'looking changes nothing');
  await anybody.click('button', 'Отключить');
  await anybody.page.getByRole('heading', { name: 'Готово: писем больше не будет.' }).waitFor();
  await anybody.goto(`${server.origin}/mail#stop=nobody.abc`);
  await anybody.reload();
  await anybody.click('button', 'Отключить');
  await anybody.page.getByText('Ссылка не подходит или устарела.').waitFor();
  await anybody.close();
  await phone.reload();
  await phone.click('button', 'Настройки');
  await mail().getByLabel('Когда присылать').waitFor();
  assert.equal(await mail().getByLabel('Когда присылать').inputValue(), 'off');
  await phone.click('button', 'Удалить адрес');
  await mail().getByText('Писем больше не будет').waitFor();
  await phone.click('button', 'Удалить адрес');
  await phone.page.getByLabel('Адрес почты').waitFor();
});
