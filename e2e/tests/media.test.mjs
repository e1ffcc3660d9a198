// Photos and voice messages: several photos are an album and a viewer, on a phone by fingers; a voice message that one
// browser recorded is heard in the other.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { after, before } from 'node:test';

import { chromiumPerson, firefoxPerson, launchChromium, signIn } from '../browsers.mjs';
import { keptToSend } from '../kept.mjs';
import { Server } from '../server.mjs';
import { steps } from '../steps.mjs';

const ROOM = 'Робототехника, поток 1';
/** Larger than a preview, in pixels. */
const [WIDE, HIGH] = [2_000, 1_500];
const NAMES = [1, 2, 3, 4, 5].map((k) => `опыт ${k}.jpg`);

const step = steps();
/** @type {Server} */
let server;
/** @type {import('playwright-core').Browser} */
let chromium;
/** @type {Awaited<ReturnType<typeof chromiumPerson>>} */
let teacher;
/** @type {Awaited<ReturnType<typeof chromiumPerson>>} */
let phone;
/** @type {Awaited<ReturnType<typeof firefoxPerson>>} */
let student;

before(async () => {
  server = await Server.create();
  chromium = await launchChromium();
  teacher = await chromiumPerson(chromium, 'teacher');
  phone = await chromiumPerson(chromium, 'phone', { viewport: { width: 360, height: 740 }, hasTouch: true, isMobile: true, deviceScaleFactor: 2 });
  student = await firefoxPerson('student');
  await signIn(teacher, server, 'teacher');
  await teacher.click('link', ROOM);
  // A machine without loudspeakers, where Firefox plays nothing that could be heard.
  await student.page.evaluateOnNewDocument(() => {
    const { play } = HTMLMediaElement.prototype;
    HTMLMediaElement.prototype.play = function () {
      this.muted = true;
      return play.call(this);
    };
  });
  await signIn(student, server, 'student1');
  await student.click('link', ROOM);
});

after(async () => {
  await student?.close();
  await chromium?.close();
  await server?.stop();
});

/** Photos that the page itself draws. @param {{names: string[], w: number, h: number}} wanted */
const choosePhotos = async ({ names, w, h }) => {
  const files = new DataTransfer();
  for (const [k, name] of names.entries()) {
    const canvas = new OffscreenCanvas(w, h);
    const drawing = /** @type {OffscreenCanvasRenderingContext2D} */ (canvas.getContext('2d'));
    drawing.fillStyle = `hsl(${k * 70} 60% 50%)`;
    drawing.fillRect(0, 0, w, h);
    drawing.fillStyle = '#fff';
    drawing.font = `${h / 2}px sans-serif`;
    drawing.fillText(String(k + 1), w / 3, h / 1.4);
    files.items.add(new File([await canvas.convertToBlob({ type: 'image/jpeg', quality: 0.8 })], name, { type: 'image/jpeg' }));
  }
  const input = /** @type {HTMLInputElement} */ (document.querySelector('input[type=file]'));
  input.files = files.files;
  input.dispatchEvent(new Event('change', { bubbles: true }));
};

/** What the viewer shows now: where it comes from, how many pixels it has, and how wide it is on the screen. */
const shownPhoto = () => {
  const slide = document.querySelector('dialog[open] .pswp__item[aria-hidden=false]');
  const img = [...(slide?.querySelectorAll('img') ?? [])].at(-1);
  return img ? { src: img.src, pixels: img.naturalWidth, wide: img.getBoundingClientRect().width } : undefined;
};
const isOriginal = (/** @type {number} */ wide) => {
  const slide = document.querySelector('dialog[open] .pswp__item[aria-hidden=false]');
  return [...(slide?.querySelectorAll('img') ?? [])].some((img) => img.src.startsWith('blob:') && img.naturalWidth === wide);
};
const says = (/** @type {string} */ text) => document.querySelector('dialog[open] [role=status]')?.textContent?.includes(text);
const isClosed = () => document.querySelector('dialog[open]') === null;

step('five photos of one message are one album', async () => {
  await teacher.read(choosePhotos, { names: NAMES, w: WIDE, h: HIGH });
  await teacher.page.getByRole('button', { name: `Убрать: ${NAMES[4]}` }).waitFor();
  await teacher.until(() => document.querySelectorAll('form > ul progress').length === 0, undefined, 'all photos uploaded');
  await teacher.click('button', 'Отправить');
  await student.until(() => document.querySelectorAll('article .album .picture').length === 5, undefined, 'an album of five');
  const rows = await student.read(() => [...document.querySelectorAll('article .album .row')].map((row) => row.children.length));
  assert.deepEqual(rows, [2, 3]);
});

