/** Builtins that compositions are made of, in the shortest form. */
import { type DType, dtypeCode, type OpName } from '@linnet/schema';
import type { TensorId } from '../../../graph/graph.js';
import type { Site, TfImport } from '../site.js';

/** An op that is a builtin of the same inputs, one output and default options. */
export function direct(op: OpName): TfImport {
  return (site) => site.add(op, site.inputs());
}

/** An op that passes its first input through. */
export const identity: TfImport = (site) => site.input(0);

export function cast(site: Site, id: TensorId, dtype: DType): TensorId {
  const { dtype: from, shape } = site.type(id);
  if (from === dtype) return id;
  const options = { inDataType: dtypeCode(from), outDataType: dtypeCode(dtype) };
  return site.add('CAST', [id], options, { dtype, shape });
}

/** `shape` may hold one -1 for what is left. */
export function reshape(site: Site, id: TensorId, shape: readonly number[]): TensorId {
  return site.add('RESHAPE', [id, site.vector(shape)], { newShape: shape });
}

/** Dimension d of the result is dimension permutation[d]; nothing is added for the identity. */
export function transpose(site: Site, id: TensorId, permutation: readonly number[]): TensorId {
  return permutation.every((axis, index) => axis === index)
    ? id
    : site.add('TRANSPOSE', [id, site.vector(permutation)]);
}

export const add = (site: Site, a: TensorId, b: TensorId) => site.add('ADD', [a, b]);
export const sub = (site: Site, a: TensorId, b: TensorId) => site.add('SUB', [a, b]);
export const mul = (site: Site, a: TensorId, b: TensorId) => site.add('MUL', [a, b]);
export const div = (site: Site, a: TensorId, b: TensorId) => site.add('DIV', [a, b]);

/** `a + value`, where `value` is a constant of a's dtype; likewise below. */
export const addScalar = (site: Site, a: TensorId, value: number) =>
  add(site, a, site.scalarLike(value, a));
export const scale = (site: Site, a: TensorId, value: number) =>
  mul(site, a, site.scalarLike(value, a));

/** The size of every dimension, as an int32 vector. */
export function shapeOf(site: Site, id: TensorId): TensorId {
  return site.add('SHAPE', [id], { outType: dtypeCode('int32') });
}

/** A tensor of the shape and dtype of another, all of whose elements are `value`. */
export function filledLike(site: Site, value: number, like: TensorId): TensorId {
  return site.add('FILL', [shapeOf(site, like), site.scalarLike(value, like)]);
}
