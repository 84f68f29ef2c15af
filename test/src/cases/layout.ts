import { MirrorPadMode } from '@linnet/schema';
import { f32, i8, i16, i32, i64, ints, type Operand, u8 } from './operand.js';
import type { CaseFamily, CaseSpec } from './spec.js';

/** A constant matrix of int32 with two columns: padding or crops, before and after. */
const pairs = (...values: number[]): Operand =>
  i32(values.length / 2, 2)
    .of(...values)
    .constant();

/** Every combination of sampling that the resize ops allow, growing and shrinking. */
function resizes(): CaseSpec<'RESIZE_BILINEAR' | 'RESIZE_NEAREST_NEIGHBOR'>[] {
  const modes = [
    ['plain', {}],
    ['align corners', { alignCorners: true }],
    ['half pixel', { halfPixelCenters: true }],
  ] as const;
  const sizes = [
    ['up', [2, 3, 5, 3], [7, 11]],
    ['down', [1, 9, 7, 2], [4, 3]],
    ['doubled, aligned', [1, 4, 4, 8], [8, 8]],
    ['to one', [1, 5, 3, 2], [1, 1]],
    ['same', [1, 3, 4, 2], [3, 4]],
  ] as const;
  const cases = modes.flatMap(([mode, options]) =>
    sizes.map(([name, shape, size]) => ({
      name: `${mode}, ${name}`,
      inputs: [f32(...shape), ints(...size)],
      outputs: [f32()],
      options,
    })),
  );
  return [
    ...cases,
    ...modes.flatMap(([mode, options]) => [
      {
        name: `${mode}, int8`,
        inputs: [i8(1, 3, 5, 3).scaled(0.1, 3), ints(7, 8)],
        outputs: [i8().scaled(0.1, 3)],
        options,
      },
      {
        name: `${mode}, uint8`,
        inputs: [u8(1, 3, 5, 3).scaled(0.1, 3), ints(7, 8)],
        outputs: [u8().scaled(0.1, 3)],
        options,
      },
      {
        name: `${mode}, int16`,
        inputs: [i16(2, 3, 5, 3).scaled(0.001), ints(7, 4)],
        outputs: [i16().scaled(0.001)],
        options,
      },
    ]),
  ];
}

export const LAYOUT_CASES: CaseFamily<
  | 'SPACE_TO_DEPTH'
  | 'DEPTH_TO_SPACE'
  | 'SPACE_TO_BATCH_ND'
  | 'BATCH_TO_SPACE_ND'
  | 'REVERSE_V2'
  | 'REVERSE_SEQUENCE'
  | 'PAD'
  | 'PADV2'
  | 'MIRROR_PAD'
  | 'RESIZE_BILINEAR'
  | 'RESIZE_NEAREST_NEIGHBOR'
