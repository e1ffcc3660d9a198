import { describe, expect, it } from 'vitest';
import { acknowledge, firstSeq, gapAfter, greet, isUpToDate, markRead, positions, prepend, reduce, unread, type Chat } from '../src/core/rooms';
import type { Bump } from '../src/core/wire/Bump';
import type { HelloOk } from '../src/core/wire/HelloOk';
import type { RoomEvent } from '../src/core/wire/RoomEvent';

const msg = (s: number, no = s): RoomEvent => ({
  e: 'msg',
  r: 'R',
  s,
  d: { id: `M${s}`, cid: `c${s}`, no, by: 'anna', at: '2026-11-25T09:00:00.000Z', body: `№ ${no}` },
});

const hello = (seq: number, over: Partial<HelloOk['rooms'][0]> = {}): HelloOk => ({
  sid: '1',
  srv: '2026-11-25T09:00:00.000Z',
  ping: 25,
  pongto: 10,
  lim: { frame: 65536, body: 16384, att: 20, men: 20, file: 1000 },
  me: { id: 'me', name: 'Я', role: 'student' },
  direct: 'staff',
  people: [],
  online: ['anna'],
  rooms: [{ id: 'R', name: 'Группа', kind: 'group', can: ['write'], epoch: 'e', seq, no: seq, read_no: 0, recv_no: 0, members: ['me', 'anna'], ...over }],
});

const room = (chat: Chat) => {
  const found = chat.rooms.get('R');
  if (!found) throw new Error('no room');
  return found;
};
const seqs = (chat: Chat) => room(chat).events.map((event) => event.s);

describe('rooms', () => {
  const told = (change: object) => ({
    e: 'u.room' as const,
    d: { room: { ...hello(0).rooms[0]!, ...change }, people: [{ id: 'anna', name: 'Анна', role: 'teacher' as const }], online: ['boris'] },
  });

  it('that change keep what is held of them, also when the news are older', () => {
    const before = [1, 2, 3].reduce((chat, s) => reduce(chat, msg(s)), greet(undefined, hello(0)));
    const chat = reduce(before, told({ seq: 2, no: 2, name: 'Другое имя', archived: true, can: [], members: ['me'] }));
    expect(seqs(chat)).toEqual([1, 2, 3]);
    const { name, archived, can, members, no, seq, head } = room(chat);
    expect({ name, archived, can, members, no, seq, head }).toEqual({ name: 'Другое имя', archived: true, can: [], members: ['me'], no: 3, seq: 3, head: 3 });
    expect(chat.people.get('anna')?.name).toBe('Анна');
    expect([...chat.online].sort()).toEqual(['anna', 'boris']);
  });

  it('that were left are gone, and begin anew when one is back', () => {
    const before = reduce(greet(undefined, hello(0)), msg(1));
    const left = reduce(before, { e: 'u.left', d: { r: 'R' } });
    expect(left.rooms.size).toBe(0);
    expect(reduce(left, { e: 'u.left', d: { r: 'R' } })).toBe(left);
    expect(reduce(left, msg(2)).rooms.size).toBe(0);
    const back = reduce(left, told({ seq: 5, no: 5, read_no: 5 }));
    expect({ seq: room(back).seq, unread: unread(room(back)), held: seqs(back) }).toEqual({ seq: 5, unread: 0, held: [] });
  });
});

describe('events of a room', () => {
  it('are applied once and in order, whatever way they arrive', () => {
    let chat = greet(undefined, hello(0));
    for (const s of [1, 3, 3, 1, 4, 2, 2]) chat = reduce(chat, msg(s));
    expect(seqs(chat)).toEqual([1, 2, 3, 4]);
    expect(gapAfter(room(chat))).toBeUndefined();
    expect(unread(room(chat))).toBe(4);
  });

  it('behind a gap wait, and the gap is known', () => {
    const chat = reduce(reduce(greet(undefined, hello(0)), msg(1)), msg(3));
    expect(seqs(chat)).toEqual([1]);
    expect(gapAfter(room(chat))).toBe(1);
  });

  it('survive a reconnect: the position stays and what was missed follows', () => {
    const before = reduce(greet(undefined, hello(0)), msg(1));
    expect(positions(before, ['R', 'unknown'])).toEqual({ R: ['e', 1] });
    expect(positions(undefined, ['R'])).toEqual({});
    let chat = greet(before, hello(3));
    expect(seqs(chat)).toEqual([1]);
    for (const s of [2, 3]) chat = reduce(chat, msg(s));
    expect(seqs(chat)).toEqual([1, 2, 3]);
  });

  it('of another epoch are forgotten', () => {
    const before = reduce(greet(undefined, hello(0)), msg(1));
    expect(seqs(greet(before, hello(3, { epoch: 'restored' })))).toEqual([]);
  });

  it('are dropped by a reset, and pages fill the room again', () => {
    let chat = reduce(greet(undefined, hello(0)), msg(1));
    chat = reduce(chat, { e: 'reset', r: 'R', d: { ep: 'e', s: 900, no: 900, read: 5 } });
    expect(seqs(chat)).toEqual([]);
    expect(unread(room(chat))).toBe(895);
    chat = prepend(chat, 'R', { epoch: 'e', events: [msg(899), msg(900)], more: true });
    expect(firstSeq(room(chat))).toBe(899);
    expect(prepend(chat, 'R', { epoch: 'e', events: [msg(890)], more: true })).toBe(chat);
    expect(prepend(chat, 'R', { epoch: 'other', events: [msg(898)], more: true })).toBe(chat);
  });
});

