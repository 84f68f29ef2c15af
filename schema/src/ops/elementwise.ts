import { bitWidth, type DType } from '../dtype.js';
import {
  FakeQuantOptions,
  GeluOptions,
  L2NormOptions,
  LeakyReluOptions,
  LocalResponseNormalizationOptions,
} from '../generated/options.js';
import { formatType, type TensorType } from '../tensor-type.js';
import { arithmetic, TWO } from './binary.js';
import { declaredDtype } from './convert.js';
import { defineOp, type NoOptions, type OpRecord } from './op.js';
import {
  type AnySite,
  input,
  inputOfRank,
  output,
  refuse,
  requireDtype,
  requireSameDtype,
  unify,
} from './site.js';
import { ONE, sameShape, unary } from './unary.js';

function comparison(site: AnySite): readonly TensorType[] {
  return [output(site, 0, 'bool', arithmetic(site)[0]?.shape ?? [])];
}

function plainBinary(infer: (site: AnySite) => readonly TensorType[]): OpRecord<NoOptions> {
  return defineOp({ ...TWO, options: null, infer });
}

function restricted(...dtypes: DType[]): (site: AnySite) => readonly TensorType[] {
  return (site) => {
    requireDtype(site, 0, 'operand', ...dtypes);
    return arithmetic(site);
  };
}

const logical = restricted('bool');
const bitwise = restricted(
  'int8',
  'uint8',
  'int16',
  'uint16',
  'int32',
  'uint32',
  'int64',
  'uint64',
);

/** Functions of elements, or of vectors along the last dimension, that networks of convolutions seldom have. */
export const ELEMENTWISE_OPS = {
  ABS: defineOp({
    ...ONE,
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
    ...ONE,
    options: null,
    infer: (site) => {
      requireDtype(site, 0, 'input', 'bool');
      return sameShape(site);
    },
  }),
  RELU_N1_TO_1: unary(),
  RELU_0_TO_1: unary(),
  ELU: unary(),
  LOG_SOFTMAX: unary(),
  LEAKY_RELU: defineOp({
    ...ONE,
    options: LeakyReluOptions,
    infer: sameShape,
  }),
  GELU: defineOp({
    ...ONE,
    options: GeluOptions,
    infer: sameShape,
  }),
  L2_NORMALIZATION: defineOp({
    ...ONE,
    options: L2NormOptions,
    infer: sameShape,
  }),
  LOCAL_RESPONSE_NORMALIZATION: defineOp({
    ...ONE,
    options: LocalResponseNormalizationOptions,
    infer: (site) => {
      inputOfRank(site, 0, 'input', 4);
      return sameShape(site);
    },
  }),
  FLOOR_DIV: plainBinary(arithmetic),
  FLOOR_MOD: plainBinary(arithmetic),
  POW: plainBinary(arithmetic),
  MAXIMUM: plainBinary(arithmetic),
  MINIMUM: plainBinary(arithmetic),
  SQUARED_DIFFERENCE: plainBinary(arithmetic),
  ATAN2: plainBinary(restricted('float32', 'float64')),
  EQUAL: plainBinary(comparison),
  NOT_EQUAL: plainBinary(comparison),
  GREATER: plainBinary(comparison),
  GREATER_EQUAL: plainBinary(comparison),
  LESS: plainBinary(comparison),
  LESS_EQUAL: plainBinary(comparison),
  LOGICAL_AND: plainBinary(logical),
  LOGICAL_OR: plainBinary(logical),
  BITWISE_XOR: plainBinary(bitwise),
  RIGHT_SHIFT: plainBinary(bitwise),
  PRELU: plainBinary((site) => {
    const [result] = arithmetic(site);
    const { shape } = input(site, 0, 'input');
    if (result?.shape.length !== shape.length) {
      refuse(
        `Input 1 (slopes) is ${formatType(input(site, 1, 'slopes'))}; expected at most rank ${shape.length}.`,
      );
    }
    return [result];
  }),
  ADD_N: defineOp({
    options: null,
    inputs: [1, Infinity],
    outputs: [1, 1],
    infer: (site) => {
      const first = input(site, 0, 'operand');
      let shape = first.shape;
      for (let index = 1; index < site.inputs.length; index++) {
        requireSameDtype(site, 0, index);
        const other = input(site, index, 'operand').shape;
        if (other.length !== shape.length) {
          refuse(`Input ${index} has rank ${other.length}; expected rank ${shape.length}.`);
        }
        shape = shape.map((dim, axis) =>
          unify(dim, other[axis] as number, `Dimension ${axis} of inputs 0 and ${index}`),
        );
      }
      return [output(site, 0, first.dtype, shape)];
    },
  }),
  BITCAST: defineOp({
    ...ONE,
    options: null,
    infer: (site) => {
      const source = input(site, 0, 'input');
      const dtype = declaredDtype(site);
      const ratio = bitWidth(source.dtype) / bitWidth(dtype);
      if (ratio === 1) return [output(site, 0, dtype, source.shape)];
      if (Number.isInteger(ratio)) return [output(site, 0, dtype, [...source.shape, ratio])];
      if (!Number.isInteger(1 / ratio) || source.shape.at(-1) !== 1 / ratio) {
        refuse(
          `Input 0 is ${formatType(source)}; expected a last dimension of ${1 / ratio} to make ${dtype} of.`,
        );
      }
      return [output(site, 0, dtype, source.shape.slice(0, -1))];
    },
  }),
  FAKE_QUANT: defineOp({
    ...ONE,
    options: FakeQuantOptions,
    infer: (site) => {
      const { dtype, shape } = input(site, 0, 'input');
      return [output(site, 0, dtype, shape)];
    },
  }),
};
