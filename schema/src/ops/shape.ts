import { ReshapeOptions, SqueezeOptions } from '../generated/options.js';
import { elementCount, formatType, type TensorType, UNKNOWN_DIM } from '../tensor-type.js';
import { defineOp } from './op.js';
import {
  type AnySite,
  declaredRank,
  dimOf,
  input,
  inputVersion,
  integer,
  integers,
  listLength,
  moved,
  normalizeAxis,
  refuse,
  shapeInput,
  unify,
  unknownShape,
} from './site.js';

const ONE = { inputs: [1, 1], outputs: [1, 1] } as const;
const TWO = { inputs: [2, 2], outputs: [1, 1] } as const;

/** The target of RESHAPE with its -1, if any, replaced by what the element count leaves for it. */
function resolveReshape(source: TensorType, target: readonly number[]): readonly number[] {
  const count = elementCount(source.shape);
  const open = target.filter((dim) => dim === -1).length;
  const rest = target.reduce((product, dim) => (dim === -1 ? product : product * dim), 1);
  const mismatch = () =>
    refuse(`Input 0 is ${formatType(source)}, which cannot be reshaped to [${target}].`);
  if (open > 1 || target.some((dim) => dim < -1)) mismatch();
  if (count === undefined) return target;
  if (open === 0) return count === rest ? target : mismatch();
  if (rest === 0 ? count !== 0 : count % rest !== 0) mismatch();
  return target.map((dim) => (dim === -1 ? (rest === 0 ? 0 : count / rest) : dim));
}

function squeezedShape(
  site: AnySite,
  source: TensorType,
  dims: readonly number[],
): readonly number[] {
  const { shape } = source;
  if (dims.length === 0) {
    if (!shape.includes(UNKNOWN_DIM)) return shape.filter((dim) => dim !== 1);
    return unknownShape(declaredRank(site, shape.filter((dim) => dim !== 1).length));
  }
  const squeezed = new Set(dims.map((dim) => normalizeAxis(dim, shape.length, 'squeezed axis')));
  for (const axis of squeezed) {
    unify(shape[axis] as number, 1, `Dimension ${axis} of ${formatType(source)} is squeezed`);
  }
  return shape.filter((_, axis) => !squeezed.has(axis));
}

/** Ops about shapes: they change how elements are arranged, or make tensors from a shape. */
export const SHAPE_OPS = {
  RESHAPE: defineOp({
    options: ReshapeOptions,
    inputs: [1, 2],
    outputs: [1, 1],
    valueInputs: [1],
    version: () => 1,
    infer: (site) => {
      const source = input(site, 0, 'input');
      const shapeTensor = site.inputs[1];
      // As in TFLite, a shape input counts only when it is a vector of int32.
      if (shapeTensor?.shape.length === 1 && shapeTensor.dtype === 'int32') {
        const length = shapeTensor.shape[0] as number;
        const unknown = unknownShape(length === UNKNOWN_DIM ? declaredRank(site, 0) : length);
        const target = integers(site, 1, 'shape');
        return [moved(site, 0, source, target ? resolveReshape(source, target) : unknown)];
      }
      const { newShape } = site.options;
      // Old converters wrote a scalar's shape as [0].
      const isScalar = newShape.length === 1 && newShape[0] === 0;
      return [moved(site, 0, source, resolveReshape(source, isScalar ? [] : newShape))];
    },
  }),
  SQUEEZE: defineOp({
    ...ONE,
    options: SqueezeOptions,
    version: (site) => inputVersion(site, 0, { string: 2 }),
    infer: (site) => {
      const source = input(site, 0, 'input');
      return [moved(site, 0, source, squeezedShape(site, source, site.options.squeezeDims))];
    },
  }),
  EXPAND_DIMS: defineOp({
    ...TWO,
    options: null,
    valueInputs: [1],
    version: () => 1,
    infer: (site) => {
      const source = input(site, 0, 'input');
      const rank = source.shape.length + 1;
      const axis = integer(site, 1, 'axis');
      if (axis === undefined) return [moved(site, 0, source, unknownShape(rank))];
      const shape = [...source.shape];
      shape.splice(normalizeAxis(axis, rank), 0, 1);
      return [moved(site, 0, source, shape)];
    },
  }),
  TRANSPOSE: defineOp({
    ...TWO,
    options: null,
    valueInputs: [1],
    version: (site) => {
      const rank = site.inputs[0]?.shape.length ?? 0;
      return Math.max(
        inputVersion(site, 0, { int8: 2, bool: 3, int16: 5, int4: 7, bfloat16: 8, float16: 9 }),
        rank > 6 ? 8 : rank > 5 ? 6 : rank > 4 ? 4 : 1,
      );
    },
    infer: (site) => {
      const source = input(site, 0, 'input');
      const rank = source.shape.length;
      unify(listLength(site, 1, 'permutation'), rank, 'The permutation and the rank of the input');
      const permutation = integers(site, 1, 'permutation');
      if (permutation === undefined) return [moved(site, 0, source, unknownShape(rank))];
      const axes = permutation.map((axis) => normalizeAxis(axis, rank, 'permuted axis'));
      if (new Set(axes).size !== rank) {
        refuse(`Input 1 (permutation) is [${permutation}]; expected each axis once.`);
      }
      return [
        moved(
          site,
          0,
          source,
          axes.map((axis) => source.shape[axis] as number),
        ),
      ];
    },
  }),
  BROADCAST_TO: defineOp({
    ...TWO,
    options: null,
    valueInputs: [1],
    // Version 1 had another op code and was withdrawn.
    version: (site) => Math.max(2, inputVersion(site, 0, { int8: 3, int16: 3 })),
    infer: (site) => {
      const source = input(site, 0, 'input');
      const target = shapeInput(site, 1);
      source.shape.forEach((dim, axis) => {
        const size = target[axis + target.length - source.shape.length];
        if (size === undefined || (dim !== 1 && dim !== size && dim >= 0 && size >= 0)) {
          refuse(`Input 0 is ${formatType(source)}, which does not broadcast to [${target}].`);
        }
      });
      return [moved(site, 0, source, target)];
    },
  }),
  TILE: defineOp({
    ...TWO,
    options: null,
    valueInputs: [1],
    version: (site) => inputVersion(site, 0, { string: 2, int8: 3 }),
    infer: (site) => {
      const source = input(site, 0, 'input');
      const rank = source.shape.length;
      unify(listLength(site, 1, 'multiples'), rank, 'The multiples and the rank of the input');
      const multiples = integers(site, 1, 'multiples');
      if (multiples === undefined) return [moved(site, 0, source, unknownShape(rank))];
      if (multiples.some((count) => count < 0)) {
        refuse(`Input 1 (multiples) is [${multiples}]; expected no negative number.`);
      }
      const shape = source.shape.map((dim, axis) =>
        dimOf((size) => size * (multiples[axis] as number), dim),
      );
      return [moved(site, 0, source, shape)];
    },
  }),
};
