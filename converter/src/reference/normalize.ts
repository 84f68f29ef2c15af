import { activationOf } from './activation.js';
import type { ReferenceFamily, TensorValue } from './kernel.js';
import { fromReals, reals, required } from './values.js';

/** Replaces each run along the last dimension by f(run); f may write to its argument. */
function alongRows(x: TensorValue, f: (row: Float64Array) => Float64Array): Float64Array {
  const data = Float64Array.from(reals(x));
  const size = x.shape.at(-1) ?? 1;
  for (let start = 0; start + size <= data.length && size > 0; start += size) {
    data.set(f(data.slice(start, start + size)), start);
  }
  return data;
}

const sum = (row: Float64Array): number => row.reduce((total, x) => total + x, 0);

const largest = (row: Float64Array): number => row.reduce((a, b) => Math.max(a, b), -Infinity);

/** Smallest norm that L2_NORMALIZATION divides by. Source: TFLite's kernel. */
const MIN_NORM = 1e-6;

export const NORMALIZE: ReferenceFamily<
  'SOFTMAX' | 'LOG_SOFTMAX' | 'L2_NORMALIZATION' | 'LOCAL_RESPONSE_NORMALIZATION'
> = {
  /** exp(beta * x) / sum(exp(beta * x)) along the last dimension. */
  SOFTMAX: ({ inputs, outputs, options }) => {
    const data = alongRows(required(inputs, 0), (row) => {
      const max = largest(row);
      const powers = row.map((x) => Math.exp(options.beta * (x - max)));
      const total = sum(powers);
      return powers.map((power) => power / total);
    });
    return [fromReals(outputs[0]!, data)];
  },

  /** x - log(sum(exp(x))) along the last dimension. */
  LOG_SOFTMAX: ({ inputs, outputs }) => {
    const data = alongRows(required(inputs, 0), (row) => {
      const max = largest(row);
      const logSum = max + Math.log(sum(row.map((x) => Math.exp(x - max))));
      return row.map((x) => x - logSum);
    });
    return [fromReals(outputs[0]!, data)];
  },

  /** x / |x| along the last dimension. */
  L2_NORMALIZATION: ({ inputs, outputs, options }) => {
    const activate = activationOf(options.fusedActivationFunction);
    const data = alongRows(required(inputs, 0), (row) => {
      const norm = Math.max(Math.sqrt(sum(row.map((x) => x * x))), MIN_NORM);
      return row.map((x) => activate(x / norm));
    });
    return [fromReals(outputs[0]!, data)];
  },

  /** x * (bias + alpha * sum of squares within `radius` channels) ^ -beta. */
  LOCAL_RESPONSE_NORMALIZATION: ({ inputs, outputs, options }) => {
    const { radius, bias, alpha, beta } = options;
    const data = alongRows(required(inputs, 0), (row) =>
      row.map((x, c) => {
        const near = row.slice(Math.max(0, c - radius), c + radius + 1);
        return x * (bias + alpha * sum(near.map((y) => y * y))) ** -beta;
      }),
    );
    return [fromReals(outputs[0]!, data)];
  },
};
