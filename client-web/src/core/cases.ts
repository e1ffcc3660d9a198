// Reports by the message that they are about.

import type { Report } from './wire/Report';

export interface Case {
  /** The message. */
  readonly message: string;
  /** The report that came first; what was decided holds for all of them. */
  readonly first: Report;
  readonly reports: readonly Report[];
}

/** In the order in which they are told. */
export function casesOf(reports: readonly Report[]): readonly Case[] {
  const cases = new Map<string, Report[]>();
  for (const report of reports) cases.set(report.msg, [...(cases.get(report.msg) ?? []), report]);
  return [...cases].flatMap(([message, all]) => (all[0] ? [{ message, first: all[0], reports: all }] : []));
}
