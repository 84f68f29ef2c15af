import { arrayType, type TensorElements, type TypedArray } from '@linnet/schema';
import type { Tensor } from './graph.js';

/**
 * The elements of a dense numeric constant as a view (or aligned copy) of its bytes; undefined for
 * anything else.
 */
export function constantElements(tensor: Tensor): TypedArray | undefined {
  const { dtype, data, sparsity } = tensor;
  const ArrayOf = arrayType(dtype);
  if (data === null || sparsity !== undefined || ArrayOf === null) return undefined;
  if (dtype === 'int4' || dtype === 'int2') return undefined;
  const aligned = data.byteOffset % ArrayOf.BYTES_PER_ELEMENT === 0 ? data : data.slice();
  return new ArrayOf(
    aligned.buffer as ArrayBuffer,
    aligned.byteOffset,
    data.byteLength / ArrayOf.BYTES_PER_ELEMENT,
  );
}

/** The bytes of elements in memory order, as a TFLite buffer holds them (hosts are little-endian). */
export function elementBytes(elements: Exclude<TensorElements, readonly Uint8Array[]>): Uint8Array {
  return new Uint8Array(elements.buffer, elements.byteOffset, elements.byteLength);
}

export function isSameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.byteLength === b.byteLength && a.every((byte, index) => byte === b[index]);
}
