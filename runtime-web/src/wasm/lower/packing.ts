/** Weights as matrix kernels want them, made while planning; kernels/convolution.ts has the layouts. */
import { invariant, type TypedArray } from '@linnet/schema';
import type { Operand } from '../../plan/lowering.js';

/** Columns of a panel. */
export const PANEL = 8;

/** Matrices of depth x columns among the elements of a tensor; strides count elements. */
export interface Matrices {
  readonly items: number;
  readonly depth: number;
  readonly columns: number;
  readonly itemStride: number;
  readonly depthStride: number;
  readonly columnStride: number;
  /** From one item's biases to the next's. */
  readonly biasStride: number;
  /**
   * Where each of equally long runs of depths begins, when they do not follow each other; for
   * weights that are known while planning.
   */
  readonly runs?: readonly number[];
}

/** The element of each depth, from a matrix's first on. */
function depthOffsets({ depth, depthStride, runs }: Matrices): Uint32Array {
  const length = runs === undefined ? depth : depth / runs.length;
  return new Uint32Array(depth).map((_, k) => {
    const run = Math.floor(k / length);
    return (runs === undefined ? 0 : (runs[run] as number)) + (k - run * length) * depthStride;
  });
}

export function paddedColumns(columns: number): number {
  return Math.ceil(columns / PANEL) * PANEL;
}

/** Elements of one item's weights in the layout of conv_f32. */
export function itemSizeF32({ depth, columns }: Matrices): number {
  return paddedColumns(columns) * (depth + 1);
}

/** Bytes of one item's weights in the layout of conv_q8. */
export function itemBytesQ8({ depth, columns }: Matrices, wide: boolean): number {
  return paddedColumns(columns) * (4 + Math.ceil(depth / 2) * (wide ? 4 : 2));
}

/** Calls visit(item, first column, number of columns) for each panel in order. */
function forEachPanel(
  { items, columns }: Matrices,
  visit: (item: number, column: number, count: number) => void,
): void {
  for (let item = 0; item < items; item++) {
    for (let column = 0; column < columns; column += PANEL) {
      visit(item, column, Math.min(PANEL, columns - column));
    }
  }
}

/** The weights and biases of float32 matrices as conv_f32 wants them. */
export function packF32(
  elements: TypedArray,
  bias: TypedArray | null,
  matrices: Matrices,
): Float32Array {
  const [from, biases] = [elements as Float32Array, bias as Float32Array | null];
  const { items, itemStride, columnStride, biasStride } = matrices;
  const depths = depthOffsets(matrices);
  const packed = new Float32Array(items * itemSizeF32(matrices));
  let to = 0;
  forEachPanel(matrices, (item, column, count) => {
    const first = item * itemStride + column * columnStride;
    for (let n = 0; n < count; n++) {
      packed[to + n] = biases === null ? 0 : (biases[item * biasStride + column + n] as number);
    }
    to += PANEL;
    for (const depth of depths) {
      for (let n = 0; n < count; n++) {
        packed[to + n] = from[first + depth + n * columnStride] as number;
      }
      to += PANEL;
    }
  });
  return packed;
}

/**
 * The weights, less the zero point of their channel, and biases of integer matrices as conv_q8
 * wants them: int16 when `wide`, else int8. `zeros` has one element or one per column of all items.
 */
export function packQ8(
  elements: TypedArray,
  bias: TypedArray | null,
  zeros: Int32Array,
  matrices: Matrices,
  wide: boolean,
): Uint8Array {
  const [from, biases] = [elements as Int8Array, bias as Int32Array | null];
  const { items, columns, itemStride, columnStride, biasStride } = matrices;
  const depths = depthOffsets(matrices);
  const packed = new Uint8Array(items * itemBytesQ8(matrices, wide));
  const pairs = Math.ceil(depths.length / 2);
  const size = wide ? 2 : 1;
  let byte = 0;
  forEachPanel(matrices, (item, column, count) => {
    const first = item * itemStride + column * columnStride;
    const sums = new Int32Array(packed.buffer, byte, PANEL);
    byte += sums.byteLength;
    const weights = new (wide ? Int16Array : Int8Array)(packed.buffer, byte, pairs * PANEL * 2);
    byte += weights.length * size;
    for (let n = 0; n < count; n++) {
      if (biases !== null) sums[n] = biases[item * biasStride + column + n] as number;
      const zero = (zeros.length === 1 ? zeros[0] : zeros[item * columns + column + n]) as number;
      const start = first + n * columnStride;
      for (let k = 0; k < depths.length; k++) {
        const weight = from[start + (depths[k] as number)] as number;
        weights[(k >> 1) * PANEL * 2 + n * 2 + (k & 1)] = weight - zero;
      }
    }
  });
  return packed;
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

/** Bytes of one item's weights in the layout of conv_q8_dot. */
export function itemBytesDot({ depth, columns }: Matrices): number {
  return paddedColumns(columns) * (4 + Math.ceil(depth / 4) * 4);
}

/** The weights and heads of integer matrices as conv_q8_dot wants them. */
export function packDot(
  elements: TypedArray,
  bias: TypedArray | null,
  matrices: Matrices,
  packing: DotPacking,
): Uint8Array {
  const depths = depthOffsets(matrices);
  const packed = new Int8Array(matrices.items * itemBytesDot(matrices));
  const quads = Math.ceil(depths.length / 4);
  let byte = 0;
  forEachPanel(matrices, (item, column, count) => {
    const heads = new Int32Array(packed.buffer, byte, PANEL);
    byte += heads.byteLength;
    for (let n = 0; n < count; n++) {
      const element = item * matrices.itemStride + (column + n) * matrices.columnStride;
      const biases = item * matrices.biasStride + column + n;
      let sum = 0;
      for (let k = 0; k < depths.length; k++) {
        const weight = (elements[element + (depths[k] as number)] as number) - packing.weightShift;
        sum += weight;
        packed[byte + ((k >> 2) * PANEL + n) * 4 + (k & 3)] = weight;
      }
      heads[n] = headOf(packing, sum, depths.length, (bias?.[biases] as number | undefined) ?? 0);
    }
    byte += quads * PANEL * 4;
  });
  return new Uint8Array(packed.buffer);
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

/** The elements of weights and bias when neither can change. */
export function constantElements(
  weights: Operand,
  bias: Operand | null,
): { readonly weights: TypedArray; readonly bias: TypedArray | null } | null {
  if (weights.value === undefined || (bias !== null && bias.value === undefined)) return null;
  return { weights: weights.value, bias: bias?.value ?? null };
}

/** The fields of MATRICES. */
export function packArguments(weights: Operand, bias: Operand | null, matrices: Matrices) {
  invariant(matrices.runs === undefined, 'Weights that may change are packed as they lie.');
  return {
    input: weights.ref,
    bias: bias?.ref ?? null,
    items: matrices.items,
    depth: matrices.depth,
    columns: matrices.columns,
    item_stride: matrices.itemStride,
    depth_stride: matrices.depthStride,
    column_stride: matrices.columnStride,
    bias_stride: matrices.biasStride,
  };
}
