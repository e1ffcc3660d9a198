// The search and the list of mentions.
import { heading, press, shown, text } from './walker.mjs';

/** @typedef {import('./walker.mjs').Walk} Walk */

/** @param {Walk} walk */
export async function finding(walk) {
  await walk.both('the search', async (person) => {
    const field = person.page.getByRole('combobox', { name: 'Поиск' });
    await person.page.keyboard.press('Control+k');
    await field.waitFor();
    await walk.look(person, 'the search');
    await field.fill('занятие');
    // Those of the list; the fields above it have options, too.
    await person.page.getByRole('listbox', { name: 'Найденное' }).getByRole('option').first().waitFor();
    await text(person, 'Завтра занятие').waitFor();
    await walk.look(person, 'what is found');
    await press(person, 'Даты');
    await press(person, 'С файлами');
    await text(person, 'Ничего не нашлось').waitFor();
    await walk.look(person, 'nothing is found');
    await press(person, 'Сбросить фильтры');
    await field.fill('pfyznbt');
    await text(person, 'похоже, была включена другая раскладка').waitFor();
    await walk.look(person, 'what is found with the other keyboard');
    await person.press('Escape');
    await field.waitFor({ state: 'hidden' });
  });
  await walk.both('the mentions', async (person) => {
    // On a phone the way there is in the list.
    const back = person.page.getByRole('link', { name: 'К списку групп' });
    if (await back.isVisible()) await back.click();
    await walk.dialog(person, 'the mentions', () => press(person, 'Упоминания'), () => heading(person, 'Упоминания'));
    await shown(person).waitFor({ state: 'hidden' });
  });
}
