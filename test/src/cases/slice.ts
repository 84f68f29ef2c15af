import { bool, f32, i8, i16, i32, i64, int, ints, text } from './operand.js';
import type { CaseFamily, CaseSpec } from './spec.js';

function strided(
  name: string,
  shape: readonly number[],
  begin: readonly number[],
  end: readonly number[],
  strides: readonly number[],
  options: CaseSpec<'STRIDED_SLICE'>['options'] = {},
): CaseSpec<'STRIDED_SLICE'> {
  return {
    name,
    inputs: [f32(...shape), ints(...begin), ints(...end), ints(...strides)],
    outputs: [f32()],
    options,
  };
}

/** Boxes [y1, x1, y2, x2] in two clusters and alone, one given by its other corners. */
const BOXES = f32(7, 4).of(
  ...[0, 0, 1, 1],
  ...[0, 0.1, 1, 1.1],
  ...[0, -0.1, 1, 0.9],
  ...[0, 10, 1, 11],
  ...[1, 11.1, 0, 10.1],
  ...[0, 100, 1, 101],
  ...[5, 5, 6, 6],
);
const SCORES = f32(7).of(0.9, 0.75, 0.6, 0.95, 0.5, 0.3, 0.4);
const scalar = (value: number) => f32().of(value).constant();

export const SLICE_CASES: CaseFamily<
  | 'SLICE'
  | 'STRIDED_SLICE'
  | 'DYNAMIC_UPDATE_SLICE'
  | 'GATHER'
  | 'GATHER_ND'
  | 'SCATTER_ND'
  | 'EMBEDDING_LOOKUP'
  | 'SPARSE_TO_DENSE'
  | 'NON_MAX_SUPPRESSION_V4'
  | 'NON_MAX_SUPPRESSION_V5'
