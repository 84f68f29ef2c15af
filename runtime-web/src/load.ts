import { type ExternalFiles, isStatic, LinnetError, read, type TensorType } from '@linnet/schema';
import type { BackendName, Model, PlanReport, WasmUrl } from './api.js';
import { type ModelSource, readSource } from './io/source.js';
import type { ExecutableModel, Graph } from './model/graph.js';
import { executable } from './model/load.js';
import { Resources } from './model/resources.js';
import type { Backend } from './plan/backend.js';
import { Planner } from './plan/planner.js';
import { Executor } from './run/executor.js';
import { Guard } from './run/guard.js';
import { LoadedModel, type ModelBackends } from './run/model.js';
import { reportPlans } from './run/report.js';
import { StageCache } from './run/stage-cache.js';
import { WasmBackend } from './wasm/backend.js';
import { selectBuild } from './wasm/environment.js';
import { loadModule } from './wasm/module.js';

/** What loading is doing: reading the source, then planning and packing weights. */
export interface LoadProgress {
  readonly phase: 'read' | 'plan';
  /** Bytes read; for `plan`, 0 when it begins and 1 when it is done. */
  readonly loaded: number;
  /** Undefined where the source does not say. */
  readonly total: number | undefined;
}

export interface LoadOptions {
  /**
   * 'wasm' (the same as 'auto' so far), or 'webgpu': the GPU runs all ops that it has shaders for, and
   * WASM the others.
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
  /** Where the .wasm files lie, when it is not where the package or the bundler has put them. */
  readonly wasmUrl?: WasmUrl;
  /** The contents of files beside the model that hold weights, by the names that it gives them. */
  readonly externalFiles?: ExternalFiles;
}

const BACKENDS: readonly string[] = ['auto', 'wasm', 'webgpu'];

/**
 * Loads a TFLite model.
 *
 * @param source a URL (or a path, in Node), Response, ReadableStream, Blob or File, or the bytes,
 * which must not change while the model is in use
 * @throws LinnetError of code IO, ABORTED, INVALID_ARGUMENT, INVALID_MODEL, UNSUPPORTED (all
 * unsupported ops at once), OUT_OF_MEMORY or ENVIRONMENT
 */
export async function loadModel(source: ModelSource, options: LoadOptions = {}): Promise<Model> {
  const { backend: kind = 'auto', signal, onProgress } = options;
  if (!BACKENDS.includes(kind)) {
    throw new LinnetError('INVALID_ARGUMENT', `There is no backend "${kind}".`, {}, [
      `It can be ${BACKENDS.map((name) => `"${name}"`).join(', ')}.`,
    ]);
  }
  // The kernels are fetched and compiled while the model arrives.
  const module = loadModule(selectBuild(options.threads).build, options.wasmUrl);
  module.catch(() => {});
  const progress = (loaded: number, total: number | undefined) =>
    onProgress?.({ phase: 'read', loaded, total });
  const opening = kind === 'webgpu' ? openDevice() : null;
  opening?.catch(() => {});
  const bytes = await readSource(source, progress, signal);
  const executable = readExecutable(bytes, options.externalFiles);
  const device = await opening;
  const host = await createBackend(options, device === null ? bytes.length : 0);
  onProgress?.({ phase: 'plan', loaded: 0, total: 1 });
  try {
    const model = await assemble(executable, { host, device });
    signal?.throwIfAborted();
    onProgress?.({ phase: 'plan', loaded: 1, total: 1 });
    return model;
  } catch (error) {
    host.dispose();
    device?.dispose();
    if (!signal?.aborted) throw error;
    throw new LinnetError('ABORTED', 'Loading was aborted.', {}, [], { cause: error });
  }
}

/** The GPU's backend, whose code is fetched only here. */
async function openDevice(): Promise<Backend> {
  const { WebGpuBackend } = await import('./webgpu/backend.js');
  return WebGpuBackend.create();
}

export type InspectOptions = Pick<LoadOptions, 'signal' | 'wasmUrl' | 'externalFiles'>;

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
  const bytes = await readSource(source, undefined, options.signal);
  const model = readExecutable(bytes, options.externalFiles);
  const backend = await createBackend(options, 0);
  try {
    const backends = { host: backend, device: null };
    return reportPlans(model, new Planner(model, backends, new Resources()));
  } finally {
    backend.dispose();
  }
}

function readExecutable(
  bytes: Uint8Array,
  externalFiles: ExternalFiles | undefined,
): ExecutableModel {
  return executable(read(bytes, externalFiles ? { externalFiles } : {}));
}

async function createBackend(options: LoadOptions, constantBytes: number): Promise<WasmBackend> {
  const { threads, wasmUrl, signal } = options;
  try {
    return await WasmBackend.create({ threads, wasmUrl, signal, constantBytes });
  } catch (error) {
    if (!signal?.aborted) throw error;
    throw new LinnetError('ABORTED', 'Loading was aborted.', {}, [], { cause: error });
  }
}

async function assemble(model: ExecutableModel, backends: ModelBackends): Promise<Model> {
  const resources = new Resources();
  const stages = new StageCache(new Planner(model, backends, resources));
  const guard = new Guard();
  const executor = new Executor(model, resources, stages, guard);
  const [first] = model.signatures;
  const graph = model.graphs[first?.subgraph ?? 0] as Graph;
  const inputs = graph.inputs.map((tensor) => graph.tensors[tensor]?.type as TensorType);
  if (inputs.every(({ shape }) => isStatic(shape))) await executor.prepare(graph.index, inputs);
  return new LoadedModel({ executable: model, resources, stages, executor, backends, guard });
}
