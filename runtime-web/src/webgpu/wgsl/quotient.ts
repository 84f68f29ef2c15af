/**
 * Quotients that round as IEEE 754 has it. WGSL's own may be 2.5 units in the last place off, and compilers may put a
 * product by a reciprocal in their place, so integers have the last word.
 * Source: https://www.w3.org/TR/WGSL/#floating-point-accuracy
 */

const SIGNIFICAND = `
fn significand(x: f32) -> u32 { return (bitcast<u32>(x) & 0x7fffffu) | 0x800000u; }
fn exponent(x: f32) -> u32 { return (bitcast<u32>(x) >> 23u) & 255u; }`;

/**
 * The function `nearest_quotient(x, divisor, guess)`: x / divisor as the nearest integer, half to even, by a guess
 * that is at most one off. The divisor is positive and normal, the quotient's magnitude under 256.
 */
export const NEAREST_QUOTIENT = `${SIGNIFICAND}
fn nearest_quotient(x: f32, divisor: f32, guess: i32) -> i32 {
  // By how many bits the divisor's last place is above that of x, less one: below 0, x is under its half.
  let shift = i32(exponent(x)) - i32(exponent(divisor)) + 1;
  if (shift < 0) { return 0; }
  // Both in halves of the divisor's last place. What wraps round is right again in the rest, which is small.
  let size = bitcast<i32>(significand(x) << u32(shift));
  let unit = bitcast<i32>(significand(divisor) * 2u);
  let rest = 2 * (select(size, -size, x < 0.0) - guess * unit);
  let is_odd = (guess & 1) == 1;
  if (rest > unit || (rest == unit && is_odd)) { return guess + 1; }
  if (rest < -unit || (rest == -unit && is_odd)) { return guess - 1; }
  return guess;
}`;

/**
 * Beside NEAREST_QUOTIENT, the function `over_127_5(x)`: x / 127.5 as float32, for x from 127.5 * 2^-126 on.
 */
export const OVER_127_5 = `
fn over_127_5(x: f32) -> f32 {
  // x / 127.5 is 256 / 255 of the significand, 2^7 times less: 24 bits, or 25 that end in a zero or a half.
  let whole = significand(x) << 8u;
  let quotient = whole / 255u;
  let rest = whole % 255u;
  let is_long = quotient >= 0x1000000u;
  let kept = select(quotient, quotient >> 1u, is_long);
  let is_above = select(rest > 127u, (quotient & 1u) == 1u && (rest > 0u || (kept & 1u) == 1u), is_long);
  // Where the significand overflows it carries into the exponent.
  let bits = (exponent(x) - select(7u, 6u, is_long)) << 23u;
  return bitcast<f32>(bits + (kept - 0x800000u) + select(0u, 1u, is_above));
}`;
