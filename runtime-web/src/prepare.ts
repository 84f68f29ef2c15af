/** What makes a model of the bytes of a file: most of the runtime, which is fetched while the file is. */

import { type ExternalFiles, readModel, readVocabulary, type Vocabulary } from '@linnet/schema';
import type { Model } from './api.js';
import { fetchPart, takeTurn } from './base.js';
import { gpuCode } from './gpu-code.js';
import type { LoadOptions, LoadProgress } from './load-options.js';
import type { ExecutableModel } from './model/graph.js';
import { executable } from './model/load.js';
import { Resources } from './model/resources.js';
import { hasZeros } from './model/zeros.js';
import { type LoadedOps, loadOps, withSparse } from './ops/load.js';
import { notMeasured } from './plan/choice.js';
import { type Choice, chooseWasm, type DeviceOpener, type EngineMaker } from './run/choose.js';
import { Engine } from './run/engine.js';
import { Guard } from './run/guard.js';
import { LoadedModel } from './run/model.js';
import { WasmBackend } from './wasm/backend.js';
import type { Kernels } from './wasm/kernels.js';

export { RUNTIME } from './runtime.js';

/** Plans a model, packs its weights and chooses what runs it; errors as `loadModel`. */
export async function prepare(
  bytes: Uint8Array,
  kernels: Kernels,
  options: LoadOptions & Required<Pick<LoadOptions, 'backend'>>,
): Promise<Model> {
  const { backend, signal, onProgress, tuning } = options;
  const overruling =
    tuning &&
    fetchPart(() => import('./tune/index.js')).then(({ applyTuning }) =>
      applyTuning(tuning, kernels),
    );
  overruling?.catch(() => {});
  if (backend === 'auto') autoCode().catch(() => {});
  await takeTurn();
  const { vocabulary, ops, model } = await readExecutable(bytes, options.externalFiles);
  await takeTurn();
  const [resources, guard] = [new Resources(), new Guard()];
  onProgress?.({ phase: 'plan', loaded: 0, total: 1 });
  const maker: EngineMaker = {
    bytes,
    openDevice: deviceOpener(vocabulary, onProgress),
    make: async (device) => {
      // On a device, weights are the device's.
      const constantBytes = device === null ? bytes.length : 0;
      const overrule = (await overruling)?.(device?.description ?? null) ?? notMeasured;
      const host = await WasmBackend.create({ kernels, ops, constantBytes, signal });
      return new Engine(model, resources, guard, { host, device }, overrule);
    },
  };
  const choice = await CHOICES[backend](maker);
  try {
    signal?.throwIfAborted();
    choice.engine.releaseConstants();
    onProgress?.({ phase: 'plan', loaded: 1, total: 1 });
    return new LoadedModel(choice, deviceOpener(vocabulary));
  } catch (error) {
    choice.engine.dispose();
    throw error;
  }
}

const CHOICES: Readonly<
  Record<NonNullable<LoadOptions['backend']>, (maker: EngineMaker) => Promise<Choice>>
> = {
  auto: async (maker) => (await autoCode()).chooseFaster(maker),
  wasm: (maker) => chooseWasm(maker, 'as asked for'),
  webgpu: async (maker) => (await gpuCode()).chooseDevice(maker),
};

/** What finds out whether WebGPU is the faster. */
function autoCode(): Promise<typeof import('./auto.js')> {
  return fetchPart(() => import('./auto.js'));
}

/** Opens the device for models of a vocabulary. */
export function deviceOpener(
  vocabulary: Vocabulary,
  onProgress?: (progress: LoadProgress) => void,
): DeviceOpener {
  return async (halves) => {
    const { openGpu } = await gpuCode();
    const onCompiled = (loaded: number, total: number) =>
      onProgress?.({ phase: 'compile', loaded, total });
    return openGpu(vocabulary, onCompiled, halves);
  };
}

/** A model with its vocabulary, and what the runtime knows of that. */
export async function readExecutable(
  bytes: Uint8Array,
  externalFiles: ExternalFiles | undefined,
): Promise<{ vocabulary: Vocabulary; ops: LoadedOps; model: ExecutableModel }> {
  const vocabulary = readVocabulary(bytes);
  const ops = await loadOps(vocabulary);
  const { records, control, readSparsity, constantReaders } = ops;
  const file = readModel(bytes, { records, readSparsity }, externalFiles ? { externalFiles } : {});
  await takeTurn();
  const model = executable(file, records, control, constantReaders);
  await takeTurn();
  return { vocabulary, ops: hasZeros(model) ? await withSparse(ops) : ops, model };
}
