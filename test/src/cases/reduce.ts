import { bool, f32, i8, i16, i32, i64, int, ints, type Operand, u8 } from './operand.js';
import { type CaseFamily, type CaseSpec, TOO_LARGE } from './spec.js';

type Reduction =
  | 'SUM'
  | 'MEAN'
  | 'REDUCE_MAX'
  | 'REDUCE_MIN'
  | 'REDUCE_PROD'
  | 'REDUCE_ANY'
  | 'REDUCE_ALL';

/** Every way to name axes, on one dtype. */
function axes(make: (...shape: number[]) => Operand): CaseSpec<Reduction>[] {
  return [
    { name: 'last axis', inputs: [make(3, 5, 7), ints(2)], outputs: [make()] },
    { name: 'first axis', inputs: [make(3, 5, 7), ints(0)], outputs: [make()] },
    {
      name: 'negative axis, dims kept',
      inputs: [make(3, 5, 7), ints(-2)],
      outputs: [make()],
      options: { keepDims: true },
    },
    { name: 'two axes', inputs: [make(2, 3, 4, 5), ints(1, 2)], outputs: [make()] },
    {
      name: 'outer axes, dims kept',
      inputs: [make(2, 3, 4, 5), ints(0, -1)],
      outputs: [make()],
      options: { keepDims: true },
    },
    { name: 'all axes', inputs: [make(3, 5, 7), ints(0, 1, 2)], outputs: [make()] },
    { name: 'repeated axis', inputs: [make(3, 5), ints(1, 1)], outputs: [make()] },
    {
      name: 'many rows',
      inputs: [make(997, 31), ints(1)],
      outputs: [make()],
      notStock: TOO_LARGE,
    },
    {
      name: 'many columns',
      inputs: [make(31, 997), ints(0)],
      outputs: [make()],
      notStock: TOO_LARGE,
    },
    { name: 'aligned', inputs: [make(4, 16, 8), ints(1)], outputs: [make()] },
  ];
}

/** Quantized to the same and to another scale. */
function quantized(other: number): CaseSpec<Reduction>[] {
  return [
    {
      name: 'int8',
      inputs: [i8(3, 5, 7).scaled(0.05, 3), ints(1)],
      outputs: [i8().scaled(0.05, 3)],
    },
    {
      name: 'int8 rescaled',
      inputs: [i8(2, 3, 4, 5).scaled(0.05, 3), ints(1, 2)],
      outputs: [i8().scaled(other, -7)],
    },
    {
      name: 'uint8',
      inputs: [u8(3, 5, 7).scaled(0.05, 130), ints(2)],
      outputs: [u8().scaled(0.05, 130)],
    },
  ];
}

const int32: CaseSpec<Reduction> = {
  name: 'int32',
  inputs: [i32(3, 5, 7), ints(1)],
  outputs: [i32()],
};
const int64: CaseSpec<Reduction> = {
  name: 'int64',
  inputs: [i64(3, 5, 7), ints(1)],
  outputs: [i64()],
};

const comparisons: CaseSpec<'REDUCE_MAX'>[] = [
  int32,
  int64,
  {
    name: 'infinities',
    inputs: [f32(2, 3).of(-Infinity, 1, Infinity, -Infinity, -Infinity, -Infinity), ints(1)],
    outputs: [f32()],
  },
  { name: 'int8', inputs: [i8(3, 5, 7).scaled(0.05, 3), ints(1)], outputs: [i8().scaled(0.05, 3)] },
  {
    name: 'uint8',
    inputs: [u8(3, 5, 7).scaled(0.05, 130), ints(0, 2)],
    outputs: [u8().scaled(0.05, 130)],
  },
  { name: 'int16', inputs: [i16(3, 5).scaled(0.05), ints(1)], outputs: [i16().scaled(0.05)] },
];

type Segment =
  | 'UNSORTED_SEGMENT_MAX'
  | 'UNSORTED_SEGMENT_MIN'
  | 'UNSORTED_SEGMENT_PROD'
  | 'UNSORTED_SEGMENT_SUM';

const segments: CaseSpec<Segment>[] = [
  { name: 'float32', inputs: [f32(5, 3), i32(5).of(2, 0, 2, -1, 0), int(4)], outputs: [f32()] },
  {
    name: 'int32',
    inputs: [i32(5, 3).between(-9, 9), i32(5).of(1, 0, 1, 1, 0), int(2)],
    outputs: [i32()],
  },
  {
    name: 'ids of rank 2',
    inputs: [f32(2, 3, 5), i32(2, 3).of(0, 1, 1, 2, 0, 2), int(3)],
    outputs: [f32()],
  },
];

function argBest(): CaseSpec<'ARG_MAX' | 'ARG_MIN'>[] {
  return [
    {
      name: 'last axis',
      inputs: [f32(3, 5, 7), int(-1)],
      outputs: [i32()],
      options: { outputType: 2 },
    },
    {
      name: 'middle axis, int64',
      inputs: [f32(3, 5, 7), int(1)],
      outputs: [i64()],
      options: { outputType: 4 },
    },
    {
      name: 'ties',
      inputs: [f32(2, 4).of(1, 3, 3, 1, 2, 1, 1, 2), int(1)],
      outputs: [i32()],
      options: { outputType: 2 },
    },
    { name: 'aligned', inputs: [f32(4, 32), int(1)], outputs: [i32()], options: { outputType: 2 } },
    { name: 'int32', inputs: [i32(3, 7), int(0)], outputs: [i32()], options: { outputType: 2 } },
    {
      name: 'int8',
      inputs: [i8(3, 7).scaled(0.1, 5), int(1)],
      outputs: [i32()],
      options: { outputType: 2 },
    },
    {
      name: 'uint8',
      inputs: [u8(3, 7).scaled(0.1, 5), int(1)],
      outputs: [i32()],
      options: { outputType: 2 },
    },
    { name: 'rank 1', inputs: [f32(5), int(0)], outputs: [i32()], options: { outputType: 2 } },
  ];
}