step('the viewer shows the original, turns by the arrow keys and enlarges', async () => {
  await student.click('button', 'Фото 2 из 5');
  await student.until(isOriginal, WIDE, 'the photo with all its pixels');
  await student.page.keyboard.press('ArrowRight');
  await student.until(says, 'Фото 3 из 5', 'the third photo');
  await student.until(isOriginal, WIDE, 'the third photo with all its pixels');
  const before = await student.read(shownPhoto);
  await student.click('button', 'Увеличить');
  await student.until(
    (/** @type {number} */ wide) => [...document.querySelectorAll('dialog[open] .pswp__item[aria-hidden=false] img')].some((img) => img.getBoundingClientRect().width > wide * 1.4),
    before?.wide,
    'a larger photo',
  );
});

step('closing by Escape gives the focus back', async () => {
  await student.page.keyboard.press('Escape');
  await student.until(isClosed, undefined, 'the viewer closed');
  await student.until((/** @type {string} */ name) => document.activeElement?.getAttribute('aria-label')?.startsWith(name), 'Фото 2 из 5', 'the focus on the photo that was pressed');
  assert.ok((await student.read(() => location.pathname)).startsWith('/room/'));
});

step('on a phone a finger turns, two enlarge, and a swipe down closes; so does going back', async () => {
  await signIn(phone, server, 'student2');
  await phone.click('link', ROOM);
  await phone.click('button', 'Фото 1 из 5');
  await phone.until(isOriginal, WIDE, 'the photo with all its pixels');
  const touch = await phone.context.newCDPSession(phone.page);
  /** Fingers that go through these places. @param {{x: number, y: number}[][]} path */
  const fingers = async (path) => {
    for (const [k, touchPoints] of path.entries()) await touch.send('Input.dispatchTouchEvent', { type: k === 0 ? 'touchStart' : 'touchMove', touchPoints });
    await touch.send('Input.dispatchTouchEvent', { type: 'touchEnd', touchPoints: [] });
  };
  const line = (/** @type {(k: number) => {x: number, y: number}[]} */ at) => Array.from({ length: 12 }, (_, k) => at(k / 11));
  await fingers(line((k) => [{ x: 320 - 260 * k, y: 400 }]));
  await phone.until(says, 'Фото 2 из 5', 'the second photo');
  await phone.until(isOriginal, WIDE, 'the second photo with all its pixels');
  const before = await phone.read(shownPhoto);
  await fingers(line((k) => [{ x: 180 - 20 - 100 * k, y: 370 }, { x: 180 + 20 + 100 * k, y: 370 }]));
  await phone.until(
    (/** @type {number} */ wide) => [...document.querySelectorAll('dialog[open] .pswp__item[aria-hidden=false] img')].some((img) => img.getBoundingClientRect().width > wide * 2),
    before?.wide,
    'a photo enlarged by two fingers',
  );
  await fingers(line((k) => [{ x: 180 - 120 + 100 * k, y: 370 }, { x: 180 + 120 - 100 * k, y: 370 }]));
  await phone.until(
    (/** @type {number} */ wide) => [...document.querySelectorAll('dialog[open] .pswp__item[aria-hidden=false] img')].every((img) => img.getBoundingClientRect().width < wide * 1.05),
    before?.wide,
    'the whole photo again',
  );
  await fingers(line((k) => [{ x: 180, y: 300 + 380 * k }]));
  await phone.until(isClosed, undefined, 'the viewer closed by a swipe');
  await phone.click('button', 'Фото 4 из 5');
  await phone.until(says, 'Фото 4 из 5', 'the fourth photo');
  await phone.page.goBack();
  await phone.until(isClosed, undefined, 'the viewer closed by going back');
  assert.ok(phone.page.url().includes('/room/'), 'the conversation is still there');
});

step('without the original the smaller copy stays, and it comes when asked for again', async () => {
  const original = /\/api\/v1\/files\/[^/]+$/;
  await phone.page.route(original, (route) => route.abort());
  await phone.click('button', 'Фото 5 из 5');
  await phone.page.getByRole('alert').getByText('Фото целиком не загрузилось').waitFor();
  assert.ok((await phone.read(shownPhoto))?.src.endsWith('/preview'));
  await phone.page.unroute(original);
  await phone.click('button', 'Повторить');
  await phone.until(isOriginal, WIDE, 'the photo with all its pixels');
  await phone.click('button', 'Закрыть');
  await phone.until(isClosed, undefined, 'the viewer closed by its button');
});

