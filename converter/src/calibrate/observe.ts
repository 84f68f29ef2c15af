import { loadModel, type TensorInput } from '@linnet/runtime-web';
import { LinnetError } from '@linnet/schema';
import { Dataset, type Elements } from '../data/dataset.js';
import type { Sample } from '../data/sample.js';
import type { Observer } from './observer.js';
import type { ProbeGraph } from './probe-graph.js';

/** How far a pass over the data is. */
export interface ObserveProgress {
  /** Samples that have run. */
  readonly done: number;
  /** All samples, where the dataset knows. */
  readonly total: number | undefined;
  /** Seconds since the first sample, and those still to go at that pace where the total is known. */
  readonly elapsed: number;
  readonly remaining: number | undefined;
}

export interface ObserveOptions {
  /** Threads that the model runs on; 1 by default. The results do not depend on it. */
  readonly threads?: number;
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: ObserveProgress) => void;
}

/**
 * Runs a model over samples once and lets observers see what they asked for.
 *
 * Memory does not depend on the number of samples. When it fails or is cancelled, the samples'
 * source is closed and the model disposed of; the observers then hold what they had seen.
 *
 * @param samples values for one run each, named as the signature's inputs
 * @returns the number of samples
 * @throws LinnetError as loadModel does and what the samples' source throws; INVALID_ARGUMENT that
 *   names the sample when one does not fit or there is none; ABORTED
 */
export async function observe(
  graph: ProbeGraph,
  samples: Elements<Sample>,
  observers: readonly Observer[],
  options: ObserveOptions = {},
): Promise<number> {
  const { threads, signal, onProgress } = options;
  const probes = observers.map((observer) => ({ observer, tensors: observer.probe(graph) }));
  const { bytes, names } = graph.finish(probes.flatMap(({ tensors }) => tensors));
  const model = await loadModel(bytes, { threads, signal });
  const dataset = samples instanceof Dataset ? samples : Dataset.from(samples);
  try {
    const started = performance.now();
    let done = 0;
    for await (const sample of dataset.abortable(signal)) {
      try {
        const outputs = await model.run(sample as Record<string, TensorInput>, { signal });
        let position = 0;
        for (const { observer, tensors } of probes) {
          const own = names.slice(position, position + tensors.length);
          position += tensors.length;
          observer.update(own.map((name) => outputs[name]?.data as Float32Array));
        }
      } catch (error) {
        throw inSample(error, done);
      }
      done++;
      const elapsed = (performance.now() - started) / 1000;
      const total = dataset.size;
      const remaining = total === undefined ? undefined : (elapsed / done) * (total - done);
      onProgress?.({ done, total, elapsed, remaining });
    }
    if (done === 0) throw new LinnetError('INVALID_ARGUMENT', 'there are no samples to run');
    return done;
  } finally {
    model.dispose();
  }
}

function inSample(error: unknown, index: number): unknown {
  if (!(error instanceof LinnetError) || error.code === 'ABORTED') return error;
  const { code, message, where, notes } = error;
  return new LinnetError(code, `sample ${index}: ${message}`, where, notes, { cause: error });
}
