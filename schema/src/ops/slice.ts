import { StridedSliceOptions } from '../generated/options.js';
import { formatType, UNKNOWN_DIM } from '../tensor-type.js';
import { defineOp } from './op.js';
import {
  declaredRank,
  dimOf,
  input,
  integers,
  listLength,
  moved,
  normalizeAxis,
  refuse,
  shapeInput,
  unify,
  unknownShape,
} from './site.js';
import { resolveStridedSlice } from './strided-slice.js';

const TWO = { inputs: [2, 2], outputs: [1, 1] } as const;

/** Ops that take elements along a path of their own: cut out, transposed or repeated. */
export const SLICE_OPS = {
  /** Inputs: data, begin, size (-1: up to the end). */
  SLICE: defineOp({
    options: null,
    inputs: [3, 3],
    outputs: [1, 1],
    valueInputs: [1, 2],
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
  TRANSPOSE: defineOp({
    ...TWO,
    options: null,
    valueInputs: [1],
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
