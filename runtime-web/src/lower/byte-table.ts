/** Functions of 8-bit tensors as tables of their 256 results, number for number as TFLite and XNNPACK compute them. */
import { fixedFactor, reducedMultiplier, roundHalfAway, saturateWord } from './fixed-point.js';
import { type PerTensor, roundHalfEven } from './quantization.js';

export interface ByteTable {
  /** Tells the table apart from others. */
  readonly key: string;
  /** Results by the bit pattern of the argument. */
  make(): Uint8Array;
}

/** The table of a function from one quantized 8-bit type to another, given on integers. */
export function byteTable(
  from: PerTensor,
  to: PerTensor,
  f: (q: number) => number,
  name = '',
): ByteTable {
  return {
    key: `table ${name} ${JSON.stringify([from, to])}`,
    make: () =>
      Uint8Array.from({ length: 256 }, (_, byte) => f(from.low < 0 ? (byte << 24) >> 24 : byte)),
  };
}

/** Results of 8-bit functions on stored integers; null where the form does not hold. */
export type ByteForm = (from: PerTensor, to: PerTensor) => ((q: number) => number) | null;

const saturate = (q: number, { low, high }: PerTensor) => Math.min(Math.max(q, low), high);

/** LEAKY_RELU by factors in 1 / 256. Source: XNNPACK's qs8-vlrelu, and the factors it takes. */
export function leakyBytes(alpha: number): ByteForm {
  return (from, to) => {
    const positive = Math.fround(from.scale / to.scale);
    const negative = Math.fround(positive * Math.fround(alpha));
    const isTaken = (factor: number) => Math.abs(factor) >= 2 ** -8 && Math.abs(factor) <= 2 ** 7;
    if (!isTaken(positive) || !isTaken(negative)) return null;
    const factors = [positive, negative].map((factor) => roundHalfEven(256 * factor));
    return (q) => {
      const x = q - from.zero;
      const factor = factors[x < 0 ? 1 : 0] as number;
      return saturate(Math.floor((x * factor + 128) / 256) + to.zero, to);
    };
  };
}

/** The same value on another scale. Source: XNNPACK's qs8-vcvt, which rounds as LEAKY_RELU does. */
export const rescaledBytes: ByteForm = leakyBytes(1);

/** SQRT in float32, rounded towards 0. Source: SqrtEvalQuantized of TFLite's elementwise.cc. */
export const rootBytes: ByteForm = (from, to) => (q) => {
  const x = Math.fround(from.scale * (q - from.zero));
  const root = Math.fround(Math.fround(Math.sqrt(Math.max(x, 0))) / Math.fround(to.scale));
  return saturate(Math.trunc(root) + to.zero, to);
};

/** a * b / 2^15 in 16 bits, half up. */
const highProduct = (a: number, b: number) => saturateWord(Math.floor((a * b + 2 ** 14) / 2 ** 15));

/**
 * RSQRT in fixed point, where the root is a whole number of 2^-20; the largest result for 0. Roots are
 * those of five steps of Newton's iteration from 1. Source: RsqrtEvalQuantizedInt8 of TFLite.
 */
export const rsqrtBytes: ByteForm = (from, to) => {
  const root = Math.fround(Math.fround(Math.sqrt(from.scale)) * to.scale);
  const { multiplier, shift } = fixedFactor(1 / root);
  if (shift > 20) return null;
  return (q) => {
    const x = q - from.zero;
    if (x <= 0) return to.high;
    const fine = Math.round(2 ** 20 * inverseRoot(x));
    const high = Math.floor((fine * multiplier + 2 ** 30) / 2 ** 31);
    return saturate(roundHalfAway(high * 2 ** (shift - 20)) + to.zero, to);
  };
};

/** 1 / sqrt(x) for a whole x > 0 by five steps of Newton's iteration on its mantissa in 1/4 to 1. */
function inverseRoot(x: number): number {
  const exponent = 2 * Math.floor(Math.log2(x) / 2) + 2;
  const mantissa = x / 2 ** exponent;
  let root = 1;
  for (let step = 0; step < 5; step++) root = root * (1.5 - (mantissa / 2) * root * root);
  return root / 2 ** (exponent / 2);
}

/** HARD_SWISH in 16-bit fixed point. Source: reference/hard_swish.h of TFLite. */
export const hardSwishBytes: ByteForm = (from, to) => {
  const fine = Math.fround(from.scale / 128);
  const outer = fixedFactor(Math.fround(fine / to.scale));
  if (outer.shift > 0) return null;
  const inner = fixedFactor(Math.fround(fine / Math.fround(3 / 32768)));
  const [outerFactor, innerFactor] = [reducedMultiplier(outer), reducedMultiplier(inner)];
  return (q) => {
    const x = (q - from.zero) * 128;
    let gate = x;
    if (inner.shift > 0) gate = saturateWord(gate * 2 ** (inner.shift - 1));
    gate = highProduct(gate, innerFactor);
    if (inner.shift > 0) gate = saturateWord(gate * 2);
    if (inner.shift < 0) gate = roundHalfAway(gate * 2 ** inner.shift);
    const share = (gate + 2 ** 15) >> 1;
    const product = Math.trunc((share * highProduct(x, outerFactor)) / 2 ** 15);
    return saturate(roundHalfAway(product * 2 ** outer.shift) + to.zero, to);
  };
};