describe('a room out of focus', () => {
  const opened = (): Chat => reduce(greet(undefined, hello(10, { read_no: 8 })), msg(11));
  const bump = (s: number, d: Bump) => ({ e: 'bump', r: 'R', s, d }) as const;
  const news = (no: number, by = 'anna') => ({ id: `M${no}`, cid: `c${no}`, no, by, at: '', body: 'нач' });
  const call = { id: 'C', by: 'anna', at: '2026-11-25T09:00:00.000Z' };

  it('shows what is new, and keeps its events and their position', () => {
    const chat = reduce(opened(), bump(14, { last: news(13), started: call }));
    expect(seqs(chat)).toEqual([11]);
    expect(positions(chat, ['R'])).toEqual({ R: ['e', 11] });
    expect(room(chat)).toMatchObject({ head: 14, no: 13, last: { no: 13 }, call: { id: 'C' } });
    expect(unread(room(chat))).toBe(5);
    expect(isUpToDate(room(chat))).toBe(false);
  });

  it('takes the missing events when it is opened, and the whole text with them', () => {
    let chat = reduce(opened(), bump(13, { last: news(13) }));
    for (const s of [12, 13, 14]) chat = reduce(chat, msg(s));
    expect(seqs(chat)).toEqual([11, 12, 13, 14]);
    expect(isUpToDate(room(chat))).toBe(true);
    expect(room(reduce(reduce(reduce(opened(), bump(13, { last: news(13) })), msg(12)), msg(13))).last?.body).toBe('№ 13');
  });

  it('does not blink: events that the list knew before them change nothing in it', () => {
    const before = reduce(opened(), bump(13, { ended: 'C' }));
    const after = reduce(before, { e: 'call.started', r: 'R', s: 12, d: call });
    expect(room(after)).toMatchObject({ seq: 12, head: 13, call: undefined });
  });

  it('moves on at once when nothing of it is held', () => {
    const chat = reduce(greet(undefined, hello(10)), bump(14, { last: news(13) }));
    expect(positions(chat, ['R'])).toEqual({ R: ['e', 14] });
    expect(firstSeq(room(chat))).toBe(15);
  });

  it('takes no old news', () => {
    const chat = reduce(opened(), bump(14, { last: news(13) }));
    expect(reduce(chat, bump(12, { last: news(12), started: call }))).toBe(chat);
  });

  it('counts what this person wrote on another device as read', () => {
    expect(unread(room(reduce(opened(), bump(12, { last: news(12, 'me') }))))).toBe(0);
  });

  it('counts it so too when somebody answered before the news came', () => {
    const sent = { id: 'M12', s: 12, no: 12, at: '', dup: false };
    const chat = reduce(acknowledge(opened(), 'R', sent), bump(13, { last: news(13) }));
    expect(unread(room(chat))).toBe(1);
  });

  it('shows a lesson that the server left out and told of later, and none that is over', () => {
    const moved = reduce(greet(undefined, hello(10)), bump(14, { last: news(13) }));
    const started = { e: 'call.started', r: 'R', s: 12, d: call } as const;
    const ended = { e: 'call.ended', r: 'R', s: 13, d: { id: 'C', at: '', seconds: 1 } } as const;
    expect(room(reduce(moved, started)).call).toEqual(call);
    expect(room(reduce(reduce(moved, started), ended)).call).toBeUndefined();
    expect(room(reduce(reduce(moved, ended), started)).call, 'in whatever order').toBeUndefined();
    const known = reduce(greet(undefined, hello(13)), bump(14, { last: news(13) }));
    expect(reduce(known, started), 'the snapshot knew it').toBe(known);
  });

  it('has at most one lesson on, whichever news of it were merged', () => {
    const on = reduce(opened(), bump(12, { started: call }));
    const lesson = (chat: Chat, d: Bump) => room(reduce(chat, bump(20, d))).call?.id;
    expect(lesson(on, { ended: 'C' })).toBeUndefined();
    expect(lesson(on, { ended: 'another that began and ended since' })).toBeUndefined();
    expect(lesson(on, { ended: 'C', started: { ...call, id: 'C2' } })).toBe('C2');
    expect(lesson(opened(), { started: call, ended: 'C' })).toBeUndefined();
    expect(lesson(on, { last: news(12) })).toBe('C');
  });

  it('keeps how far was read here when the server has not heard of it yet', () => {
    expect(room(greet(markRead(opened(), 'R', 11), hello(12, { read_no: 8 }))).readNo).toBe(11);
  });
});

