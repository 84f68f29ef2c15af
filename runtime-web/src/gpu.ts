/** The part of the runtime that is only fetched for WebGPU. */
import type { Vocabulary } from '@linnet/schema';
import { loadShaders } from './webgpu/ops/load.js';
import { acquireGpu, type CompileProgress, WebGpuBackend } from './webgpu/runtime.js';

export * from './webgpu/runtime.js';
export { loadShaders };

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
  return new WebGpuBackend(gpu, lowerings, onCompiled, halves && gpu.traits.hasF16);
}
