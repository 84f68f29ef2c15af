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

function transposeElements(source: TypedArray, shape: readonly number[], permutation: Permutation) {
  const result = source.slice();
  const strides = shape.map((_, axis) => shape.slice(axis + 1).reduce((a, b) => a * b, 1));
  const sizes = permuted(shape, permutation);
  const steps = permuted(strides, permutation);
  const position = new Array<number>(sizes.length).fill(0);
  for (let index = 0, from = 0; index < source.length; index++) {
    result[index] = source[from]!;
    for (let axis = sizes.length - 1; axis >= 0; axis--) {
      from += steps[axis]!;
      if (++position[axis]! < sizes[axis]!) break;
      from -= steps[axis]! * sizes[axis]!;
      position[axis] = 0;
    }
  }
  return result;
}
