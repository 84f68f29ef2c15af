/** Weights as matrix kernels want them, made while planning; kernels/convolution.ts has the layouts. */
import type { TypedArray } from '@linnet/schema';

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

/** Depthwise weights [taps, channels] as the matrix that depthwise_q8 takes in conv_q8's layout. */
export function depthwiseMatrix(taps: number, channels: number): Matrices {
  return {
    items: 1,
    depth: taps,
    columns: channels,
    itemStride: 0,
    depthStride: channels,
    columnStride: 1,
    biasStride: 0,
  };
}

/** Values by column, item after item, each item padded to whole panels. */
export function padColumns(
  { items, columns }: Matrices,
  value: (column: number) => number,
): Float32Array {
  const padded = paddedColumns(columns);
  const values = new Float32Array(items * padded);
  for (let item = 0; item < items; item++) {
    for (let n = 0; n < columns; n++) values[item * padded + n] = value(item * columns + n);
  }
  return values;
}
