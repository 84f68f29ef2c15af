/** Processes of browsers, where the system is Linux. */
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { getPriority, setPriority } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';

/** The share of the machine that the processes of a session have together. */
const GROUP = '/proc/self/autogroup';

/** @returns {Promise<number[]>} ids of all processes of a browser: its own, the network's, pages' */
export async function allProcesses(browser) {
  return (await processes(browser)).map(({ id }) => id);
}

const LOOK_MS = 100;
/** Processor time of all of a browser's processes between two looks below which it does nothing. */
const IDLE_MS = 15;
const PATIENCE_MS = 5000;

/** Waits until a browser does nothing, as far as it ever stops: new windows keep it busy for a while. */
export async function becomeIdle(browser) {
  let earlier = Number.NEGATIVE_INFINITY;
  for (const end = performance.now() + PATIENCE_MS; performance.now() < end; ) {
    const seconds = (await processes(browser)).reduce((sum, { cpuTime }) => sum + cpuTime, 0);
    if (1000 * (seconds - earlier) < IDLE_MS) return;
    earlier = seconds;
    await sleep(LOOK_MS);
  }
}

/** @returns {Promise<number[]>} ids of the processes that run a browser's pages */
export async function renderers(browser) {
  const found = await processes(browser);
  return found.filter(({ type }) => type === 'renderer').map(({ id }) => id);
}

async function processes(browser) {
  const session = await browser.newBrowserCDPSession();
  const { processInfo } = await session.send('SystemInfo.getProcessInfo');
  await session.detach();
  return processInfo;
}

/**
 * Gives all threads of processes the priority of this one: browsers set their own and run in a
 * session of their own, so that to start the measurement with another priority would not reach them.
 */
export function inheritPriority(pids) {
  const priority = getPriority();
  if (priority === 0 || process.platform !== 'linux') return;
  const [group] = existsSync(GROUP) ? readFileSync(GROUP, 'utf8').match(/-?\d+$/m) : [];
  for (const pid of pids) {
    whileItLives(() => {
      if (group !== undefined) writeFileSync(`/proc/${pid}/autogroup`, group);
      for (const thread of readdirSync(`/proc/${pid}/task`)) {
        whileItLives(() => setPriority(Number(thread), priority));
      }
    });
  }
}

/** The most memory that processes have held together, in bytes; null where it cannot be told. */
export function residentPeak(pids) {
  if (process.platform !== 'linux') return null;
  let sum = 0;
  for (const pid of pids) {
    whileItLives(() => {
      const [, kilobytes] = /^VmHWM:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'));
      sum += 1024 * Number(kilobytes);
    });
  }
  return sum;
}

/** Browsers end processes and threads that they keep in reserve when they like. */
function whileItLives(act) {
  try {
    act();
  } catch (error) {
    if (!['ENOENT', 'ESRCH', 'ERR_SYSTEM_ERROR'].includes(error.code)) throw error;
  }
}
