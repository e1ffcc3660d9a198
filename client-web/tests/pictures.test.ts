import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { greet, reduce } from '../src/core/rooms';
import type { HelloOk } from '../src/core/wire/HelloOk';
import type { Person } from '../src/core/wire/Person';
import type { Role } from '../src/core/wire/Role';
import { mayTake, middle } from '../src/lib/pictures/pictures';
import { pictureWords } from '../src/lib/pictures/words';
import { pictureOf } from '../src/lib/ui/avatar';

const misha: Person = { id: 'U1', name: 'Миша Кузнецов', role: 'student', picture: 'P1' };
const me: Person = { id: 'U2', name: 'Анна Сергеевна', role: 'teacher' };

const hello: HelloOk = {
  sid: 'c',
  srv: '2026-11-25T09:00:00.000Z',
  ping: 25,
  pongto: 10,
  lim: { frame: 1, body: 1, att: 1, men: 1, file: 1 },
  me,
  direct: 'off',
  notify: { v: 0 },
  people: [misha, me],
  online: [],
  rooms: [],
};

beforeEach(() => void vi.stubGlobal('navigator', {}));
afterEach(() => vi.unstubAllGlobals());

describe('a picture', () => {
  it('becomes another one, or none, for whoever has the page open', () => {
    let chat = greet(undefined, hello);
    expect(pictureOf(chat.people.get('U1'))).toBe('/api/v1/people/U1/pictures/P1');
    chat = reduce(chat, { e: 'picture', d: { u: 'U1', picture: 'P2' } });
    expect(pictureOf(chat.people.get('U1'))).toBe('/api/v1/people/U1/pictures/P2');
    expect(reduce(chat, { e: 'picture', d: { u: 'U1', picture: 'P2' } }), 'no news').toBe(chat);
    chat = reduce(chat, { e: 'picture', d: { u: 'U1' } });
    const { picture: _, ...without } = misha;
    expect(chat.people.get('U1')).toEqual(without);
    expect(pictureOf(chat.people.get('U1'))).toBeUndefined();
    expect(chat.people.get('U2')).toBe(me);
    expect(reduce(chat, { e: 'picture', d: { u: 'somebody', picture: 'P' } }), 'not known here').toBe(chat);
  });

  it('is told anew with a room, and gone with who left it', () => {
    const chat = greet(undefined, hello);
    const { picture: _, ...left } = misha;
    const room = { id: 'R', name: 'R', kind: 'group', can: [], epoch: 'e', seq: 0, no: 0, read_no: 0, recv_no: 0, members: ['U2'] } as const;
    const told = reduce(chat, { e: 'u.room', d: { room: { ...room, can: [], members: ['U2'] }, people: [left, me] } });
    expect(pictureOf(told.people.get('U1'))).toBeUndefined();
  });

  it('is the square in the middle of a photo', () => {
    expect(middle(900, 600)).toEqual({ x: 150, y: 0, side: 600 });
    expect(middle(601, 900)).toEqual({ x: 0, y: 149, side: 601 });
    expect(middle(1, 60_000)).toEqual({ x: 0, y: 29_999, side: 1 });
  });
});

describe('who saves data', () => {
  it('has letters in place of pictures', () => {
    for (const [saveData, shown] of [
      [true, undefined],
      [false, '/api/v1/people/U1/pictures/P1'],
    ] as const) {
      vi.stubGlobal('navigator', { connection: { saveData } });
      expect(pictureOf(misha)).toBe(shown);
    }
  });
});

describe('the staff', () => {
  it('take away pictures as the server allows it', () => {
    const roles: readonly Role[] = ['administrator', 'teacher', 'student', 'guardian'];
    const may = (by: Role): readonly Role[] => roles.filter((whose) => mayTake(by, whose));
    expect(may('administrator')).toEqual(roles);
    expect(may('teacher')).toEqual(['student', 'guardian']);
    expect(may('student')).toEqual([]);
    expect(may('guardian')).toEqual([]);
  });
});

it('the words are there in both languages', () => {
  const [ru, en] = [pictureWords('ru'), pictureWords('en')];
  expect(Object.keys(en)).toEqual(Object.keys(ru));
  for (const words of [ru, en]) expect(JSON.stringify(words)).not.toMatch(/:""/);
});
