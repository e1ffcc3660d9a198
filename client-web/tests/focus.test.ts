import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { FOCUS_ROOMS_MAX, Focus } from '../src/core/focus';
import { Refused, Unanswered } from '../src/core/socket';

let told: (readonly string[])[];
let answers: { resolve(): void; reject(error: Error): void }[];
let heard: string[];
let focus: Focus;
const mine = (): boolean => true;
const settle = (): Promise<unknown> => vi.advanceTimersByTimeAsync(0);

beforeEach(() => {
  vi.useFakeTimers();
  told = [];
  answers = [];
  heard = [];
  focus = new Focus((rooms) => {
    told.push(rooms);
    return new Promise<void>((resolve, reject) => answers.push({ resolve, reject }));
  }, (room) => heard.push(room));
});

afterEach(() => {
  vi.useRealTimers();
});

describe('the focus', () => {
  it('begins with the open room and is not told twice', async () => {
    focus.open('R1');
    expect(focus.rooms).toEqual(['R1']);
    focus.ready(['R1'], mine);
    focus.open('R1');
    await settle();
    expect(told).toEqual([]);
  });

  it('has the latest rooms first, and only so many', () => {
    for (let n = 0; n < 12; n++) focus.open(`R${n}`);
    focus.open('R5');
    expect(focus.rooms.length).toBe(FOCUS_ROOMS_MAX);
    expect(focus.rooms.slice(0, 3)).toEqual(['R5', 'R11', 'R10']);
  });

  it('is told when a room comes into it, and not when one of it is opened again', async () => {
    focus.ready([], mine);
    focus.open('R1');
    answers[0]?.resolve();
    await settle();
    focus.open('R2');
    answers[1]?.resolve();
    await settle();
    focus.open('R1');
    await settle();
    expect(told).toEqual([['R1'], ['R2', 'R1']]);
  });

  it('is told anew when a room was left that was named in it', async () => {
    focus.ready([], mine);
    focus.open('R1');
    focus.open('R2');
    focus.left('R1');
    // The server did not know the room any more, and refused both.
    answers[0]?.reject(new Refused({ c: 'forbidden' }));
    await settle();
    answers[1]?.resolve();
    await settle();
    expect(told).toEqual([['R1'], ['R2']]);
    focus.left('R2');
    expect(focus.rooms).toEqual([]);
    await settle();
    expect(told.length).toBe(2);
  });

  it('says of the open room that all is heard from now on, once the server knows of it', async () => {
    focus.open('R1');
    expect(heard).toEqual([]);
    focus.ready(['R1'], mine);
    expect(heard).toEqual(['R1']);
    focus.open('R2');
    focus.open('R3');
    await settle();
    expect(heard).toEqual(['R1']);
    answers[0]?.resolve();
    await settle();
    answers[1]?.resolve();
    await settle();
    expect(heard).toEqual(['R1', 'R3']);
    focus.open('R1');
    expect(heard).toEqual(['R1', 'R3', 'R1']);
    focus.lost();
    focus.open('R2');
    expect(heard.length).toBe(3);
    focus.ready(['R2', 'R1', 'R3'], mine);
    expect(heard.at(-1)).toBe('R2');
  });

  it('is told one at a time; what was opened meanwhile follows', async () => {
    focus.ready([], mine);
    focus.open('R1');
    focus.open('R2');
    focus.open('R3');
    expect(told).toEqual([['R1']]);
    answers[0]?.resolve();
    await settle();
    expect(told).toEqual([['R1'], ['R3', 'R2', 'R1']]);
  });

  it('is left to the next hello without a connection', async () => {
    focus.ready([], mine);
    focus.open('R1');
    focus.lost();
    answers[0]?.reject(new Unanswered());
    await settle();
    focus.open('R2');
    expect(told.length).toBe(1);
    focus.ready(focus.rooms, mine);
    await settle();
    expect(told.length).toBe(1);
  });

  it('is told when a room was opened between hello and ready', () => {
    focus.open('R1');
    focus.open('R2');
    focus.ready(['R1'], mine);
    expect(told).toEqual([['R2', 'R1']]);
  });

  it('is told again after a passing refusal, and not after a final one', async () => {
    focus.ready([], mine);
    focus.open('R1');
    answers[0]?.reject(new Refused({ c: 'rate_limited', tmp: true, after: 1_000 }));
    await vi.advanceTimersByTimeAsync(999);
    expect(told.length).toBe(1);
    await vi.advanceTimersByTimeAsync(502);
    expect(told.length).toBe(2);
    answers[1]?.reject(new Refused({ c: 'forbidden' }));
    await vi.advanceTimersByTimeAsync(60_000);
    expect(told.length).toBe(2);
  });

  it('has no rooms of others and nothing that is no id', () => {
    focus.open('R1');
    focus.open('привет');
    focus.open('a/b');
    expect(focus.rooms).toEqual(['R1']);
    focus.ready(['R1'], () => false);
    expect(focus.rooms).toEqual([]);
    expect(told).toEqual([]);
  });
});
