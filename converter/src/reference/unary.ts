import { LinnetError } from '@linnet/schema';
import type { ReferenceFamily, ReferenceKernel } from './kernel.js';
import { clamp, erfc, roundHalfEven } from './numbers.js';
import {
  fromIntegers,
  fromReals,
  integers,
  isInteger,
  isQuantized,
  reals,
  required,
  sizeOf,
  unsupportedDtype,
} from './values.js';

type NoOptionUnary =
  | 'ABS'
  | 'NEG'
  | 'EXP'
  | 'LOG'
  | 'SQRT'
  | 'RSQRT'
  | 'SQUARE'
  | 'SIN'
  | 'COS'
  | 'CEIL'
  | 'FLOOR'
  | 'ROUND'
  | 'SIGN'
  | 'RELU'
  | 'RELU6'
  | 'RELU_N1_TO_1'
  | 'RELU_0_TO_1'
  | 'ELU'
  | 'HARD_SWISH'
  | 'LOGISTIC'
  | 'TANH';

type Real = (x: number) => number;
type Integer = (x: bigint) => bigint;

/** y = f(x) elementwise, any shape; `integer` where the op is defined on plain integers. */
function unary(real: Real, integer?: Integer): ReferenceKernel<NoOptionUnary> {
  return ({ inputs, outputs }) => {
    const x = required(inputs, 0);
    if (!isInteger(x.dtype) || isQuantized(x)) {
      return [fromReals(outputs[0]!, Float64Array.from(reals(x), real))];
    }
    if (!integer) throw unsupportedDtype(x, 'a float or quantized dtype');
    return [fromIntegers(outputs[0]!, integers(x).map(integer))];
  };
}

const between = (low: number, high: number) =>
  unary(
    (x) => clamp(x, low, high),
    (x) => (x < low ? BigInt(low) : x > high ? BigInt(high) : x),
  );

/** 1 / (1 + exp(-x)), without overflow. */
export const logistic: Real = (x) =>
  x >= 0 ? 1 / (1 + Math.exp(-x)) : Math.exp(x) / (1 + Math.exp(x));

const gelu: Real = (x) => (x === -Infinity ? 0 : 0.5 * x * erfc(-x / Math.SQRT2));

const geluTanh: Real = (x) =>
  x === -Infinity ? 0 : x * logistic(2 * Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3));

export const UNARY: ReferenceFamily<
  NoOptionUnary | 'LOGICAL_NOT' | 'ZEROS_LIKE' | 'LEAKY_RELU' | 'GELU'
> = {
  ABS: unary(Math.abs, (x) => (x < 0n ? -x : x)),
  NEG: unary(
    (x) => -x,
    (x) => -x,
  ),
  EXP: unary(Math.exp),
  LOG: unary(Math.log),
  SQRT: unary(Math.sqrt),
  RSQRT: unary((x) => 1 / Math.sqrt(x)),
  SQUARE: unary(
    (x) => x * x,
    (x) => x * x,
  ),
  SIN: unary(Math.sin),
  COS: unary(Math.cos),
  CEIL: unary(Math.ceil),
  FLOOR: unary(Math.floor),
  ROUND: unary(roundHalfEven),
  SIGN: unary(Math.sign, (x) => (x > 0n ? 1n : x < 0n ? -1n : 0n)),
  RELU: between(0, Infinity),
  RELU6: between(0, 6),
  RELU_N1_TO_1: between(-1, 1),
  RELU_0_TO_1: between(0, 1),
  ELU: unary((x) => (x < 0 ? Math.expm1(x) : x)),
  HARD_SWISH: unary((x) => (x * clamp(x + 3, 0, 6)) / 6),
  LOGISTIC: unary(logistic),
  TANH: unary(Math.tanh),

  LEAKY_RELU: ({ inputs, outputs, options }) => {
    const leak: Real = (x) => (x >= 0 ? x : x * options.alpha);
    return [fromReals(outputs[0]!, Float64Array.from(reals(required(inputs, 0)), leak))];
  },

  GELU: ({ inputs, outputs, options }) => {
    const formula = options.approximate ? geluTanh : gelu;
    return [fromReals(outputs[0]!, Float64Array.from(reals(required(inputs, 0)), formula))];
  },

  LOGICAL_NOT: ({ inputs, outputs }) => {
    const x = required(inputs, 0);
    if (x.dtype !== 'bool') throw unsupportedDtype(x, 'bool');
    return [
      fromIntegers(
        outputs[0]!,
        integers(x).map((bit) => 1n - bit),
      ),
    ];
  },

  ZEROS_LIKE: ({ inputs, outputs }) => {
    const x = required(inputs, 0);
    if (x.dtype === 'string') throw new LinnetError('UNSUPPORTED', 'There is no zero string.');
    return [fromReals(outputs[0]!, new Float64Array(sizeOf(x.shape)))];
  },
};
