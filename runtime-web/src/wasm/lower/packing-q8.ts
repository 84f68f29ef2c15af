/** Weights of integers as matrix kernels want them, packed by kernels of their own: kernels/packing.ts. */
import type { TypedArray } from '@linnet/schema';
import type { BufferRef } from '../../plan/lowering.js';
import {
  type Computing,
  type KnownWeights,
  type Matrices,
  packedBytes,
  paddedColumns,
  partsOf,
} from './packing.js';

/** Bytes of a column, with what it begins with, as kernels pack it. */
const COLUMN_BYTES = {
  q8: (depth: number) => 4 + Math.ceil(depth / 2) * 2,
  q8Wide: (depth: number) => 4 + Math.ceil(depth / 2) * 4,
  dot: (depth: number) => 4 + Math.ceil(depth / 4) * 4,
} as const;

/** Bytes of one item's weights in the layout of conv_q8. */
export function itemBytesQ8({ depth, columns }: Matrices, wide: boolean): number {
  return paddedColumns(columns) * COLUMN_BYTES[wide ? 'q8Wide' : 'q8'](depth);
}

/** Bytes of one item's weights in the layout of conv_q8_dot. */
export function itemBytesDot({ depth, columns }: Matrices): number {
  return paddedColumns(columns) * COLUMN_BYTES.dot(depth);
}

/**
 * Weights less the zero points of their columns, and biases, packed as conv_q8 wants them: int16 when
 * `wide`, else int8. `zeros` has one element or one per column of all items.
 */
export function packQ8(
  emit: Computing,
  key: string,
  values: KnownWeights,
  zeros: Int32Array,
  matrices: Matrices,
  wide: boolean,
): BufferRef {
  const columnBytes = COLUMN_BYTES[wide ? 'q8Wide' : 'q8'](matrices.depth);
  return emit.computed(key, packedBytes(matrices, columnBytes), 'pack_q8', function* () {
    for (const { args, cut } of partsOf(values, matrices, columnBytes)) {
      yield {
        ...args,
        is_unsigned: isUnsigned(values.weights),
        wide: wide ? 1 : 0,
        zeros: zeros.length === 1 ? null : cut(zeros),
        zero: zeros[0] as number,
      };
    }
  });
}

/** Weights and heads packed as conv_q8_dot wants them. */
export function packDot(
  emit: Computing,
  key: string,
  values: KnownWeights,
  { inputZero, weightZero }: DotPacking,
  matrices: Matrices,
): BufferRef {
  const columnBytes = COLUMN_BYTES.dot(matrices.depth);
  return emit.computed(key, packedBytes(matrices, columnBytes), 'pack_q8_dot', function* () {
    for (const { args } of partsOf(values, matrices, columnBytes)) {
      yield {
        ...args,
        is_unsigned: isUnsigned(values.weights),
        by_row: inputZero === null ? 1 : 0,
        weight_zero: weightZero,
        input_zero: inputZero ?? 0,
      };
    }
  });
}

function isUnsigned(weights: TypedArray): number {
  return weights instanceof Uint8Array ? 1 : 0;
}

/** How kernels multiply bytes; what decides on it is in ../dot.ts. */
export interface DotPacking {
  /** The zero point of all weights, less the 128 that are taken off those of uint8. */
  readonly weightZero: number;
  /** What is taken off uint8 weights to make them int8. */
  readonly weightShift: number;
  /** The zero point of the input's bytes, as the dot product takes them; null: known at run time. */
  readonly inputZero: number | null;
}

/** What a sum starts with, given the sum of its `depth` weights. */
export function headOf(
  { inputZero, weightZero }: DotPacking,
  weightSum: number,
  depth: number,
  bias: number,
): number {
  return inputZero === null ? -weightSum : bias - inputZero * (weightSum - depth * weightZero);
}

/** Values by column, item after item, each item padded to whole panels. */
export function padColumns(
  { items, columns }: Pick<Matrices, 'items' | 'columns'>,
  value: (column: number) => number,
): Float32Array {
  const padded = paddedColumns(columns);
  const values = new Float32Array(items * padded);
  for (let item = 0; item < items; item++) {
    for (let n = 0; n < columns; n++) values[item * padded + n] = value(item * columns + n);
  }
  return values;
}