describe('a lesson', () => {
  it('is on between its start and its end', () => {
    let chat = greet(undefined, hello(0));
    const call = { id: 'C', by: 'anna', at: '2026-11-25T09:00:00.000Z' };
    chat = reduce(chat, { e: 'call.started', r: 'R', s: 1, d: call });
    expect(room(chat).call).toEqual(call);
    chat = reduce(chat, { e: 'call.ended', r: 'R', s: 2, d: { id: 'C', at: '2026-11-25T10:00:00.000Z', seconds: 3600 } });
    expect(room(chat).call).toBeUndefined();
  });
});

describe('reading', () => {
  it('never moves back', () => {
    let chat = greet(undefined, hello(9));
    chat = markRead(chat, 'R', 5);
    chat = reduce(chat, { e: 'u.read', d: { r: 'R', no: 3 } });
    expect(unread(room(chat))).toBe(4);
    chat = reduce(chat, { e: 'u.read', d: { r: 'R', no: 9 } });
    expect(unread(room(chat))).toBe(0);
  });
});

describe('mentions', () => {
  const mention = (s: number): RoomEvent => {
    const event = msg(s);
    return event.e === 'msg' ? { ...event, d: { ...event.d, men: ['me', 'misha'] } } : event;
  };
  const mentions = (chat: Chat) => room(chat).mentions;

  it('are counted once, whichever of snapshot, message and bump tells of them, and in whatever order', () => {
    let chat = greet(undefined, hello(5, { men: [2, 4] }));
    for (const s of [6, 8, 7, 7]) chat = reduce(chat, mention(s));
    chat = reduce(chat, { e: 'bump', r: 'R', s: 10, d: { men: [7, 8, 10] } });
    for (const s of [9, 10]) chat = reduce(chat, mention(s));
    expect(mentions(chat)).toEqual([2, 4, 6, 7, 8, 9, 10]);
  });

  it('of others are not this person’s', () => {
    const event = mention(1);
    if (event.e === 'msg') event.d.men = ['misha'];
    expect(mentions(reduce(greet(undefined, hello(0)), event))).toEqual([]);
  });

  it('are over when they were read, here or elsewhere, or when this person writes', () => {
    const chat = greet(undefined, hello(5, { men: [2, 4] }));
    expect(mentions(markRead(chat, 'R', 2))).toEqual([4]);
    expect(mentions(reduce(chat, { e: 'u.read', d: { r: 'R', no: 5 } }))).toEqual([]);
    const last = { id: 'M6', cid: 'c6', no: 6, by: 'me', at: '', body: '' };
    expect(mentions(reduce(chat, { e: 'bump', r: 'R', s: 6, d: { last } }))).toEqual([]);
    // Late news of a read message.
    expect(mentions(reduce(markRead(chat, 'R', 5), { e: 'bump', r: 'R', s: 6, d: { men: [4] } }))).toEqual([]);
    expect(mentions(greet(markRead(chat, 'R', 5), hello(5, { men: [2, 4] })))).toEqual([]);
  });

  it('survive a reset, which tells of those that were missed; with another epoch only its own count', () => {
    const chat = greet(undefined, hello(5, { men: [4] }));
    const d = { s: 900, no: 900, read: 0, men: [4, 700] };
    expect(mentions(reduce(chat, { e: 'reset', r: 'R', d: { ...d, ep: 'e' } }))).toEqual([4, 700]);
    expect(mentions(reduce(chat, { e: 'reset', r: 'R', d: { ...d, men: [1], ep: 'restored' } }))).toEqual([1]);
  });

  it('are the newest 50 when there are more', () => {
    let chat = greet(undefined, hello(0));
    for (let s = 1; s <= 60; s++) chat = reduce(chat, mention(s));
    expect(mentions(chat)).toEqual(Array.from({ length: 50 }, (_, at) => at + 11));
  });
});

describe('presence', () => {
  it('follows the events', () => {
    let chat = greet(undefined, hello(0));
    chat = reduce(chat, { e: 'presence', d: { u: 'me', on: true } });
    chat = reduce(chat, { e: 'presence', d: { u: 'anna', on: false } });
    expect([...chat.online]).toEqual(['me']);
  });

  it('knows who is in a lesson', () => {
    let chat = greet(undefined, { ...hello(0), lessons: ['anna'] });
    expect([...chat.lessons]).toEqual(['anna']);
    expect(reduce(chat, { e: 'lesson', d: { u: 'anna', on: true } })).toBe(chat);
    chat = reduce(chat, { e: 'lesson', d: { u: 'anna', on: false } });
    chat = reduce(chat, { e: 'lesson', d: { u: 'me', on: true } });
    expect([...chat.lessons]).toEqual(['me']);
    chat = reduce(chat, { e: 'u.room', d: { room: { ...hello(0).rooms[0]!, members: ['me', 'timur'] }, people: [], lessons: ['timur'] } });
    expect([...chat.lessons]).toEqual(['timur']);
  });
});
