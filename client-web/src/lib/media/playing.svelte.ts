// The one recording that is heard: another one that is started takes its place, and when it ends the next one begins.

const RATE_KEY = 'parta.rate';
export const RATES = [1, 1.5, 2] as const;

export interface Track {
  readonly id: string;
  readonly url: string;
  /** Its length as its sender measured it: some files do not tell. */
  readonly ms: number;
}

class Playing {
  /** What is played, or paused. */
  id = $state('');
  playing = $state(false);
  /** Where it is, in milliseconds. */
  at = $state(0);
  rate = $state(stored());
  failed = $state('');
  /** Whether it failed for want of the network. */
  offline = $state(false);

  #audio: HTMLAudioElement | undefined;
  #ended: ((id: string) => void) | undefined;

  toggle(track: Track, ended?: (id: string) => void): void {
    if (this.id === track.id && this.playing) return this.#audio?.pause();
    this.#load(track, ended);
    this.#play();
  }

  seek(track: Track, ms: number, ended?: (id: string) => void): void {
    this.#load(track, ended);
    this.at = Math.min(Math.max(ms, 0), track.ms);
    if (this.#audio) this.#audio.currentTime = this.at / 1_000;
  }

  nextRate(): void {
    const next = RATES[(RATES.findIndex((rate) => rate === this.rate) + 1) % RATES.length] ?? 1;
    this.rate = next;
    localStorage.setItem(RATE_KEY, String(next));
    if (this.#audio) this.#audio.playbackRate = next;
  }

  stop(id: string): void {
    if (this.id !== id) return;
    this.#audio?.pause();
    this.#audio?.removeAttribute('src');
    this.id = '';
  }

  #load(track: Track, ended?: (id: string) => void): void {
    this.#ended = ended;
    if (this.id === track.id && this.failed !== track.id) return;
    const audio = (this.#audio ??= this.#make());
    audio.src = track.url;
    audio.defaultPlaybackRate = this.rate;
    audio.playbackRate = this.rate;
    [this.id, this.at, this.failed, this.playing] = [track.id, 0, '', false];
  }

  #play(): void {
    const { id } = this;
    void this.#audio?.play().catch((error: unknown) => {
      // Another one was started meanwhile, or the browser waits for a press.
      if (error instanceof DOMException && error.name !== 'NotSupportedError') return;
      if (this.id === id) this.failed = id;
    });
  }

  #make(): HTMLAudioElement {
    const audio = new Audio();
    audio.preload = 'metadata';
    audio.onplay = () => (this.playing = true);
    audio.onpause = () => (this.playing = false);
    audio.ontimeupdate = () => (this.at = audio.currentTime * 1_000);
    audio.onerror = () => {
      if (!audio.hasAttribute('src')) return;
      this.offline = audio.error?.code === MediaError.MEDIA_ERR_NETWORK || !navigator.onLine;
      this.failed = this.id;
    };
    audio.onended = () => {
      [this.playing, this.at] = [false, 0];
      this.#ended?.(this.id);
    };
    return audio;
  }
}

function stored(): number {
  const rate = Number(localStorage.getItem(RATE_KEY));
  return RATES.find((one) => one === rate) ?? 1;
}

export const playing = new Playing();
