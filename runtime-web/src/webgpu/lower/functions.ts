/** Elementwise functions of one tensor that networks of convolutions seldom have. */
import type { OpName, OptionsOf } from '@linnet/schema';
import type { FunctionOp } from '../../lower/functions.js';
import type { Lowering } from '../lowering.js';
import { f32 } from '../wgsl/kernel.js';
import type { IntegerShaders } from './integers.js';
import { type Row, TANH, unaryLowering } from './unary.js';

/**
 * The error function, to 1.5e-7.
 * Source: Abramowitz and Stegun, Handbook of Mathematical Functions, 7.1.26.
 */
const ERF = `
fn erf(v: vec4<f32>) -> vec4<f32> {
  let x = abs(v);
  let t = 1.0 / (1.0 + 0.3275911 * x);
  let p = t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))));
  return sign(v) * (1.0 - p * exp(-x * x));
}`;

/**
 * Devices' own sines are off by up to 2^-11. Here half turns are taken off, in three parts of pi, and the
 * Taylor polynomial gives the rest to 6e-8; `shift` is 0.5 for the cosine. Source: Cody and Waite, Software
 * Manual for the Elementary Functions, chapter 8.
 */
const SINE = `
fn sine(v: vec4<f32>, shift: f32) -> vec4<f32> {
  let turns = round(v * 0.318309886 + shift);
  let n = turns - shift;
  let r = ((v - n * 3.140625) - n * 9.6702576e-4) - n * 6.2771144e-7;
  let s = r * r;
  let p = r * (1.0 + s * (-1.0 / 6.0 + s * (1.0 / 120.0 + s * (-1.0 / 5040.0 + s * (1.0 / 362880.0 - s / 39916800.0)))));
  return select(p, -p, turns != 2.0 * round(turns * 0.5));
}`;

export function functionLowerings(integers: IntegerShaders | null) {
  const unary = <N extends FunctionOp>(row: Row | ((options: OptionsOf<N>) => Row)) =>
    unaryLowering<N>(row, integers);
  return {
    ABS: unary<'ABS'>({ expression: 'abs(a)', counts: true }),
    NEG: unary<'NEG'>({ expression: '-a', counts: true }),
    SQUARE: unary<'SQUARE'>({ expression: 'a * a', counts: true }),
    SIGN: unary<'SIGN'>({ expression: 'sign(a)', counts: true }),
    EXP: unary<'EXP'>({ expression: 'exp(a)' }),
    LOG: unary<'LOG'>({ expression: 'log(a)' }),
    SIN: unary<'SIN'>({ expression: 'sine(a, 0.0)', declarations: SINE }),
    COS: unary<'COS'>({ expression: 'sine(a, 0.5)', declarations: SINE }),
    SQRT: unary<'SQRT'>({ expression: 'sqrt(a)' }),
    RSQRT: unary<'RSQRT'>({ expression: 'inverseSqrt(a)' }),
    CEIL: unary<'CEIL'>({ expression: 'ceil(a)' }),
    FLOOR: unary<'FLOOR'>({ expression: 'floor(a)' }),
    ROUND: unary<'ROUND'>({ expression: 'round(a)' }),
    RELU_N1_TO_1: unary<'RELU_N1_TO_1'>({ expression: 'clamp(a, vec4(-1.0), vec4(1.0))' }),
    RELU_0_TO_1: unary<'RELU_0_TO_1'>({ expression: 'clamp(a, vec4(0.0), vec4(1.0))' }),
    LEAKY_RELU: unary<'LEAKY_RELU'>(({ alpha }) => ({
      expression: 'select(a, a * params.alpha, a < vec4(0.0))',
      params: { alpha: f32(alpha) },
    })),
    ELU: unary<'ELU'>({ expression: 'select(a, exp(a) - 1.0, a < vec4(0.0))' }),
    GELU: unary<'GELU'>(({ approximate }) =>
      approximate
        ? {
            expression: '0.5 * a * (1.0 + bounded_tanh(0.797884561 * (a + 0.044715 * a * a * a)))',
            declarations: TANH,
          }
        : { expression: '0.5 * a * (1.0 + erf(a * 0.707106781))', declarations: ERF },
    ),
  } as const satisfies { readonly [N in OpName]?: Lowering<N> };
}
