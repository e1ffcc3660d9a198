// What is left out on this device until somebody presses it. Everything that loads pictures, films or sound asks here.

import { savings, saves, type Saving } from '../../core/saving';

const KEY = 'parta.saving';

class DataSaving {
  choice = $state(savings.find((one) => one === globalThis.localStorage?.getItem(KEY)) ?? 'auto');
  /** Files that somebody asked for since the page was opened. */
  #shown = $state.raw<readonly string[]>([]);

  get on(): boolean {
    return saves(this.choice, navigator);
  }

  choose(choice: Saving): void {
    this.choice = choice;
    localStorage.setItem(KEY, choice);
  }

  /** Whether a file's picture is not loaded yet. */
  leavesOut(file: string): boolean {
    return this.on && !this.#shown.includes(file);
  }

  show(file: string): void {
    this.#shown = [...this.#shown, file];
  }
}

export const saving = new DataSaving();
