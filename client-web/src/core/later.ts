// Times for messages that are sent later, in the zone of this device.

const two = (number: number): string => String(number).padStart(2, '0');

/** As a field for date and time takes it. */
export const forField = (at: Date): string =>
  `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}T${two(at.getHours())}:${two(at.getMinutes())}`;

/** What such a field says; undefined when it says nothing. */
export function fromField(value: string): Date | undefined {
  const at = new Date(value);
  return value === '' || Number.isNaN(at.getTime()) ? undefined : at;
}

/** What is likely to be meant: the next hour or so, tomorrow morning, Monday morning. */
export function suggestions(now: Date): Date[] {
  const at = (days: number, hours: number): Date => new Date(now.getFullYear(), now.getMonth(), now.getDate() + days, hours);
  const soon = at(0, now.getHours() + 2);
  const monday = ((8 - now.getDay()) % 7) || 7;
  const all = [soon, at(1, 9), at(monday, 9)];
  return all.filter((one, place) => all.findIndex((other) => other.getTime() === one.getTime()) === place);
}

/** The name of the zone. */
export const zone = (): string => Intl.DateTimeFormat().resolvedOptions().timeZone;

/** What a form for later gives: when, what, and whether and by when it is to be acknowledged. */
export interface Chosen {
  readonly at: string;
  readonly body: string;
  readonly ack?: true;
  readonly due?: string;
}
