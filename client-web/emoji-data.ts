// The emoji of the picker, made of emojibase's tables (Unicode CLDR) when the client is built: one module instead of both
// languages' whole tables.
import { createRequire } from 'node:module';
import type { Plugin } from 'vite';

const NAME = 'virtual:emoji-data';
/** Newer ones are boxes on many phones still. Unicode Emoji 15 is of September 2022. */
const VERSION_MAX = 15;
/** The modifiers by themselves. */
const COMPONENTS = 2;

interface Entry {
  readonly emoji: string;
  readonly label: string;
  readonly tags?: readonly string[];
  readonly order: number;
  readonly group?: number;
  readonly version: number;
  readonly skins?: readonly { readonly emoji: string; readonly tone: number | readonly number[] }[];
}

type Row = (string | string[])[];

const table = (language: 'ru' | 'en'): Entry[] => createRequire(import.meta.url)(`emojibase-data/${language}/data.json`) as Entry[];

/** Fully qualified as Unicode has them: emojibase selects the presentation also where it is the usual one. */
const qualified = (emoji: string): string => emoji.replace(/(\p{Emoji_Presentation})\ufe0f/gu, '$1');

/** Groups of `[emoji, Russian words, English words, its five skin tones]`: words with spaces between, the name first. */
function groups(): Row[][] {
  const english = new Map(table('en').map((entry) => [entry.emoji, entry]));
  const groups = new Map<number, Row[]>();
  const entries = table('ru').filter(({ group, version }) => group !== undefined && group !== COMPONENTS && version <= VERSION_MAX);
  for (const entry of entries.sort((a, b) => a.order - b.order)) {
    const words = (one: Entry | undefined): string => (one ? [one.label, ...(one.tags ?? [])].join(' | ') : '');
    const tones = (entry.skins ?? []).filter(({ tone }) => typeof tone === 'number').sort((a, b) => Number(a.tone) - Number(b.tone));
    const row = [qualified(entry.emoji), words(entry), words(english.get(entry.emoji))];
    const all = groups.get(entry.group ?? 0) ?? [];
    groups.set(entry.group ?? 0, [...all, tones.length === 5 ? [...row, tones.map(({ emoji }) => qualified(emoji))] : row]);
  }
  return [...groups].sort(([a], [b]) => a - b).map(([, all]) => all);
}

export function emojiData(): Plugin {
  return {
    name: 'emoji-data',
    resolveId: (id) => (id === NAME ? `\0${NAME}` : undefined),
    load: (id) => (id === `\0${NAME}` ? `export default JSON.parse(${JSON.stringify(JSON.stringify(groups()))})` : undefined),
  };
}