> = {
  SPACE_TO_DEPTH: [
    { name: 'block 2', inputs: [f32(2, 4, 6, 3)], outputs: [f32()], options: { blockSize: 2 } },
    { name: 'block 3', inputs: [f32(1, 6, 3, 2)], outputs: [f32()], options: { blockSize: 3 } },
    {
      name: 'int8',
      inputs: [i8(1, 4, 4, 2).scaled(0.1, 3)],
      outputs: [i8().scaled(0.1, 3)],
      options: { blockSize: 2 },
    },
    { name: 'int32', inputs: [i32(1, 2, 2, 1)], outputs: [i32()], options: { blockSize: 2 } },
  ],
  DEPTH_TO_SPACE: [
    { name: 'block 2', inputs: [f32(2, 2, 3, 12)], outputs: [f32()], options: { blockSize: 2 } },
    { name: 'block 3', inputs: [f32(1, 2, 1, 18)], outputs: [f32()], options: { blockSize: 3 } },
    {
      name: 'int8',
      inputs: [i8(1, 2, 2, 8).scaled(0.1, 3)],
      outputs: [i8().scaled(0.1, 3)],
      options: { blockSize: 2 },
    },
    { name: 'int32', inputs: [i32(1, 1, 1, 4)], outputs: [i32()], options: { blockSize: 2 } },
  ],
  SPACE_TO_BATCH_ND: [
    {
      name: 'no padding',
      inputs: [f32(1, 4, 6, 3), ints(2, 3), pairs(0, 0, 0, 0)],
      outputs: [f32()],
    },
    { name: 'padding', inputs: [f32(2, 3, 5, 2), ints(2, 2), pairs(1, 0, 0, 1)], outputs: [f32()] },
    { name: 'rank 3', inputs: [f32(2, 5, 3), ints(3), pairs(1, 0)], outputs: [f32()] },
    {
      name: 'int8',
      inputs: [i8(1, 3, 3, 2).scaled(0.1, 7), ints(2, 2), pairs(0, 1, 1, 0)],
      outputs: [i8().scaled(0.1, 7)],
    },
  ],
  BATCH_TO_SPACE_ND: [
    {
      name: 'no crops',
      inputs: [f32(6, 2, 2, 3), ints(2, 3), pairs(0, 0, 0, 0)],
      outputs: [f32()],
    },
    { name: 'crops', inputs: [f32(8, 3, 3, 2), ints(2, 2), pairs(1, 0, 0, 2)], outputs: [f32()] },
    { name: 'rank 3', inputs: [f32(6, 2, 3), ints(3), pairs(1, 0)], outputs: [f32()] },
    {
      name: 'int8',
      inputs: [i8(4, 2, 2, 2).scaled(0.1, 7), ints(2, 2), pairs(0, 1, 1, 0)],
      outputs: [i8().scaled(0.1, 7)],
    },
  ],
  REVERSE_V2: [
    { name: 'one axis', inputs: [f32(3, 5), ints(1)], outputs: [f32()] },
    { name: 'first axis', inputs: [f32(3, 5, 2), ints(0)], outputs: [f32()] },
    { name: 'two axes', inputs: [f32(2, 3, 5), ints(1, 2)], outputs: [f32()] },
    {
      name: 'negative axis',
      inputs: [f32(2, 3, 5), ints(-1)],
      outputs: [f32()],
      notStock: 'stock TFLite refuses negative axes',
    },
    { name: 'int32', inputs: [i32(7), ints(0)], outputs: [i32()] },
    { name: 'int64', inputs: [i64(3, 2), ints(0)], outputs: [i64()] },
  ],
  REVERSE_SEQUENCE: [
    {
      name: 'int16',
      inputs: [i16(3, 5).scaled(0.001), i32(3).of(5, 2, 0)],
      outputs: [i16().scaled(0.001)],
      options: { seqDim: 1, batchDim: 0 },
    },
    {
      name: 'batch first',
      inputs: [f32(3, 5, 2), i32(3).of(5, 2, 0)],
      outputs: [f32()],
      options: { seqDim: 1, batchDim: 0 },
    },
    {
      name: 'time first',
      inputs: [f32(5, 3, 2), i32(3).of(1, 4, 5)],
      outputs: [f32()],
      options: { seqDim: 0, batchDim: 1 },
    },
    {
      name: 'dimensions apart',
      inputs: [f32(2, 3, 5), i64(2).of(3, 5)],
      outputs: [f32()],
      options: { seqDim: 2, batchDim: 0 },
    },
    {
      name: 'int32',
      inputs: [i32(2, 4), i32(2).of(3, 4)],
      outputs: [i32()],
      options: { seqDim: 1, batchDim: 0 },
    },
  ],
  PAD: [
    { name: 'image', inputs: [f32(2, 3, 5, 2), pairs(0, 0, 1, 2, 2, 1, 0, 0)], outputs: [f32()] },
    { name: 'all dimensions', inputs: [f32(2, 3), pairs(1, 0, 2, 3)], outputs: [f32()] },
    {
      name: 'rank 5',
      inputs: [f32(1, 2, 1, 2, 2), pairs(0, 1, 1, 0, 1, 1, 0, 0, 1, 0)],
      outputs: [f32()],
    },
    {
      name: 'int8',
      inputs: [i8(2, 3).scaled(0.1, 7), pairs(1, 1, 0, 2)],
      outputs: [i8().scaled(0.1, 7)],
    },
    {
      name: 'uint8',
      inputs: [u8(2, 3).scaled(0.1, 130), pairs(1, 1, 0, 2)],
      outputs: [u8().scaled(0.1, 130)],
    },
    { name: 'int32', inputs: [i32(2, 3), pairs(1, 0, 0, 1)], outputs: [i32()] },
    { name: 'int64', inputs: [i64(2, 3), pairs(1, 0, 0, 1)], outputs: [i64()] },
    {
      name: 'int16',
      inputs: [i16(2, 3).scaled(0.1), pairs(1, 0, 0, 1)],
      outputs: [i16().scaled(0.1)],
    },
    {
      name: 'padding from an input',
      inputs: [f32(2, 3), i32(2, 2).of(1, 0, 0, 2)],
      outputs: [f32()],
    },
  ],
  PADV2: [
    {
      name: 'float32',
      inputs: [f32(2, 3), pairs(1, 0, 2, 3), f32().of(-1.5).constant()],
      outputs: [f32()],
    },
    {
      name: 'minus infinity',
      inputs: [f32(1, 2, 2, 3), pairs(0, 0, 1, 1, 1, 1, 0, 0), f32().of(-Infinity).constant()],
      outputs: [f32()],
    },
    {
      name: 'int32',
      inputs: [i32(2, 3), pairs(1, 0, 0, 1), i32().of(9).constant()],
      outputs: [i32()],
    },
    {
      name: 'int8',
      inputs: [i8(2, 3).scaled(0.1, 7), pairs(1, 1, 0, 2), i8().of(-20).scaled(0.1, 7).constant()],
      outputs: [i8().scaled(0.1, 7)],
    },
  ],
  MIRROR_PAD: [
    {
      name: 'reflect',
      inputs: [f32(3, 5), pairs(2, 1, 1, 3)],
      outputs: [f32()],
      options: { mode: MirrorPadMode.REFLECT },
    },
    {
      name: 'symmetric',
      inputs: [f32(3, 5), pairs(3, 1, 1, 4)],
      outputs: [f32()],
      options: { mode: MirrorPadMode.SYMMETRIC },
    },
    {
      name: 'image',
      inputs: [f32(1, 4, 3, 2), pairs(0, 0, 1, 2, 2, 1, 0, 0)],
      outputs: [f32()],
      options: { mode: MirrorPadMode.REFLECT },
    },
    {
      name: 'int8',
      inputs: [i8(3, 3).scaled(0.1, 3), pairs(1, 1, 1, 1)],
      outputs: [i8().scaled(0.1, 3)],
      options: { mode: MirrorPadMode.SYMMETRIC },
    },
    {
      name: 'int32',
      inputs: [i32(4), pairs(2, 3)],
      outputs: [i32()],
      options: { mode: MirrorPadMode.REFLECT },
    },
  ],
  RESIZE_BILINEAR: resizes(),
  RESIZE_NEAREST_NEIGHBOR: resizes(),
};
