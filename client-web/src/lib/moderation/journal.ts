// Entries of the log in words, and as a table.

import { i18n } from '$lib/i18n/i18n.svelte';
import { moderation } from '$lib/i18n/moderation';
import { csv, fileName } from '../../core/csv';
import type { Entry } from '../../core/wire/Entry';
import type { NamedRoom } from '../../core/wire/NamedRoom';

export const roomName = ({ kind, name }: NamedRoom): string => (kind === 'direct' ? moderation().journal.direct(name) : name);

/** More of what was done, in a sentence; empty when there is no more. */
export function facts({ act, facts = {} }: Entry): string {
  const t = moderation().journal;
  if (act === 'room_renamed') return t.renamed(facts.was ?? '', facts.name ?? '');
  if (act === 'person_muted') return facts.minutes === undefined ? t.untilLifted : t.minutes(facts.minutes);
  if (facts.words !== undefined) return facts.words;
  if (facts.hours !== undefined) return t.hours(facts.hours);
  if (facts.first !== undefined && facts.last !== undefined) return t.messages(facts.first, facts.last);
  if (facts.seconds !== undefined) return facts.seconds > 0 ? t.every(moderation().slow.seconds[facts.seconds] ?? String(facts.seconds)) : moderation().slow.off;
  if (facts.reason) return moderation().report.reasons[facts.reason] ?? facts.reason;
  if (facts.decision) return moderation().queue.outcome[facts.decision] ?? facts.decision;
  if (act === 'room_made' && facts.people !== undefined) return t.people(facts.people);
  if (facts.reads !== undefined) return t.bot(facts.name ?? '', facts.reads);
  return facts.name ?? '';
}

/** As tables of both languages read it, and sortable as a text. */
function when(at: string): string {
  const date = new Date(at);
  const two = (n: number): string => String(n).padStart(2, '0');
  const day = [date.getFullYear(), two(date.getMonth() + 1), two(date.getDate())].join('-');
  return `${day} ${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
}

export function tableOf(entries: readonly Entry[]): { readonly name: string; readonly text: string } {
  const t = moderation().journal;
  const { at, by, role, act, about, room, facts: more, message } = t.columns;
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  const rows = entries.map((entry) => [
    when(entry.at),
    entry.by?.name ?? t.server,
    entry.by ? i18n.t.role[entry.by.role] : '',
    t.acts[entry.act] ?? entry.act,
    entry.about?.name ?? '',
    entry.room ? roomName(entry.room) : '',
    facts(entry),
    entry.msg ?? '',
  ]);
  return { name: fileName(`${t.file} ${when(new Date().toISOString()).slice(0, 10)}`), text: csv([[`${at} (${zone})`, by, role, act, about, room, more, message], ...rows]) };
}
