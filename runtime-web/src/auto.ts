/** The part of the runtime that is only fetched where the faster backend is to be found out. */
export { chooseFaster } from './run/choose-faster.js';
export { GPU_RUNTIME } from './webgpu/runtime.js';
