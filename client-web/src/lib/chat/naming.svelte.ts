// Whom the text being written mentions, and the list that offers names after an @.

import { candidates, nameBegun, namedIn, type Named } from '../../core/naming';

export class Naming {
  /** Chosen from the list; the text may have lost some of them since. */
  chosen = $state.raw<readonly Named[]>([]);
  offered = $state.raw<readonly Named[]>([]);
  /** Which of the offered ones the keys have reached. */
  active = $state(0);
  readonly #people: () => readonly Named[];
  #at: number | undefined;
  /** The @ whose list was sent away. */
  #refused: number | undefined;

  constructor(people: () => readonly Named[], chosen: readonly Named[]) {
    this.#people = people;
    this.chosen = chosen;
  }

  /** The text or the caret has changed. At most `max` people can be mentioned. */
  look(text: string, caret: number, max: number): void {
    const begun = nameBegun(text.slice(0, caret));
    if (begun?.at !== this.#at) this.#refused = undefined;
    this.#at = begun?.at;
    const wanted = begun && begun.at !== this.#refused && namedIn(text, this.chosen).length < max;
    const offered = wanted ? candidates(begun.begun, this.#people()) : [];
    if (offered.length === this.offered.length && offered.every(({ id }, at) => id === this.offered[at]?.id)) return;
    this.offered = offered;
    this.active = 0;
  }

  /** Whether the key was for the list. */
  key(event: KeyboardEvent, pick: (person: Named) => void): boolean {
    const person = this.offered[this.active];
    if (!person || event.isComposing || event.shiftKey) return false;
    const { length } = this.offered;
    if (event.key === 'ArrowDown') this.active = (this.active + 1) % length;
    else if (event.key === 'ArrowUp') this.active = (this.active + length - 1) % length;
    else if (event.key === 'Escape') this.#refuse();
    else if (event.key === 'Enter' || event.key === 'Tab') pick(person);
    else return false;
    event.preventDefault();
    event.stopPropagation();
    return true;
  }

  /** Puts the person's name in the place of what was begun before the caret. */
  insert(area: HTMLTextAreaElement, person: Named): void {
    if (this.#at === undefined) return;
    area.setRangeText(`@${person.name} `, this.#at, area.selectionStart, 'end');
    this.chosen = [...this.chosen.filter(({ id }) => id !== person.id), person];
    this.hide();
  }

  /** Until the text or the caret changes. */
  hide(): void {
    this.offered = [];
  }

  /** The text was sent. */
  clear(): void {
    this.chosen = [];
    this.hide();
  }

  #refuse(): void {
    this.#refused = this.#at;
    this.hide();
  }
}
