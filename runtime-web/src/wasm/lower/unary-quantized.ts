/** Functions of one quantized tensor, number for number as TFLite and XNNPACK compute them. */

import { quantizedRange } from '../../lower/activation.js';
import { count } from '../../lower/dims.js';
import {
  combinedScale,
  fixedFactor,
  reducedMultiplier,
  wordTable,
} from '../../lower/fixed-point.js';
import { type PerTensor, roundHalfEven } from '../../lower/quantization.js';
import type { Operand } from '../../plan/lowering.js';
import type { Emitter } from '../lowering.js';

/** Emits the computation of one int16 tensor from another. */
type WordEmitter = (site: {
  readonly emit: Emitter;
  readonly x: Operand;
  readonly y: Operand;
}) => void;

/** How an int16 tensor becomes another; null where stock kernels have no form for those types. */
export type WordForm = (from: PerTensor, to: PerTensor) => WordEmitter | null;

const vectors = (x: Operand, y: Operand) => ({ x: x.ref, y: y.ref, count: count(x.type.shape) });

/** Any function, interpolated between 512 steps of its argument. */
export function interpolated(name: string, f: (x: number) => number): WordForm {
  return (from, to) =>
    ({ emit, x, y }) => {
      const range = { low: -32768 * from.scale, high: 32767 * from.scale, step: to.scale };
      const key = `words ${name} ${from.scale} ${to.scale}`;
      const table = emit.constant(key, () => wordTable(f, range));
      emit.call('interpolate_16', { ...vectors(x, y), table });
    };
}

/** x for x >= 0, alpha * x for others, between bounds on the reals. */
export function rescaled(alpha: number, low = -Infinity, high = Infinity): WordForm {
  return (from, to) =>
    ({ emit, x, y }) => {
      const positive = fixedFactor(Math.fround(from.scale / to.scale));
      const negative = fixedFactor(combinedScale(from.scale, alpha, to.scale));
      emit.call('rescale_16', {
        ...vectors(x, y),
        ...quantizedRange({ low, high }, to),
        positive_multiplier: positive.multiplier,
        positive_shift: positive.shift,
        negative_multiplier: negative.multiplier,
        negative_shift: negative.shift,
      });
    };
}

/**
 * 2^16 times the sigmoid of k / 24, each raised by half the error of interpolation in the middle of
 * its interval; the last is the largest that 16 bits hold.
 */
function sigmoidTable(): Uint16Array {
  const sigmoid = (k: number) => 65536 / (1 + Math.exp(-k / 24));
  return Uint16Array.from({ length: 256 }, (_, k) => {
    if (k === 255) return 65535;
    const error = sigmoid(k + 0.5) - (sigmoid(k) + sigmoid(k + 1)) / 2;
    return Math.round(sigmoid(k) + error / 2);
  });
}

/**
 * The factor that brings arguments to 1 / (3 * 4096), the scale of the sigmoid's table: multiplier *
 * 2^-shift with a multiplier of 15 bits. Source: SigmoidPrepare and TanhPrepare of TFLite.
 */
function tableFactor(scale: number) {
  let multiplier = scale * 4096 * 3;
  let shift = 0;
  for (; multiplier <= 32767 / 2 && shift <= 30; shift++) multiplier *= 2;
  return { multiplier: Math.trunc(multiplier), shift };
}

/**
 * LOGISTIC and TANH by one table; results are in 1 / 32768. Stock kernels compute arguments in
 * 2^-12, and TANH those in 2^-11, by a series instead.
 */
export function sigmoidal(kernel: 'logistic_16' | 'tanh_16'): WordForm {
  return (from) => {
    const power = Math.log2(from.scale);
    const isNear = (whole: number) => Math.abs(power - whole) < 1e-3;
    if (isNear(-12) || (kernel === 'tanh_16' && isNear(-11))) return null;
    return ({ emit, x, y }) => {
      const table = emit.constant('sigmoids', sigmoidTable);
      emit.call(kernel, { ...vectors(x, y), table, ...tableFactor(from.scale) });
    };
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

/** a * b / 2^15 in 16 bits, half up. */
const highProduct = (a: number, b: number) => word(Math.floor((a * b + 2 ** 14) / 2 ** 15));
const word = (x: number) => Math.min(Math.max(x, -32768), 32767);
const halfAway = (x: number) => Math.sign(x) * Math.round(Math.abs(x));

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
    return saturate(halfAway(high * 2 ** (shift - 20)) + to.zero, to);
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
    if (inner.shift > 0) gate = word(gate * 2 ** (inner.shift - 1));
    gate = highProduct(gate, innerFactor);
    if (inner.shift > 0) gate = word(gate * 2);
    if (inner.shift < 0) gate = halfAway(gate * 2 ** inner.shift);
    const share = (gate + 2 ** 15) >> 1;
    const product = Math.trunc((share * highProduct(x, outerFactor)) / 2 ** 15);
    return saturate(halfAway(product * 2 ** outer.shift) + to.zero, to);
  };
};