export const REDUCE_CASES: CaseFamily<
  | Reduction
  | Segment
  | 'ARG_MAX'
  | 'ARG_MIN'
  | 'CUMSUM'
  | 'TOPK_V2'
  | 'UNIQUE'
  | 'WHERE'
  | 'SEGMENT_SUM'
> = {
  SUM: [...axes(f32), ...quantized(0.2), int32, int64],
  MEAN: [
    ...axes(f32),
    ...quantized(0.02),
    int32,
    int64,
    {
      name: 'global pooling',
      inputs: [f32(2, 7, 7, 8), ints(1, 2)],
      outputs: [f32()],
      options: { keepDims: true },
    },
    { name: 'int16', inputs: [i16(3, 5).scaled(0.001), ints(1)], outputs: [i16().scaled(0.001)] },
  ],
  REDUCE_MAX: [...axes(f32), ...comparisons],
  REDUCE_MIN: [...axes(f32), ...comparisons],
  REDUCE_PROD: [
    ...axes(f32),
    { name: 'int32', inputs: [i32(3, 5).between(-4, 4), ints(1)], outputs: [i32()] },
    { name: 'int64', inputs: [i64(3, 5).between(-4, 4), ints(1)], outputs: [i64()] },
    { name: 'int8', inputs: [i8(3, 4).scaled(0.02, 3), ints(1)], outputs: [i8().scaled(0.3, 5)] },
  ],
  REDUCE_ANY: axes(bool),
  REDUCE_ALL: axes(bool),

  ARG_MAX: argBest(),
  ARG_MIN: argBest(),

  CUMSUM: [
    { name: 'last axis', inputs: [f32(3, 5), int(1)], outputs: [f32()] },
    {
      name: 'first axis, exclusive',
      inputs: [f32(3, 5), int(0)],
      outputs: [f32()],
      options: { exclusive: true },
    },
    {
      name: 'reverse',
      inputs: [f32(2, 3, 5), int(-2)],
      outputs: [f32()],
      options: { reverse: true },
    },
    {
      name: 'exclusive, reverse, int32',
      inputs: [i32(3, 5), int(1)],
      outputs: [i32()],
      options: { exclusive: true, reverse: true },
    },
    { name: 'int64', inputs: [i64(7), int(0)], outputs: [i64()] },
  ],

  TOPK_V2: [
    { name: 'float32', inputs: [f32(3, 7), int(3)], outputs: [f32(), i32()] },
    { name: 'all', inputs: [f32(2, 2, 5), int(5)], outputs: [f32(), i32()] },
    { name: 'ties', inputs: [f32(6).of(1, 3, 2, 3, 2, 3), int(4)], outputs: [f32(), i32()] },
    { name: 'int32', inputs: [i32(2, 9), int(2)], outputs: [i32(), i32()] },
    {
      name: 'int8',
      inputs: [i8(2, 9).scaled(0.1, 3), int(4)],
      outputs: [i8().scaled(0.1, 3), i32()],
    },
    {
      name: 'int16',
      inputs: [i16(2, 9).scaled(0.001), int(4)],
      outputs: [i16().scaled(0.001), i32()],
    },
    {
      name: 'none',
      inputs: [f32(3, 4), int(0)],
      outputs: [f32(), i32()],
      notStock: 'stock TFLite crashes',
      expected: [[], []],
    },
  ],

  UNIQUE: [
    {
      name: 'float32',
      inputs: [f32(7).of(3, 1, 3, 2, 1, 1, 5)],
      outputs: [f32(), i32()],
      options: { idxOutType: 2 },
    },
    {
      name: 'int32, int64 places',
      inputs: [i32(9).between(0, 4)],
      outputs: [i32(), i64()],
      options: { idxOutType: 4 },
    },
    {
      name: 'int64',
      inputs: [i64(9).between(0, 4)],
      outputs: [i64(), i32()],
      options: { idxOutType: 2 },
    },
    { name: 'empty', inputs: [f32(0)], outputs: [f32(), i32()], options: { idxOutType: 2 } },
  ],

  WHERE: [
    { name: 'bool', inputs: [bool(3, 5)], outputs: [i64()] },
    { name: 'float32', inputs: [f32(2, 3).of(0, 1, -0, 2, NaN, 0)], outputs: [i64()] },
    { name: 'int32, rank 3', inputs: [i32(2, 3, 2).between(-1, 1)], outputs: [i64()] },
    { name: 'none', inputs: [bool(4).of(0, 0, 0, 0)], outputs: [i64()] },
  ],

  SEGMENT_SUM: [
    { name: 'float32', inputs: [f32(5, 3), i32(5).of(0, 0, 1, 2, 2)], outputs: [f32()] },
    { name: 'int32', inputs: [i32(4), i32(4).of(0, 1, 1, 1)], outputs: [i32()] },
    {
      name: 'a segment without rows',
      inputs: [f32(3, 2), i32(3).of(0, 2, 2)],
      outputs: [f32()],
      notStock: 'stock TFLite wants every segment to have rows',
    },
  ],
  UNSORTED_SEGMENT_MAX: segments,
  UNSORTED_SEGMENT_MIN: segments,
  UNSORTED_SEGMENT_PROD: segments,
  UNSORTED_SEGMENT_SUM: segments,
};
