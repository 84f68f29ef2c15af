/** The part of the runtime that is only fetched for WebGPU. */
export { WebGpuBackend } from './backend.js';
export { acquireGpu } from './device.js';
export { loadShaders } from './ops/load.js';
export { ShaderTarget } from './target.js';
export { LEAST_TRAITS } from './traits.js';
