import {
  ConcatenationOptions,
  PackOptions,
  SplitOptions,
  SplitVOptions,
  UnpackOptions,
} from '../generated/options.js';
import { formatType, type TensorType, UNKNOWN_DIM } from '../tensor-type.js';
import { defineOp } from './op.js';
import {
  type AnySite,
  dimOf,
  input,
  inputOfRank,
  integer,
  integers,
  listLength,
  moved,
  normalizeAxis,
  refuse,
  requireSameDtype,
  unify,
  unknownShape,
  withDim,
  withoutDim,
} from './site.js';

/** All inputs, which must have the rank and dtype of the first. */
function peers(site: AnySite): readonly [TensorType, ...TensorType[]] {
  const first = input(site, 0, 'part');
  const rest = site.inputs.slice(1).map((_, position) => {
    const index = position + 1;
    requireSameDtype(site, 0, index);
    return inputOfRank(site, index, 'part', first.shape.length);
  });
  return [first, ...rest];
}

/** The parts of a split along an axis; all unknown while the axis is. */
function parts(
  site: AnySite,
  source: TensorType,
  axis: number | undefined,
  sizes: readonly number[],
): readonly TensorType[] {
  return sizes.map((size, index) => {
    const { shape } = source;
    const part = axis === undefined ? unknownShape(shape.length) : withDim(shape, axis, size);
    return moved(site, index, source, part);
  });
}

/** The sizes that SPLIT_V asks for, its -1 replaced by what the others leave. */
function splitSizes(sizes: readonly number[], total: number): readonly number[] {
  const open = sizes.filter((size) => size === -1).length;
  const rest = sizes.reduce((sum, size) => (size === -1 ? sum : sum + size), 0);
  const fits = open === 0 ? rest === total : rest <= total;
  if (open > 1 || sizes.some((size) => size < -1) || (total !== UNKNOWN_DIM && !fits)) {
    refuse(`Input 1 (sizes) is [${sizes}], which does not split a dimension of size ${total}.`);
  }
  return sizes.map((size) => (size === -1 ? dimOf((known) => known - rest, total) : size));
}

/** More outputs than any node has; keeps a damaged option from asking for billions. */
const MAX_PARTS = 65536;

/** The number of outputs, which the option and the node must agree on. */
function partCount(site: AnySite, count: number, option: string): number {
  const declared = site.outputs.length;
  if (count < 0 || count > MAX_PARTS || (declared > 0 && declared !== count)) {
    refuse(`The option ${option} is ${count}, but the node has ${declared} outputs.`);
  }
  return count;
}

/** Ops that join tensors along a dimension or take them apart. */
export const JOIN_OPS = {
  CONCATENATION: defineOp({
    options: ConcatenationOptions,
    inputs: [1, Infinity],
    outputs: [1, 1],
    infer: (site) => {
      const [first, ...rest] = peers(site);
      const axis = normalizeAxis(site.options.axis, first.shape.length);
      const shape = rest.reduce(
        (joined, { shape: part }, position) =>
          joined.map((dim, i) =>
            i === axis
              ? dimOf((a, b) => a + b, dim, part[i] as number)
              : unify(dim, part[i] as number, `Dimension ${i} of inputs 0 and ${position + 1}`),
          ),
        first.shape,
      );
      return [moved(site, 0, first, shape)];
    },
  }),
  /** Inputs: axis, data. */
  SPLIT: defineOp({
    options: SplitOptions,
    inputs: [2, 2],
    outputs: [1, Infinity],
    valueInputs: [0],
    infer: (site) => {
      const source = inputOfRank(site, 1, 'input', 1, Infinity);
      const count = partCount(site, site.options.numSplits, 'numSplits');
      const given = integer(site, 0, 'axis');
      const axis = given === undefined ? undefined : normalizeAxis(given, source.shape.length);
      const size = dimOf((dim) => dim / count, axis === undefined ? -1 : (source.shape[axis] ?? 0));
      if (!Number.isInteger(size)) {
        refuse(`Input 1 is ${formatType(source)}; axis ${axis} must divide into ${count} parts.`);
      }
      return parts(site, source, axis, new Array<number>(count).fill(size));
    },
  }),
  /** Inputs: data, sizes, axis. */
  SPLIT_V: defineOp({
    options: SplitVOptions,
    inputs: [3, 3],
    outputs: [1, Infinity],
    valueInputs: [1, 2],
    infer: (site) => {
      const source = inputOfRank(site, 0, 'input', 1, Infinity);
      const count = partCount(site, site.options.numSplits, 'numSplits');
      unify(listLength(site, 1, 'sizes'), count, 'The number of sizes and of splits');
      const given = integer(site, 2, 'axis');
      const axis = given === undefined ? undefined : normalizeAxis(given, source.shape.length);
      const sizes = integers(site, 1, 'sizes');
      const total = axis === undefined ? UNKNOWN_DIM : (source.shape[axis] as number);
      return parts(
        site,
        source,
        axis,
        sizes === undefined ? new Array<number>(count).fill(UNKNOWN_DIM) : splitSizes(sizes, total),
      );
    },
  }),
  PACK: defineOp({
    options: PackOptions,
    inputs: [1, Infinity],
    outputs: [1, 1],
    infer: (site) => {
      const [first, ...rest] = peers(site);
      const shape = [
        ...rest.reduce(
          (common, { shape: part }, position) =>
            common.map((dim, i) =>
              unify(dim, part[i] as number, `Dimension ${i} of inputs 0 and ${position + 1}`),
            ),
          first.shape,
        ),
      ];
      shape.splice(normalizeAxis(site.options.axis, shape.length + 1), 0, site.inputs.length);
      return [moved(site, 0, first, shape)];
    },
  }),
  UNPACK: defineOp({
    options: UnpackOptions,
    inputs: [1, 1],
    outputs: [0, Infinity],
    infer: (site) => {
      const source = inputOfRank(site, 0, 'input', 1, Infinity);
      const axis = normalizeAxis(site.options.axis, source.shape.length);
      const count = partCount(site, site.options.num, 'num');
      unify(count, source.shape[axis] as number, `The option num and dimension ${axis}`);
      const part = withoutDim(source.shape, axis);
      return Array.from({ length: count }, (_, index) => moved(site, index, source, part));
    },
  }),
};
