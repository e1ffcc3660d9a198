// Small values that several tests share.

import { greet, type Chat, type Room } from '../src/core/rooms';
import type { HelloOk } from '../src/core/wire/HelloOk';
import type { RoomEvent } from '../src/core/wire/RoomEvent';
import type { RoomSummary } from '../src/core/wire/RoomSummary';

export const ROOM = 'R7';

export function summary(change: Partial<RoomSummary> = {}): RoomSummary {
  return { id: ROOM, name: 'Робототехника', kind: 'group', can: ['write', 'lesson', 'manage'], epoch: 'e1', seq: 10, no: 8, read_no: 5, recv_no: 8, members: ['U1', 'U4'], ...change };
}

export function hello(rooms: RoomSummary[] = [summary()]): HelloOk {
  return {
    sid: 'c-1',
    srv: '2026-11-25T09:00:00.000Z',
    ping: 25,
    pongto: 10,
    lim: { frame: 65_536, body: 16_384, att: 20, men: 20, file: 1_000_000 },
    direct: 'staff',
    me: { id: 'U1', name: 'Ирина Ковалёва', role: 'teacher' },
    people: [
      { id: 'U1', name: 'Ирина Ковалёва', role: 'teacher' },
      { id: 'U4', name: 'Алёна Мельникова', role: 'student' },
    ],
    online: ['U1'],
    rooms,
  };
}

export function msg(s: number, no: number, change: { by?: string; at?: string; r?: string } = {}): RoomEvent {
  const { by = 'U4', at = '2026-11-25T09:00:00.000Z', r = ROOM } = change;
  return { e: 'msg', r, s, d: { id: `M${s}`, cid: `c${s}`, no, by, at, body: `сообщение ${no}` } };
}

export const chat = (rooms?: RoomSummary[]): Chat => greet(undefined, hello(rooms));

export function room(of: Chat, id = ROOM): Room {
  const found = of.rooms.get(id);
  if (!found) throw new Error(`no room ${id}`);
  return found;
}