step('what is known of a file tells whether it is the same', async () => {
  const text = Buffer.from('Расчёт передачи: i = z2 / z1.\n');
  await teacher.page.locator('input[type=file]').first().setInputFiles([{ name: 'расчёт.txt', mimeType: 'text/plain', buffer: text }]);
  await teacher.page.getByRole('button', { name: 'Убрать: расчёт.txt' }).waitFor();
  await teacher.click('button', 'Отправить');
  const line = teacher.page.getByRole('article').filter({ has: teacher.page.getByRole('link', { name: 'расчёт.txt' }) });
  await line.hover();
  await line.getByRole('button', { name: 'Действия' }).click();
  await teacher.click('button', 'Сведения о файле');
  const details = teacher.page.getByRole('group', { name: 'Сведения о файле' });
  await details.getByText(createHash('sha256').update(text).digest('hex')).waitFor();
  await teacher.context.grantPermissions(['clipboard-read', 'clipboard-write']);
  await details.getByRole('button', { name: 'Скопировать сумму' }).click();
  await details.getByText('Скопировано').first().waitFor();
  assert.equal(await teacher.read(() => navigator.clipboard.readText()), createHash('sha256').update(text).digest('hex'));
  await teacher.press('Escape');
});

/** Whether a voice message moves on. */
const isHeard = () => Number(document.querySelector('article .voice [role=slider]')?.getAttribute('aria-valuenow')) > 20;
/** The first bytes of the newest voice message, and what was told of it. */
const voiceBytes = async () => {
  const id = [...document.querySelectorAll('[data-voice]')].at(-1)?.getAttribute('data-voice');
  const bytes = new Uint8Array(await (await fetch(`/api/v1/files/${id}`)).arrayBuffer());
  return { ftyp: new TextDecoder().decode(bytes.slice(4, 8)), size: bytes.length };
};
const recorded = (/** @type {string} */ time) => (document.querySelector('[role=timer]')?.textContent ?? '') >= time;

step('a voice message is recorded, listened to before it is sent, and heard in the other browser', async () => {
  await teacher.click('button', 'Голосовое сообщение');
  await teacher.until(recorded, '0:02', 'two seconds of recording');
  await teacher.click('button', 'Приостановить запись');
  await teacher.click('button', 'Слушать');
  await teacher.until(
    () => Number(document.querySelector('.bar [role=slider]')?.getAttribute('aria-valuenow')) > 10,
    undefined,
    'the recording that is listened to before it is sent',
  );
  await teacher.click('button', 'Отправить');
  await student.until(() => document.querySelectorAll('article [data-voice]').length === 1, undefined, 'the voice message');
  const bars = await student.read(() => [...document.querySelectorAll('article .voice rect')].map((bar) => Number(bar.getAttribute('height'))));
  assert.ok(bars.length > 20 && bars.length <= 64, `${bars.length} bars`);
  assert.ok(Math.max(...bars) - Math.min(...bars) > 10, `the beeps of the microphone are seen: ${bars.join(' ')}`);
  assert.equal((await student.read(voiceBytes)).ftyp, 'ftyp', 'what was recorded travels as an MP4');
  await student.see('button', 'Слушать');
  assert.ok(await student.read(() => document.querySelector('article .voice .new') !== null), 'it is new');
  await student.click('button', 'Слушать');
  await student.until(isHeard, undefined, 'the voice message playing');
  assert.ok(await student.read(() => document.querySelector('article .voice .new') === null), 'it is new no more');
});

step('its speed is remembered', async () => {
  await student.click('button', 'Скорость: 1');
  await student.reload();
  await student.see('button', 'Скорость: 1,5');
});

step('what Firefox records is heard in Chromium', async () => {
  await student.click('button', 'Голосовое сообщение');
  await student.until(recorded, '0:02', 'two seconds of recording');
  await student.click('button', 'Отправить');
  const both = () => document.querySelectorAll('article [data-voice]').length === 2;
  await teacher.until(both, undefined, 'the second voice message');
  assert.equal((await teacher.read(voiceBytes)).ftyp, 'ftyp');
  await teacher.page.getByRole('article').filter({ has: teacher.page.locator('[data-voice]') }).last().getByRole('button', { name: 'Слушать' }).click();
  await teacher.until(
    () => Number([...document.querySelectorAll('article .voice [role=slider]')].at(-1)?.getAttribute('aria-valuenow')) > 20,
    undefined,
    'the voice message of Firefox playing',
  );
});

