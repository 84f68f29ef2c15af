/** What makes a model of the bytes of a file: most of the runtime, which is fetched while the file is. */
import { type ExternalFiles, type OpName, readModel, readOps } from '@linnet/schema';
import type { Model, ModelInputs, PlanReport, Tuning } from './api.js';
import { deviceCode } from './device-code.js';
import { fetchPart } from './io/part.js';
import { takeTurn } from './io/turns.js';
import type { InspectOptions, LoadOptions, LoadProgress, TuneOptions } from './load-options.js';
import type { ExecutableModel } from './model/graph.js';
import { executable } from './model/load.js';
import { Resources } from './model/resources.js';
import { type LoadedOps, loadOps } from './ops/load.js';
import type { DeviceBackend, Target } from './plan/backend.js';
import { notMeasured } from './plan/choice.js';
import { Planner } from './plan/planner.js';
import {
  type Choice,
  chooseDevice,
  chooseFaster,
  chooseWasm,
  type EngineMaker,
} from './run/choose.js';
import { Engine } from './run/engine.js';
import { Guard } from './run/guard.js';
import { LoadedModel } from './run/model.js';
import { reportPlans } from './run/report.js';
import { WasmBackend } from './wasm/backend.js';
import type { Kernels } from './wasm/kernels.js';

/** Plans a model, packs its weights and chooses what runs it; errors as `loadModel`. */
export async function prepare(
  bytes: Uint8Array,
  kernels: Kernels,
  options: LoadOptions & Required<Pick<LoadOptions, 'backend'>>,
): Promise<Model> {
  const { backend, signal, onProgress, tuning } = options;
  const overruling = tuning && tuningCode().then(({ applyTuning }) => applyTuning(tuning, kernels));
  overruling?.catch(() => {});
  await takeTurn();
  const { names, ops, model } = await readExecutable(bytes, options.externalFiles);
  await takeTurn();
  const [resources, guard] = [new Resources(), new Guard()];
  onProgress?.({ phase: 'plan', loaded: 0, total: 1 });
  const maker: EngineMaker = {
    get digest() {
      return digestOf(bytes);
    },
    openDevice: deviceOpener(names, onProgress),
    make: async (device) => {
      // On a device, weights are the device's.
      const constantBytes = device === null ? bytes.length : 0;
      const host = await WasmBackend.create({ kernels, ops, constantBytes, signal });
      const backends = { host, device };
      return new Engine(model, resources, guard, backends, (await overruling) ?? notMeasured);
    },
  };
  const choice = await CHOICES[backend](maker);
  try {
    signal?.throwIfAborted();
    choice.engine.releaseConstants();
    onProgress?.({ phase: 'plan', loaded: 1, total: 1 });
    return new LoadedModel(choice, deviceOpener(names));
  } catch (error) {
    choice.engine.dispose();
    throw error;
  }
}

const CHOICES: Readonly<
  Record<NonNullable<LoadOptions['backend']>, (maker: EngineMaker) => Promise<Choice>>
> = {
  auto: chooseFaster,
  wasm: (maker) => chooseWasm(maker, 'as asked for'),
  webgpu: chooseDevice,
};

/** Opens the device for models with some ops. */
function deviceOpener(
  ops: ReadonlySet<OpName>,
  onProgress?: (progress: LoadProgress) => void,
): () => Promise<DeviceBackend> {
  return async () => {
    const { WebGpuBackend } = await deviceCode();
    return WebGpuBackend.create(ops, (loaded, total) =>
      onProgress?.({ phase: 'compile', loaded, total }),
    );
  };
}

/** A number that hardly two models share, from some of their bytes: FNV-1a. */
function digestOf(bytes: Uint8Array): string {
  const step = Math.max(1, Math.floor(bytes.length / 4096));
  let hash = 0x811c9dc5;
  for (let i = 0; i < bytes.length; i += step) {
    hash = Math.imul(hash ^ (bytes[i] as number), 0x01000193);
  }
  return `${bytes.length}:${(hash >>> 0).toString(16)}`;
}

/** See `tuneModel`. */
export async function tune(
  bytes: Uint8Array,
  kernels: Kernels,
  inputs: ModelInputs,
  { signal, signature, tuning, externalFiles }: TuneOptions,
): Promise<Tuning> {
  const { tuneChoices } = await tuningCode();
  const { names, ops, model } = await readExecutable(bytes, externalFiles);
  return tuneChoices(tuning, kernels, async () => {
    const host = await WasmBackend.create({ kernels, ops, constantBytes: bytes.length, signal });
    return {
      variant: (overrule) => {
        const backends = { host, device: null };
        const engine = new Engine(model, new Resources(), new Guard(), backends, overrule);
        const loaded = new LoadedModel({ engine, reason: 'to tune' }, deviceOpener(names));
        return {
          choices: () => loaded.info.choices,
          run: (record) => loaded.runRecorded(inputs, { signal, signature }, record),
        };
      },
      dispose: () => host.dispose(),
    };
  });
}

function tuningCode(): Promise<typeof import('./tune/index.js')> {
  return fetchPart(() => import('./tune/index.js'));
}

/** See `inspectPlan`. */
export async function inspect(
  bytes: Uint8Array,
  kernels: Kernels,
  { backend, signal, externalFiles }: InspectOptions,
): Promise<PlanReport> {
  const { names, ops, model } = await readExecutable(bytes, externalFiles);
  const host = await WasmBackend.create({ kernels, ops, constantBytes: 0, signal });
  try {
    const device = backend === 'webgpu' ? await anyGpu(names) : null;
    return reportPlans(model, new Planner(model, { host, device }, new Resources(), notMeasured));
  } finally {
    host.dispose();
  }
}

/** What is planned for where there need be no GPU. */
async function anyGpu(ops: ReadonlySet<OpName>): Promise<Target> {
  const { ShaderTarget, LEAST_TRAITS, loadShaders } = await deviceCode();
  return new ShaderTarget(LEAST_TRAITS, await loadShaders(ops));
}

/** A model with what the runtime knows of its ops, and their names. */
async function readExecutable(
  bytes: Uint8Array,
  externalFiles: ExternalFiles | undefined,
): Promise<{ names: ReadonlySet<OpName>; ops: LoadedOps; model: ExecutableModel }> {
  const names = readOps(bytes);
  const ops = await loadOps(names);
  const file = readModel(bytes, ops.records, externalFiles ? { externalFiles } : {});
  return { names, ops, model: executable(file, ops.records) };
}
