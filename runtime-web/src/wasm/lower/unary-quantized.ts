/** Functions of one int16 tensor, number for number as TFLite computes them. */

import type { OptionsOf } from '@linnet/schema';
import { quantizedRange } from '../../lower/activation.js';
import { count } from '../../lower/dims.js';
import { combinedScale, fixedFactor, wordTable } from '../../lower/fixed-point.js';
import { type FunctionOp, gelu, geluTanh, tableOf } from '../../lower/functions.js';
import { inputOf, outputOf } from '../../lower/operands.js';
import { type PerTensor, perTensor } from '../../lower/quantization.js';
import type { LowerSite, Operand } from '../../plan/lowering.js';
import type { Emitter } from '../lowering.js';

/** Emits the computation of one int16 tensor from another. */
type WordEmitter = (site: {
  readonly emit: Emitter;
  readonly x: Operand;
  readonly y: Operand;
}) => void;

/** How an int16 tensor becomes another; null where stock kernels have no form for those types. */
type WordForm = (from: PerTensor, to: PerTensor) => WordEmitter | null;

const vectors = (x: Operand, y: Operand) => ({ x: x.ref, y: y.ref, count: count(x.type.shape) });

/**
 * Any function, interpolated between 512 steps of its argument; of arguments that are not positive it
 * may have a result of its own, as a stored integer.
 */
function interpolated(name: string, f: (x: number) => number, elsewhere?: number): WordForm {
  return (from, to) =>
    ({ emit, x, y }) => {
      const { fround } = Math;
      const [low, high] = [fround(-32768 * from.scale), fround(32767 * from.scale)];
      const key = `words ${name} ${from.scale} ${to.scale}`;
      const whole =
        elsewhere === undefined ? f : (x: number) => (x > 0 ? f(x) : elsewhere * to.scale);
      const table = emit.constant(key, () =>
        wordTable(whole, { low, high, step: to.scale }, fround),
      );
      emit.call('interpolate_16', { ...vectors(x, y), table });
    };
}

/** The root of x, rounded towards 0. Source: SqrtEvalQuantized of TFLite's elementwise.cc. */
const root: WordForm =
  (from, to) =>
  ({ emit, x, y }) =>
    emit.call('sqrt_16', { ...vectors(x, y), x_scale: from.scale, y_scale: to.scale });

/** x for x >= 0, alpha * x for others, between bounds on the reals. */
function rescaled(alpha: number, low = -Infinity, high = Infinity): WordForm {
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
function sigmoidal(kernel: 'logistic_16' | 'tanh_16'): WordForm {
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

/** The ops that have forms; others are computed as reals. */
const FORMS: { readonly [N in FunctionOp]?: (options: OptionsOf<N>) => WordForm } = {
  EXP: () => interpolated('exp', Math.exp),
  LOG: () => interpolated('log', Math.log, -32768),
  SQRT: () => root,
  RSQRT: () => interpolated('rsqrt', (x) => 1 / Math.sqrt(x), 32767),
  GELU: ({ approximate }) =>
    approximate ? interpolated('gelu tanh', geluTanh) : interpolated('gelu', gelu),
  TANH: () => sigmoidal('tanh_16'),
  LOGISTIC: () => sigmoidal('logistic_16'),
  RELU: () => rescaled(1, 0),
  RELU6: () => rescaled(1, 0, 6),
  RELU_N1_TO_1: () => rescaled(1, -1, 1),
  RELU_0_TO_1: () => rescaled(1, 0, 1),
  LEAKY_RELU: ({ alpha }) => rescaled(alpha),
  QUANTIZE: () => rescaled(1),
};

/** What emits a site's op from one quantized tensor to another; null where there is no kernel for it. */
export function functionOf(site: LowerSite<FunctionOp>): ((emit: Emitter) => void) | null {
  const table = tableOf(site);
  if (table === null) return wordsOf(site);
  const [x, y] = [inputOf(site, 0), outputOf(site)];
  return (emit) =>
    emit.call('lookup_8', { ...vectors(x, y), table: emit.constant(table.key, table.make) });
}

/** What emits a site's op from its int16 input to its int16 output; null for other types, and without a form. */
function wordsOf(site: LowerSite<FunctionOp>): ((emit: Emitter) => void) | null {
  const [x, y] = [inputOf(site, 0), outputOf(site)];
  const [from, to] = [perTensor(x.type), perTensor(y.type)];
  if (from?.dtype !== 'int16' || to?.dtype !== 'int16') return null;
  const emitWords = FORMS[site.op]?.(site.options as never)(from, to);
  return emitWords ? (emit) => emitWords({ emit, x, y }) : null;
}
