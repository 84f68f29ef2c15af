import { type Model as LoadedModel, loadModel, type TensorInput } from '@linnet/runtime-web';
import { LinnetError } from '@linnet/schema';
import type { ObserveOptions } from '../calibrate/index.js';
import type { Dataset } from '../data/dataset.js';
import type { Sample } from '../data/sample.js';
import { Comparison } from '../verify/compare.js';
import { MeanScore, type Metric, type Outputs } from '../verify/metric.js';
import { toNumbers } from '../verify/verify.js';

/** How well a model stands for the float model that it was made from. */
export interface Quality {
  /** Power of the error over that of the float model's outputs, the mean over outputs; of scores before a softmax. */
  readonly error: number;
  /** The same in dB: the signal to quantization noise ratio. */
  readonly sqnr: number;
  /** The metric's mean over the samples; undefined where it says nothing. */
  readonly score: number | undefined;
}

export interface MeasureOptions extends ObserveOptions {
  /** Key of the signature to run. */
  readonly signature: string;
  /** Names of the outputs by which errors are measured; all others count for the metric only. */
  readonly outputs: readonly string[];
  readonly metric: Metric;
  /** The index in the whole dataset of a sample by its position among those given; the same by default. */
  readonly indexOf?: (position: number) => number;
}

/** Models that are in memory at a time, beside the float one. */
const AT_ONCE = 4;

/**
 * Runs a float model and others that were made from it on the same samples, one sample at a time.
 *
 * @param reference, candidates TFLite files with the same signature
 * @returns the quality of each candidate
 * @throws LinnetError as loadModel and the samples' source do; INVALID_ARGUMENT when there is none
 */
export async function measure(
  reference: Uint8Array,
  candidates: readonly Uint8Array[],
  samples: Dataset<Sample>,
  options: MeasureOptions,
): Promise<readonly Quality[]> {
  const qualities: Quality[] = [];
  for (let first = 0; first < candidates.length; first += AT_ONCE) {
    const some = candidates.slice(first, first + AT_ONCE);
    qualities.push(...(await measureTogether(reference, some, samples, options)));
  }
  return qualities;
}

async function measureTogether(
  reference: Uint8Array,
  candidates: readonly Uint8Array[],
  samples: Dataset<Sample>,
  {
    signature,
    outputs: names,
    metric,
    indexOf = (at) => at,
    threads,
    signal,
    onProgress,
  }: MeasureOptions,
): Promise<readonly Quality[]> {
  const models: LoadedModel[] = [];
  try {
    for (const bytes of [reference, ...candidates]) {
      models.push(await loadModel(bytes, { threads, signal }));
    }
    const [float, ...others] = models as [LoadedModel, ...LoadedModel[]];
    const judges = others.map((model) => ({
      model,
      errors: new OutputErrors(names),
      score: new MeanScore(),
    }));
    const started = performance.now();
    let done = 0;
    for await (const sample of samples.abortable(signal)) {
      const run = (model: LoadedModel) =>
        model.run(sample as Record<string, TensorInput>, { signature, signal });
      const expected: Outputs = await run(float);
      for (const { model, errors, score } of judges) {
        const outputs: Outputs = await run(model);
        errors.add(outputs, expected);
        score.add(await metric.score(outputs, sample, expected, indexOf(done)));
      }
      done++;
      const elapsed = (performance.now() - started) / 1000;
      const total = samples.size;
      const remaining = total === undefined ? undefined : (elapsed / done) * (total - done);
      onProgress?.({ done, total, elapsed, remaining });
    }
    if (done === 0) throw new LinnetError('INVALID_ARGUMENT', 'there are no samples to run');
    return judges.map(({ errors, score }) => ({ ...errors.summary, score: score.value }));
  } finally {
    for (const model of models) model.dispose();
  }
}

/** The errors of outputs of floating-point numbers. */
class OutputErrors {
  readonly #outputs = new Map<string, Comparison>();

  constructor(readonly names: readonly string[]) {}

  add(actual: Outputs, expected: Outputs): void {
    for (const name of this.names) {
      const [own, value] = [actual[name], expected[name]];
      if (own === undefined || value === undefined || !value.dtype.startsWith('float')) continue;
      const comparison = this.#outputs.get(name) ?? new Comparison();
      this.#outputs.set(name, comparison);
      comparison.add(toNumbers(own), toNumbers(value));
    }
  }

  get summary(): { readonly error: number; readonly sqnr: number } {
    const errors = [...this.#outputs.values()].map(
      ({ difference }) => 10 ** (-difference.sqnr / 10),
    );
    const error = errors.reduce((sum, own) => sum + own, 0) / Math.max(1, errors.length);
    return { error, sqnr: -10 * Math.log10(error) };
  }
}
