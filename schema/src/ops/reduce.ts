import { type DType, dtypeFromCode } from '../dtype.js';
import { TensorType as TypeCode } from '../generated/enums/tensor-type.js';
import {
  ArgMaxOptions,
  ArgMinOptions,
  CumsumOptions,
  ReducerOptions,
  UniqueOptions,
} from '../generated/options.js';
import { formatType, type TensorType, UNKNOWN_DIM } from '../tensor-type.js';
import { defineOp, type NoOptions, type OpRecord } from './op.js';
import {
  type AnySite,
  computedDtype,
  type DtypeVersions,
  declaredRank,
  input,
  inputOfRank,
  inputVersion,
  integer,
  integers,
  listLength,
  normalizeAxis,
  output,
  outputVersion,
  refuse,
  requireDtype,
  unify,
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

function reduction(versions: DtypeVersions = {}, onlyBool = false): OpRecord<ReducerOptions> {
  return defineOp({
    options: ReducerOptions,
    inputs: [2, 2],
    outputs: [1, 1],
    valueInputs: [1],
    version: (site) => inputVersion(site, 0, versions),
    infer: (site) => {
      if (onlyBool) requireDtype(site, 0, 'input', 'bool');
      const dtype = computedDtype(site, input(site, 0, 'input').dtype);
      return [output(site, 0, dtype, reducedShape(site, site.options.keepDims))];
    },
  });
}

/** The dtype of output `index`, which holds positions: as declared, else as the option says. */
function indexDtype(site: AnySite, index: number, option: TypeCode): DType {
  const dtype = site.outputs[index]?.dtype ?? dtypeFromCode(option);
  return dtype === 'int64' || dtype === 'int16' ? dtype : 'int32';
}

const ARG = {
  inputs: [2, 2],
  outputs: [1, 1],
  valueInputs: [1],
  version: (site: AnySite) => inputVersion(site, 0, { int8: 2, bool: 3 }),
} as const;

function argShape(site: AnySite): readonly number[] {
  const { shape } = inputOfRank(site, 0, 'input', 1, Infinity);
  const axis = integer(site, 1, 'axis');
  return axis === undefined
    ? unknownShape(shape.length - 1)
    : withoutDim(shape, normalizeAxis(axis, shape.length));
}

function unsortedSegment(): OpRecord<NoOptions> {
  return defineOp({
    options: null,
    inputs: [3, 3],
    outputs: [1, 1],
    valueInputs: [2],
    version: () => 1,
    infer: (site) => {
      const data = input(site, 0, 'data');
      const ids = input(site, 1, 'segment ids');
      ids.shape.forEach((dim, axis) => {
        const size = data.shape[axis];
        if (size === undefined) {
          refuse(`Input 1 (segment ids) is ${formatType(ids)}; its shape must begin that of data.`);
        }
        unify(dim, size, `Dimension ${axis} of data and segment ids`);
      });
      const count = integer(site, 2, 'number of segments') ?? UNKNOWN_DIM;
      if (count < UNKNOWN_DIM) refuse(`Input 2 (number of segments) is ${count}.`);
      return [output(site, 0, data.dtype, [count, ...data.shape.slice(ids.shape.length)])];
    },
  });
}

/** Ops that fold dimensions away, search along them, or group what they hold. */
export const REDUCE_OPS = {
  SUM: reduction({ int8: 2 }),
  MEAN: reduction({ int8: 2, int16: 3 }),
  REDUCE_MAX: reduction({ int8: 2, int16: 3 }),
  REDUCE_MIN: reduction({ int8: 2, int16: 3 }),
  REDUCE_PROD: reduction({ int8: 2, int16: 2 }),
  REDUCE_ANY: reduction({}, true),
  REDUCE_ALL: reduction({}, true),
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
    version: () => 1,
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
    version: (site) =>
      Math.max(
        inputVersion(site, 0, { int8: 2, int16: 3 }),
        inputVersion(site, 1, { int16: 3 }),
        outputVersion(site, 1, { int16: 3 }),
      ),
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
  /** Outputs: the distinct elements in order of appearance, and where each input element went. */
  UNIQUE: defineOp({
    options: UniqueOptions,
    inputs: [1, 1],
    outputs: [2, 2],
    dataDependent: true,
    version: () => 1,
    infer: (site) => {
      const { dtype, shape } = inputOfRank(site, 0, 'input', 1);
      const positions = indexDtype(site, 1, site.options.idxOutType);
      const values = site.value(0);
      const count = values === undefined ? UNKNOWN_DIM : new Set<number | bigint>(values).size;
      return [output(site, 0, dtype, [count]), { dtype: positions, shape }];
    },
  }),
  /** The coordinates of the elements that are not zero, one row each. */
  WHERE: defineOp({
    options: null,
    inputs: [1, 1],
    outputs: [1, 1],
    dataDependent: true,
    version: (site) => (site.inputs[0]?.dtype === 'bool' ? 1 : 2),
    infer: (site) => {
      const rank = input(site, 0, 'condition').shape.length;
      const values = site.value(0) as ArrayLike<number | bigint> | undefined;
      const count = values
        ? Array.from(values).filter((value) => Number(value) !== 0).length
        : UNKNOWN_DIM;
      return [{ dtype: 'int64', shape: [count, rank] }];
    },
  }),
  SEGMENT_SUM: defineOp({
    options: null,
    inputs: [2, 2],
    outputs: [1, 1],
    dataDependent: true,
    version: () => 1,
    infer: (site) => {
      const data = inputOfRank(site, 0, 'data', 1, Infinity);
      const ids = inputOfRank(site, 1, 'segment ids', 1);
      unify(ids.shape[0] as number, data.shape[0] as number, 'The rows of data and segment ids');
      // Segment ids ascend, so the last one tells how many there are.
      const values = integers(site, 1, 'segment ids');
      const last = values?.at(-1) ?? -1;
      if (values?.some((id) => id < 0 || id > last)) {
        refuse('Input 1 (segment ids) does not ascend from 0 on.');
      }
      const count = values === undefined ? UNKNOWN_DIM : last + 1;
      return [output(site, 0, data.dtype, withDim(data.shape, 0, count))];
    },
  }),
  UNSORTED_SEGMENT_MAX: unsortedSegment(),
  UNSORTED_SEGMENT_MIN: unsortedSegment(),
  UNSORTED_SEGMENT_PROD: unsortedSegment(),
  UNSORTED_SEGMENT_SUM: unsortedSegment(),
};
