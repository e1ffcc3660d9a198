// The log of what was deleted, as a table.

import { i18n } from '$lib/i18n/i18n.svelte';
import { api } from '../../core/http';
import type { LogEntry } from '../../core/wire/LogEntry';
import type { RetentionLog } from '../../core/wire/RetentionLog';
import { words } from './words';

const page = (path: string, before?: string): Promise<RetentionLog> =>
  api<RetentionLog>('GET', before === undefined ? path : `${path}?before=${encodeURIComponent(before)}`);

/** The next entries after those that are known. */
export const next = (room: string, known: readonly LogEntry[]): Promise<RetentionLog> =>
  page(`/rooms/${encodeURIComponent(room)}/retention/log`, known.at(-1)?.id);

/** Every entry of the organisation, the newest first. */
export async function everything(): Promise<LogEntry[]> {
  const all: LogEntry[] = [];
  for (;;) {
    const { entries, more } = await page('/retention/log', all.at(-1)?.id);
    all.push(...entries);
    if (!more) return all;
  }
}

export function told(entry: LogEntry): string {
  const { what } = words().log;
  return entry.kind === 'deleted' ? what.deleted(entry.first ?? 0, entry.last ?? 0) : what[entry.kind];
}

/** The rows of a table, with a heading. */
export function rows(entries: readonly LogEntry[]): string[][] {
  const t = words().log;
  const row = (e: LogEntry): string[] => [
    e.at, e.room, e.r, told(e), e.name ?? '', e.days === undefined ? '' : String(e.days), e.inherited ? t.yes : t.no,
    ...[e.first, e.last].map((no) => (no === undefined ? '' : String(no))),
    ...[e.messages, e.versions, e.reactions, e.drafts, e.scheduled, e.files, e.bytes].map(String),
    e.file_ids.join(' '),
  ];
  return [t.head, ...entries.map(row)];
}

/** A rule, in words. */
export function rule({ days, inherited, kind }: LogEntry): string {
  const { keep } = words();
  if (kind === 'rule' && days === undefined) return keep.default('').replace(/:\s*$/, '');
  if (days === undefined) return '';
  const text = days === 0 ? keep.ever : keep.days(days);
  return inherited ? keep.default(text) : text;
}

export const size = (entry: LogEntry): string => (entry.files === 0 ? '' : words().log.files(entry.files, i18n.size(entry.bytes)));
