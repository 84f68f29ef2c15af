import {
  arrayType,
  type DType,
  elementCount,
  LinnetError,
  type TypedArray,
  UNKNOWN_DIM,
} from '@linnet/schema';
import type { ArrayValue, TensorInfo } from '../entry-point.js';

/** Uniform numbers in [0, 1). */
export type Random = () => number;

/** mulberry32: 32 bits of state, equal numbers for equal seeds on any machine. */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Integers beyond 8 bits are mostly indices and counts, so they are kept small. */
const INTEGER_RANGES: Partial<Record<DType, readonly [low: number, high: number]>> = {
  bool: [0, 1],
  int8: [-128, 127],
  uint8: [0, 255],
  int16: [0, 7],
  uint16: [0, 7],
  int32: [0, 7],
  uint32: [0, 7],
  int64: [0, 7],
  uint64: [0, 7],
};

/**
 * An array for each input: floats uniform in [-1, 1), 8-bit integers over their whole range, wider
 * integers in 0..7. Unknown dimensions become 1.
 */
export function randomInputs(
  infos: readonly TensorInfo[],
  random: Random,
): Readonly<Record<string, ArrayValue>> {
  return Object.fromEntries(infos.map((info) => [info.name, randomArray(info, random)]));
}

function randomArray(info: TensorInfo, random: Random): ArrayValue {
  const shape = info.shape.map((dim) => (dim === UNKNOWN_DIM ? 1 : dim));
  const count = elementCount(shape) as number;
  const range = INTEGER_RANGES[info.dtype];
  if (range !== undefined) {
    const [low, high] = range;
    const next = () => low + Math.floor(random() * (high - low + 1));
    return { dtype: info.dtype, shape, data: fill(info.dtype, count, next) };
  }
  if (info.dtype === 'float32' || info.dtype === 'float64' || info.dtype === 'float16') {
    // The runtime rounds float32 elements given for a float16 input.
    const dtype = info.dtype === 'float64' ? 'float64' : 'float32';
    const data = dtype === 'float64' ? new Float64Array(count) : new Float32Array(count);
    return { dtype, shape, data: data.map(() => 2 * random() - 1) };
  }
  throw new LinnetError(
    'UNSUPPORTED',
    `input ${info.name} is ${info.dtype}, for which there are no random values`,
    { tensor: info.name },
    ['Give it with --input.'],
  );
}

function fill(dtype: DType, count: number, next: Random): TypedArray {
  if (dtype === 'int64') return new BigInt64Array(count).map(() => BigInt(next()));
  if (dtype === 'uint64') return new BigUint64Array(count).map(() => BigInt(next()));
  return new (arrayType(dtype) as Int32ArrayConstructor)(count).map(next);
}
