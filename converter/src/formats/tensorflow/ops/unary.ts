import type { OpName } from '@linnet/schema';
import type { TensorId } from '../../../graph/graph.js';
import { FLOAT32_MAX } from '../numbers.js';
import type { Site, TfImport, TfOps } from '../site.js';
import { add, addScalar, direct, div, filledLike, mul, scale, sub } from './compose.js';

/** Constants of SELU. Source: Klambauer et al., "Self-Normalizing Neural Networks" (2017). */
const SELU_ALPHA = 1.6732632423543772;
const SELU_SCALE = 1.0507009873554805;

const builtin = (op: OpName) => (site: Site, x: TensorId) => site.add(op, [x]);
const abs = builtin('ABS');
const cos = builtin('COS');
const exp = builtin('EXP');
const log = builtin('LOG');
const neg = builtin('NEG');
const relu = builtin('RELU');
const sin = builtin('SIN');
const sqrt = builtin('SQRT');
const square = builtin('SQUARE');

/** An op of one input, given as a formula of it. */
function formula(write: (site: Site, x: TensorId) => TensorId): TfImport {
  return (site) => write(site, site.input(0));
}

/**
 * 1 + erf(z), through GELU(w) = w / 2 * (1 + erf(w / sqrt 2)) with w = sqrt(2) * z.
 *
 * Where |w| is under 2^-24, w is replaced by that: the result is 1 to within 2e-8. Otherwise as
 * exact as GELU and one division, about 3 units in the last place.
 */
function onePlusErf(site: Site, z: TensorId): TensorId {
  const w = scale(site, z, Math.SQRT2);
  const tiny = site.scalarLike(2 ** -24, w);
  const isTiny = site.add('LESS', [abs(site, w), tiny]);
  const divisor = site.add('SELECT_V2', [isTiny, tiny, w]);
  return scale(site, div(site, site.add('GELU', [divisor], { approximate: false }), divisor), 2);
}

/** (e^x + sign * e^-x) / 2 */
function hyperbolic(site: Site, x: TensorId, combine: typeof add): TensorId {
  return scale(site, combine(site, exp(site, x), exp(site, neg(site, x))), 0.5);
}

/** Functions of one tensor, element by element, and softmaxes over the last dimension. */
export const UNARY: TfOps = {
  Abs: direct('ABS'),
  Ceil: direct('CEIL'),
  Cos: direct('COS'),
  Elu: direct('ELU'),
  Exp: direct('EXP'),
  Floor: direct('FLOOR'),
  Log: direct('LOG'),
  LogicalNot: direct('LOGICAL_NOT'),
  Neg: direct('NEG'),
  Relu: direct('RELU'),
  Relu6: direct('RELU6'),
  /** Both round halves to even. */
  Round: direct('ROUND'),
  Rint: direct('ROUND'),
  Rsqrt: direct('RSQRT'),
  Sigmoid: direct('LOGISTIC'),
  Sign: direct('SIGN'),
  Sin: direct('SIN'),
  Sqrt: direct('SQRT'),
  Square: direct('SQUARE'),
  Tanh: direct('TANH'),
  LogSoftmax: direct('LOG_SOFTMAX'),

  LeakyRelu: (site) =>
    site.add('LEAKY_RELU', [site.input(0)], { alpha: site.attrs.float('alpha', 0.2) }),
  Softmax: (site) => site.add('SOFTMAX', [site.input(0)], { beta: 1 }),

  Reciprocal: formula((site, x) => div(site, site.scalarLike(1, x), x)),
  Inv: formula((site, x) => div(site, site.scalarLike(1, x), x)),
  Log1p: formula((site, x) => log(site, addScalar(site, x, 1))),
  Expm1: formula((site, x) => addScalar(site, exp(site, x), -1)),

  /** max(x, 0) + log(1 + e^-|x|), which does not overflow. */
  Softplus: formula((site, x) =>
    add(site, relu(site, x), log(site, addScalar(site, exp(site, neg(site, abs(site, x))), 1))),
  ),
  Softsign: formula((site, x) => div(site, x, addScalar(site, abs(site, x), 1))),
  /** scale * (max(x, 0) + alpha * (e^min(x, 0) - 1)) */
  Selu: formula((site, x) => {
    const negative = site.add('ELU', [site.add('MINIMUM', [x, site.scalarLike(0, x)])]);
    return scale(site, add(site, relu(site, x), scale(site, negative, SELU_ALPHA)), SELU_SCALE);
  }),

  Erf: formula((site, x) => addScalar(site, onePlusErf(site, x), -1)),
  Erfc: formula((site, x) => onePlusErf(site, neg(site, x))),

  Tan: formula((site, x) => div(site, sin(site, x), cos(site, x))),
  Sinh: formula((site, x) => hyperbolic(site, x, sub)),
  Cosh: formula((site, x) => hyperbolic(site, x, add)),
  /** sign(x) * log(|x| + sqrt(x^2 + 1)) */
  Asinh: formula((site, x) => {
    const magnitude = abs(site, x);
    const root = sqrt(site, addScalar(site, square(site, x), 1));
    return mul(site, site.add('SIGN', [x]), log(site, add(site, magnitude, root)));
  }),
  Acosh: formula((site, x) =>
    log(site, add(site, x, sqrt(site, addScalar(site, square(site, x), -1)))),
  ),
  /** log((1 + x) / (1 - x)) / 2 */
  Atanh: formula((site, x) =>
    scale(site, log(site, div(site, addScalar(site, x, 1), addScalar(site, neg(site, x), 1))), 0.5),
  ),
  Atan: formula((site, x) => site.add('ATAN2', [x, filledLike(site, 1, x)])),
  Asin: formula((site, x) =>
    site.add('ATAN2', [x, sqrt(site, addScalar(site, neg(site, square(site, x)), 1))]),
  ),
  Acos: formula((site, x) =>
    site.add('ATAN2', [sqrt(site, addScalar(site, neg(site, square(site, x)), 1)), x]),
  ),

  IsNan: formula((site, x) => site.add('NOT_EQUAL', [x, x])),
  IsInf: formula((site, x) =>
    site.add('EQUAL', [abs(site, x), site.scalarLike(Number.POSITIVE_INFINITY, x)]),
  ),
  /** No comparison with NaN holds. */
  IsFinite: formula((site, x) =>
    site.add('LESS_EQUAL', [abs(site, x), site.scalarLike(FLOAT32_MAX, x)]),
  ),
};
