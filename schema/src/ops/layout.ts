import { MirrorPadMode } from '../generated/enums/mirror-pad-mode.js';
import {
  DepthToSpaceOptions,
  MirrorPadOptions,
  ResizeBilinearOptions,
  ResizeNearestNeighborOptions,
  SpaceToDepthOptions,
} from '../generated/options.js';
import { formatType, type TensorType, UNKNOWN_DIM } from '../tensor-type.js';
import { defineOp, type NoOptions, type OpRecord } from './op.js';
import {
  type AnySite,
  computedDtype,
  dimOf,
  input,
  inputOfRank,
  integers,
  listLength,
  moved,
  normalizeAxis,
  output,
  refuse,
  requireSameDtype,
  unify,
  unknownShape,
} from './site.js';

const ONE = { inputs: [1, 1], outputs: [1, 1] } as const;
const TWO = { inputs: [2, 2], outputs: [1, 1] } as const;

/** A quotient that must come out even. */
function divide(size: number, divisor: number, what: string): number {
  return dimOf((known) => {
    if (divisor <= 0 || known % divisor !== 0) {
      refuse(`${what} is ${known}; expected a multiple of ${divisor}.`);
    }
    return known / divisor;
  }, size);
}

/** Pairs of [before, after] from a [rows, 2] input, or undefined while it is not known. */
function pairs(
  site: AnySite,
  index: number,
  name: string,
  rows: number,
): readonly (readonly [number, number])[] | undefined {
  const { shape } = inputOfRank(site, index, name, 2);
  unify(shape[0] as number, rows, `The rows of input ${index} (${name})`);
  unify(shape[1] as number, 2, `The columns of input ${index} (${name})`);
  const values = integers(site, index, name);
  if (values?.some((value) => value < 0)) {
    refuse(`Input ${index} (${name}) is [${values}]; expected no negative number.`);
  }
  return (
    values &&
    Array.from({ length: rows }, (_, row) => [
      values[2 * row] as number,
      values[2 * row + 1] as number,
    ])
  );
}

function padded(
  site: AnySite,
  limit: (size: number) => number = () => Infinity,
): readonly TensorType[] {
  const source = input(site, 0, 'input');
  const padding = pairs(site, 1, 'padding', source.shape.length);
  const shape = source.shape.map((dim, axis) => {
    const pair = padding?.[axis];
    if (pair === undefined) return UNKNOWN_DIM;
    return dimOf((size) => {
      if (Math.max(...pair) > limit(size)) {
        refuse(
          `Input 1 (padding) asks for ${pair} round dimension ${axis} of ${formatType(source)}; at most ${limit(size)} can be mirrored.`,
        );
      }
      return size + pair[0] + pair[1];
    }, dim);
  });
  return [moved(site, 0, source, shape)];
}

/** SPACE_TO_BATCH_ND and its inverse: blocks of the dimensions after the first move to or from it. */
function batchBlocks(
  borderName: string,
  resize: (size: number, block: number, border: readonly [number, number]) => number,
  rebatch: (batch: number, blocks: number) => number,
): OpRecord<NoOptions> {
  return defineOp({
    options: null,
    inputs: [3, 3],
    outputs: [1, 1],
    valueInputs: [1, 2],
    infer: (site) => {
      const source = inputOfRank(site, 0, 'input', 2, Infinity);
      const rank = source.shape.length;
      const count = listLength(site, 1, 'block shape');
      const blocks = integers(site, 1, 'block shape');
      if (count === UNKNOWN_DIM || blocks === undefined) {
        return [moved(site, 0, source, unknownShape(rank))];
      }
      if (count > rank - 1) {
        refuse(`Input 1 (block shape) has ${count} elements for ${formatType(source)}.`);
      }
      if (blocks.some((block) => block <= 0)) {
        refuse(`Input 1 (block shape) is [${blocks}]; expected positive numbers.`);
      }
      const borders = pairs(site, 2, borderName, count);
      const [batch, ...rest] = source.shape as [number, ...number[]];
      const total = blocks.reduce((product, block) => product * block, 1);
      const sizes = rest.map((dim, axis) => {
        const block = blocks[axis];
        if (block === undefined) return dim;
        const border = borders?.[axis];
        return border === undefined
          ? UNKNOWN_DIM
          : dimOf((size) => resize(size, block, border), dim);
      });
      return [moved(site, 0, source, [dimOf((size) => rebatch(size, total), batch), ...sizes])];
    },
  });
}

/** The output of a resize of NHWC images to the [height, width] in input 1. */
function resized(site: AnySite): readonly TensorType[] {
  const source = inputOfRank(site, 0, 'images', 4);
  unify(listLength(site, 1, 'size'), 2, 'The length of input 1 (size)');
  const [height, width] = integers(site, 1, 'size') ?? unknownShape(2);
  if (height === 0 || width === 0 || Math.min(height as number, width as number) < UNKNOWN_DIM) {
    refuse(`Input 1 (size) is ${height} x ${width}; expected positive numbers.`);
  }
  const [batch, , , channels] = source.shape as [number, number, number, number];
  const shape = [batch, height as number, width as number, channels];
  return [output(site, 0, computedDtype(site, source.dtype), shape)];
}

