import type { WasmUrl } from '../api.js';
import { fetchPart, nodeModule } from '../base.js';
import { type Selection, selectBuild } from './environment.js';
import { loadModule } from './module.js';

/** The kernels of an environment. */
export interface Kernels {
  readonly selection: Selection;
  /** On its way. */
  readonly module: Promise<WebAssembly.Module>;
  readonly workers: Workers;
  /** What several threads take, on its way; null where there is one. */
  readonly threads: Promise<typeof import('./threads.js')> | null;
}

/** Makes workers that run a script, by literal URLs that bundlers see. */
export interface Workers {
  readonly inBrowser: () => Worker;
  readonly inNode: () => import('node:worker_threads').Worker | undefined;
}

/** Threads that share memory. */
const THREADS: Workers = {
  inBrowser: () => new Worker(new URL('./worker.js', import.meta.url), { type: 'module' }),
  inNode: () => nodeWorker(new URL('./worker.js', import.meta.url)),
};

/** A worker of Node, where there is one. */
export function nodeWorker(url: URL): ReturnType<Workers['inNode']> {
  const node = nodeModule('node:worker_threads');
  return node && new node.Worker(url, { name: 'linnet' });
}

/** Chooses and fetches kernels; errors as `selectBuild` and, by the promise, `loadModule`. */
export function openKernels(threads: number | undefined, wasmUrl: WasmUrl | undefined): Kernels {
  const selection = selectBuild(threads);
  return withThreads(selection, loadModule(selection.build, wasmUrl));
}

/** The same, of a module that another thread has compiled for such threads. */
export function sharedKernels(threads: number | undefined, module: WebAssembly.Module): Kernels {
  return withThreads(selectBuild(threads), Promise.resolve(module));
}

function withThreads(selection: Selection, module: Kernels['module']): Kernels {
  const threads = selection.threads > 1 ? fetchPart(() => import('./threads.js')) : null;
  threads?.catch(() => {});
  return { selection, module, workers: THREADS, threads };
}
