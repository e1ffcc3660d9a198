// Polls: how one stands, and what the form asks for. What comes later is told by the tally's own number, not by arrival.

import type { Message } from './wire/Message';
import type { NewPoll } from './wire/NewPoll';
import type { Poll } from './wire/Poll';
import type { PollTold } from './wire/PollTold';
import type { Tally } from './wire/Tally';

/** The server takes no other numbers of answers. */
export const OPTIONS_MIN = 2;
export const OPTIONS_MAX = 12;
/** Nor longer texts, in characters. */
export const QUESTION_MAX = 300;
export const OPTION_MAX = 120;
export const WHY_MAX = 300;

/** The later of two tallies. */
export const later = (one: Tally, other: Tally | undefined): Tally => (other && other.v > one.v ? other : one);

/** The message after its poll was told of. */
export function tallied(message: Message, { tally }: PollTold): Message {
  const { poll } = message;
  if (!poll || later(poll.tally, tally) === poll.tally) return message;
  return { ...message, poll: { ...poll, tally } };
}

/** The share of an answer among all who voted, in whole per cent. */
export const share = ({ counts, voters }: Tally, option: number): number =>
  voters > 0 ? Math.round((100 * (counts[option] ?? 0)) / voters) : 0;

/** What the next vote is when an answer is pressed: in a poll with one answer the other one, or none. */
export function pressed({ many = false }: Poll, mine: readonly number[], option: number): number[] {
  if (mine.includes(option)) return mine.filter((one) => one !== option);
  return many ? [...mine, option].sort((a, b) => a - b) : [option];
}

/** What is written in the form. */
export interface Form {
  readonly question: string;
  /** Empty ones do not count. */
  readonly options: readonly string[];
  readonly many: boolean;
  readonly anon: boolean;
  readonly quiz: boolean;
  /** The place among `options` of the right one, if one was chosen. */
  readonly right: number | undefined;
  readonly why: string;
}

export type Fault = 'question' | 'few' | 'twice' | 'right';

/** The poll that a form asks for, or what is missing in it. */
export function made(form: Form): NewPoll | Fault {
  const filled = form.options.map((text, place) => ({ text: text.trim(), place })).filter(({ text }) => text !== '');
  const options = filled.map(({ text }) => text);
  if (form.question.trim() === '') return 'question';
  if (options.length < OPTIONS_MIN) return 'few';
  if (new Set(options).size < options.length) return 'twice';
  const anon = form.anon ? { anon: true } : {};
  if (!form.quiz) return { options, ...(form.many ? { many: true } : {}), ...anon };
  const right = filled.findIndex(({ place }) => place === form.right);
  if (right < 0) return 'right';
  const why = form.why.trim();
  return { options, ...anon, quiz: { right, ...(why ? { why } : {}) } };
}
