// A laptop whose lid is closed: all of the browser stands still, and the clock goes on.
import { readFile, readdir } from 'node:fs/promises';

/**
 * Stops every process of a browser until the answer is called. The browser must be this test's own.
 * @param {import('playwright-core').Browser} browser
 * @returns {Promise<() => void>} opens the lid
 */
export async function closeLid(browser) {
  const session = await browser.newBrowserCDPSession();
  const { processInfo } = await session.send('SystemInfo.getProcessInfo');
  await session.detach();
  const first = processInfo.find(({ type }) => type === 'browser')?.id;
  if (first === undefined) throw new Error('the browser does not name its process');
  /** @type {number[]} */
  const stopped = [];
  const open = () => {
    // The first one last, so that it does not find its children standing.
    for (const pid of stopped.toReversed()) process.kill(pid, 'SIGCONT');
  };
  try {
    // A parent is stopped before its children are listed, so that it makes no more.
    for (const pids = [first]; pids.length > 0; ) {
      const pid = /** @type {number} */ (pids.shift());
      process.kill(pid, 'SIGSTOP');
      stopped.push(pid);
      pids.push(...(await childrenOf(pid)));
    }
  } catch (error) {
    open();
    throw error;
  }
  return open;
}

/** @param {number} parent */
async function childrenOf(parent) {
  const children = [];
  for (const name of await readdir('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    // «pid (name) state ppid …»; the name may hold anything. A process that has ended meanwhile has no file.
    const stat = await readFile(`/proc/${name}/stat`, 'latin1').catch(() => '');
    const ppid = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1];
    if (Number(ppid) === parent) children.push(Number(name));
  }
  return children;
}
