import { TensorType as TypeCode } from '../generated/enums/tensor-type.js';
import {
  ArgMaxOptions,
  ArgMinOptions,
  CumsumOptions,
  ReducerOptions,
} from '../generated/options.js';
import { type TensorType, UNKNOWN_DIM } from '../tensor-type.js';
import { defineOp, type OpRecord } from './op.js';
import {
  type AnySite,
  computedDtype,
  declaredRank,
  indexDtype,
  input,
  inputOfRank,
  integer,
  integers,
  listLength,
  normalizeAxis,
  output,
  refuse,
  requireDtype,
  unknownShape,
  withDim,
  withoutDim,
} from './site.js';

/** The shape that is left when the dimensions that input 1 names are reduced. */
function reducedShape(site: AnySite, keepDims: boolean): readonly number[] {
  const { shape } = input(site, 0, 'input');
  const axes = integers(site, 1, 'axes');
  if (axes === undefined) {
    if (keepDims) return unknownShape(shape.length);
    const count = listLength(site, 1, 'axes');
    return unknownShape(declaredRank(site, Math.max(0, shape.length - Math.max(0, count))));
  }
  const reduced = new Set(axes.map((axis) => normalizeAxis(axis, shape.length)));
  return keepDims
    ? shape.map((dim, axis) => (reduced.has(axis) ? 1 : dim))
    : shape.filter((_, axis) => !reduced.has(axis));
}

function reduction(onlyBool = false): OpRecord<ReducerOptions> {
  return defineOp({
    options: ReducerOptions,
    inputs: [2, 2],
    outputs: [1, 1],
    valueInputs: [1],
    infer: (site) => {
      if (onlyBool) requireDtype(site, 0, 'input', 'bool');
      const dtype = computedDtype(site, input(site, 0, 'input').dtype);
      return [output(site, 0, dtype, reducedShape(site, site.options.keepDims))];
    },
  });
}

const ARG = {
  inputs: [2, 2],
  outputs: [1, 1],
  valueInputs: [1],
} as const;

function argShape(site: AnySite): readonly number[] {
  const { shape } = inputOfRank(site, 0, 'input', 1, Infinity);
  const axis = integer(site, 1, 'axis');
  return axis === undefined
    ? unknownShape(shape.length - 1)
    : withoutDim(shape, normalizeAxis(axis, shape.length));
}

/** Ops that fold dimensions away, search along them, or group what they hold. */
export const REDUCE_OPS = {
  SUM: reduction(),
  MEAN: reduction(),
  REDUCE_MAX: reduction(),
  REDUCE_MIN: reduction(),
  REDUCE_PROD: reduction(),
  REDUCE_ANY: reduction(true),
  REDUCE_ALL: reduction(true),
  ARG_MAX: defineOp({
    ...ARG,
    options: ArgMaxOptions,
    infer: (site): readonly TensorType[] => [
      { dtype: indexDtype(site, 0, site.options.outputType), shape: argShape(site) },
    ],
  }),
  ARG_MIN: defineOp({
    ...ARG,
    options: ArgMinOptions,
    infer: (site): readonly TensorType[] => [
      { dtype: indexDtype(site, 0, site.options.outputType), shape: argShape(site) },
    ],
  }),
  CUMSUM: defineOp({
    options: CumsumOptions,
    inputs: [2, 2],
    outputs: [1, 1],
    valueInputs: [1],
    infer: (site) => {
      const { dtype, shape } = inputOfRank(site, 0, 'input', 1, Infinity);
      normalizeAxis(integer(site, 1, 'axis') ?? 0, shape.length);
      return [output(site, 0, dtype, shape)];
    },
  }),
  TOPK_V2: defineOp({
    options: null,
    inputs: [2, 2],
    outputs: [2, 2],
    valueInputs: [1],
    infer: (site) => {
      const { dtype, shape } = inputOfRank(site, 0, 'input', 1, Infinity);
      const size = shape.at(-1) as number;
      const k = integer(site, 1, 'k') ?? UNKNOWN_DIM;
      if (k < UNKNOWN_DIM || (size !== UNKNOWN_DIM && k > size)) {
        refuse(`Input 1 (k) is ${k}; expected a number up to ${size}, the last dimension.`);
      }
      const found = withDim(shape, shape.length - 1, k);
      const indices = indexDtype(site, 1, TypeCode.INT32);
      return [output(site, 0, dtype, found), { dtype: indices, shape: found }];
    },
  }),
};
