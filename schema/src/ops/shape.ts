import { ReshapeOptions, SqueezeOptions } from '../generated/options.js';
import { elementCount, formatType, type TensorType, UNKNOWN_DIM } from '../tensor-type.js';
import { defineOp } from './op.js';
import {
  type AnySite,
  declaredRank,
  input,
  integer,
  integers,
  moved,
  normalizeAxis,
  refuse,
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
    infer: (site) => {
      const source = input(site, 0, 'input');
      return [moved(site, 0, source, squeezedShape(site, source, site.options.squeezeDims))];
    },
  }),
  EXPAND_DIMS: defineOp({
    ...TWO,
    options: null,
    valueInputs: [1],
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
};
