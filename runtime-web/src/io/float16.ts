/** float16 (IEEE 754 binary16) as bit patterns in a Uint16Array. */

const WORDS = new Uint32Array(1);
const FLOATS = new Float32Array(WORDS.buffer);

/** Exact. */
export function float16ToFloat32(bits: Uint16Array): Float32Array {
  return Float32Array.from(bits, expand);
}

/** Rounds to nearest, ties to even; what is too large becomes infinite. */
export function float32ToFloat16(values: ArrayLike<number>): Uint16Array {
  return Uint16Array.from(values, narrow);
}

function expand(half: number): number {
  const sign = half & 0x8000 ? -1 : 1;
  const exponent = (half >> 10) & 0x1f;
  const mantissa = half & 0x3ff;
  if (exponent === 0x1f) return mantissa === 0 ? sign * Infinity : NaN;
  if (exponent === 0) return sign * mantissa * 2 ** -24;
  return sign * (1 + mantissa / 1024) * 2 ** (exponent - 15);
}

function narrow(value: number): number {
  FLOATS[0] = value;
  const word = WORDS[0] as number;
  const sign = (word >>> 16) & 0x8000;
  const magnitude = word & 0x7fffffff;
  if (magnitude > 0x7f800000) return sign | 0x7e00;
  // 65520 and more round to infinity.
  if (magnitude >= 0x477ff000) return sign | 0x7c00;
  if (magnitude < 0x38800000) return sign | roundHalfEven(Math.abs(FLOATS[0] as number) * 2 ** 24);
  const rebased = magnitude - (112 << 23);
  const even = (rebased >>> 13) & 1;
  return sign | ((rebased + 0xfff + even) >>> 13);
}

function roundHalfEven(x: number): number {
  const floor = Math.floor(x);
  const rest = x - floor;
  return rest > 0.5 || (rest === 0.5 && floor % 2 === 1) ? floor + 1 : floor;
}
