// What this person wants to be told of. The server judges in the same way (server/src/notify.rs).

import { unread, type Room } from './rooms';
import type { Notify } from './wire/Notify';
import type { QuietHours } from './wire/QuietHours';
import type { Silence } from './wire/Silence';

export const NOTHING_SET: Notify = { v: 0 };

const isOn = (silence: Silence | undefined, now: number): boolean =>
  silence !== undefined && (silence.until === undefined || Date.parse(silence.until) > now);

/** Whether a room's messages are not told as they come, save mentions. */
export function isQuiet({ rooms }: Notify, room: string, now: number): boolean {
  const wish = rooms?.[room];
  return wish !== undefined && (wish.level !== 'all' || isOn(wish.mute, now));
}

/** Whether a room is muted: for a time, or until it is unmuted. */
export function mute({ rooms }: Notify, room: string, now: number): Silence | undefined {
  const silence = rooms?.[room]?.mute;
  return isOn(silence, now) ? silence : undefined;
}

/** The silence that this person asked for, while it is on. */
export const pause = ({ pause: asked }: Notify, now: number): Silence | undefined => (isOn(asked, now) ? asked : undefined);

/** Whether nothing at all is told now. */
export const isSilent = (notify: Notify, now: number): boolean =>
  pause(notify, now) !== undefined || (notify.hours !== undefined && holds(notify.hours, now));

/** How many messages of a room ask for attention while nothing is silent: of a muted one only those that mention this person. */
export function attentionIn(notify: Notify, room: Room, now: number): number {
  if (notify.rooms?.[room.id]?.level === 'nothing') return 0;
  return isQuiet(notify, room.id, now) ? room.mentions.length : unread(room);
}

/** How many messages ask for attention. */
export function attention(notify: Notify, rooms: Iterable<Room>, now: number): number {
  if (isSilent(notify, now)) return 0;
  let sum = 0;
  for (const room of rooms) sum += attentionIn(notify, room, now);
  return sum;
}

/** Whether it is one of these hours where they count. */
export function holds({ from, to, zone }: QuietHours, now: number): boolean {
  const minute = minuteIn(zone, now);
  if (minute === undefined) return false;
  return from < to ? minute >= from && minute < to : minute >= from || minute < to;
}

// A browser may lack a zone that the server knows.
function minuteIn(timeZone: string, now: number): number | undefined {
  try {
    const parts = new Intl.DateTimeFormat('en', { timeZone, hour: 'numeric', minute: 'numeric', hourCycle: 'h23' }).formatToParts(now);
    const part = (type: string): number => Number(parts.find((one) => one.type === type)?.value);
    return part('hour') * 60 + part('minute');
  } catch {
    return undefined;
  }
}

/** `420` is 07:00, as fields for times have it. */
export const clock = (minute: number): string =>
  `${String(Math.floor(minute / 60)).padStart(2, '0')}:${String(minute % 60).padStart(2, '0')}`;

/** What a field for times has, in minutes; undefined when it is empty. */
export function minutes(text: string): number | undefined {
  const [, hour, minute] = /^(\d\d):(\d\d)/.exec(text) ?? [];
  return hour === undefined || minute === undefined ? undefined : Number(hour) * 60 + Number(minute);
}

/** Whole minutes from now to the next time at which the clock here shows this hour; at least one. */
export function minutesTo(hour: number, now: number): number {
  const then = new Date(now);
  then.setHours(hour, 0, 0, 0);
  if (then.getTime() <= now) then.setDate(then.getDate() + 1);
  return Math.max(1, Math.ceil((then.getTime() - now) / 60_000));
}
