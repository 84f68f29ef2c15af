import type { TypedArray } from '@linnet/schema';
import type { TensorId } from '../../graph/graph.js';
import type { PatchBuilder } from '../../graph/patch.js';
import { elements } from '../match.js';

/** As TRANSPOSE takes it: dimension i of the result is dimension permutation[i] of the input. */
export type Permutation = readonly number[];

export function inverse(permutation: Permutation): Permutation {
  return permutation.map((_, axis) => permutation.indexOf(axis));
}

/** A vector with one entry per dimension, in the order of the result. */
export function permuted<T>(vector: readonly T[], permutation: Permutation): T[] {
  return permutation.map((axis) => vector[axis]!);
}

/** A constant that broadcasts, given leading dimensions of one up to full rank and transposed. */
export function permutedConstant(
  patch: PatchBuilder,
  id: TensorId,
  permutation: Permutation,
): TensorId {
  const tensor = patch.tensor(id);
  const missing = permutation.length - tensor.shape.length;
  const shape = [...new Array<number>(missing).fill(1), ...tensor.shape];
  const source = elements(patch.graph, id)!;
  const type = { ...tensor, shape: permuted(shape, permutation) };
  return patch.elements(tensor.name, type, transposeElements(source, shape, permutation));
}

function transposeElements(
  source: TypedArray,
  shape: readonly number[],
  permutation: Permutation,
): TypedArray {
  const result = new (source.constructor as new (length: number) => TypedArray)(source.length);
  const strides = shape.map((_, axis) => shape.slice(axis + 1).reduce((a, b) => a * b, 1));
  const sizes = permuted(shape, permutation);
  const steps = permuted(strides, permutation);
  const rank = sizes.length;
  const [row, step] = [sizes[rank - 1] ?? 1, steps[rank - 1] ?? 1];
  const position = new Array<number>(rank).fill(0);
  for (let start = 0, from = 0; start < source.length; start += row) {
    for (let i = 0; i < row; i++) result[start + i] = source[from + i * step]!;
    for (let axis = rank - 2; axis >= 0; axis--) {
      from += steps[axis]!;
      if (++position[axis]! < sizes[axis]!) break;
      from -= steps[axis]! * sizes[axis]!;
      position[axis] = 0;
    }
  }
  return result;
}
