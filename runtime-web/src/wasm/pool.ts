import { LinnetError } from '@linnet/schema';
import { nodeModule } from '../base.js';
import { STACK_BYTES, stopTeam, TEAM, TEAM_BYTES, type WorkerTask } from './abi.js';
import type { Heap } from './heap.js';
import type { Workers } from './kernels.js';

/** Threads that run programs together with the caller. */
export class ThreadPool {
  private constructor(
    readonly memory: WebAssembly.Memory,
    /** Address of the team. */
    readonly team: number,
    readonly threads: number,
  ) {}

  /**
   * Starts `threads` - 1 workers and waits until they are ready.
   *
   * @throws LinnetError of code ENVIRONMENT when a worker does not start
   */
  static async start(
    module: WebAssembly.Module,
    heap: Heap,
    threads: number,
    workers: Workers,
    signal?: AbortSignal,
  ): Promise<ThreadPool> {
    const { memory } = heap;
    const team = heap.allocate(TEAM_BYTES);
    const words = new Int32Array(memory.buffer, team, TEAM_BYTES / 4).fill(0);
    words[TEAM.threads] = threads;
    words[TEAM.leaderWaits] = mayBlock() ? 1 : 0;
    const starting = Array.from({ length: threads - 1 }, (_, index) => {
      const stack = heap.allocate(STACK_BYTES) + STACK_BYTES;
      const { timeOrigin } = performance;
      const task = { module, memory, team, thread: index + 1, stack, timeOrigin };
      return startWorker(task, workers);
    });
    try {
      await Promise.all(starting);
      signal?.throwIfAborted();
    } catch (error) {
      stopTeam(memory, team);
      throw error;
    }
    return new ThreadPool(memory, team, threads);
  }

  /** Lets the workers end; they must not be at work. */
  stop(): void {
    if (this.threads > 1) stopTeam(this.memory, this.team);
  }
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
