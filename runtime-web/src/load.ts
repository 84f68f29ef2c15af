/**
 * Where pages begin: asks for the model, the kernels and the rest of the runtime at once, so that none
 * waits for another. What has a URL of its own (kernels, workers) is found from here.
 */

import type { Model, ModelInputs, PlanReport, Tuning } from './api.js';
import { fetchPart, LinnetError } from './base.js';
import { gpuCode } from './gpu-code.js';
import { readSourceModel } from './io/model.js';
import type { ModelSource } from './io/source.js';
import type { InspectOptions, LoadOptions, TuneOptions } from './load-options.js';
import { INSTANCES } from './parallel/instances.js';
import { type Kernels, openKernels, type Workers } from './wasm/kernels.js';

/** Makes a model of its bytes, in this thread or on workers. */
type Prepare = (
  bytes: Uint8Array,
  kernels: Kernels & { readonly instances: Workers },
  options: LoadOptions & Required<Pick<LoadOptions, 'backend'>>,
) => Promise<Model>;

const BACKENDS: readonly NonNullable<LoadOptions['backend']>[] = ['auto', 'wasm', 'webgpu'];

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
  const { backend = 'wasm', workers, signal, onProgress } = options;
  if (!BACKENDS.includes(backend)) {
    throw new LinnetError('INVALID_ARGUMENT', `There is no backend "${backend}".`, {}, [
      `It can be ${BACKENDS.map((name) => `"${name}"`).join(', ')}.`,
    ]);
  }
  const progress = (loaded: number, total: number | undefined) =>
    onProgress?.({ phase: 'read', loaded, total });
  const kernels = openKernels(options.threads, options.wasmUrl);
  const reading = readSourceModel(source, progress, signal);
  // Each import in a function of its own: to bundlers that preload what a part imports, that is one part.
  const code: Promise<{ readonly prepare: Prepare }> =
    workers === undefined
      ? fetchPart(() => import('./prepare.js'))
      : fetchPart(() => import('./parallel/index.js'));
  const gpu = backend === 'wasm' ? null : gpuCode().then(({ acquireGpu }) => acquireGpu());
  for (const early of [kernels.module, reading, code, gpu]) early?.catch(() => {});
  try {
    const bytes = await reading;
    const { prepare } = await code;
    return await prepare(bytes, { ...kernels, instances: INSTANCES }, { ...options, backend });
  } catch (error) {
    if (!signal?.aborted) throw error;
    throw new LinnetError('ABORTED', 'Loading was aborted.', {}, [], { cause: error });
  }
}

/**
 * Measures a model with each candidate of the choices that planning makes for the backend, in some seconds,
 * for `loadModel` to choose by. Browsers measure well only where the page is cross-origin isolated: elsewhere
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
  const kernels = openKernels(options.threads, options.wasmUrl);
  kernels.module.catch(() => {});
  const { tune } = await fetchPart(() => import('./tune.js'));
  return tune(await readSourceModel(source, undefined, options.signal), kernels, inputs, options);
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
  const kernels = openKernels(undefined, options.wasmUrl);
  kernels.module.catch(() => {});
  const { inspect } = await fetchPart(() => import('./inspect.js'));
  return inspect(await readSourceModel(source, undefined, options.signal), kernels, options);
}
