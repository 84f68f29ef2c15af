/** The part of the runtime that is only fetched for WebGPU. */
import type { Vocabulary } from '@linnet/schema';
import { WebGpuBackend } from './webgpu/backend.js';
import { acquireGpu } from './webgpu/device.js';
import { loadShaders } from './webgpu/ops/load.js';
import { placementCode } from './webgpu/placement-code.js';
import type { CompileProgress } from './webgpu/program.js';

export { chooseDevice } from './run/choose-device.js';
export { GPU_RUNTIME } from './webgpu/runtime.js';
export { ShaderTarget } from './webgpu/target.js';
export { acquireGpu, loadShaders };

/**
 * @param vocabulary what it should have shaders of, where there are any
 * @param onCompiled told how many of the shaders of a program are ready
 * @param halves whether to compute in float16 where the device does
 * @throws LinnetError of code ENVIRONMENT where there is no WebGPU, or no adapter; IO
 */
export async function openGpu(
  vocabulary: Vocabulary,
  onCompiled: CompileProgress,
  halves: boolean,
): Promise<WebGpuBackend> {
  const [gpu, lowerings] = await Promise.all([acquireGpu(), loadShaders(vocabulary)]);
  // Planning will ask for it.
  if ([...vocabulary.ops].some((op) => !(op in lowerings))) placementCode().catch(() => {});
  return new WebGpuBackend(gpu, lowerings, onCompiled, halves && gpu.traits.hasF16);
}
