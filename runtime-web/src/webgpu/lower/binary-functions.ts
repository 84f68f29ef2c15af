/** Elementwise ops of two tensors that networks of convolutions seldom have. */
import type { OpName } from '@linnet/schema';
import type { Lowering } from '../lowering.js';
import { arithmetic } from './binary.js';
import type { IntegerShaders } from './integers.js';

/** The remainder of a division that rounds down, in case it rounds to one too many or too few. */
const FLOOR_MOD = `
fn floor_mod(a: vec4<f32>, b: vec4<f32>) -> vec4<f32> {
  let rest = a - b * floor(a / b);
  return select(rest, rest + b, rest * b < vec4(0.0));
}
fn floor_mod_integers(a: vec4<i32>, b: vec4<i32>) -> vec4<i32> {
  let rest = a % b;
  return select(rest, rest + b, (rest != vec4(0)) & ((rest ^ b) < vec4(0)));
}
fn floor_div_integers(a: vec4<i32>, b: vec4<i32>) -> vec4<i32> {
  return a / b - select(vec4(0), vec4(1), (a % b != vec4(0)) & ((a ^ b) < vec4(0)));
}`;

/** Powers of negative numbers are those of their magnitude with the sign that whole exponents give. */
const POWER = `
fn power(a: vec4<f32>, b: vec4<f32>) -> vec4<f32> {
  let magnitude = pow(abs(a), b);
  let is_odd = abs(b - 2.0 * floor(b / 2.0)) == vec4(1.0);
  return select(magnitude, -magnitude, (a < vec4(0.0)) & is_odd);
}`;

/** Given what integers take, for models that have some. */
export const binaryFunctionLowerings = (integers: IntegerShaders | null) =>
  ({
    FLOOR_DIV: arithmetic<'FLOOR_DIV'>({
      real: 'floor(a / b)',
      integer: 'floor_div_integers(a, b)',
      divides: true,
      declarations: FLOOR_MOD,
    }),
    FLOOR_MOD: arithmetic<'FLOOR_MOD'>({
      real: 'floor_mod(a, b)',
      integer: 'floor_mod_integers(a, b)',
      divides: true,
      declarations: FLOOR_MOD,
    }),
    POW: arithmetic<'POW'>({ real: 'power(a, b)', declarations: POWER }),
    MAXIMUM: arithmetic<'MAXIMUM'>('max(a, b)', integers),
    MINIMUM: arithmetic<'MINIMUM'>('min(a, b)', integers),
    SQUARED_DIFFERENCE: arithmetic<'SQUARED_DIFFERENCE'>('(a - b) * (a - b)'),
    PRELU: arithmetic<'PRELU'>({ real: 'select(a, a * b, a < vec4(0.0))' }),
  }) as const satisfies { readonly [N in OpName]?: Lowering<N> };