> = {
  SLICE: [
    { name: 'middle', inputs: [f32(5, 7), ints(1, 2), ints(3, 4)], outputs: [f32()] },
    {
      name: 'to the end',
      inputs: [f32(5, 7, 3), ints(2, 0, 1), ints(-1, 4, -1)],
      outputs: [f32()],
    },
    {
      name: 'rank 5',
      inputs: [f32(2, 3, 2, 3, 2), ints(1, 0, 1, 1, 0), ints(1, 2, 1, 2, 2)],
      outputs: [f32()],
    },
    {
      name: 'from inputs',
      inputs: [f32(5, 7), i32(2).of(1, 2), i32(2).of(2, 3)],
      outputs: [f32()],
    },
    {
      name: 'int64 bounds',
      inputs: [f32(5), i64(1).of(2).constant(), i64(1).of(2).constant()],
      outputs: [f32()],
    },
    {
      name: 'int8',
      inputs: [i8(5, 7).scaled(0.1, 3), ints(1, 2), ints(3, 4)],
      outputs: [i8().scaled(0.1, 3)],
    },
    { name: 'int32', inputs: [i32(5), ints(1), ints(3)], outputs: [i32()] },
    {
      name: 'string',
      inputs: [text(4).of('a', 'bc', '', 'd'), ints(1), ints(2)],
      outputs: [text()],
    },
    { name: 'empty', inputs: [f32(5, 7), ints(1, 2), ints(0, 4)], outputs: [f32()] },
  ],
  STRIDED_SLICE: [
    strided('plain', [5, 7], [1, 2], [4, 6], [1, 1]),
    strided('strides', [9, 11], [1, 0], [9, 11], [3, 2]),
    strided('negative stride', [5, 7], [4, 6], [0, 1], [-1, -2]),
    strided('negative bounds', [5, 7], [-3, -6], [-1, -1], [1, 1]),
    strided('masked bounds', [5, 7], [1, 1], [2, 2], [1, 2], { beginMask: 1, endMask: 2 }),
    strided('masked bounds backwards', [5, 7], [1, 1], [2, 2], [-1, -2], {
      beginMask: 3,
      endMask: 3,
    }),
    strided('shrink', [5, 7], [2, 0], [3, 7], [1, 1], { shrinkAxisMask: 1 }),
    strided('shrink from the end', [5, 7], [0, -1], [5, 0], [1, 1], { shrinkAxisMask: 2 }),
    strided('ellipsis', [2, 3, 5, 7], [1, 0, 2], [2, 0, 5], [1, 1, 1], { ellipsisMask: 2 }),
    strided('new axis', [3, 5], [0, 0, 1], [0, 3, 4], [1, 1, 1], { newAxisMask: 1 }),
    strided('ellipsis, new axis and shrink', [2, 3, 5], [0, 0, 0, 1], [0, 0, 0, 2], [1, 1, 1, 1], {
      ellipsisMask: 1,
      newAxisMask: 4,
      shrinkAxisMask: 8,
    }),
    strided('fewer entries than dimensions', [3, 5, 2], [1], [3], [1]),
    strided('out of range', [5], [-99], [99], [1]),
    strided('empty', [5, 7], [3, 0], [1, 7], [1, 1]),
    strided('offset', [5, 7], [1, 2], [3, 4], [1, 1], { offset: true }),
    {
      name: 'int8',
      inputs: [i8(5, 7).scaled(0.1, 3), ints(0, 1), ints(5, 7), ints(2, 3)],
      outputs: [i8().scaled(0.1, 3)],
    },
    {
      name: 'int32 shape arithmetic',
      inputs: [i32(4), ints(1), ints(2), ints(1)],
      outputs: [i32()],
      options: { shrinkAxisMask: 1 },
    },
    { name: 'bool', inputs: [bool(5), ints(4), ints(0), ints(-1)], outputs: [bool()] },
  ],
  DYNAMIC_UPDATE_SLICE: [
    { name: 'float32', inputs: [f32(5, 7), f32(2, 3), i32(2).of(1, 2)], outputs: [f32()] },
    { name: 'clamped', inputs: [f32(5, 7), f32(2, 3), i32(2).of(4, -3)], outputs: [f32()] },
    { name: 'int32', inputs: [i32(6), i32(2), i32(1).of(3)], outputs: [i32()] },
    { name: 'int64 start', inputs: [f32(5, 2), f32(1, 2), i64(2).of(3, 0)], outputs: [f32()] },
    {
      name: 'int8',
      inputs: [i8(4, 3).scaled(0.1, 3), i8(2, 3).scaled(0.1, 3), i32(2).of(1, 0)],
      outputs: [i8().scaled(0.1, 3)],
    },
    {
      name: 'int16',
      inputs: [i16(4, 3).scaled(0.001), i16(2, 3).scaled(0.001), i32(2).of(1, 0)],
      outputs: [i16().scaled(0.001)],
    },
  ],
  GATHER: [
    {
      name: 'rows',
      inputs: [f32(5, 7), i32(3).of(4, 0, 4)],
      outputs: [f32()],
      options: { axis: 0 },
    },
    {
      name: 'columns',
      inputs: [f32(3, 5, 2), i32(2).of(1, 3)],
      outputs: [f32()],
      options: { axis: 1 },
    },
    {
      name: 'negative axis',
      inputs: [f32(3, 5), i32(4).of(0, 4, 2, 2)],
      outputs: [f32()],
      options: { axis: -1 },
    },
    {
      name: 'matrix of indices',
      inputs: [f32(5, 3), i32(2, 2).of(0, 1, 4, 3)],
      outputs: [f32()],
      options: { axis: 0 },
    },
    {
      name: 'scalar index',
      inputs: [f32(5, 3), i32().of(2)],
      outputs: [f32()],
      options: { axis: 0 },
    },
    {
      name: 'batch dims',
      inputs: [f32(2, 5, 3), i32(2, 2).of(0, 4, 3, 1)],
      outputs: [f32()],
      options: { axis: 1, batchDims: 1 },
    },
    {
      name: 'batch dims, axis beyond',
      inputs: [f32(2, 3, 5), i32(2, 2).of(0, 4, 3, 1)],
      outputs: [f32()],
      options: { axis: 2, batchDims: 1 },
    },
    {
      name: 'int64 indices',
      inputs: [f32(5, 2), i64(2).of(3, 1)],
      outputs: [f32()],
      options: { axis: 0 },
    },
    {
      name: 'int8',
      inputs: [i8(5, 3).scaled(0.1, 3), i32(2).of(3, 1)],
      outputs: [i8().scaled(0.1, 3)],
      options: { axis: 0 },
    },
    {
      name: 'int32 table',
      inputs: [i32(5, 3).constant(), i32(2).of(3, 1)],
      outputs: [i32()],
      options: { axis: 0 },
    },
    {
      name: 'string',
      inputs: [text(3).of('a', 'bc', 'd'), i32(2).of(2, 1)],
      outputs: [text()],
      options: { axis: 0 },
    },
    {
      name: 'no indices',
      inputs: [f32(5, 3), i32(0).of()],
      outputs: [f32()],
      options: { axis: 0 },
    },
  ],
  GATHER_ND: [
    {
      name: 'elements',
      inputs: [f32(3, 5), i32(4, 2).of(0, 0, 2, 4, 1, 3, 2, 0)],
      outputs: [f32()],
    },
    { name: 'slices', inputs: [f32(3, 5, 2), i32(2, 1).of(2, 0)], outputs: [f32()] },
    {
      name: 'matrix of coordinates',
      inputs: [f32(3, 5), i32(2, 2, 2).of(0, 0, 2, 4, 1, 3, 2, 0)],
      outputs: [f32()],
    },
    {
      name: 'int64 indices, int32',
      inputs: [i32(3, 5), i64(2, 2).of(0, 1, 2, 4)],
      outputs: [i32()],
    },
    {
      name: 'int8',
      inputs: [i8(3, 5).scaled(0.1, 3), i32(1, 2).of(2, 2)],
      outputs: [i8().scaled(0.1, 3)],
    },
  ],
  SCATTER_ND: [
    { name: 'elements', inputs: [i32(3, 1).of(4, 1, 6), f32(3), ints(8)], outputs: [f32()] },
    { name: 'slices', inputs: [i32(2, 1).of(2, 0), f32(2, 3, 2), ints(4, 3, 2)], outputs: [f32()] },
    {
      name: 'duplicates',
      inputs: [i32(3, 2).of(0, 1, 2, 2, 0, 1), i32(3), ints(3, 4)],
      outputs: [i32()],
    },
    {
      name: 'shape from an input',
      inputs: [i32(2, 1).of(3, 1), f32(2), i32(1).of(5)],
      outputs: [f32()],
    },
    { name: 'int64', inputs: [i32(2, 1).of(3, 1), i64(2), ints(5)], outputs: [i64()] },
    { name: 'bool', inputs: [i32(2, 1).of(3, 1), bool(2).of(1, 1), ints(5)], outputs: [bool()] },
  ],
  EMBEDDING_LOOKUP: [
    { name: 'float32', inputs: [i32(3).of(1, 4, 1), f32(5, 7).constant()], outputs: [f32()] },
    { name: 'rank 3', inputs: [i32(2).of(2, 0), f32(3, 2, 5).constant()], outputs: [f32()] },
    {
      name: 'int8 table',
      inputs: [i32(3).of(1, 4, 0), i8(5, 6).scaled(0.05).constant()],
      outputs: [f32()],
    },
    {
      name: 'int8 rows',
      inputs: [i32(3).of(1, 4, 0), i8(5, 6).scaled(0.05, 3).constant()],
      outputs: [i8().scaled(0.05, 3)],
    },
    {
      name: 'int16 rows',
      inputs: [i32(3).of(1, 4, 0), i16(5, 6).scaled(0.001).constant()],
      outputs: [i16().scaled(0.001)],
    },
    {
      name: 'int8 table, scale per row',
      inputs: [i32(3).of(1, 4, 0), i8(5, 6).scaledAlong(0, 0.1, 0.2, 0.3, 0.4, 0.5).constant()],
      outputs: [f32()],
    },
  ],
  SPARSE_TO_DENSE: [
    {
      name: 'int8',
      inputs: [
        i32(3).of(5, 1, 2).constant(),
        ints(7),
        i8(3).scaled(0.1, 3),
        i8().of(3).scaled(0.1, 3).constant(),
      ],
      outputs: [i8().scaled(0.1, 3)],
    },
    {
      name: 'matrix',
      inputs: [i32(3, 2).of(0, 1, 1, 3, 2, 0).constant(), ints(3, 4), f32(3), f32().of(-1)],
      outputs: [f32()],
    },
    {
      name: 'vector',
      inputs: [i32(3).of(5, 1, 2).constant(), ints(7), f32(3), f32().of(0)],
      outputs: [f32()],
    },
    {
      name: 'one value',
      inputs: [i32(2, 2).of(0, 1, 2, 0).constant(), ints(3, 3), i32().of(7), i32().of(0)],
      outputs: [i32()],
      notStock: 'stock TFLite refuses one value for several places, which TensorFlow repeats',
      expected: [[0, 7, 0, 0, 0, 0, 7, 0, 0]],
    },
    {
      name: 'int64 indices',
      inputs: [i64(2, 1).of(0, 3).constant(), i64(1).of(5).constant(), f32(2), f32().of(0)],
      outputs: [f32()],
    },
  ],
  NON_MAX_SUPPRESSION_V4: [
    {
      name: 'two of two',
      inputs: [BOXES, SCORES, int(2), scalar(0.5), scalar(0)],
      outputs: [i32(), i32()],
    },
    {
      name: 'fewer than asked for',
      inputs: [BOXES, SCORES, int(6), scalar(0.5), scalar(0)],
      outputs: [i32(), i32()],
    },
    {
      name: 'score threshold',
      inputs: [BOXES, SCORES, int(5), scalar(0.5), scalar(0.45)],
      outputs: [i32(), i32()],
    },
    {
      name: 'no box reaches the threshold',
      inputs: [BOXES, SCORES, int(3), scalar(0.5), scalar(0.99)],
      outputs: [i32(), i32()],
    },
  ],
  NON_MAX_SUPPRESSION_V5: [
    {
      name: 'hard',
      inputs: [BOXES, SCORES, int(4), scalar(0.5), scalar(0), scalar(0)],
      outputs: [i32(), f32(), i32()],
    },
    {
      name: 'soft',
      inputs: [BOXES, SCORES, int(6), scalar(0.99), scalar(0.1), scalar(0.5)],
      outputs: [i32(), f32(), i32()],
    },
  ],
};
