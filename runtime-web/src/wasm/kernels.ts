import type { WasmUrl } from '../api.js';
import { nodeModule } from '../base.js';
import { type Selection, selectBuild } from './environment.js';
import { loadModule } from './module.js';

/** The kernels of an environment. */
export interface Kernels {
  readonly selection: Selection;
  /** On its way. */
  readonly module: Promise<WebAssembly.Module>;
  readonly workers: Workers;
}

/** Makes threads that run worker.js, by literal URLs that bundlers see. */
export interface Workers {
  readonly inBrowser: () => Worker;
  readonly inNode: () => import('node:worker_threads').Worker | undefined;
}

/** Chooses and fetches kernels; errors as `selectBuild` and, by the promise, `loadModule`. */
export function openKernels(threads: number | undefined, wasmUrl: WasmUrl | undefined): Kernels {
  const selection = selectBuild(threads);
  return {
    selection,
    module: loadModule(selection.build, wasmUrl),
    workers: {
      inBrowser: () => new Worker(new URL('./worker.js', import.meta.url), { type: 'module' }),
      inNode: () => {
        const node = nodeModule('node:worker_threads');
        return node && new node.Worker(new URL('./worker.js', import.meta.url), { name: 'linnet' });
      },
    },
  };
}
