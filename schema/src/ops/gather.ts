import { GatherOptions, SparseToDenseOptions, UniqueOptions } from '../generated/options.js';
import { formatType, type TensorType, UNKNOWN_DIM } from '../tensor-type.js';
import { defineOp, type NoOptions, type OpRecord } from './op.js';
import {
  type AnySite,
  declaredRank,
  indexDtype,
  input,
  inputOfRank,
  integer,
  integers,
  isFloat,
  moved,
  normalizeAxis,
  output,
  refuse,
  requireDtype,
  requireSameDtype,
  shapeInput,
  unify,
  unknownShape,
  withDim,
} from './site.js';

const TWO = { inputs: [2, 2], outputs: [1, 1] } as const;

/** The common checks of the two non-maximum suppressions, and the number of boxes they keep. */
function keptBoxes(site: AnySite): number {
  const boxes = inputOfRank(site, 0, 'boxes', 2);
  const scores = inputOfRank(site, 1, 'scores', 1);
  unify(boxes.shape[1] as number, 4, 'The last dimension of input 0 (boxes)');
  unify(boxes.shape[0] as number, scores.shape[0] as number, 'The number of boxes and of scores');
  const count = integer(site, 2, 'number of boxes to keep') ?? UNKNOWN_DIM;
  if (count < UNKNOWN_DIM) refuse(`Input 2 (number of boxes to keep) is ${count}.`);
  return count;
}

const INT32_SCALAR: TensorType = { dtype: 'int32', shape: [] };

