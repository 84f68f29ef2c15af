import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { getPriority, setPriority } from 'node:os';

/** The share of the machine that the processes of a session have together. */
const GROUP = '/proc/self/autogroup';

/** @returns {Promise<number[]>} ids of the processes that run a browser's pages */
export async function renderers(browser) {
  const session = await browser.newBrowserCDPSession();
  const { processInfo } = await session.send('SystemInfo.getProcessInfo');
  return processInfo.filter(({ type }) => type === 'renderer').map(({ id }) => id);
}

/**
 * Gives all threads of processes the priority of this one: browsers set their own and run in a
 * session of their own, so that to start the measurement with another priority would not reach them.
 * On Linux only.
 */
export function inheritPriority(pids) {
  const priority = getPriority();
  if (priority === 0 || process.platform !== 'linux') return;
  const [group] = existsSync(GROUP) ? readFileSync(GROUP, 'utf8').match(/-?\d+$/m) : [];
  for (const pid of pids) {
    for (const thread of readdirSync(`/proc/${pid}/task`)) {
      try {
        setPriority(Number(thread), priority);
      } catch {
        // The thread has ended.
      }
    }
    if (group !== undefined) writeFileSync(`/proc/${pid}/autogroup`, group);
  }
}
