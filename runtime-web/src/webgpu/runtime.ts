import { chooseDevice, tryDevice } from '../run/choose-device.js';
import { RUNTIME } from '../runtime.js';
import { WebGpuBackend } from './backend.js';
import { acquireGpu } from './device.js';
import { emitNarrowed } from './lower/narrow.js';
import { CORE_SHADERS } from './ops/core.js';
import { ShaderTarget } from './target.js';

/** What runs models on a GPU, but for what is fetched for some of them only; see RUNTIME. */
export const GPU_RUNTIME: readonly unknown[] = [
  RUNTIME,
  chooseDevice,
  tryDevice,
  WebGpuBackend,
  acquireGpu,
  emitNarrowed,
  CORE_SHADERS,
  ShaderTarget,
];
