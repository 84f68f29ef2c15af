import { LinnetError, normalizeAxis } from '@linnet/schema';
import { around, pick, retype, stridesOf } from './indexing.js';
import type { ReferenceFamily, TensorValue } from './kernel.js';
import {
  allocate,
  fromIntegers,
  fromReals,
  indices,
  integers,
  isFloat,
  numericElements,
  reals,
  required,
  sizeOf,
  tensor,
} from './values.js';

/** An index that is in range, as data must prove at run time. */
function inRange(index: number, size: number): number {
  if (index >= 0 && index < size) return index;
  throw new LinnetError('INVALID_ARGUMENT', `Index ${index} is outside a dimension of ${size}.`);
}

/** Flat offsets of the slices that rows of coordinates name, and how many elements a slice has. */
function sliceStarts(at: TensorValue, shape: readonly number[]): readonly [number[], number] {
  const depth = at.shape.at(-1) ?? 1;
  const strides = stridesOf(shape);
  const coordinates = indices(at);
  const count = sizeOf(at.shape.slice(0, -1));
  const starts = Array.from({ length: count }, (_, row) => {
    let start = 0;
    for (let d = 0; d < depth; d++) {
      start += inRange(coordinates[row * depth + d]!, shape[d]!) * strides[d]!;
    }
    return start;
  });
  return [starts, sizeOf(shape.slice(depth))];
}

export const GATHER: ReferenceFamily<
  'GATHER' | 'GATHER_ND' | 'SCATTER_ND' | 'EMBEDDING_LOOKUP' | 'SPARSE_TO_DENSE'
> = {
  /** Slices along an axis, chosen by index; the first batch_dims dimensions go side by side. */
  GATHER: ({ inputs, outputs, options }) => {
    const x = required(inputs, 0);
    const chosen = required(inputs, 1);
    const axis = normalizeAxis(options.axis, x.shape.length);
    const batchDims =
      options.batchDims < 0 ? options.batchDims + chosen.shape.length : options.batchDims;
    const [, size, inner] = around(x.shape, axis);
    const outer = sizeOf(x.shape.slice(batchDims, axis));
    const perBatch = sizeOf(chosen.shape.slice(batchDims));
    const index = indices(chosen);
    const at = new Int32Array(sizeOf(outputs[0]!.shape)).map((_, i) => {
      const row = Math.floor(i / (inner * perBatch));
      const k = Math.floor(i / inner) % perBatch;
      const from = inRange(index[Math.floor(row / outer) * perBatch + k]!, size);
      return (row * size + from) * inner + (i % inner);
    });
    return [pick(x, outputs[0]!, at)];
  },

  /** Slices named by the coordinates along the last dimension of input 1. */
  GATHER_ND: ({ inputs, outputs }) => {
    const x = required(inputs, 0);
    const [starts, size] = sliceStarts(required(inputs, 1), x.shape);
    const at = new Int32Array(starts.length * size).map(
      (_, i) => starts[Math.floor(i / size)]! + (i % size),
    );
    return [pick(x, outputs[0]!, at)];
  },

  /** Zeros with slices added at coordinates; where several fall on one place, their sum. */
  SCATTER_ND: ({ inputs, outputs }) => {
    const output = outputs[0]!;
    const [starts, size] = sliceStarts(required(inputs, 0), output.shape);
    const updates = required(inputs, 1);
    const add = <T>(data: ArrayLike<T>, sums: T[], plus: (a: T, b: T) => T): T[] => {
      for (let i = 0; i < data.length; i++) {
        const at = starts[Math.floor(i / size)]! + (i % size);
        sums[at] = plus(sums[at]!, data[i]!);
      }
      return sums;
    };
    const count = sizeOf(output.shape);
    if (isFloat(updates.dtype)) {
      const sums = add(reals(updates), new Array<number>(count).fill(0), (a, b) => a + b);
      return [fromReals(output, sums)];
    }
    const plus =
      updates.dtype === 'bool' ? (a: bigint, b: bigint) => a | b : (a: bigint, b: bigint) => a + b;
    return [fromIntegers(output, add(integers(updates), new Array<bigint>(count).fill(0n), plus))];
  },

  /** Rows of a table by index; a quantized table with float output is dequantized. */
  EMBEDDING_LOOKUP: ({ inputs, outputs }) => {
    const table = required(inputs, 1);
    const rows = indices(required(inputs, 0));
    const size = sizeOf(table.shape.slice(1));
    const at = new Int32Array(rows.length * size).map(
      (_, i) => inRange(rows[Math.floor(i / size)]!, table.shape[0]!) * size + (i % size),
    );
    const output = outputs[0]!;
    if (output.dtype === table.dtype) return [pick(table, output, at)];
    const meant = reals(table);
    return [
      fromReals(
        output,
        Float64Array.from(at, (offset) => meant[offset]!),
      ),
    ];
  },

  /** A tensor of one default value with values at coordinates; later ones win. */
  SPARSE_TO_DENSE: ({ inputs, outputs }) => {
    const at = required(inputs, 0);
    const output = outputs[0]!;
    const values = numericElements(required(inputs, 2));
    const fallback = numericElements(required(inputs, 3))[0]!;
    // A vector of indices, or a scalar, names elements of a vector.
    const rank = output.shape.length;
    const rows = at.shape.length === 2 ? at : { ...at, shape: [at.elements.length / rank, rank] };
    const [starts] = sliceStarts(rows, output.shape);
    const elements = allocate(output.dtype, sizeOf(output.shape));
    (elements as Uint8Array).fill(fallback as number);
    starts.forEach((start, i) => {
      elements[start] = values[values.length === 1 ? 0 : i]!;
    });
    return [retype(tensor({ ...output }, elements), output)];
  },
};
