import { LinnetError, normalizeAxis, type OpName } from '@linnet/schema';
import { offsets, stridesOf } from './indexing.js';
import type { ReferenceFamily, ReferenceKernel, TensorValue } from './kernel.js';
import { larger, smaller } from './numbers.js';
import {
  fromIntegers,
  fromReals,
  indices,
  integers,
  isFloat,
  isQuantized,
  reals,
  required,
  sizeOf,
  unsupportedDtype,
} from './values.js';

type Reduction =
  | 'SUM'
  | 'MEAN'
  | 'REDUCE_MAX'
  | 'REDUCE_MIN'
  | 'REDUCE_PROD'
  | 'REDUCE_ANY'
  | 'REDUCE_ALL';
type SegmentReduction =
  | 'UNSORTED_SEGMENT_MAX'
  | 'UNSORTED_SEGMENT_MIN'
  | 'UNSORTED_SEGMENT_PROD'
  | 'UNSORTED_SEGMENT_SUM'
  | 'SEGMENT_SUM';

/** How values are merged into one, in the two kinds of arithmetic. */
interface Merge {
  readonly real?: readonly [initial: number, merge: (a: number, b: number) => number];
  readonly integer?: (
    bits: number,
    signed: boolean,
  ) => readonly [initial: bigint, merge: (a: bigint, b: bigint) => bigint];
}

const MERGES = {
  sum: { real: [0, (a, b) => a + b], integer: () => [0n, (a, b) => a + b] },
  product: {
    real: [1, (a, b) => a * b],
    integer: (bits) => [1n, (a, b) => BigInt.asIntN(bits, a * b)],
  },
  max: {
    real: [-Infinity, larger],
    integer: (bits, signed) => [signed ? -(2n ** BigInt(bits - 1)) : 0n, larger],
  },
  min: {
    real: [Infinity, smaller],
    integer: (bits, signed) => [2n ** BigInt(signed ? bits - 1 : bits) - 1n, smaller],
  },
  any: { integer: () => [0n, (a, b) => a | b] },
  all: { integer: () => [1n, (a, b) => a & b] },
} satisfies Record<string, Merge>;

/** The lists of numbers or bigints that the elements of a tensor are reduced as. */
function reduceInto<T>(
  data: ArrayLike<T>,
  into: Int32Array,
  count: number,
  [initial, merge]: readonly [T, (a: T, b: T) => T],
): T[] {
  const result = new Array<T>(count).fill(initial);
  for (let i = 0; i < into.length; i++) {
    const at = into[i]!;
    if (at >= 0) result[at] = merge(result[at]!, data[i]!);
  }
  return result;
}

/** Merges elements i of x into element into[i] of a tensor of `type`; -1 leaves an element out. */
function mergeElements(
  x: TensorValue,
  into: Int32Array,
  count: number,
  rule: Merge,
): { readonly reals: number[] } | { readonly integers: bigint[] } {
  if (isFloat(x.dtype) || isQuantized(x)) {
    if (!rule.real) throw unsupportedDtype(x, 'bool');
    return { reals: reduceInto(reals(x), into, count, rule.real) };
  }
  if (!rule.integer) throw unsupportedDtype(x, 'a float or quantized dtype');
  const bits = x.dtype === 'bool' ? 1 : 8 * (x.elements as Int8Array).BYTES_PER_ELEMENT;
  return {
    integers: reduceInto(
      integers(x),
      into,
      count,
      rule.integer(bits, !x.dtype.startsWith('u') && x.dtype !== 'bool'),
    ),
  };
}

/** For each element of x, the element of the reduced tensor that it belongs to. */
function reducedOffsets(x: TensorValue, axes: readonly number[]): Int32Array {
  const kept = x.shape.map((dim, d) => (axes.includes(d) ? 1 : dim));
  const strides = stridesOf(kept).map((stride, d) => (axes.includes(d) ? 0 : stride));
  return offsets(x.shape, strides);
}

