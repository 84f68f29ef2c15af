/**
 * Quotients that round as IEEE 754 has it. WGSL's own may be 2.5 units in the last place off, and compilers may put a
 * product by a reciprocal in their place, so integers have the last word.
 * Source: https://www.w3.org/TR/WGSL/#floating-point-accuracy
 */
import type { Width } from './storage.js';

/**
 * The function `nearest_quotient(x, divisor, guess)`: x, an f32 or a vector, over an f32 as the nearest integer,
 * half to even, by a guess that is at most one off. The divisor is positive and normal, the quotient's
 * magnitude under 256.
 */
export function nearestQuotientFunction(width: Width): string {
  const of = (type: string) => (width === 4 ? `vec4<${type}>` : type);
  const [real, integer, word] = ['f32', 'i32', 'u32'].map(of) as [string, string, string];
  return `
fn nearest_quotient(x: ${real}, divisor: f32, guess: ${integer}) -> ${integer} {
  let bits = bitcast<${word}>(x);
  let divisor_bits = bitcast<u32>(divisor);
  // By how many bits the divisor's last place is above that of x, and one: below 0, x is under its half.
  let shift = ${integer}((bits >> ${word}(23u)) & ${word}(255u)) - i32(divisor_bits >> 23u) + 1;
  // Both in halves of the divisor's last place. What wraps round is right again in the rest, which is small.
  let size = ${integer}(((bits & ${word}(0x7fffffu)) | ${word}(0x800000u)) << ${word}(shift));
  let unit = ${integer}(i32((divisor_bits & 0x7fffffu) | 0x800000u) * 2);
  let rest = 2 * (select(size, -size, x < ${real}()) - guess * unit);
  let odd = guess & ${integer}(1);
  let more = select(${integer}(), ${integer}(1), rest + odd > unit);
  let less = select(${integer}(), ${integer}(1), odd - rest > unit);
  return select(guess + more - less, ${integer}(), shift < ${integer}());
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
