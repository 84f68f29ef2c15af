import { stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { LinnetError } from '@linnet/schema';
import type { Sample } from '../data/sample.js';
import type { ArrayValue } from '../entry-point.js';
import { fileErrorReason } from '../file-errors.js';
import { toNumbers } from './verify.js';

/** What one run of a model gives, by the signature's names. */
export type Outputs = Readonly<Record<string, ArrayValue>>;

/** How good a model is: the mean over samples of a score per sample. */
export interface Metric {
  readonly name: string;
  readonly higherIsBetter: boolean;
  /** Whether scores are parts of a whole, from 0 to 1, which people read in percent. */
  readonly isShare?: boolean;
  /**
   * @param outputs of the model that is judged
   * @param sample its inputs
   * @param reference outputs of the float model on the same inputs
   * @param index position of the sample in its dataset, from 0
   * @returns undefined where the metric says nothing about such outputs
   */
  score(
    outputs: Outputs,
    sample: Sample,
    reference: Outputs,
    index: number,
  ): number | undefined | Promise<number | undefined>;
}

/**
 * Accuracy without labels: the part of the predictions, those being the largest of the numbers along
 * the last dimension, that are the float model's. It says nothing about outputs of single numbers.
 */
export const AGREEMENT: Metric = {
  name: 'agreement',
  higherIsBetter: true,
  isShare: true,
  score(outputs, _sample, reference) {
    let [same, all] = [0, 0];
    for (const [name, expected] of Object.entries(reference)) {
      const classes = expected.shape.at(-1) ?? 1;
      const actual = outputs[name];
      if (actual === undefined || classes < 2 || !expected.dtype.startsWith('float')) continue;
      const [a, e] = [toNumbers(actual), toNumbers(expected)];
      for (let start = 0; start < e.length; start += classes, all++) {
        if (largestOf(a, start, classes) === largestOf(e, start, classes)) same++;
      }
    }
    return all === 0 ? undefined : same / all;
  },
};

/** Mean squared error of all numeric outputs against the float model's. */
export const MEAN_SQUARED_ERROR: Metric = {
  name: 'mean squared error',
  higherIsBetter: false,
  score(outputs, _sample, reference) {
    let [sum, count] = [0, 0];
    for (const [name, expected] of Object.entries(reference)) {
      const actual = outputs[name];
      if (actual === undefined || expected.dtype === 'string') continue;
      const [a, e] = [toNumbers(actual), toNumbers(expected)];
      for (let i = 0; i < e.length; i++) sum += (Number(a[i]) - Number(e[i])) ** 2;
      count += e.length;
    }
    return count === 0 ? undefined : sum / count;
  },
};

/**
 * The share of predictions of the first output, the largest numbers along its last dimension, that
 * are the samples' labels.
 *
 * @param labels classes in the order of the dataset, as many to a sample as it has rows
 */
export function topOne(labels: readonly number[]): Metric {
  return {
    name: 'top-1',
    higherIsBetter: true,
    isShare: true,
    score(outputs, _sample, _reference, index) {
      const [first] = Object.values(outputs);
      const classes = first?.shape.at(-1) ?? 0;
      if (first === undefined || classes < 2) return undefined;
      const numbers = toNumbers(first);
      const rows = numbers.length / classes;
      let right = 0;
      for (let row = 0; row < rows; row++) {
        const label = labels[index * rows + row];
        if (label === undefined) throw tooFewLabels(labels.length, index);
        if (largestOf(numbers, row * classes, classes) === label) right++;
      }
      return right / rows;
    },
  };
}

/** The mean of scores that are there; undefined where none is. */
export class MeanScore {
  #sum = 0;
  #count = 0;

  add(score: number | undefined): void {
    if (score === undefined) return;
    this.#sum += score;
    this.#count++;
  }

  get value(): number | undefined {
    return this.#count === 0 ? undefined : this.#sum / this.#count;
  }
}

/**
 * Loads a user's metric from an ES module: its default export is a function (outputs, sample) that
 * gives a number, higher being better, or an object { name, higherIsBetter, score }.
 *
 * @throws LinnetError IO when there is no such file, INVALID_ARGUMENT when it is no metric; its own
 *   scores are checked to be numbers when they are computed
 */
export async function loadMetric(path: string): Promise<Metric> {
  const file = resolve(path);
  await stat(file).catch((cause: unknown) => {
    throw new LinnetError('IO', fileErrorReason(cause), { file: path }, [], { cause });
  });
  let found: unknown;
  try {
    ({ default: found } = (await import(pathToFileURL(file).href)) as { default?: unknown });
  } catch (cause) {
    const message = cause instanceof Error ? cause.message : String(cause);
    throw notMetric(path, `the module cannot be loaded: ${message}`, cause);
  }
  const given = typeof found === 'function' ? { score: found } : found;
  if (typeof given !== 'object' || given === null || !('score' in given)) {
    throw notMetric(path, `its default export is ${found === null ? 'null' : typeof found}`);
  }
  const { name = 'metric', higherIsBetter = true, score } = given as Partial<Metric>;
  if (typeof score !== 'function') throw notMetric(path, `score is ${typeof score}`);
  if (typeof name !== 'string') throw notMetric(path, `name is ${typeof name}`);
  if (typeof higherIsBetter !== 'boolean') {
    throw notMetric(path, `higherIsBetter is ${typeof higherIsBetter}`);
  }
  return {
    name,
    higherIsBetter,
    async score(outputs, sample, reference, index) {
      const value: unknown = await score.call(given, outputs, sample, reference, index);
      if (typeof value === 'number' && Number.isFinite(value)) return value;
      throw notMetric(path, `${name} of a sample is ${String(value)}`);
    },
  };
}

function largestOf(values: ArrayLike<number | bigint>, start: number, count: number): number {
  let largest = 0;
  for (let i = 1; i < count; i++) {
    if (values[start + i]! > values[start + largest]!) largest = i;
  }
  return largest;
}

function tooFewLabels(count: number, sample: number): LinnetError {
  return new LinnetError(
    'INVALID_ARGUMENT',
    `there are ${count} labels, but sample ${sample} has none of them`,
    {},
    ['Give one label for each sample, in the order of the data.'],
  );
}

function notMetric(file: string, found: string, cause?: unknown): LinnetError {
  return new LinnetError(
    'INVALID_ARGUMENT',
    `not a metric: ${found}`,
    { file },
    [
      'Export by default a function (outputs, sample) that gives a number, or an object { name, higherIsBetter, score }.',
    ],
    { cause },
  );
}
