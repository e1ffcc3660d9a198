// The list of acknowledgements as a table for whoever has to show it.

import { app } from '$lib/app.svelte';
import { columnsOfAcks } from '$lib/i18n/ack-columns';
import { i18n } from '$lib/i18n/i18n.svelte';
import { csv, fileName } from '../../core/csv';
import { isLate } from '../../core/due';
import type { Room } from '../../core/rooms';
import type { Acks } from '../../core/wire/Acks';
import type { Message } from '../../core/wire/Message';

export interface Table {
  readonly name: string;
  readonly text: string;
}

/** Everybody who was asked, by name; then who came later. Times are of the reader's zone, which the heading names. */
export function tableOf(room: Room, message: Message, { asked, later }: Acks): Table {
  const t = i18n.t.acks;
  const columns = columnsOfAcks();
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  const about = [room.name, message.body || (message.att?.[0]?.name ?? ''), app.name(message.by), when(message.at), message.due ? when(message.due).slice(0, 10) : ''];
  const now = new Date().toISOString();
  const who = (u: string): string[] => [app.name(u), i18n.t.role[app.person(u)?.role ?? 'student']];
  const byName = (a: string, b: string): number => app.name(a).localeCompare(app.name(b), i18n.language);
  const rows = [...asked]
    .sort((a, b) => byName(a.u, b.u))
    .map(({ u, at, left = false }) => {
      const edited = at !== undefined && message.edited !== undefined && at < message.edited;
      const late = isLate(message.due, at ?? now) ? (at === undefined ? columns.over : columns.late) : '';
      const note = [edited ? t.beforeEdit : left ? columns.left : '', late].filter(Boolean).join(', ');
      return [...about, ...who(u), at === undefined ? columns.no : columns.yes, at === undefined ? '' : when(at), note];
    });
  const newcomers = [...later].sort(byName).map((u) => [...about, ...who(u), columns.no, '', columns.later]);
  const { group, text, author, sent, due, name, role, acknowledged, at, note } = columns;
  const heading = [group, text, author, sent, due, name, role, acknowledged, `${at} (${zone})`, note];
  return { name: fileName(`${columns.file} ${when(message.at).slice(0, 10)} ${room.name}`), text: csv([heading, ...rows, ...newcomers]) };
}

/** As tables of both languages read it, and sortable as a text. */
export function when(at: string): string {
  const date = new Date(at);
  const two = (n: number): string => String(n).padStart(2, '0');
  const day = [date.getFullYear(), two(date.getMonth() + 1), two(date.getDate())].join('-');
  return `${day} ${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
}

/** Gives it to the reader as a file. */
export function save({ name, text }: Table): void {
  const address = URL.createObjectURL(new Blob([text], { type: 'text/csv;charset=utf-8' }));
  const link = document.createElement('a');
  link.href = address;
  link.download = `${name}.csv`;
  link.click();
  // Some browsers begin to read only later.
  setTimeout(() => URL.revokeObjectURL(address), 60_000);
}
