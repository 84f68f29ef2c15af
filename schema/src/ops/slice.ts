import { StridedSliceOptions } from '../generated/options.js';
import { formatType, UNKNOWN_DIM } from '../tensor-type.js';
import { defineOp } from './op.js';
import {
  declaredRank,
  input,
  inputVersion,
  integers,
  listLength,
  moved,
  refuse,
  unify,
  unknownShape,
} from './site.js';
import { resolveStridedSlice } from './strided-slice.js';

/** Ops that cut a block out of a tensor. */
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
};
