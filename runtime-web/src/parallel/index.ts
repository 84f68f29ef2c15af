/** What is fetched where a model is loaded on workers. */
import type { Model } from '../api.js';
import { LinnetError } from '../base.js';
import type { LoadOptions } from '../load-options.js';
import type { Kernels, Workers } from '../wasm/kernels.js';
import { toError } from './messages.js';
import { type Instance, ParallelModel } from './model.js';
import { type InstanceWorker, startWorker } from './worker.js';

/** Each takes memory for all weights. */
const MAX_WORKERS = 64;

/**
 * Loads a model on `options.workers` workers.
 *
 * @throws LinnetError as loadModel; INVALID_ARGUMENT also for a number of workers that is none, for another
 * backend than WASM and for models that keep state
 */
export async function prepare(
  bytes: Uint8Array,
  { module, instances }: Pick<Kernels, 'module'> & { readonly instances: Workers },
  options: LoadOptions,
): Promise<Model> {
  const { workers: count = 1, backend, onProgress } = options;
  if (!Number.isInteger(count) || count < 1 || count > MAX_WORKERS) {
    throw new LinnetError(
      'INVALID_ARGUMENT',
      `The number of workers is ${count}; expected an integer from 1 to ${MAX_WORKERS}.`,
    );
  }
  if (backend !== 'wasm') {
    throw new LinnetError(
      'INVALID_ARGUMENT',
      `Workers run models on WASM, not on "${backend}".`,
      {},
      ['Leave out workers, or the backend.'],
    );
  }
  onProgress?.({ phase: 'plan', loaded: 0, total: 1 });
  const loaded = await start(count, instances, bytes, await module, options);
  onProgress?.({ phase: 'plan', loaded: 1, total: 1 });
  return new ParallelModel(loaded);
}

/** All instances, or none. */
async function start(
  count: number,
  workers: Workers,
  bytes: Uint8Array,
  module: WebAssembly.Module,
  { threads, tuning, externalFiles, signal }: LoadOptions,
): Promise<readonly Instance[]> {
  const started: InstanceWorker[] = [];
  let abort = () => {};
  try {
    return await new Promise((resolve, reject) => {
      abort = () => reject(signal?.reason);
      signal?.throwIfAborted();
      signal?.addEventListener('abort', abort);
      const instances: Instance[] = [];
      for (let i = 0; i < count; i++) {
        const worker = startWorker(workers, {
          receive(answer) {
            if ('failed' in answer) reject(toError(answer.failed));
            else if ('loaded' in answer) instances.push({ worker, loaded: answer.loaded });
            if (instances.length === count) resolve(instances);
          },
          end: reject,
        });
        started.push(worker);
        // What the caller has passed stays the caller's, and may be part of more.
        const own = new Uint8Array(bytes);
        const request = { bytes: own, module, options: { threads, tuning, externalFiles } };
        worker.send(request, [own.buffer]);
      }
    });
  } catch (error) {
    for (const worker of started) worker.stop();
    throw error;
  } finally {
    signal?.removeEventListener('abort', abort);
  }
}
