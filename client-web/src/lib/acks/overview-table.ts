// What waits for an acknowledgement over all rooms, as a table.

import { columnsOfAcks } from '$lib/i18n/ack-columns';
import { i18n } from '$lib/i18n/i18n.svelte';
import { moderation } from '$lib/i18n/moderation';
import { when, type Table } from './table';
import { csv, fileName } from '../../core/csv';
import type { AskingMessage } from '../../core/wire/AskingMessage';
import type { NotYet } from '../../core/wire/NotYet';

/** A line for each person who has not acknowledged a message. */
export function tableOfAll(messages: readonly AskingMessage[]): Table {
  const columns = columnsOfAcks();
  const t = moderation().overview;
  const byName = (a: NotYet, b: NotYet): number => a.person.name.localeCompare(b.person.name, i18n.language);
  const rows = messages.flatMap(({ room, line, by, at, due, over = false, ack, waiting = [] }) => {
    const about = [room.name, line, by.name, when(at), due ? when(due).slice(0, 10) : '', over ? columns.over : '', String(ack.done), String(ack.of)];
    return [...waiting].sort(byName).map(({ person, left = false }) => [...about, person.name, i18n.t.role[person.role], left ? columns.left : '']);
  });
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  const { group, text, author, sent, due, name, role, note } = columns;
  const heading = [group, text, author, `${sent} (${zone})`, due, t.overdue, t.done, t.of, name, role, note];
  return { name: fileName(`${t.title} ${when(new Date().toISOString()).slice(0, 10)}`), text: csv([heading, ...rows]) };
}