step('when one ends the next one begins', async () => {
  await teacher.page.getByRole('article').filter({ has: teacher.page.locator('[data-voice]') }).first().getByRole('slider').focus();
  await teacher.page.keyboard.press('End');
  await teacher.page.getByRole('article').filter({ has: teacher.page.locator('[data-voice]') }).first().getByRole('button', { name: 'Слушать' }).click();
  await teacher.until(
    () => {
      const [first, second] = [...document.querySelectorAll('article .voice')];
      return first?.querySelector('[aria-label=Слушать]') && second?.querySelector('[aria-label=Пауза]');
    },
    undefined,
    'the next voice message playing',
  );
});

step('a voice message that could not be uploaded is sent after a reload', async () => {
  const uploads = /\/api\/v1\/.*uploads/;
  await teacher.page.route(uploads, (route) => route.abort());
  await teacher.click('button', 'Голосовое сообщение');
  await teacher.until(recorded, '0:01', 'a second of recording');
  await teacher.click('button', 'Отправить');
  await teacher.page.locator('.scroller').getByText('отправляется').waitFor();
  await keptToSend(teacher, 1);
  await teacher.page.unroute(uploads);
  await teacher.reload();
  await student.until(() => document.querySelectorAll('article [data-voice]').length === 3, undefined, 'the voice message after all');
  await teacher.until(() => !document.querySelector('.scroller')?.textContent?.includes('отправляется'), undefined, 'nothing waiting');
});

step('on a phone the button is held while one speaks, and a finger that goes left gives it up', async () => {
  const at = await phone.page.getByRole('button', { name: 'Голосовое сообщение' }).last().boundingBox();
  assert.ok(at);
  const touch = await phone.context.newCDPSession(phone.page);
  const finger = (/** @type {'touchStart' | 'touchMove' | 'touchEnd'} */ type, x = 0) =>
    touch.send('Input.dispatchTouchEvent', { type, touchPoints: type === 'touchEnd' ? [] : [{ x: at.x + at.width / 2 - x, y: at.y + at.height / 2 }] });
  await finger('touchStart');
  await phone.until(recorded, '0:01', 'a second of recording');
  await finger('touchMove', 60);
  await finger('touchMove', 150);
  await finger('touchEnd');
  await phone.until(() => document.querySelector('[role=timer]') === null, undefined, 'no recording');
  await finger('touchStart');
  await phone.until(recorded, '0:01', 'a second of recording');
  await finger('touchEnd');
  await student.until(() => document.querySelectorAll('article [data-voice]').length === 4, undefined, 'the held voice message');
});

step('what is sent as soon as it is recorded is not taken for a button that was only brushed', async () => {
  for (const count of [5, 6]) {
    await teacher.click('button', 'Голосовое сообщение');
    await teacher.click('button', 'Отправить');
    await student.until((/** @type {number} */ all) => document.querySelectorAll('article [data-voice]').length === all, count, `voice message ${count}`);
  }
});

step('on a phone nothing in the room is too small for a finger', async () => {
  await teacher.page.getByRole('article').last().hover();
  await teacher.page.getByRole('article').last().getByRole('button', { name: 'Действия' }).click();
  await teacher.page.getByRole('button', { name: '👍' }).click();
  await phone.until(() => document.querySelector('.scroller .chip'), undefined, 'a reaction');
  const small = () =>
    [...document.querySelectorAll('main button, main a[href], main textarea, main select, main label, main input')].flatMap((one) => {
      // What is pressed of a label around a field is the larger one of both.
      const boxes = [one, ...one.querySelectorAll('input'), ...(one.closest('label') ? [/** @type {Element} */ (one.closest('label'))] : [])];
      const sizes = boxes.map((box) => box.getBoundingClientRect());
      const [width, height] = [Math.max(...sizes.map((size) => size.width)), Math.max(...sizes.map((size) => size.height))];
      if (width === 0 || one.classList.contains('hidden') || getComputedStyle(one).visibility === 'hidden') return [];
      return width < 44 || height < 44 ? [`${width} × ${height}: ${one.getAttribute('aria-label') ?? one.textContent?.trim()}`] : [];
    });
  assert.deepEqual(await phone.read(small), []);
});
