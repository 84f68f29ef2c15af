/** Weights as matrix kernels of float32 want them, packed by kernels of their own: kernels/packing.ts. */
import type { KernelCallArguments } from '@linnet/runtime-wasm';
import { invariant, type TypedArray } from '@linnet/schema';
import type { BufferRef, Operand } from '../../plan/lowering.js';
import type { Emitter, Place } from '../lowering.js';

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

/** The layout of matrices [columns, depth], rows being `columnStride` elements apart. */
export function rowsOf(columns: number, depth: number, columnStride = depth): Matrices {
  return { items: 1, depth, columns, itemStride: 0, depthStride: 1, columnStride, biasStride: 0 };
}

export function paddedColumns(columns: number): number {
  return Math.ceil(columns / PANEL) * PANEL;
}

/** Bytes of a column of float32, with what it begins with, as kernels pack it. */
function columnBytesF32(depth: number): number {
  return 4 + depth * 4;
}

/** Elements of one item's weights in the layout of conv_f32. */
export function itemSizeF32({ depth, columns }: Matrices): number {
  return (paddedColumns(columns) * columnBytesF32(depth)) / 4;
}

/** Weights and biases that are known while planning. */
export interface KnownWeights {
  readonly weights: TypedArray;
  readonly bias: TypedArray | null;
}

/** The elements of weights and bias when neither can change. */
export function constantElements(weights: Operand, bias: Operand | null): KnownWeights | null {
  if (weights.value === undefined || (bias !== null && bias.value === undefined)) return null;
  return { weights: weights.value, bias: bias?.value ?? null };
}

/**
 * Bytes of weights that a call packs where they can be cut: they stay in a cache meanwhile, and take little of the
 * memory, which does not shrink again.
 */
export const PART_BYTES = 2 ** 17;

/** What packing kernels have in common. */
type MatrixArguments = KernelCallArguments<'pack_f32', Place>;

/** What packing takes of an emitter. */
export type Computing = Pick<Emitter, 'computed'>;

/** Some of the matrices, or some columns of one. */
interface Part {
  readonly args: MatrixArguments;
  /** The part's elements of an array that has one for each column, from one bias to the next. */
  readonly cut: <A extends TypedArray>(byColumn: A) => A;
}

/**
 * Matrices in parts that end with whole panels or with the last column, where their columns follow
 * each other; else in one. Packing makes `columnBytes` of each column.
 */
export function* partsOf(
  { weights, bias }: KnownWeights,
  matrices: Matrices,
  columnBytes: number,
): Iterable<Part> {
  const { depth, columns, itemStride, columnStride, biasStride, runs } = matrices;
  const isInOrder =
    (matrices.items === 1 || itemStride === depth * columns) &&
    (runs !== undefined || (matrices.depthStride === 1 && columnStride === depth));
  const most = isInOrder ? PART_BYTES / weights.BYTES_PER_ELEMENT : Infinity;
  const someItems = Math.max(1, Math.floor(most / (depth * columns)));
  const someColumns = Math.max(1, Math.floor(most / depth / PANEL)) * PANEL;
  for (let item = 0; item < matrices.items; item += someItems) {
    const items = Math.min(someItems, matrices.items - item);
    for (let column = 0; column < columns; column += someColumns) {
      const part = { ...matrices, items, columns: Math.min(someColumns, columns - column) };
      const begin = item * itemStride + column * columnStride;
      const end = begin + (items - 1) * itemStride + part.columns * depth;
      const cut: Part['cut'] = (byColumn) => {
        const first = item * biasStride + column;
        const last = first + (items - 1) * biasStride + part.columns;
        return byColumn.subarray(first, last) as typeof byColumn;
      };
      yield {
        args: {
          ...matrixArguments(part),
          ...(runs && { column_stride: depth }),
          input: runs
            ? gather(weights, begin, part, runs)
            : isInOrder
              ? weights.subarray(begin, end)
              : weights,
          bias: bias && cut(bias),
          weights: (item * paddedColumns(columns) + column) * columnBytes,
        },
        cut,
      };
    }
  }
}

/** The runs of columns, the first of which is at `begin`, one after the other. */
function gather(
  from: TypedArray,
  begin: number,
  { depth, columns, columnStride }: Matrices,
  runs: readonly number[],
): TypedArray {
  const gathered = from.slice(0, depth * columns) as Float32Array;
  const length = depth / runs.length;
  for (let n = 0; n < columns; n++) {
    runs.forEach((start, run) => {
      const at = begin + n * columnStride + start;
      gathered.set(from.subarray(at, at + length) as Float32Array, n * depth + run * length);
    });
  }
  return gathered;
}

/** Weights and biases of one layout, one after the other, packed as conv_f32 wants them. */
export function packF32(
  emit: Computing,
  key: string,
  all: readonly KnownWeights[],
  matrices: Matrices,
): BufferRef {
  const columnBytes = columnBytesF32(matrices.depth);
  const bytes = packedBytes(matrices, columnBytes);
  return emit.computed(key, all.length * bytes, 'pack_f32', function* () {
    for (const [index, values] of all.entries()) {
      for (const { args } of partsOf(values, matrices, columnBytes)) {
        yield { ...args, weights: (args.weights as number) + index * bytes };
      }
    }
  });
}

/** Windows OHWI of 3 x 3 packed as winograd_f32's products want them: a matrix for each point. */
export function packWinograd(
  emit: Computing,
  key: string,
  weights: TypedArray,
  side: number,
  { items, depth: channels, columns: columnsOfAll }: Matrices,
): BufferRef {
  const size = 9 * channels;
  const windows = {
    items: 1,
    depth: size,
    columns: columnsOfAll,
    itemStride: 0,
    depthStride: 1,
    columnStride: size,
    biasStride: 0,
  };
  const columnBytes = columnBytesF32(channels);
  const itemBytes = paddedColumns(columnsOfAll) * columnBytes;
  return emit.computed(key, items * itemBytes, 'pack_winograd_f32', function* () {
    for (const { args } of partsOf({ weights, bias: null }, windows, columnBytes)) {
      const { input, columns, weights: packed } = args;
      yield { input, side, channels, columns, item_size: itemBytes / 4, weights: packed };
    }
  });
}

export function packedBytes({ items, columns }: Matrices, columnBytes: number): number {
  return items * paddedColumns(columns) * columnBytes;
}

/** The arguments of a packing kernel for weights that are only known when the model runs. */
export function packArguments(weights: Operand, bias: Operand | null, matrices: Matrices) {
  invariant(matrices.runs === undefined, 'Weights that may change are packed as they lie.');
  return { ...matrixArguments(matrices), input: weights.ref, bias: bias?.ref ?? null };
}

function matrixArguments(matrices: Matrices) {
  return {
    items: matrices.items,
    depth: matrices.depth,
    columns: matrices.columns,
    item_stride: matrices.itemStride,
    depth_stride: matrices.depthStride,
    column_stride: matrices.columnStride,
    bias_stride: matrices.biasStride,
  };
}
