import { type ExternalFiles, LinnetError, type OpName, readModel, readOps } from '@linnet/schema';
import type {
  BackendName,
  Model,
  ModelInputs,
  PlanReport,
  RunOptions,
  Tuning,
  WasmUrl,
} from './api.js';
import { readSourceModel } from './io/download.js';
import { fetchPart } from './io/part.js';
import type { ModelSource } from './io/source.js';
import { takeTurn } from './io/turns.js';
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
import { WasmBackend, type WasmOptions } from './wasm/backend.js';
import { type Selection, selectBuild } from './wasm/environment.js';
import { loadModule } from './wasm/module.js';

/** What loading is doing: reading the source, then planning, packing weights and compiling shaders. */
export interface LoadProgress {
  readonly phase: 'read' | 'plan' | 'compile';
  /** Bytes read, or shaders compiled; for `plan`, 0 when it begins and 1 when it is done. */
  readonly loaded: number;
  /** Undefined where the source does not say. */
  readonly total: number | undefined;
}

export interface LoadOptions {
  /**
   * 'wasm', the default, or 'webgpu': the GPU runs all ops that it has shaders for, and WASM the
   * others. A GPU that computes something else than WASM in a first pass is not used;
   * `model.info.fallback` says so. 'auto' takes whichever is the faster, by running the model a few
   * times on both, and remembers that in browsers; without WebGPU it is 'wasm'.
   */
  readonly backend?: 'auto' | BackendName;
  /**
   * Threads to run on, 1 by default. In browsers more than one takes a cross-origin isolated page;
   * `model.info` says how many there are and why.
   */
  readonly threads?: number;
  /** Ends loading early with an error of code ABORTED. */
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: LoadProgress) => void;
  /** What `tuneModel` has measured, for choosing kernels. What it does not know is ignored. */
  readonly tuning?: Tuning;
  /** Where the .wasm files lie, when it is not where the package or the bundler has put them. */
  readonly wasmUrl?: WasmUrl;
  /** The contents of files beside the model that hold weights, by the names that it gives them. */
  readonly externalFiles?: ExternalFiles;
}

/**
 * Loads a TFLite model.
 *
 * @param source a URL (or a path, in Node), Response, ReadableStream, Blob or File, or the bytes,
 * which must not change while the model is in use; or the manifest of a download that
 * `linnet convert --compress` has written, by its URL or path
 * @throws LinnetError of code IO, ABORTED, INVALID_ARGUMENT, INVALID_MODEL, UNSUPPORTED (all
 * unsupported ops at once), OUT_OF_MEMORY or ENVIRONMENT
 */
export async function loadModel(source: ModelSource, options: LoadOptions = {}): Promise<Model> {
  const { backend: kind = 'wasm', signal, onProgress } = options;
  if (!Object.hasOwn(CHOICES, kind)) {
    throw new LinnetError('INVALID_ARGUMENT', `There is no backend "${kind}".`, {}, [
      `It can be ${Object.keys(CHOICES)
        .map((name) => `"${name}"`)
        .join(', ')}.`,
    ]);
  }
  // The kernels are fetched and compiled, and the device opened, while the model arrives.
  const selection = selectBuild(options.threads);
  const module = loadModule(selection.build, options.wasmUrl);
  const gpu = kind === 'wasm' ? null : deviceCode().then(({ acquireGpu }) => acquireGpu());
  const overruling = options.tuning && overrule(options.tuning, selection, module);
  for (const early of [module, gpu, overruling]) early?.catch(() => {});
  const progress = (loaded: number, total: number | undefined) =>
    onProgress?.({ phase: 'read', loaded, total });
  let choice: Choice | undefined;
  try {
    const bytes = await readSourceModel(source, progress, signal);
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
        const host = await createBackend(options, { selection, ops, constantBytes });
        const backends = { host, device };
        return new Engine(model, resources, guard, backends, (await overruling) ?? notMeasured);
      },
    };
    choice = await CHOICES[kind](maker);
    signal?.throwIfAborted();
    choice.engine.releaseConstants();
    onProgress?.({ phase: 'plan', loaded: 1, total: 1 });
    return new LoadedModel(choice, deviceOpener(names));
  } catch (error) {
    choice?.engine.dispose();
    if (!signal?.aborted) throw error;
    throw new LinnetError('ABORTED', 'Loading was aborted.', {}, [], { cause: error });
  }
}

