import {
  GeluOptions,
  L2NormOptions,
  LeakyReluOptions,
  LocalResponseNormalizationOptions,
  SoftmaxOptions,
} from '../generated/options.js';
import type { TensorType } from '../tensor-type.js';
import { defineOp, type NoOptions, type OpRecord } from './op.js';
import { type AnySite, computedDtype, input, inputOfRank, output, requireDtype } from './site.js';

const ARITY = { inputs: [1, 1], outputs: [1, 1] } as const;

/** One input, one output of the same shape. */
function sameShape(site: AnySite): readonly TensorType[] {
  const { dtype, shape } = input(site, 0, 'input');
  return [output(site, 0, computedDtype(site, dtype), shape)];
}

function unary(): OpRecord<NoOptions> {
  return defineOp({
    ...ARITY,
    options: null,
    infer: sameShape,
  });
}

/** Ops that compute each element, or each vector along the last dimension, from the input alone. */
export const UNARY_OPS = {
  ABS: defineOp({
    ...ARITY,
    options: null,
    infer: sameShape,
  }),
  NEG: unary(),
  EXP: unary(),
  LOG: unary(),
  SQRT: unary(),
  RSQRT: unary(),
  SQUARE: unary(),
  SIN: unary(),
  COS: unary(),
  CEIL: unary(),
  FLOOR: unary(),
  ROUND: unary(),
  SIGN: unary(),
  LOGICAL_NOT: defineOp({
    ...ARITY,
    options: null,
    infer: (site) => {
      requireDtype(site, 0, 'input', 'bool');
      return sameShape(site);
    },
  }),
  RELU: unary(),
  RELU6: unary(),
  RELU_N1_TO_1: unary(),
  RELU_0_TO_1: unary(),
  ELU: unary(),
  HARD_SWISH: unary(),
  LOGISTIC: unary(),
  TANH: unary(),
  LOG_SOFTMAX: unary(),
  LEAKY_RELU: defineOp({
    ...ARITY,
    options: LeakyReluOptions,
    infer: sameShape,
  }),
  GELU: defineOp({
    ...ARITY,
    options: GeluOptions,
    infer: sameShape,
  }),
  SOFTMAX: defineOp({
    ...ARITY,
    options: SoftmaxOptions,
    infer: (site) => {
      inputOfRank(site, 0, 'logits', 1, Infinity);
      return sameShape(site);
    },
  }),
  L2_NORMALIZATION: defineOp({
    ...ARITY,
    options: L2NormOptions,
    infer: sameShape,
  }),
  LOCAL_RESPONSE_NORMALIZATION: defineOp({
    ...ARITY,
    options: LocalResponseNormalizationOptions,
    infer: (site) => {
      inputOfRank(site, 0, 'input', 4);
      return sameShape(site);
    },
  }),
};
