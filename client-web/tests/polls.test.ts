import fc from 'fast-check';
import { expect, it } from 'vitest';
import { OPTIONS_MAX, OPTIONS_MIN, OPTION_MAX, QUESTION_MAX, WHY_MAX, later, made, pressed, share, tallied, type Form } from '../src/core/polls';
import { messagesOf } from '../src/core/rooms';
import type { Message } from '../src/core/wire/Message';
import type { RoomEvent } from '../src/core/wire/RoomEvent';
import type { Tally } from '../src/core/wire/Tally';
import limits from '../../protocol/src/limits.rs?raw';
import { ROOM, msg } from './samples';

const first = msg(1, 1, { at: '2026-11-25T09:00:00.000Z' });
if (first.e !== 'msg') throw new Error('a message');
const tally = (v: number): Tally => ({ v, voters: v, counts: [v, 0] });
const asks: Message = { ...first.d, poll: { options: ['да', 'нет'], tally: tally(1) } };
const form: Form = { question: 'Идём?', options: ['да', ' нет ', ''], many: false, anon: false, quiz: false, right: undefined, why: '' };

it('keeps the latest tally, in whatever order they come', () => {
  const told = fc.array(fc.integer({ min: 1, max: 20 }), { minLength: 1, maxLength: 10 });
  fc.assert(
    fc.property(told, fc.integer({ min: 1, max: 20 }), (versions, known) => {
      const message = { ...asks, poll: { options: ['да', 'нет'], tally: tally(known) } };
      const events: RoomEvent[] = [
        { e: 'msg', r: ROOM, s: 1, d: message },
        ...versions.map((v, k): RoomEvent => ({ e: 'poll', r: ROOM, s: k + 2, d: { id: message.id, tally: tally(v) } })),
      ];
      expect(messagesOf(events).get(message.id)?.poll?.tally).toEqual(tally(Math.max(known, ...versions)));
    }),
  );
});

it('leaves the same message when nothing is new, and one that is no poll', () => {
  expect(tallied(asks, { id: asks.id, tally: tally(1) })).toBe(asks);
  expect(tallied(first.d, { id: asks.id, tally: tally(2) })).toBe(first.d);
  expect(later(tally(2), undefined)).toEqual(tally(2));
});

it('chooses one answer in the place of another, or several, and none when it is pressed again', () => {
  const one = { options: ['а', 'б', 'в'], tally: tally(1) };
  expect(pressed(one, [0], 2)).toEqual([2]);
  expect(pressed(one, [2], 2)).toEqual([]);
  expect(pressed({ ...one, many: true }, [2], 0)).toEqual([0, 2]);
  expect(pressed({ ...one, many: true }, [0, 2], 0)).toEqual([2]);
});

it('gives shares of those who voted', () => {
  expect(share({ v: 1, voters: 0, counts: [0, 0] }, 0)).toBe(0);
  expect(share({ v: 1, voters: 3, counts: [2, 2] }, 1)).toBe(67);
});

it('asks for what is written in the form, or says what is missing', () => {
  expect(made(form)).toEqual({ options: ['да', 'нет'] });
  expect(made({ ...form, many: true, anon: true })).toEqual({ options: ['да', 'нет'], many: true, anon: true });
  expect(made({ ...form, question: ' ' })).toBe('question');
  expect(made({ ...form, options: ['да', ' '] })).toBe('few');
  expect(made({ ...form, options: ['да', 'да '] })).toBe('twice');
  expect(made({ ...form, quiz: true })).toBe('right');
  const quiz = { ...form, options: ['', 'да', 'нет'], quiz: true, many: true, why: ' потому ' };
  expect(made({ ...quiz, right: 0 })).toBe('right');
  expect(made({ ...quiz, right: 2 })).toEqual({ options: ['да', 'нет'], quiz: { right: 1, why: 'потому' } });
});

it('keeps the limits of the server', () => {
  const of = (name: string): number => Number(new RegExp(`${name}: usize = (\\d+)`).exec(limits)?.[1]);
  expect([OPTIONS_MIN, OPTIONS_MAX]).toEqual([of('POLL_OPTIONS_MIN'), of('POLL_OPTIONS_MAX')]);
  expect([QUESTION_MAX, OPTION_MAX, WHY_MAX]).toEqual([of('POLL_QUESTION_CHARS_MAX'), of('POLL_OPTION_CHARS_MAX'), of('POLL_WHY_CHARS_MAX')]);
});