function unsortedSegment(): OpRecord<NoOptions> {
  return defineOp({
    options: null,
    inputs: [3, 3],
    outputs: [1, 1],
    valueInputs: [2],
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

/** Ops that pick elements by positions which tensors hold, or put, group or find them so. */
export const GATHER_OPS = {
  GATHER: defineOp({
    ...TWO,
    options: GatherOptions,
    infer: (site) => {
      const source = inputOfRank(site, 0, 'input', 1, Infinity);
      requireDtype(site, 1, 'indices', 'int32', 'int64', 'int16');
      const indices = input(site, 1, 'indices');
      const axis = normalizeAxis(site.options.axis, source.shape.length);
      const { batchDims: given } = site.options;
      const batchDims = given < 0 ? given + indices.shape.length : given;
      if (batchDims < 0 || batchDims > Math.min(axis, indices.shape.length)) {
        refuse(
          `The option batchDims is ${given}; expected at most the axis ${axis} and the rank of ${formatType(indices)}.`,
        );
      }
      for (let dim = 0; dim < batchDims; dim++) {
        unify(
          source.shape[dim] as number,
          indices.shape[dim] as number,
          `Batch dimension ${dim} of input and indices`,
        );
      }
      return [
        moved(site, 0, source, [
          ...source.shape.slice(0, axis),
          ...indices.shape.slice(batchDims),
          ...source.shape.slice(axis + 1),
        ]),
      ];
    },
  }),
  /** Each row of the indices names an element, or a slice when it is shorter than the rank. */
  GATHER_ND: defineOp({
    ...TWO,
    options: null,
    infer: (site) => {
      const source = inputOfRank(site, 0, 'input', 1, Infinity);
      requireDtype(site, 1, 'indices', 'int32', 'int64', 'int16');
      const indices = inputOfRank(site, 1, 'indices', 1, Infinity);
      const depth = indices.shape.at(-1) as number;
      const prefix = indices.shape.slice(0, -1);
      if (depth === UNKNOWN_DIM) {
        return [moved(site, 0, source, unknownShape(declaredRank(site, prefix.length)))];
      }
      if (depth > source.shape.length) {
        refuse(
          `Input 1 (indices) is ${formatType(indices)}; its rows are longer than the rank of ${formatType(source)}.`,
        );
      }
      return [moved(site, 0, source, [...prefix, ...source.shape.slice(depth)])];
    },
  }),
  /** Inputs: indices [..., depth], updates, the output's shape. Repeated indices add up. */
  SCATTER_ND: defineOp({
    options: null,
    inputs: [3, 3],
    outputs: [1, 1],
    valueInputs: [2],
    infer: (site) => {
      requireDtype(site, 0, 'indices', 'int32', 'int64');
      const indices = inputOfRank(site, 0, 'indices', 1, Infinity);
      const updates = input(site, 1, 'updates');
      const shape = shapeInput(site, 2);
      const depth = indices.shape.at(-1) as number;
      if (depth !== UNKNOWN_DIM) {
        const expected = [...indices.shape.slice(0, -1), ...shape.slice(depth)];
        if (depth > shape.length || expected.length !== updates.shape.length) {
          refuse(
            `Input 1 (updates) is ${formatType(updates)}, which does not fit the indices ${formatType(indices)} and the shape [${shape}].`,
          );
        }
        updates.shape.forEach((dim, axis) => {
          unify(dim, expected[axis] as number, `Dimension ${axis} of updates and what it updates`);
        });
      }
      return [output(site, 0, updates.dtype, shape)];
    },
  }),
  /** Inputs: row numbers, table [rows, ...]. A quantized table may be looked up as floats. */
  EMBEDDING_LOOKUP: defineOp({
    ...TWO,
    options: null,
    infer: (site) => {
      requireDtype(site, 0, 'row numbers', 'int32');
      const rows = inputOfRank(site, 0, 'row numbers', 1);
      const table = inputOfRank(site, 1, 'table', 2, Infinity);
      const shape = [rows.shape[0] as number, ...table.shape.slice(1)];
      const declared = site.outputs[0];
      if (declared && isFloat(declared) && !isFloat(table)) {
        return [{ dtype: declared.dtype, shape }];
      }
      return [moved(site, 0, table, shape)];
    },
  }),
  /** Inputs: indices, the output's shape, values, default value. */
  SPARSE_TO_DENSE: defineOp({
    options: SparseToDenseOptions,
    inputs: [4, 4],
    outputs: [1, 1],
    valueInputs: [1],
    infer: (site) => {
      requireDtype(site, 0, 'indices', 'int32', 'int64');
      inputOfRank(site, 0, 'indices', 0, 2);
      requireSameDtype(site, 2, 3);
      const values = inputOfRank(site, 2, 'values', 0, 1);
      return [output(site, 0, values.dtype, shapeInput(site, 1))];
    },
  }),
  SEGMENT_SUM: defineOp({
    options: null,
    inputs: [2, 2],
    outputs: [1, 1],
    dataDependent: true,
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
  /** Outputs: the distinct elements in order of appearance, and where each input element went. */
  UNIQUE: defineOp({
    options: UniqueOptions,
    inputs: [1, 1],
    outputs: [2, 2],
    dataDependent: true,
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
    infer: (site) => {
      const rank = input(site, 0, 'condition').shape.length;
      const values = site.value(0) as ArrayLike<number | bigint> | undefined;
      const count = values
        ? Array.from(values).filter((value) => Number(value) !== 0).length
        : UNKNOWN_DIM;
      return [{ dtype: 'int64', shape: [count, rank] }];
    },
  }),
  /** Inputs: boxes, scores, number to keep, IoU threshold, score threshold. */
  NON_MAX_SUPPRESSION_V4: defineOp({
    options: null,
    inputs: [5, 5],
    outputs: [2, 2],
    valueInputs: [2],
    infer: (site) => [{ dtype: 'int32', shape: [keptBoxes(site)] }, INT32_SCALAR],
  }),
  /** As V4, and a sigma for soft suppression; also gives the scores. */
  NON_MAX_SUPPRESSION_V5: defineOp({
    options: null,
    inputs: [6, 6],
    outputs: [3, 3],
    valueInputs: [2],
    infer: (site) => {
      const shape = [keptBoxes(site)];
      return [{ dtype: 'int32', shape }, { dtype: 'float32', shape }, INT32_SCALAR];
    },
  }),
};
