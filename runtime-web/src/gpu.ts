/** The part of the runtime that is only fetched for WebGPU. */

export { chooseDevice, chooseFaster } from './run/choose-device.js';
export * from './runtime.js';
export { WebGpuBackend } from './webgpu/backend.js';
export { acquireGpu } from './webgpu/device.js';
export { loadShaders } from './webgpu/ops/load.js';
export { ShaderTarget } from './webgpu/target.js';
export { LEAST_TRAITS } from './webgpu/traits.js';
