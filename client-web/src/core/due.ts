// By when a message is to be acknowledged. A day counts to its end, in the zone of whoever chose it.

/** The end of the day that a date field says; undefined when it says none. */
export function endOfDay(field: string): string | undefined {
  const [year, month, day] = field.split('-').map(Number);
  if (!year || !month || !day) return undefined;
  return new Date(year, month - 1, day, 23, 59, 59, 999).toISOString();
}

/** As a date field takes it. */
export function dayField(date: Date): string {
  const two = (n: number): string => String(n).padStart(2, '0');
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
}

/** Whether the time is over, or something that came at `at` was too late. */
export const isLate = (due: string | undefined, at: string): boolean => due !== undefined && Date.parse(at) > Date.parse(due);
