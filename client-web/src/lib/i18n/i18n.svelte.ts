// The language in use, and dates and sizes in it.

import { ru, type Words } from './ru';

export type Language = 'ru' | 'en';

const KEY = 'parta.language';

class I18n {
  language = $state<Language>('ru');
  #words = $state.raw<Words>(ru);
  #chosen: Language = 'ru';
  /** Why something was refused, as is seldom met: these words come with those of rooms. */
  rare = $state.raw<Partial<Record<Language, Readonly<Record<string, string>>>>>({});

  get t(): Words {
    return this.#words;
  }

  /** Takes up the language that was chosen on this device. Without its words, as when the network fails, it is Russian. */
  async begin(): Promise<void> {
    if (localStorage.getItem(KEY) === 'en') await this.#use('en');
  }

  choose(language: Language): void {
    localStorage.setItem(KEY, language);
    void this.#use(language);
  }

  // English comes when somebody wants it: most people never do.
  async #use(language: Language): Promise<void> {
    this.#chosen = language;
    const words = language === 'en' ? await import('./en').then(({ en }) => en, () => undefined) : ru;
    if (!words || language !== this.#chosen) return;
    this.#words = words;
    this.language = language;
    document.documentElement.lang = language;
  }

  error(code: string): string {
    const known: Record<string, string> = this.t.errors;
    return known[code] ?? this.rare[this.language]?.[code] ?? this.t.errors.other;
  }

  time(at: string): string {
    return this.t.dates.time(new Date(at));
  }

  day(at: string): string {
    const days = daysAgo(at);
    if (days === 0) return this.t.today;
    if (days === 1) return this.t.yesterday;
    if (days === -1) return this.t.tomorrow;
    const date = new Date(at);
    const { day, dayOfYear } = this.t.dates;
    return date.getFullYear() === new Date().getFullYear() ? day(date) : dayOfYear(date);
  }

  /** Short: the time today, else the date. */
  moment(at: string): string {
    return daysAgo(at) === 0 ? this.time(at) : this.t.dates.short(new Date(at));
  }

  /** A time to come: only the clock within a day, else with the date. */
  soon(at: string): string {
    const date = new Date(at);
    if (date.getTime() - Date.now() < 86_400_000) return this.time(at);
    return new Intl.DateTimeFormat(this.language, { day: 'numeric', month: 'long', hour: '2-digit', minute: '2-digit' }).format(date);
  }

  number(value: number): string {
    return new Intl.NumberFormat(this.language).format(value);
  }

  size(bytes: number): string {
    let value = bytes;
    let unit = 0;
    while (value >= 1024 && unit < this.t.bytes.length - 1) {
      value /= 1024;
      unit++;
    }
    const digits = unit === 0 || value >= 10 ? 0 : 1;
    return `${new Intl.NumberFormat(this.language, { maximumFractionDigits: digits }).format(value)} ${this.t.bytes[unit]}`;
  }
}

const midnight = (date: Date): number => new Date(date.getFullYear(), date.getMonth(), date.getDate()).getTime();

const daysAgo = (at: string): number => Math.round((midnight(new Date()) - midnight(new Date(at))) / 86_400_000);

export const i18n = new I18n();
