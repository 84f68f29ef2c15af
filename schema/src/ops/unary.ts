import {
  GeluOptions,
  L2NormOptions,
  LeakyReluOptions,
  LocalResponseNormalizationOptions,
  SoftmaxOptions,
} from '../generated/options.js';
import type { TensorType } from '../tensor-type.js';
import { defineOp, type NoOptions, type OpRecord } from './op.js';
import {
  type AnySite,
  computedDtype,
  type DtypeVersions,
  input,
  inputOfRank,
  inputVersion,
  output,
  outputVersion,
  requireDtype,
} from './site.js';

const ARITY = { inputs: [1, 1], outputs: [1, 1] } as const;

/** One input, one output of the same shape. */
function sameShape(site: AnySite): readonly TensorType[] {
  const { dtype, shape } = input(site, 0, 'input');
  return [output(site, 0, computedDtype(site, dtype), shape)];
}

function unary(versions: DtypeVersions = {}): OpRecord<NoOptions> {
  return defineOp({
    ...ARITY,
    options: null,
    version: (site) => inputVersion(site, 0, versions),
    infer: sameShape,
  });
}

/** Ops that compute each element, or each vector along the last dimension, from the input alone. */
export const UNARY_OPS = {
  ABS: defineOp({
    ...ARITY,
    options: null,
    version: (site) =>
      inputVersion(site, 0, {
        int8: 2,
        uint8: 2,
        int16: site.inputs[0]?.quantization ? 3 : 4,
        int32: 5,
      }),
    infer: sameShape,
  }),
  NEG: unary(),
  EXP: unary({ int8: 2, int16: 2 }),
  LOG: unary({ int8: 2, int16: 2 }),
  SQRT: unary({ int8: 2, int16: 2 }),
  RSQRT: unary({ int8: 2, int16: 3 }),
  SQUARE: unary(),
  SIN: unary({ float16: 2 }),
  COS: unary({ float16: 2 }),
  CEIL: unary(),
  FLOOR: unary(),
  ROUND: unary(),
  SIGN: unary({ int32: 2 }),
  LOGICAL_NOT: defineOp({
    ...ARITY,
    options: null,
    version: () => 1,
    infer: (site) => {
      requireDtype(site, 0, 'input', 'bool');
      return sameShape(site);
    },
  }),
  RELU: unary({ int8: 2, uint8: 2, int16: 3 }),
  RELU6: unary({ int8: 2, int16: 3 }),
  RELU_N1_TO_1: unary(),
  RELU_0_TO_1: unary(),
  ELU: unary(),
  HARD_SWISH: unary(),
  LOGISTIC: unary({ int8: 2, int16: 3 }),
  TANH: unary({ int8: 2, int16: 3 }),
  LOG_SOFTMAX: unary({ int8: 2 }),
  LEAKY_RELU: defineOp({
    ...ARITY,
    options: LeakyReluOptions,
    version: (site) => inputVersion(site, 0, { int16: 2 }),
    infer: sameShape,
  }),
  GELU: defineOp({
    ...ARITY,
    options: GeluOptions,
    version: (site) => inputVersion(site, 0, { int8: 2, uint8: 2, float16: 3 }),
    infer: sameShape,
  }),
  SOFTMAX: defineOp({
    ...ARITY,
    options: SoftmaxOptions,
    version: (site) => inputVersion(site, 0, { int8: 2, int16: 3, float16: 4 }),
    infer: (site) => {
      inputOfRank(site, 0, 'logits', 1, Infinity);
      return sameShape(site);
    },
  }),
  L2_NORMALIZATION: defineOp({
    ...ARITY,
    options: L2NormOptions,
    version: (site) => outputVersion(site, 0, { int8: 2 }),
    infer: sameShape,
  }),
  LOCAL_RESPONSE_NORMALIZATION: defineOp({
    ...ARITY,
    options: LocalResponseNormalizationOptions,
    version: () => 1,
    infer: (site) => {
      inputOfRank(site, 0, 'input', 4);
      return sameShape(site);
    },
  }),
};
