/** Row-major index arithmetic: most data movement is one list of source offsets. */
import { LinnetError, type TensorElements, type TensorType, type TypedArray } from '@linnet/schema';
import type { TensorValue } from './kernel.js';
import {
  allocate,
  fromReals,
  isQuantized,
  reals,
  sameQuantization,
  sizeOf,
  storedZero,
  tensor,
} from './values.js';

/** Elements between neighbours along each dimension of a row-major tensor. */
export function stridesOf(shape: readonly number[]): number[] {
  const strides = new Array<number>(shape.length).fill(1);
  for (let d = shape.length - 2; d >= 0; d--) strides[d] = strides[d + 1]! * shape[d + 1]!;
  return strides;
}

/**
 * For every element of `shape` in row-major order: start + sum(coordinate[d] * strides[d]).
 * Strides of 0 repeat, negative ones walk backwards.
 */
export function offsets(
  shape: readonly number[],
  strides: readonly number[],
  start = 0,
): Int32Array {
  const result = new Int32Array(sizeOf(shape));
  const coordinate = new Array<number>(shape.length).fill(0);
  let offset = start;
  for (let i = 0; i < result.length; i++) {
    result[i] = offset;
    for (let d = shape.length - 1; d >= 0; d--) {
      offset += strides[d]!;
      if (++coordinate[d]! < shape[d]!) break;
      offset -= strides[d]! * shape[d]!;
      coordinate[d] = 0;
    }
  }
  return result;
}

/** Strides that read a tensor of shape `from` as if it had been broadcast to `to`. */
export function broadcastStrides(from: readonly number[], to: readonly number[]): number[] {
  const lead = to.length - from.length;
  const strides = stridesOf(from);
  return to.map((dim, d) => {
    if (d < lead) return 0;
    const size = from[d - lead]!;
    if (size !== dim && size !== 1) {
      throw new LinnetError('INVALID_MODEL', `Shape [${from}] does not broadcast to [${to}].`);
    }
    return size === 1 ? 0 : strides[d - lead]!;
  });
}

/** Offsets that read a tensor of shape `from` as if it had been broadcast to `to`. */
export function broadcastOffsets(from: readonly number[], to: readonly number[]): Int32Array {
  return offsets(to, broadcastStrides(from, to));
}

/** Splits a shape at an axis: elements before it, along it and after it. */
export function around(
  shape: readonly number[],
  axis: number,
): readonly [outer: number, size: number, inner: number] {
  return [sizeOf(shape.slice(0, axis)), shape[axis] ?? 1, sizeOf(shape.slice(axis + 1))];
}

/** The elements at the given offsets, any dtype. */
export function pickElements(elements: TensorElements, at: Int32Array): TensorElements {
  if (Array.isArray(elements)) return Array.from(at, (offset) => elements[offset]!);
  const from = elements as TypedArray;
  const result = new (from.constructor as new (length: number) => TypedArray)(at.length);
  for (let i = 0; i < at.length; i++) result[i] = from[at[i]!]!;
  return result;
}

/** The elements of tensors of one dtype, one after the other. */
export function concatElements(values: readonly TensorValue[]): TensorElements {
  const [first] = values;
  if (!first || Array.isArray(first.elements)) {
    return values.flatMap((value) => value.elements as readonly Uint8Array[]);
  }
  const result = allocate(
    first.dtype,
    values.reduce((n, value) => n + value.elements.length, 0),
  );
  let at = 0;
  for (const { elements } of values) {
    (result as Uint8Array).set(elements as Uint8Array, at);
    at += elements.length;
  }
  return result;
}

/** Takes on the type of an output without computing: requantizes only where quantization differs. */
export function retype(value: TensorValue, type: TensorType): TensorValue {
  const moved = { ...value, shape: type.shape };
  return sameQuantization(value, type)
    ? tensor(type, moved.elements)
    : fromReals(type, reals(moved));
}

/** Moves elements: output element i is source element at[i]. */
export function pick(source: TensorValue, type: TensorType, at: Int32Array): TensorValue {
  const shape = type.shape;
  return retype({ ...source, shape, elements: pickElements(source.elements, at) }, type);
}

/** Like `pick`, but an offset of -1 stands for `fill`, or for the real 0 without one. */
export function pickOrFill(
  source: TensorValue,
  type: TensorType,
  at: Int32Array,
  fill?: TensorValue,
): TensorValue {
  const count = sizeOf(source.shape);
  const sources = at.map((offset) => (offset < 0 ? count : offset));
  let padded: TensorElements;
  if (Array.isArray(source.elements)) {
    padded = [...source.elements, (fill?.elements[0] as Uint8Array) ?? new Uint8Array()];
  } else {
    const numeric = allocate(source.dtype, count + 1);
    (numeric as Uint8Array).set(source.elements as Uint8Array);
    if (fill) numeric[count] = retype(fill, { ...source, shape: fill.shape }).elements[0] as number;
    else if (isQuantized(source)) numeric[count] = storedZero(source);
    padded = numeric;
  }
  return pick({ ...source, elements: padded }, type, sources);
}
