/** Simple recurrent cells: RNN and SVDF. Their state is a variable tensor, updated in place. */
import { LinnetError } from '@linnet/schema';
import { activationOf } from './activation.js';
import type { ReferenceFamily, ReferenceSite, TensorValue } from './kernel.js';
import { fromReals, numericElements, reals, required } from './values.js';

/** y[row] = sum(m[row, k] * x[k]) for a matrix of x.length columns. */
export function multiply(matrix: ArrayLike<number>, x: ArrayLike<number>): Float64Array {
  const columns = x.length;
  const result = new Float64Array(columns === 0 ? 0 : matrix.length / columns);
  for (let row = 0; row < result.length; row++) {
    let total = 0;
    for (let k = 0; k < columns; k++) total += matrix[row * columns + k]! * x[k]!;
    result[row] = total;
  }
  return result;
}

/**
 * Writes reals to a variable tensor, in its own dtype.
 *
 * @throws LinnetError INVALID_MODEL for another tensor, which all its readers must see as it is
 */
export function updateState(state: TensorValue, data: ArrayLike<number>): void {
  if (!state.isVariable) {
    throw new LinnetError('INVALID_MODEL', 'The state is not a variable tensor.');
  }
  (numericElements(state) as Float32Array).set(
    fromReals(state, data).elements as unknown as Float32Array,
  );
}

/** Runs a cell over the steps of every sequence; x and the output are [batch, time, n], or time first. */
export function overSequence(
  x: TensorValue,
  timeMajor: boolean,
  units: number,
  step: (input: Float64Array, batch: number) => ArrayLike<number>,
): Float64Array {
  const [first, second, depth] = x.shape as [number, number, number];
  const [batches, times] = timeMajor ? [second, first] : [first, second];
  const data = Float64Array.from(reals(x));
  const result = new Float64Array(batches * times * units);
  for (let b = 0; b < batches; b++) {
    for (let t = 0; t < times; t++) {
      const row = timeMajor ? t * batches + b : b * times + t;
      result.set(step(data.slice(row * depth, (row + 1) * depth), b), row * units);
    }
  }
  return result;
}

/** A single step seen as a sequence of one. */
export function asSequence(x: TensorValue): TensorValue {
  return { ...x, shape: [1, ...x.shape] };
}

/** h = activation(W x + R h + b). Inputs: x, W [n, in], R [n, n], b [n], h [batch, n]. */
function rnn(
  { inputs, outputs, options }: ReferenceSite<'RNN' | 'UNIDIRECTIONAL_SEQUENCE_RNN'>,
  x: TensorValue,
  timeMajor: boolean,
): readonly TensorValue[] {
  const [weights, recurrent, bias] = [1, 2, 3].map((i) => reals(required(inputs, i)));
  const state = required(inputs, 4);
  const units = state.shape[1]!;
  const activate = activationOf(options.fusedActivationFunction);
  const hidden = Float64Array.from(reals(state));
  const result = overSequence(x, timeMajor, units, (input, b) => {
    const before = hidden.slice(b * units, (b + 1) * units);
    const fed = multiply(recurrent!, before);
    const next = multiply(weights!, input).map((sum, i) => activate(sum + fed[i]! + bias![i]!));
    hidden.set(next, b * units);
    return next;
  });
  updateState(state, hidden);
  return [fromReals(outputs[0]!, result)];
}

export const RECURRENT: ReferenceFamily<'RNN' | 'UNIDIRECTIONAL_SEQUENCE_RNN' | 'SVDF'> = {
  RNN: (site) => rnn(site, asSequence(required(site.inputs, 0)), true),

  UNIDIRECTIONAL_SEQUENCE_RNN: (site) =>
    rnn(site, required(site.inputs, 0), site.options.timeMajor),

  /**
   * A low-rank filter over the last `memory` steps. Inputs: x [batch, in], feature weights
   * [filters, in], time weights [filters, memory], bias [units] or none, state
   * [batch, filters * memory]; units = filters / rank.
   */
  SVDF: ({ inputs, outputs, options }) => {
    const x = required(inputs, 0);
    const feature = reals(required(inputs, 1));
    const time = required(inputs, 2);
    const bias = inputs[3] && reals(inputs[3]);
    const state = required(inputs, 4);
    const [filters, memory] = time.shape as [number, number];
    const { rank } = options;
    if (rank < 1 || filters % rank !== 0) {
      throw new LinnetError('INVALID_MODEL', `SVDF has ${filters} filters of rank ${rank}.`);
    }
    const units = filters / rank;
    const activate = activationOf(options.fusedActivationFunction);
    const timeWeights = reals(time);
    const memories = Float64Array.from(reals(state));
    const result = overSequence(asSequence(x), true, units, (input, b) => {
      const start = b * filters * memory;
      memories.copyWithin(start, start + 1, start + filters * memory);
      const newest = multiply(feature, input);
      const sums = new Float64Array(units);
      for (let f = 0; f < filters; f++) {
        memories[start + f * memory + memory - 1] = newest[f]!;
        for (let m = 0; m < memory; m++) {
          sums[Math.floor(f / rank)]! +=
            memories[start + f * memory + m]! * timeWeights[f * memory + m]!;
        }
      }
      return sums.map((sum, u) => activate(sum + (bias?.[u] ?? 0)));
    });
    updateState(state, memories);
    return [fromReals(outputs[0]!, result)];
  },
};