const CHOICES: Readonly<
  Record<NonNullable<LoadOptions['backend']>, (maker: EngineMaker) => Promise<Choice>>
> = {
  auto: chooseFaster,
  wasm: (maker) => chooseWasm(maker, 'as asked for'),
  webgpu: chooseDevice,
};

/** The GPU's backend, whose code is fetched only here. */
function deviceCode(): Promise<typeof import('./webgpu/index.js')> {
  return fetchPart(() => import('./webgpu/index.js'));
}

/** Opens the device for models with some ops. */
function deviceOpener(
  ops: ReadonlySet<OpName>,
  onProgress?: LoadOptions['onProgress'],
): () => Promise<DeviceBackend> {
  return async () => {
    const { WebGpuBackend } = await deviceCode();
    return WebGpuBackend.create(ops, (loaded, total) =>
      onProgress?.({ phase: 'compile', loaded, total }),
    );
  };
}

/** What is planned for where there need be no GPU. */
async function anyGpu(ops: ReadonlySet<OpName>): Promise<Target> {
  const { ShaderTarget, LEAST_TRAITS, loadShaders } = await deviceCode();
  return new ShaderTarget(LEAST_TRAITS, await loadShaders(ops));
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

async function overrule(tuning: Tuning, selection: Selection, module: Promise<WebAssembly.Module>) {
  const { applyTuning } = await tuningCode();
  return applyTuning(tuning, selection, module);
}

function tuningCode(): Promise<typeof import('./tune/index.js')> {
  return fetchPart(() => import('./tune/index.js'));
}

/** `tuning` is what the result is added to. */
export type TuneOptions = RunOptions &
  Pick<LoadOptions, 'threads' | 'tuning' | 'wasmUrl' | 'externalFiles'>;

/**
 * Measures a model on WASM with each candidate of the choices that planning makes, in some seconds, for
 * `loadModel` to choose by. Browsers measure well only where the page is cross-origin isolated: elsewhere
 * their clocks are too coarse to tell candidates apart, and the cost models' stay.
 *
 * @param inputs as for `run`: shapes count, and contents where control flow depends on them
 * @throws LinnetError as `loadModel` and `run`
 */
export async function tuneModel(
  source: ModelSource,
  inputs: ModelInputs,
  options: TuneOptions = {},
): Promise<Tuning> {
  const { signal, signature } = options;
  const selection = selectBuild(options.threads);
  const module = loadModule(selection.build, options.wasmUrl);
  module.catch(() => {});
  const { tune } = await tuningCode();
  const bytes = await readSourceModel(source, undefined, signal);
  const { names, ops, model } = await readExecutable(bytes, options.externalFiles);
  return tune(options.tuning, selection, module, async () => {
    const constantBytes = bytes.length;
    const host = await createBackend(options, { selection, ops, constantBytes });
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

export interface InspectOptions extends Pick<LoadOptions, 'signal' | 'wasmUrl' | 'externalFiles'> {
  /** What to plan for; 'wasm' by default. For 'webgpu' no GPU is needed: any has what is assumed. */
  readonly backend?: BackendName;
}

/**
 * Plans a model without running it: its working memory, and how each op is carried out, also where
 * that means that the model cannot run.
 *
 * @throws as loadModel does, but not for nodes without a kernel
 */
export async function inspectPlan(
  source: ModelSource,
  options: InspectOptions = {},
): Promise<PlanReport> {
  const bytes = await readSourceModel(source, undefined, options.signal);
  const { names, ops, model } = await readExecutable(bytes, options.externalFiles);
  const selection = selectBuild(undefined);
  const backend = await createBackend(options, { selection, ops, constantBytes: 0 });
  try {
    const device = options.backend === 'webgpu' ? await anyGpu(names) : null;
    const targets = { host: backend, device };
    return reportPlans(model, new Planner(model, targets, new Resources(), notMeasured));
  } finally {
    backend.dispose();
  }
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

async function createBackend(
  { wasmUrl, signal }: Pick<LoadOptions, 'wasmUrl' | 'signal'>,
  parts: Pick<WasmOptions, 'selection' | 'ops' | 'constantBytes'>,
): Promise<WasmBackend> {
  try {
    return await WasmBackend.create({ ...parts, wasmUrl, signal });
  } catch (error) {
    if (!signal?.aborted) throw error;
    throw new LinnetError('ABORTED', 'Loading was aborted.', {}, [], { cause: error });
  }
}
