/** What runs models on a GPU, but for what is fetched for some of them only; see ../runtime.ts. */
export { chooseDevice, chooseFaster } from '../run/choose-device.js';
export * from '../runtime.js';
export { WebGpuBackend } from './backend.js';
export { acquireGpu } from './device.js';
export { emitNarrowed } from './lower/narrow.js';
export { CORE_SHADERS } from './ops/core.js';
export type { CompileProgress } from './program.js';
export { ShaderTarget } from './target.js';
export { LEAST_TRAITS } from './traits.js';
