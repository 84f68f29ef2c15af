/** Real factors as TFLite's integer kernels hold them: fixed_point.h of the kernels. */
import { roundHalfEven } from './quantization.js';

/** multiplier * 2^(shift - 31), the multiplier from 2^30 up to 2^31; 0 for factors under 2^-32. */
export interface FixedFactor {
  readonly multiplier: number;
  readonly shift: number;
}

/** The nearest integer, of two the one farther from zero. */
export function roundHalfAway(x: number): number {
  return Math.sign(x) * Math.round(Math.abs(x));
}

/** The nearest of the numbers that an int16 holds. */
export function saturateWord(x: number): number {
  return Math.min(Math.max(x, -32768), 32767);
}

/** Source: QuantizeMultiplier of TFLite's quantization_util.cc. */
export function fixedFactor(real: number): FixedFactor {
  if (real < 0) {
    const { multiplier, shift } = fixedFactor(-real);
    return { multiplier: -multiplier, shift };
  }
  if (real === 0) return { multiplier: 0, shift: 0 };
  let shift = Math.floor(Math.log2(real)) + 1;
  if (real >= 2 ** shift) shift++;
  if (real < 2 ** (shift - 1)) shift--;
  const multiplier = Math.round(real * 2 ** (31 - shift));
  if (multiplier === 2 ** 31) return { multiplier: 2 ** 30, shift: shift + 1 };
  return shift < -31 ? { multiplier: 0, shift: 0 } : { multiplier, shift };
}

/** The multiplier rounded to 16 bits, for products with sums of 64 bits. */
export function reducedMultiplier({ multiplier }: FixedFactor): number {
  return multiplier < 0x7fff0000 ? (multiplier + 0x8000) >> 16 : 0x7fff;
}

/** a * b / c in float32 at each step, as TFLite and XNNPACK combine scales. */
export function combinedScale(a: number, b: number, c: number): number {
  return Math.fround(Math.fround(a * b) / c);
}

/** The arguments that a table of int16 results spans, and the reals of one step of them. */
export interface WordRange {
  readonly low: number;
  readonly high: number;
  readonly step: number;
}

/**
 * The results of f at 513 equally spaced arguments, each lowered by half the error that interpolation
 * makes in the middle of its interval. Source: LUTPopulateInt16 of TFLite's common.h.
 *
 * @param round to the precision that stock kernels compute the table in: Math.fround for float32
 */
export function wordTable(
  f: (x: number) => number,
  { low, high, step }: WordRange,
  round = (x: number) => x,
): Int16Array {
  const interval = round(round(high - low) / 512);
  const steps = round(65536 / round(round(32767 * step) - round(-32768 * step)));
  const at = (x: number) => round(round(f(round(x))) * steps);
  return Int16Array.from({ length: 513 }, (_, index) => {
    if (index === 512) return saturateWord(roundHalfAway(at(high)));
    const start = round(low + round(index * interval));
    const first = roundHalfAway(at(start));
    const next = at(low + round((index + 1) * interval));
    const middle = roundHalfAway(round(next + first) / 2);
    const error = middle - roundHalfAway(at(start + interval / 2));
    return saturateWord(first - roundHalfAway(error / 2));
  });
}

/** How XNNPACK adds 8-bit integers: scales over the result's, with 21 bits for the larger. */
export function sumFactors(aScale: number, bScale: number) {
  const [a, b] = [Math.fround(aScale), Math.fround(bScale)];
  const exponent = Math.floor(Math.log2(Math.max(Math.abs(a), Math.abs(b))));
  const shift = Math.min(Math.max(20 - exponent, 1), 30);
  const multiplier = (scale: number) =>
    Math.sign(scale) * Math.min(roundHalfEven(Math.abs(scale) * 2 ** shift), 2 ** 21);
  return { a_multiplier: multiplier(a), b_multiplier: multiplier(b), shift };
}