/** Ops that move elements between dimensions or into larger tensors, reverse or resample. */
export const LAYOUT_OPS = {
  SPACE_TO_DEPTH: defineOp({
    ...ONE,
    options: SpaceToDepthOptions,
    infer: (site) => {
      const source = inputOfRank(site, 0, 'input', 4);
      const [batch, height, width, depth] = source.shape as [number, number, number, number];
      const block = site.options.blockSize;
      return [
        moved(site, 0, source, [
          batch,
          divide(height, block, 'The height'),
          divide(width, block, 'The width'),
          dimOf((size) => size * block * block, depth),
        ]),
      ];
    },
  }),
  DEPTH_TO_SPACE: defineOp({
    ...ONE,
    options: DepthToSpaceOptions,
    infer: (site) => {
      const source = inputOfRank(site, 0, 'input', 4);
      const [batch, height, width, depth] = source.shape as [number, number, number, number];
      const block = site.options.blockSize;
      return [
        moved(site, 0, source, [
          batch,
          dimOf((size) => size * block, height),
          dimOf((size) => size * block, width),
          divide(depth, block * block, 'The depth'),
        ]),
      ];
    },
  }),
  SPACE_TO_BATCH_ND: batchBlocks(
    'padding',
    (size, block, [before, after]) =>
      divide(size + before + after, block, 'A padded spatial dimension'),
    (batch, blocks) => batch * blocks,
  ),
  BATCH_TO_SPACE_ND: batchBlocks(
    'crops',
    (size, block, [before, after]) => {
      const cropped = size * block - before - after;
      if (cropped < 0)
        refuse(`Input 2 (crops) takes more than there is: ${cropped} would be left.`);
      return cropped;
    },
    (batch, blocks) => divide(batch, blocks, 'The batch'),
  ),
  REVERSE_V2: defineOp({
    ...TWO,
    options: null,
    valueInputs: [1],
    infer: (site) => {
      const source = input(site, 0, 'input');
      for (const axis of integers(site, 1, 'axes') ?? []) normalizeAxis(axis, source.shape.length);
      return [moved(site, 0, source, source.shape)];
    },
  }),
  PAD: defineOp({
    ...TWO,
    options: null,
    valueInputs: [1],
    infer: (site) => padded(site),
  }),
  PADV2: defineOp({
    options: null,
    inputs: [3, 3],
    outputs: [1, 1],
    valueInputs: [1],
    infer: (site) => {
      input(site, 2, 'value');
      return padded(site);
    },
  }),
  MIRROR_PAD: defineOp({
    ...TWO,
    options: MirrorPadOptions,
    valueInputs: [1],
    infer: (site) =>
      padded(site, (size) => (site.options.mode === MirrorPadMode.REFLECT ? size - 1 : size)),
  }),
  RESIZE_BILINEAR: defineOp({
    ...TWO,
    options: ResizeBilinearOptions,
    valueInputs: [1],
    infer: (site) => {
      if (site.options.halfPixelCenters && site.options.alignCorners) {
        refuse(
          'The options halfPixelCenters and alignCorners exclude each other, but both are set.',
        );
      }
      return resized(site);
    },
  }),
  RESIZE_NEAREST_NEIGHBOR: defineOp({
    ...TWO,
    options: ResizeNearestNeighborOptions,
    valueInputs: [1],
    infer: resized,
  }),
  MATRIX_DIAG: defineOp({
    ...ONE,
    options: null,
    infer: (site) => {
      const source = inputOfRank(site, 0, 'diagonal', 1, Infinity);
      return [moved(site, 0, source, [...source.shape, source.shape.at(-1) as number])];
    },
  }),
  MATRIX_SET_DIAG: defineOp({
    ...TWO,
    options: null,
    infer: (site) => {
      const source = inputOfRank(site, 0, 'matrix', 2, Infinity);
      const rank = source.shape.length;
      const diagonal = inputOfRank(site, 1, 'diagonal', rank - 1);
      const [rows, columns] = source.shape.slice(-2) as [number, number];
      const expected = [...source.shape.slice(0, -2), dimOf(Math.min, rows, columns)];
      diagonal.shape.forEach((dim, axis) => {
        unify(dim, expected[axis] as number, `Dimension ${axis} of the diagonal and the matrix`);
      });
      return [moved(site, 0, source, source.shape)];
    },
  }),
  /** Inputs: data, the block to put into it, where (clamped so that the block fits). */
  DYNAMIC_UPDATE_SLICE: defineOp({
    options: null,
    inputs: [3, 3],
    outputs: [1, 1],
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
};
