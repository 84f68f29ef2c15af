import { GatherOptions, SparseToDenseOptions, StridedSliceOptions } from '../generated/options.js';
import { formatType, type TensorType, UNKNOWN_DIM } from '../tensor-type.js';
import { defineOp } from './op.js';
import {
  type AnySite,
  declaredRank,
  input,
  inputOfRank,
  inputVersion,
  integer,
  integers,
  isFloat,
  isPerChannel,
  listLength,
  moved,
  normalizeAxis,
  output,
  refuse,
  requireDtype,
  requireSameDtype,
  shapeInput,
  unify,
  unknownShape,
} from './site.js';
import { resolveStridedSlice } from './strided-slice.js';

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

/** Ops that pick elements by position, or put them there. */
export const SLICE_OPS = {
  /** Inputs: data, begin, size (-1: up to the end). */
  SLICE: defineOp({
    options: null,
    inputs: [3, 3],
    outputs: [1, 1],
    valueInputs: [1, 2],
    version: (site) =>
      Math.max(
        inputVersion(site, 0, { int8: 2, string: 3, int16: 4, uint32: 6, int4: 7, float16: 8 }),
        (site.inputs[0]?.shape.length ?? 0) > 4 ? 5 : 1,
      ),
    infer: (site) => {
      const source = input(site, 0, 'input');
      const rank = source.shape.length;
      unify(listLength(site, 1, 'begin'), rank, 'The length of begin and the rank of the input');
      unify(listLength(site, 2, 'size'), rank, 'The length of size and the rank of the input');
      const begin = integers(site, 1, 'begin');
      const sizes = integers(site, 2, 'size');
      const shape = source.shape.map((dim, axis) => {
        const start = begin?.[axis];
        const size = sizes?.[axis];
        if (size === undefined || (size === -1 && (start === undefined || dim === UNKNOWN_DIM))) {
          return UNKNOWN_DIM;
        }
        const count = size === -1 ? dim - (start as number) : size;
        const end = (start ?? 0) + count;
        if ((start ?? 0) < 0 || count < 0 || (dim !== UNKNOWN_DIM && end > dim)) {
          refuse(
            `The slice takes ${count} elements from ${start ?? 0} on of dimension ${axis} of ${formatType(source)}.`,
          );
        }
        return count;
      });
      return [moved(site, 0, source, shape)];
    },
  }),
  /** Inputs: data, begin, end, strides. */
  STRIDED_SLICE: defineOp({
    options: StridedSliceOptions,
    inputs: [4, 4],
    outputs: [1, 1],
    valueInputs: [1, 2, 3],
    version: (site) => {
      const { ellipsisMask, newAxisMask, offset } = site.options;
      return Math.max(
        inputVersion(site, 0, { int8: 2, bool: 3, string: 5, uint32: 7 }),
        (site.inputs[0]?.shape.length ?? 0) > 4 ? 4 : 1,
        ellipsisMask || newAxisMask ? 6 : 1,
        offset ? 8 : 1,
      );
    },
    infer: (site) => {
      const source = input(site, 0, 'input');
      const length = unify(
        unify(
          listLength(site, 1, 'begin'),
          listLength(site, 2, 'end'),
          'The lengths of begin and end',
        ),
        listLength(site, 3, 'strides'),
        'The lengths of begin and strides',
      );
      if (length === UNKNOWN_DIM) {
        return [moved(site, 0, source, unknownShape(declaredRank(site, source.shape.length)))];
      }
      const spec = {
        begin: integers(site, 1, 'begin'),
        end: integers(site, 2, 'end'),
        strides: integers(site, 3, 'strides'),
        length,
      };
      const { shape } = resolveStridedSlice(source.shape, spec, site.options);
      return [moved(site, 0, source, shape)];
    },
  }),
  /** Inputs: data, the block to put into it, where (clamped so that the block fits). */
  DYNAMIC_UPDATE_SLICE: defineOp({
    options: null,
    inputs: [3, 3],
    outputs: [1, 1],
    version: (site) =>
      Math.max(
        inputVersion(site, 0, { float16: 3, int16: 4, int4: 5, bfloat16: 6 }),
        inputVersion(site, 2, { int64: 2 }),
      ),
    infer: (site) => {
      requireSameDtype(site, 0, 1);
      const source = input(site, 0, 'operand');
      const rank = source.shape.length;
      const update = inputOfRank(site, 1, 'update', rank);
      update.shape.forEach((dim, axis) => {
        const size = source.shape[axis] as number;
        if (size !== UNKNOWN_DIM && dim > size) {
          refuse(
            `Input 1 (update) is ${formatType(update)}, which does not fit into ${formatType(source)}.`,
          );
        }
      });
      unify(listLength(site, 2, 'start'), rank, 'The length of start and the rank of the operand');
      return [moved(site, 0, source, source.shape)];
    },
  }),
  GATHER: defineOp({
    ...TWO,
    options: GatherOptions,
    version: (site) =>
      Math.max(
        inputVersion(site, 0, { int8: 2, bool: 3, int16: 4, int4: 7 }),
        inputVersion(site, 1, { int16: 6 }),
        site.options.batchDims ? 5 : 1,
      ),
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
    version: (site) =>
      Math.max(
        inputVersion(site, 0, { string: 2, int16: 3, bool: 5 }),
        inputVersion(site, 1, { int16: 4 }),
      ),
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
    version: () => 1,
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
    version: (site) =>
      Math.max(inputVersion(site, 1, { int4: 4, int2: 5 }), isPerChannel(site.inputs[1]) ? 4 : 1),
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
    version: (site) => inputVersion(site, 2, { int64: 2, int8: 3, uint8: 3 }),
    infer: (site) => {
      requireDtype(site, 0, 'indices', 'int32', 'int64');
      inputOfRank(site, 0, 'indices', 0, 2);
      requireSameDtype(site, 2, 3);
      const values = inputOfRank(site, 2, 'values', 0, 1);
      return [output(site, 0, values.dtype, shapeInput(site, 1))];
    },
  }),
  /** Inputs: boxes, scores, number to keep, IoU threshold, score threshold. */
  NON_MAX_SUPPRESSION_V4: defineOp({
    options: null,
    inputs: [5, 5],
    outputs: [2, 2],
    valueInputs: [2],
    version: () => 1,
    infer: (site) => [{ dtype: 'int32', shape: [keptBoxes(site)] }, INT32_SCALAR],
  }),
  /** As V4, and a sigma for soft suppression; also gives the scores. */
  NON_MAX_SUPPRESSION_V5: defineOp({
    options: null,
    inputs: [6, 6],
    outputs: [3, 3],
    valueInputs: [2],
    version: () => 1,
    infer: (site) => {
      const shape = [keptBoxes(site)];
      return [{ dtype: 'int32', shape }, { dtype: 'float32', shape }, INT32_SCALAR];
    },
  }),
};
