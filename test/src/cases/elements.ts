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

/** float16 bit patterns of multiples of 1/64 below 16, all of which float16 holds exactly. */
export function float16Bits(value: number): number {
  const sign = value < 0 ? 0x8000 : 0;
  const magnitude = Math.abs(value);
  if (magnitude === 0) return sign;
  if (magnitude === Infinity) return sign | 0x7c00;
  const exponent = Math.floor(Math.log2(magnitude));
  return sign | ((exponent + 15) << 10) | Math.round((magnitude / 2 ** exponent - 1) * 1024);
}

export function float16Value(bits: number): number {
  const exponent = (bits >> 10) & 31;
  const fraction = (bits & 1023) / 1024;
  const magnitude =
    exponent === 31
      ? fraction === 0
        ? Infinity
        : Number.NaN
      : exponent === 0
        ? fraction * 2 ** -14
        : (1 + fraction) * 2 ** (exponent - 15);
  return bits & 0x8000 ? -magnitude : magnitude;
}

const FLOATS: readonly DType[] = ['float32', 'float64', 'float16'];

/** The elements of an operand. Literals of quantized types are stored integers, not reals. */
export function elementsOf(type: TensorType, contents: Contents, seed: string): TensorElements {
  const count = elementCount(type.shape) ?? 0;
  const random = randomFrom(seed);
  const draw = (): number | bigint | string => {
    if (contents.kind === 'literal') return 0;
    const { low, high } = contents;
    if (type.dtype === 'float16') return Math.round((low + random() * (high - low)) * 64) / 64;
    if (FLOATS.includes(type.dtype)) return low + random() * (high - low);
    return low + Math.floor(random() * (high - low + 1));
  };
  const values =
    contents.kind === 'literal' ? contents.values : Array.from({ length: count }, draw);
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
  const elements = new ArrayOf(count);
  values.forEach((value, i) => {
    elements[i] = type.dtype === 'float16' ? float16Bits(Number(value)) : Number(value);
  });
  return elements;
}
