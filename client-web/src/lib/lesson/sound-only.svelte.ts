// «Sound only»: no pictures are received, on this device, until it is switched off.

const KEY = 'parta.soundOnly';

class SoundOnly {
  on = $state(localStorage.getItem(KEY) === '1');

  toggle(): void {
    this.on = !this.on;
    localStorage.setItem(KEY, this.on ? '1' : '0');
  }
}

export const soundOnly = new SoundOnly();
