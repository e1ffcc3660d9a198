// What this person chose last, on this device.

import type { Tone } from '../../core/emoji';

/** Offered at once beside a message. */
export const QUICK = ['👍', '❤️', '😂', '🎉', '😮', '🙏'] as const;

const RECENT_MAX = 24;
const RECENT = 'parta.emoji';
const TONE = 'parta.emoji.tone';

class Chosen {
  recent = $state.raw<readonly string[]>(remembered());
  tone = $state<Tone>(rememberedTone());

  use(emoji: string): void {
    this.recent = [emoji, ...this.recent.filter((one) => one !== emoji)].slice(0, RECENT_MAX);
    localStorage.setItem(RECENT, this.recent.join(' '));
  }

  turn(tone: Tone): void {
    this.tone = tone;
    localStorage.setItem(TONE, String(tone));
  }
}

const remembered = (): string[] => (localStorage.getItem(RECENT) ?? '').split(' ').filter((one) => one !== '').slice(0, RECENT_MAX);

function rememberedTone(): Tone {
  const tone = Number(localStorage.getItem(TONE));
  return tone === 1 || tone === 2 || tone === 3 || tone === 4 || tone === 5 ? tone : 0;
}

export const chosen = new Chosen();
