import {
  GeluOptions,
  L2NormOptions,
  LeakyReluOptions,
  LocalResponseNormalizationOptions,
  SoftmaxOptions,
} from '../generated/options.js';
import { BuiltinOperator } from '../generated/tables/builtin-operator.js';
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

function unary(code: BuiltinOperator, versions: DtypeVersions = {}): OpRecord<NoOptions> {
  return defineOp({
    ...ARITY,
    code,
    options: null,
    version: (site) => inputVersion(site, 0, versions),
    infer: sameShape,
  });
}

/** Ops that compute each element, or each vector along the last dimension, from the input alone. */
export const UNARY_OPS = {
  ABS: defineOp({
    ...ARITY,
    code: BuiltinOperator.ABS,
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
  NEG: unary(BuiltinOperator.NEG),
  EXP: unary(BuiltinOperator.EXP, { int8: 2, int16: 2 }),
  LOG: unary(BuiltinOperator.LOG, { int8: 2, int16: 2 }),
  SQRT: unary(BuiltinOperator.SQRT, { int8: 2, int16: 2 }),
  RSQRT: unary(BuiltinOperator.RSQRT, { int8: 2, int16: 3 }),
  SQUARE: unary(BuiltinOperator.SQUARE),
  SIN: unary(BuiltinOperator.SIN, { float16: 2 }),
  COS: unary(BuiltinOperator.COS, { float16: 2 }),
  CEIL: unary(BuiltinOperator.CEIL),
  FLOOR: unary(BuiltinOperator.FLOOR),
  ROUND: unary(BuiltinOperator.ROUND),
  SIGN: unary(BuiltinOperator.SIGN, { int32: 2 }),
  LOGICAL_NOT: defineOp({
    ...ARITY,
    code: BuiltinOperator.LOGICAL_NOT,
    options: null,
    version: () => 1,
    infer: (site) => {
      requireDtype(site, 0, 'input', 'bool');
      return sameShape(site);
    },
  }),
  RELU: unary(BuiltinOperator.RELU, { int8: 2, uint8: 2, int16: 3 }),
  RELU6: unary(BuiltinOperator.RELU6, { int8: 2, int16: 3 }),
  RELU_N1_TO_1: unary(BuiltinOperator.RELU_N1_TO_1),
  RELU_0_TO_1: unary(BuiltinOperator.RELU_0_TO_1),
  ELU: unary(BuiltinOperator.ELU),
  HARD_SWISH: unary(BuiltinOperator.HARD_SWISH),
  LOGISTIC: unary(BuiltinOperator.LOGISTIC, { int8: 2, int16: 3 }),
  TANH: unary(BuiltinOperator.TANH, { int8: 2, int16: 3 }),
  ZEROS_LIKE: unary(BuiltinOperator.ZEROS_LIKE),
  LOG_SOFTMAX: unary(BuiltinOperator.LOG_SOFTMAX, { int8: 2 }),
  LEAKY_RELU: defineOp({
    ...ARITY,
    code: BuiltinOperator.LEAKY_RELU,
    options: LeakyReluOptions,
    version: (site) => inputVersion(site, 0, { int16: 2 }),
    infer: sameShape,
  }),
  GELU: defineOp({
    ...ARITY,
    code: BuiltinOperator.GELU,
    options: GeluOptions,
    version: (site) => inputVersion(site, 0, { int8: 2, uint8: 2, float16: 3 }),
    infer: sameShape,
  }),
  SOFTMAX: defineOp({
    ...ARITY,
    code: BuiltinOperator.SOFTMAX,
    options: SoftmaxOptions,
    version: (site) => inputVersion(site, 0, { int8: 2, int16: 3, float16: 4 }),
    infer: (site) => {
      inputOfRank(site, 0, 'logits', 1, Infinity);
      return sameShape(site);
    },
  }),
  L2_NORMALIZATION: defineOp({
    ...ARITY,
    code: BuiltinOperator.L2_NORMALIZATION,
    options: L2NormOptions,
    version: (site) => outputVersion(site, 0, { int8: 2 }),
    infer: sameShape,
  }),
  LOCAL_RESPONSE_NORMALIZATION: defineOp({
    ...ARITY,
    code: BuiltinOperator.LOCAL_RESPONSE_NORMALIZATION,
    options: LocalResponseNormalizationOptions,
    version: () => 1,
    infer: (site) => {
      inputOfRank(site, 0, 'input', 4);
      return sameShape(site);
    },
  }),
};
