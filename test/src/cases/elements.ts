import { float32ToFloat16 } from '@linnet/runtime-web';
import {
  arrayType,
  type DType,
  elementCount,
  type TensorElements,
  type TensorType,
} from '@linnet/schema';
import type { Contents } from './operand.js';

/** Uniform numbers in [0, 1) that follow from a text alone (mulberry32 over an FNV-1a hash). */
export function randomFrom(seed: string): () => number {
  let state = 0x811c9dc5;
  for (const char of seed) state = Math.imul(state ^ char.charCodeAt(0), 0x01000193);
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

const FLOATS: readonly DType[] = ['float32', 'float64', 'float16'];

/** The elements of an operand. Literals of quantized types are stored integers, not reals. */
export function elementsOf(type: TensorType, contents: Contents, seed: string): TensorElements {
  const count = elementCount(type.shape) ?? 0;
  const values = contents.kind === 'literal' ? contents.values : drawn(type, count, contents, seed);
  if (values.length !== count) {
    throw new RangeError(`${values.length} values for the shape [${type.shape}]`);
  }
  if (type.dtype === 'string')
    return values.map((value) => new TextEncoder().encode(String(value)));
  const ArrayOf = arrayType(type.dtype);
  if (ArrayOf === null) throw new RangeError(`no elements of ${type.dtype}`);
  if (type.dtype === 'int64' || type.dtype === 'uint64') {
    return BigInt64Array.from(values, (value) => BigInt(value));
  }
  const numbers = values.map(Number);
  return type.dtype === 'float16'
    ? float32ToFloat16(numbers)
    : (ArrayOf as typeof Float32Array).from(numbers);
}

function drawn(
  { dtype }: TensorType,
  count: number,
  { low, high, grain }: Extract<Contents, { kind: 'random' }>,
  seed: string,
): number[] {
  const random = randomFrom(seed);
  const between = () => low + random() * (high - low);
  const float = grain === undefined ? between : () => grain * Math.round(between() / grain);
  return Array.from({ length: count }, () =>
    FLOATS.includes(dtype) ? float() : low + Math.floor(random() * (high - low + 1)),
  );
}