/** Merges the elements along the axes of input 1; an empty list of axes reduces nothing. */
function reduction(rule: Merge, mean = false): ReferenceKernel<Reduction> {
  return ({ inputs, outputs }) => {
    const x = required(inputs, 0);
    const axes = indices(required(inputs, 1)).map((axis) => normalizeAxis(axis, x.shape.length));
    const output = outputs[0]!;
    const count = sizeOf(output.shape);
    const merged = mergeElements(x, reducedOffsets(x, axes), count, rule);
    const divisor = mean ? sizeOf(x.shape) / count : 1;
    if (divisor === 0 && 'integers' in merged) {
      throw new LinnetError('INVALID_ARGUMENT', 'There is no mean of no integers.');
    }
    // The mean of plain integers truncates toward zero.
    return [
      'reals' in merged
        ? fromReals(
            output,
            merged.reals.map((total) => total / divisor),
          )
        : fromIntegers(
            output,
            merged.integers.map((total) => total / BigInt(divisor)),
          ),
    ];
  };
}

/** Stands for "no element yet" in a segment of floats. Source: TFLite's numeric limits. */
const LARGEST_FLOAT32 = 3.4028234663852886e38;

/**
 * Merges slices of data with equal segment ids. The shape of the ids is a prefix of the data's;
 * negative ids leave a slice out, and segments without slices hold the merge's initial value.
 */
function segments(rule: Merge): ReferenceKernel<SegmentReduction> {
  return ({ inputs, outputs }) => {
    const data = required(inputs, 0);
    const ids = indices(required(inputs, 1));
    const output = outputs[0]!;
    const inner = sizeOf(output.shape.slice(1));
    const count = output.shape[0]!;
    for (const id of ids) {
      if (id < count) continue;
      throw new LinnetError('INVALID_ARGUMENT', `Segment ${id} is beyond the ${count} there are.`);
    }
    const into = Int32Array.from({ length: sizeOf(data.shape) }, (_, i) => {
      const id = ids[Math.floor(i / inner)]!;
      return id < 0 ? -1 : id * inner + (i % inner);
    });
    const merged = mergeElements(data, into, sizeOf(output.shape), rule);
    return [
      'reals' in merged
        ? fromReals(output, merged.reals.map(finite))
        : fromIntegers(output, merged.integers),
    ];
  };
}

const finite = (x: number) => (Math.abs(x) === Infinity ? Math.sign(x) * LARGEST_FLOAT32 : x);

/** Running sum along an axis; `exclusive` leaves out the element itself, `reverse` starts at the end. */
const cumulativeSum: ReferenceKernel<'CUMSUM'> = ({ inputs, outputs, options }) => {
  const x = required(inputs, 0);
  const axis = normalizeAxis(indices(required(inputs, 1))[0]!, x.shape.length);
  const size = x.shape[axis]!;
  const stride = stridesOf(x.shape)[axis]!;
  const run = <T>(data: ArrayLike<T>, zero: T, add: (a: T, b: T) => T): T[] => {
    const result = new Array<T>(data.length);
    for (let i = 0; i < data.length; i++) {
      if (Math.floor(i / stride) % size !== 0) continue;
      let total = zero;
      for (let step = 0; step < size; step++) {
        const at = i + (options.reverse ? size - 1 - step : step) * stride;
        const next = add(total, data[at]!);
        result[at] = options.exclusive ? total : next;
        total = next;
      }
    }
    return result;
  };
  return [
    isFloat(x.dtype) || isQuantized(x)
      ? fromReals(
          outputs[0]!,
          run(reals(x), 0, (a, b) => a + b),
        )
      : fromIntegers(
          outputs[0]!,
          run(integers(x), 0n, (a, b) => a + b),
        ),
  ];
};

export const REDUCE: ReferenceFamily<(Reduction | SegmentReduction | 'CUMSUM') & OpName> = {
  SUM: reduction(MERGES.sum),
  MEAN: reduction(MERGES.sum, true),
  REDUCE_MAX: reduction(MERGES.max),
  REDUCE_MIN: reduction(MERGES.min),
  REDUCE_PROD: reduction(MERGES.product),
  REDUCE_ANY: reduction(MERGES.any),
  REDUCE_ALL: reduction(MERGES.all),
  CUMSUM: cumulativeSum,
  SEGMENT_SUM: segments(MERGES.sum),
  UNSORTED_SEGMENT_SUM: segments(MERGES.sum),
  UNSORTED_SEGMENT_PROD: segments(MERGES.product),
  UNSORTED_SEGMENT_MAX: segments(MERGES.max),
  UNSORTED_SEGMENT_MIN: segments(MERGES.min),
};
