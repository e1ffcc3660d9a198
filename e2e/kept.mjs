// What a page has written down on its device of messages that are on their way, and of their files. It shows them a moment before
// that, and takes them away a moment after they went: a test that throws the page away waits for it.
import { eventually } from './steps.mjs';

/**
 * Waits until so many messages that are on their way are on the device, with all their files.
 * @param {import('./browsers.mjs').Person} person
 * @param {number} count
 */
export const keptToSend = (person, count) => eventually(() => person.read(look), ({ whole }) => whole === count, `${count} messages on the device`);

/**
 * Waits until no file is on the device any more, from where another page would take it up.
 * @param {import('./browsers.mjs').Person} person
 */
export const noFileKept = (person) => eventually(() => person.read(look), ({ files }) => files === 0, 'no file on the device');

// Runs in the page.
async function look() {
  // To open one that is not there yet would make it.
  const names = (await indexedDB.databases()).map(({ name }) => name);
  /** @type {(name: string, store: string) => Promise<any[]>} */
  const read = async (name, store) => {
    if (!names.includes(name)) return [];
    /** @type {IDBDatabase} */
    const db = await new Promise((resolve, reject) => {
      const open = indexedDB.open(name);
      open.onsuccess = () => resolve(open.result);
      open.onerror = () => reject(open.error);
    });
    try {
      return await new Promise((resolve, reject) => {
        const got = db.transaction(store).objectStore(store).getAll();
        got.onsuccess = () => resolve(got.result);
        got.onerror = () => reject(got.error);
      });
    } finally {
      db.close();
    }
  };
  const files = new Set((await read('parta-uploads', 'uploads')).map(({ key }) => key));
  const messages = await read('parta', 'outbox');
  return { whole: messages.filter(({ awaits = [] }) => awaits.every((/** @type {string} */ key) => files.has(key))).length, files: files.size };
}
