import { nodeWorker, type Workers } from '../wasm/kernels.js';

/** Instances of a model with memory of their own. */
export const INSTANCES: Workers = {
  inBrowser: () => new Worker(new URL('./instance.js', import.meta.url), { type: 'module' }),
  inNode: () => nodeWorker(new URL('./instance.js', import.meta.url)),
};
