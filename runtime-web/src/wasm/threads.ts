/** What is only fetched for running on several threads. */
import { LinnetError } from '@linnet/schema';
import { nodeModule } from '../base.js';
import { STACK_BYTES, type WorkerTask } from './abi.js';
import type { Heap } from './heap.js';
import type { Workers } from './kernels.js';
import { stopTeam } from './stop-team.js';
import { type Team, teamBlock } from './team.js';

export { RUNTIME } from '../runtime.js';

/**
 * A team of the caller's thread and `threads` - 1 workers, once these are ready.
 *
 * @throws LinnetError of code ENVIRONMENT when a worker does not start
 */
export async function startTeam(
  module: WebAssembly.Module,
  heap: Heap,
  threads: number,
  workers: Workers,
  signal?: AbortSignal,
): Promise<Team> {
  const { memory } = heap;
  const address = teamBlock(heap, threads, mayBlock());
  const stop = () => stopTeam(memory, address);
  const starting = Array.from({ length: threads - 1 }, (_, index) => {
    const stack = heap.allocate(STACK_BYTES) + STACK_BYTES;
    const { timeOrigin } = performance;
    const task = { module, memory, team: address, thread: index + 1, stack, timeOrigin };
    return startWorker(task, workers);
  });
  try {
    await Promise.all(starting);
    signal?.throwIfAborted();
  } catch (error) {
    stop();
    throw error;
  }
  return { address, threads, stop };
}

/** Whether this thread may wait for others without spinning: all may but a browser's main thread. */
function mayBlock(): boolean {
  return nodeModule('node:worker_threads') !== undefined || typeof document === 'undefined';
}

function startWorker(task: WorkerTask, workers: Workers): Promise<void> {
  return new Promise((resolve, reject) => {
    const fail = (cause: unknown) =>
      reject(
        new LinnetError(
          'ENVIRONMENT',
          'A worker for running on several threads did not start.',
          {},
          [
            'Serve worker.js beside the runtime (bundlers copy it when they see the Worker), or load with threads: 1.',
          ],
          { cause },
        ),
      );
    try {
      const worker = workers.inNode();
      if (worker === undefined) {
        const inBrowser = workers.inBrowser();
        inBrowser.onmessage = () => resolve();
        inBrowser.onerror = fail;
        inBrowser.postMessage(task);
        return;
      }
      worker.once('error', fail);
      worker.once('message', () => {
        // A parked thread must not keep the process alive.
        worker.unref();
        resolve();
      });
      worker.postMessage(task);
    } catch (cause) {
      fail(cause);
    }
  });
}
