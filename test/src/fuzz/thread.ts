/** The thread that tries damaged files; see fuzz.ts. */
import { parentPort } from 'node:worker_threads';
import { LinnetError } from '@linnet/schema';
import type { Task, Verdict } from './fuzz.js';
import { TARGETS } from './targets.js';

parentPort?.on('message', async ({ target, files }: Task) => {
  parentPort?.postMessage(await verdictOf(() => TARGETS[target](files)));
});

async function verdictOf(action: () => Promise<void>): Promise<Verdict> {
  try {
    await action();
    return null;
  } catch (error) {
    if (!(error instanceof LinnetError))
      return error instanceof Error ? String(error.stack) : String(error);
    if (error.code !== 'INTERNAL') return null;
    const cause = error.cause instanceof Error ? `\n${error.cause.stack}` : '';
    return `${error.format()}\n${error.stack}${cause}`;
  }
}
