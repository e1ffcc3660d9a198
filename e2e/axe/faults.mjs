// What axe finds on a page: the rules of WCAG 2.2 AA, and what is good practice beyond them.
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';

const SOURCE = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

/**
 * Looks at the page as it stands, once nothing on it moves any more.
 * @param {import('playwright-core').Page} page
 * @returns {Promise<string[]>} a line for each element with a fault
 */
export async function faultsOf(page) {
  // Of a policy that forbids inline scripts the debugger knows nothing.
  if (!(await page.evaluate(() => 'axe' in window))) await page.evaluate(SOURCE);
  return page.evaluate(async () => {
    await Promise.allSettled(document.getAnimations().map((one) => one.finished));
    const { axe } = /** @type {any} */ (window);
    const { violations } = await axe.run(document, { resultTypes: ['violations'] });
    return violations.flatMap((/** @type {any} */ { id, help, nodes }) =>
      nodes.map((/** @type {any} */ { target, html, any }) => `${id}: ${help}: ${target.join(' ')}: ${html.slice(0, 200)} ${any.map((/** @type {any} */ { message }) => message).join('; ')}`),
    );
  });
}
