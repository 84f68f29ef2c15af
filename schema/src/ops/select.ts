import { type DType, dtypeFromCode } from '../dtype.js';
import { OneHotOptions, ReverseSequenceOptions, ShapeOptions } from '../generated/options.js';
import { UNKNOWN_DIM } from '../tensor-type.js';
import { defineOp } from './op.js';
import {
  broadcast,
  dimOf,
  input,
  inputOfRank,
  integer,
  integers,
  listLength,
  moved,
  normalizeAxis,
  output,
  refuse,
  requireDtype,
  requireSameDtype,
  shapeInput,
  unify,
} from './site.js';

const ONE = { inputs: [1, 1], outputs: [1, 1] } as const;
const TWO = { inputs: [2, 2], outputs: [1, 1] } as const;
const THREE = { inputs: [3, 3], outputs: [1, 1] } as const;

/** Ops that choose elements by a condition, or make tensors from shapes or a few values. */
export const SELECT_OPS = {
  SELECT: defineOp({
    ...THREE,
    options: null,
    infer: (site) => {
      requireDtype(site, 0, 'condition', 'bool');
      requireSameDtype(site, 1, 2);
      const condition = input(site, 0, 'condition').shape;
      const chosen = input(site, 1, 'if true');
      const shape = broadcast(chosen.shape, input(site, 2, 'if false').shape);
      // A vector chooses whole slices of the first dimension; everything else is elementwise.
      if (condition.length === 1 && shape.length > 1) {
        unify(condition[0] as number, shape[0] as number, 'The condition and the first dimension');
        return [output(site, 0, chosen.dtype, shape)];
      }
      return [output(site, 0, chosen.dtype, broadcast(condition, shape))];
    },
  }),
  SELECT_V2: defineOp({
    ...THREE,
    options: null,
    infer: (site) => {
      requireDtype(site, 0, 'condition', 'bool');
      requireSameDtype(site, 1, 2);
      const chosen = input(site, 1, 'if true');
      const shape = broadcast(
        input(site, 0, 'condition').shape,
        chosen.shape,
        input(site, 2, 'if false').shape,
      );
      return [output(site, 0, chosen.dtype, shape)];
    },
  }),
  SHAPE: defineOp({
    ...ONE,
    options: ShapeOptions,
    infer: (site) => {
      const wanted = site.outputs[0]?.dtype ?? dtypeFromCode(site.options.outType);
      const dtype: DType = wanted === 'int64' ? 'int64' : 'int32';
      return [{ dtype, shape: [input(site, 0, 'input').shape.length] }];
    },
  }),
  RANK: defineOp({
    ...ONE,
    options: null,
    infer: (site) => {
      input(site, 0, 'input');
      return [{ dtype: 'int32', shape: [] }];
    },
  }),
  /** The shape, as a vector, that two shapes broadcast to. */
  BROADCAST_ARGS: defineOp({
    ...TWO,
    options: null,
    valueInputs: [0, 1],
    infer: (site) => {
      requireSameDtype(site, 0, 1);
      const { dtype } = inputOfRank(site, 0, 'shape', 1);
      inputOfRank(site, 1, 'shape', 1);
      const [a, b] = [integers(site, 0, 'shape'), integers(site, 1, 'shape')];
      if (a !== undefined && b !== undefined) broadcast(a, b);
      const rank = dimOf(Math.max, listLength(site, 0, 'shape'), listLength(site, 1, 'shape'));
      return [{ dtype, shape: [rank] }];
    },
  }),
  FILL: defineOp({
    ...TWO,
    options: null,
    valueInputs: [0],
    infer: (site) => {
      const value = inputOfRank(site, 1, 'value', 0);
      return [moved(site, 0, value, shapeInput(site, 0))];
    },
  }),
  ZEROS_LIKE: defineOp({
    ...ONE,
    options: null,
    infer: (site) => {
      const { dtype, shape } = input(site, 0, 'input');
      return [output(site, 0, dtype, shape)];
    },
  }),
  RANGE: defineOp({
    inputs: [3, 3],
    outputs: [1, 1],
    options: null,
    valueInputs: [0, 1, 2],
    infer: (site) => {
      requireSameDtype(site, 0, 1);
      requireSameDtype(site, 0, 2);
      const { dtype } = inputOfRank(site, 0, 'start', 0, 1);
      const [start, limit, delta] = [0, 1, 2].map((index) => {
        const value = site.value(index)?.[0];
        return value === undefined ? undefined : Number(value);
      });
      if (start === undefined || limit === undefined || delta === undefined) {
        return [output(site, 0, dtype, [UNKNOWN_DIM])];
      }
      const size = Math.ceil((limit - start) / delta);
      if (!Number.isFinite(size)) refuse(`Input 2 (delta) is ${delta}; expected another number.`);
      return [output(site, 0, dtype, [Math.max(0, size)])];
    },
  }),
  /** Inputs: indices, depth, value where hot, value elsewhere. */
  ONE_HOT: defineOp({
    inputs: [4, 4],
    outputs: [1, 1],
    options: OneHotOptions,
    valueInputs: [1],
    infer: (site) => {
      const indices = input(site, 0, 'indices');
      requireSameDtype(site, 2, 3);
      const depth = integer(site, 1, 'depth') ?? UNKNOWN_DIM;
      if (depth < UNKNOWN_DIM) refuse(`Input 1 (depth) is ${depth}.`);
      const shape = [...indices.shape];
      shape.splice(normalizeAxis(site.options.axis, shape.length + 1), 0, depth);
      return [output(site, 0, input(site, 2, 'value where hot').dtype, shape)];
    },
  }),
  /** Reverses the first `lengths[b]` elements of each sequence b. */
  REVERSE_SEQUENCE: defineOp({
    ...TWO,
    options: ReverseSequenceOptions,
    infer: (site) => {
      const source = inputOfRank(site, 0, 'input', 2, Infinity);
      const rank = source.shape.length;
      const { seqDim, batchDim } = site.options;
      const batchAxis = normalizeAxis(batchDim, rank, 'batch axis');
      if (normalizeAxis(seqDim, rank, 'sequence axis') === batchAxis) {
        refuse(`The sequence axis and the batch axis are both ${batchAxis}.`);
      }
      const lengths = inputOfRank(site, 1, 'lengths', 1);
      unify(
        lengths.shape[0] as number,
        source.shape[batchAxis] as number,
        'The lengths and the batch',
      );
      return [moved(site, 0, source, source.shape)];
    },
  }),
};
