/**
 * The elementary functions against float64 over the whole range of float32: results must lie within
 * the bounds that mathf.h and mathd.h state, in units in the last place of the exact result.
 */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { type KernelHost, openKernels } from './harness.js';

/** Bit patterns of float32 this far apart; a prime, so that mantissas differ from exponent to exponent. */
const STRIDE = 4099;
const SPECIALS = [0, -0, 1, -1, Infinity, -Infinity, NaN, 2 ** -149, -(2 ** -126), 3.4028234e38];

/** Every STRIDE-th float32 whose magnitude is at most `limit`, and the special values. */
function samples(limit: number, stride = STRIDE): Float32Array {
  const bits = Uint32Array.from({ length: Math.floor(2 ** 32 / stride) }, (_, i) => i * stride);
  const values = new Float32Array(bits.buffer).filter((x) => Math.abs(x) <= limit);
  return Float32Array.from([...SPECIALS, ...values]);
}

/** The distance from a float32 at `x` to the next one away from zero. */
function ulp(x: number): number {
  const magnitude = Math.abs(Math.fround(x));
  if (magnitude < 2 ** -126) return 2 ** -149;
  return 2 ** (Math.floor(Math.log2(Math.min(magnitude, 3.4028234e38))) - 23);
}

/** The error in ulp; 0 where both are NaN or the same infinity, Infinity where only one is. */
function ulpError(got: number, exact: number): number {
  const rounded = Math.fround(exact);
  if (Object.is(got, rounded) || (Number.isNaN(got) && Number.isNaN(exact))) return 0;
  if (!Number.isFinite(got) || !Number.isFinite(rounded)) {
    const overflow = Math.abs(exact) > 3.4028234e38 && Math.abs(got) > 3.40282e38;
    return overflow ? 1 : Infinity;
  }
  return Math.abs(got - exact) / ulp(exact);
}

function erf(x: number): number {
  if (Math.abs(x) > 6) return Math.sign(x);
  let term = x;
  let sum = x;
  for (let n = 1; Math.abs(term) > 1e-17 * Math.abs(sum); n++) {
    term *= (2 * x * x) / (2 * n + 1);
    sum += term;
  }
  return (2 / Math.sqrt(Math.PI)) * Math.exp(-x * x) * sum;
}

interface Function1 {
  readonly kernel: `unary_${'exp' | 'log' | 'tanh' | 'logistic' | 'rsqrt' | 'elu' | 'sin' | 'cos'}_f32`;
  readonly exact: (x: number) => number;
  /** Largest error in ulp. */
  readonly bound: number;
}

const FUNCTIONS: readonly Function1[] = [
  { kernel: 'unary_exp_f32', exact: Math.exp, bound: 1.5 },
  { kernel: 'unary_log_f32', exact: Math.log, bound: 1.5 },
  { kernel: 'unary_tanh_f32', exact: Math.tanh, bound: 2 },
  { kernel: 'unary_logistic_f32', exact: (x) => 1 / (1 + Math.exp(-x)), bound: 3 },
  { kernel: 'unary_rsqrt_f32', exact: (x) => 1 / Math.sqrt(x), bound: 1.5 },
  { kernel: 'unary_elu_f32', exact: (x) => (x < 0 ? Math.expm1(x) : x), bound: 2 },
  { kernel: 'unary_sin_f32', exact: Math.sin, bound: 0.51 },
  { kernel: 'unary_cos_f32', exact: Math.cos, bound: 0.51 },
];

describe('elementary functions of the kernels', () => {
  let host: KernelHost;
  before(async () => {
    host = await openKernels('simd', 1, 128);
  });
  after(() => host.close());

  for (const { kernel, exact, bound } of FUNCTIONS) {
    test(`${kernel} is within ${bound} ulp`, () => {
      const x = samples(Infinity);
      const y = new Float32Array(x.length);
      host.call(kernel, { x, y, count: x.length, a: 0, b: 0 });
      assertWithin(x, y, exact, bound);
    });
  }

  test('gelu is within 2.5 ulp of its terms', () => {
    const x = samples(10);
    const y = new Float32Array(x.length);
    host.call('unary_gelu_f32', { x, y, count: x.length, a: 0, b: 0 });
    x.forEach((value, i) => {
      if (!Number.isFinite(value)) return;
      const exact = 0.5 * value * (1 + erf(value / Math.SQRT2));
      // 1 + erf cancels where x is negative: what counts is the error against x itself.
      const tolerance = 2.5 * ulp(value);
      const got = y[i] as number;
      assert.ok(Math.abs(got - exact) <= tolerance, `gelu(${value}) is ${got}, not ${exact}`);
    });
  });

  test('pow, atan2 and floor_mod are within 0.51 ulp', () => {
    const x = samples(Infinity, 1_048_583);
    const partners = [0, -0, 1, -1, 2, 0.5, -2.5, 3, 1e-3, 7.25, Infinity, -Infinity, NaN];
    const functions = {
      binary_pow_f32: (a: number, b: number) => a ** b,
      binary_atan2_f32: Math.atan2,
      binary_floor_mod_f32: floorMod,
    } as const;
    for (const [kernel, exact] of Object.entries(functions)) {
      for (const partner of partners) {
        const b = Float32Array.of(partner);
        const y = new Float32Array(x.length);
        host.call(kernel as keyof typeof functions, {
          a: x,
          b,
          y,
          rank: 1,
          dims: first(x.length),
          a_strides: first(1),
          b_strides: first(0),
          low: -Infinity,
          high: Infinity,
        });
        // JavaScript leaves 1 ** Infinity and 1 ** NaN undefined; C and TFLite say 1.
        const isOne = (value: number) => kernel === 'binary_pow_f32' && Math.abs(value) === 1;
        assertWithin(x, y, (a) => exact(a, b[0] as number), 0.51, isOne);
      }
    }
  });
});

function floorMod(a: number, b: number): number {
  const r = a % b;
  return r !== 0 && r < 0 !== b < 0 ? r + b : r;
}

/** A field of eight numbers of which only the first counts. */
function first(value: number): readonly number[] {
  return [value, 0, 0, 0, 0, 0, 0, 0];
}

function assertWithin(
  x: Float32Array,
  y: Float32Array,
  exact: (x: number) => number,
  bound: number,
  skip: (x: number) => boolean = () => false,
): void {
  let worst = { error: 0, at: 0 };
  x.forEach((value, i) => {
    if (skip(value)) return;
    const error = ulpError(y[i] as number, exact(value));
    if (error > worst.error) worst = { error, at: i };
  });
  const value = x[worst.at] as number;
  assert.ok(
    worst.error <= bound,
    `at ${value}: ${y[worst.at]} instead of ${exact(value)}, ${worst.error.toFixed(2)} ulp`,
  );
}
