/**
 * Quotients that round as IEEE 754 has it. WGSL's own may be 2.5 units in the last place off, and compilers may put a
 * product by a reciprocal in their place, so that what they leave has the last word.
 * Source: https://www.w3.org/TR/WGSL/#floating-point-accuracy
 */
import type { Width } from './storage.js';

/**
 * The function `nearest_quotient(x, divisor, guess)`: x, an f32 or a vector, over an f32 as the nearest integer,
 * half to even, by a guess that is at most one off. The divisor is positive and normal, the quotient's
 * magnitude under 256.
 *
 * The divisor's significand in two parts, of 16 and 8 bits, makes products with the guess exact, and what they leave
 * of x is exact, too, whether or not compilers fuse these operations. So is all that is divided by 2^-60.
 */
export function nearestQuotientFunction(width: Width): string {
  const of = (type: string) => (width === 4 ? `vec4<${type}>` : type);
  const [real, integer] = [of('f32'), of('i32')];
  return `
fn nearest_quotient(x: ${real}, divisor: f32, guess: ${integer}) -> ${integer} {
  let up = select(1.0, 0x1p60f, divisor < 0x1p-60f);
  let unit = divisor * up;
  let high = bitcast<f32>(bitcast<u32>(unit) & 0xffffff00u);
  let count = ${real}(guess);
  let rest = (x * up - count * high) - count * (unit - high);
  // Of two integers that are as near, the one to take is even.
  let half = ${real}(0.5 * unit);
  let is_odd = (guess & ${integer}(1)) == ${integer}(1);
  let more = select(${integer}(), ${integer}(1), (rest > half) | ((rest == half) & is_odd));
  let less = select(${integer}(), ${integer}(1), (-rest > half) | ((-rest == half) & is_odd));
  return guess + more - less;
}`;
}

/** The function `over_127_5(x: f32) -> f32`: x / 127.5, for x from 127.5 * 2^-126 on. */
export const OVER_127_5 = `
fn over_127_5(x: f32) -> f32 {
  let bits = bitcast<u32>(x);
  // x / 127.5 is 256 / 255 of the significand, 2^7 times less: 24 bits, or 25 that end in a zero or a half.
  let whole = ((bits & 0x7fffffu) | 0x800000u) << 8u;
  let quotient = whole / 255u;
  let rest = whole % 255u;
  let is_long = quotient >= 0x1000000u;
  let kept = select(quotient, quotient >> 1u, is_long);
  let is_above = select(rest > 127u, (quotient & 1u) == 1u && (rest > 0u || (kept & 1u) == 1u), is_long);
  // Where the significand overflows it carries into the exponent.
  let exponent = (bits >> 23u) - select(7u, 6u, is_long);
  return bitcast<f32>((exponent << 23u) + (kept - 0x800000u) + select(0u, 1u, is_above));
}`;
