import { ActivationFunctionType as Activation } from '@linnet/schema';
import { bool, f32, i8, i16, i32, i64, type Operand, u8, u16, u32 } from './operand.js';
import { type CaseFamily, type CaseSpec, TOO_LARGE } from './spec.js';

type Float =
  | 'ADD'
  | 'SUB'
  | 'MUL'
  | 'DIV'
  | 'MAXIMUM'
  | 'MINIMUM'
  | 'SQUARED_DIFFERENCE'
  | 'FLOOR_MOD'
  | 'FLOOR_DIV'
  | 'POW'
  | 'ATAN2';

/** Pairs of shapes that broadcast in every way: of both, of one, by rank, of scalars, of nothing. */
const BROADCASTS: readonly (readonly [string, readonly number[], readonly number[]])[] = [
  ['aligned', [2, 4, 8], [2, 4, 8]],
  ['prime shape', [3, 5, 7], [3, 5, 7]],
  ['scalar right', [3, 5], []],
  ['scalar left', [], [3, 5]],
  ['row', [2, 3, 5], [5]],
  ['column', [2, 3, 5], [3, 1]],
  ['both', [3, 1, 5], [1, 4, 1]],
  ['inner ones', [2, 1, 3, 1], [2, 5, 1, 4]],
  ['empty', [0, 3], [0, 3]],
];

type Make = (...shape: number[]) => Operand;

function broadcasts(make: Make, right: Make = make): CaseSpec<Float>[] {
  return [
    ...BROADCASTS.map(([name, a, b]) => ({
      name,
      inputs: [make(...a), right(...b)],
      outputs: [make()],
    })),
    {
      name: 'many elements',
      inputs: [make(23, 11, 97), right(23, 11, 97)],
      outputs: [make()],
      notStock: TOO_LARGE,
    },
    {
      name: 'many elements, broadcast',
      inputs: [make(23, 1, 97), right(11, 97)],
      outputs: [make()],
      notStock: TOO_LARGE,
    },
  ];
}

function pair(name: string, make: Make, right: Make = make, out: Make = make): CaseSpec<Float> {
  return { name, inputs: [make(3, 1, 7), right(4, 7)], outputs: [out()] };
}

/** Whether nothing is broadcast. */
function sameShapes([a, b]: readonly (Operand | null)[]): boolean {
  return String(a?.type.shape) === String(b?.type.shape);
}

/** Two quantized tensors of different scales into a third. */
function quantized(output: number, outZero = 0): CaseSpec<Float>[] {
  return [
    {
      name: 'int8',
      inputs: [i8(3, 5, 7).scaled(0.02, 5), i8(3, 5, 7).scaled(0.03, -9)],
      outputs: [i8().scaled(output, outZero)],
    },
    {
      name: 'int8, many elements',
      inputs: [i8(23, 1009).scaled(0.02, 5), i8(23, 1009).scaled(0.03, -9)],
      outputs: [i8().scaled(output, outZero)],
      notStock: TOO_LARGE,
    },
    {
      name: 'int8 broadcast',
      inputs: [i8(3, 1, 7).scaled(0.02, 5), i8(5, 1).scaled(0.03, -9)],
      outputs: [i8().scaled(output, outZero)],
    },
    {
      name: 'uint8',
      inputs: [u8(2, 17).scaled(0.02, 120), u8(2, 17).scaled(0.03, 140)],
      outputs: [u8().scaled(output, outZero + 128)],
    },
  ];
}

const int16 = (output: number): CaseSpec<'ADD'> => ({
  name: 'int16',
  inputs: [i16(3, 5).scaled(0.0002), i16(3, 5).scaled(0.0003)],
  outputs: [i16().scaled(output)],
  options: { potScaleInt16: false },
});

const activations: CaseSpec<'ADD'>[] = (['RELU', 'RELU_N1_TO_1', 'RELU6'] as const).map((name) => ({
  name: name.toLowerCase(),
  inputs: [f32(3, 7).between(-9, 9), f32(3, 7)],
  outputs: [f32()],
  options: { fusedActivationFunction: Activation[name] },
}));

const quantizedRelu: CaseSpec<'ADD'>[] = [
  {
    name: 'int8 relu6',
    inputs: [i8(3, 7).scaled(0.05, 5), i8(3, 7).scaled(0.05, -9)],
    outputs: [i8().scaled(0.06, -100)],
    options: { fusedActivationFunction: Activation.RELU6 },
  },
];

const nonZero =
  (make: Make): Make =>
  (...shape) =>
    make(...shape).between(1, 9);
const smallInt: Make = (...shape) => i32(...shape).between(-9, 9);

export const BINARY_CASES: CaseFamily<
  Float | 'LOGICAL_AND' | 'LOGICAL_OR' | 'BITWISE_XOR' | 'RIGHT_SHIFT' | 'PRELU' | 'ADD_N'
> = {
  ADD: [
    ...broadcasts(f32),
    pair('int32', i32),
    pair('int64', i64),
    ...quantized(0.05, 3),
    int16(0.0006),
    ...activations,
    ...quantizedRelu,
    {
      name: 'int8 saturates',
      inputs: [
        i8(4).of(127, -128, 100, -100).scaled(0.1),
        i8(4).of(127, -128, 100, -100).scaled(0.1),
      ],
      outputs: [i8().scaled(0.1)],
    },
    {
      name: 'int32 wraps',
      inputs: [i32(2).of(2147483647, -2147483648), i32(2).of(1, -1)],
      outputs: [i32()],
    },
    { name: 'rank 5', inputs: [f32(2, 1, 3, 1, 2), f32(1, 2, 1, 3, 2)], outputs: [f32()] },
  ],
  SUB: [
    ...broadcasts(f32),
    pair('int32', i32),
    pair('int64', i64),
    ...quantized(0.05, 3),
    int16(0.0006),
    ...activations,
    ...quantizedRelu,
  ],
  MUL: [
    ...broadcasts(f32),
    pair('int32', smallInt),
    pair('int64', i64),
    ...quantized(0.1, 3),
    int16(0.004),
    ...activations,
    {
      name: 'int32 wraps',
      inputs: [i32(2).of(65537, -2147483648), i32(2).of(65537, -1)],
      outputs: [i32()],
    },
  ],
  DIV: [
    ...broadcasts(f32, nonZero(f32)),
    pair('int32', i32, nonZero(i32)),
    {
      name: 'int32 truncates',
      inputs: [i32(4).of(7, -7, 7, -7), i32(4).of(2, 2, -2, -2)],
      outputs: [i32()],
    },
    {
      name: 'by zero',
      inputs: [f32(3).of(1, -1, 0), f32(3).of(0, 0, 0)],
      outputs: [f32()],
      notStock: 'stock TFLite clamps to finite numbers even where no activation does',
      expected: [[Infinity, -Infinity, NaN]],
    },
    {
      name: 'uint8',
      inputs: [u8(3, 7).scaled(0.02, 100), u8(3, 7).between(150, 255).scaled(0.03, 100)],
      outputs: [u8().scaled(0.02, 100)],
    },
    {
      name: 'int8',
      inputs: [i8(3, 7).scaled(0.02, 10), i8(3, 7).between(30, 127).scaled(0.03, -9)],
      outputs: [i8().scaled(0.02, -5)],
    },
    {
      name: 'int16',
      inputs: [i16(3, 7).scaled(0.0002), i16(7).between(2000, 32767).scaled(0.0001)],
      outputs: [i16().scaled(0.001)],
    },
    ...activations.map((spec) => ({
      ...spec,
      inputs: [spec.inputs[0]!, f32(3, 7).between(0.5, 2)],
    })),
  ],
  FLOOR_DIV: [
    ...broadcasts(f32, nonZero(f32)),
    pair('int32', i32, nonZero(i32)),
    {
      name: 'int32 signs',
      inputs: [i32(6).of(7, -7, 7, -7, 6, -6), i32(6).of(2, 2, -2, -2, 3, -3)],
      outputs: [i32()],
    },
    {
      name: 'float32 signs',
      inputs: [f32(4).of(7, -7, 7, -7), f32(4).of(2, 2, -2, -2)],
      outputs: [f32()],
    },
  ],
  FLOOR_MOD: [
    ...broadcasts(f32, nonZero(f32)),
    pair('int32', i32, nonZero(i32)),
    pair('int64', i64, nonZero(i64)),
    {
      name: 'int32 signs',
      inputs: [i32(6).of(7, -7, 7, -7, 6, -6), i32(6).of(2, 2, -2, -2, 3, -3)],
      outputs: [i32()],
    },
    {
      name: 'float32 signs',
      inputs: [f32(4).of(7, -7, 7.5, -7.5), f32(4).of(2, 2, -2, -2)],
      outputs: [f32()],
    },
  ],
  POW: [
    ...broadcasts((...shape) => f32(...shape).between(0.1, 3)),
    pair(
      'int32',
      (...s) => i32(...s).between(-5, 5),
      (...s) => i32(...s).between(0, 4),
      i32,
    ),
    {
      name: 'edge values',
      inputs: [f32(6).of(0, 0, -2, -2, 4, Infinity), f32(6).of(0, 2, 3, 0.5, -0.5, -1)],
      outputs: [f32()],
    },
  ],
  MAXIMUM: [
    ...broadcasts(f32),
    pair('int32', i32),
    pair('int64', i64),
    pair('int8', (...s) => i8(...s).scaled(0.1, 3)),
    pair('uint8', (...s) => u8(...s).scaled(0.1, 3)),
    pair('int16', (...s) => i16(...s).scaled(0.1)),
  ],
  MINIMUM: [
    ...broadcasts(f32),
    pair('int32', i32),
    pair('int64', i64),
    pair('int8', (...s) => i8(...s).scaled(0.1, 3)),
    pair('uint8', (...s) => u8(...s).scaled(0.1, 3)),
    pair('int16', (...s) => i16(...s).scaled(0.1)),
  ],
  SQUARED_DIFFERENCE: [
    ...broadcasts(f32),
    pair('int32', smallInt),
    {
      name: 'int8',
      inputs: [i8(3, 5, 7).scaled(0.02, 5), i8(3, 5, 7).scaled(0.03, -9)],
      outputs: [i8().scaled(0.1, -128)],
    },
  ],
  ATAN2: [
    ...broadcasts(f32).map((spec) => ({
      ...spec,
      ...(!spec.notStock &&
        !sameShapes(spec.inputs) && { notStock: 'stock TFLite does not broadcast ATAN2' }),
    })),
    {
      name: 'quadrants',
      inputs: [f32(8).of(0, 0, 1, -1, 1, -1, 0, -0), f32(8).of(1, -1, 0, 0, -1, -1, 0, -1)],
      outputs: [f32()],
    },
  ],

  LOGICAL_AND: [
    { name: 'same shape', inputs: [bool(3, 5), bool(3, 5)], outputs: [bool()] },
    { name: 'broadcast', inputs: [bool(3, 1), bool(1, 5)], outputs: [bool()] },
  ],
  LOGICAL_OR: [
    { name: 'same shape', inputs: [bool(3, 5), bool(3, 5)], outputs: [bool()] },
    { name: 'broadcast', inputs: [bool(3, 1), bool(1, 5)], outputs: [bool()] },
  ],
  BITWISE_XOR: [
    { name: 'int32', inputs: [i32(3, 5), i32(5)], outputs: [i32()] },
    { name: 'uint8', inputs: [u8(3, 5), u8(3, 5)], outputs: [u8()] },
    { name: 'int8', inputs: [i8(3, 5), i8(3, 5)], outputs: [i8()] },
    { name: 'uint16', inputs: [u16(3, 5), u16(3, 5)], outputs: [u16()] },
    { name: 'uint32', inputs: [u32(3, 5), u32(3, 5)], outputs: [u32()] },
  ],
  RIGHT_SHIFT: [
    { name: 'int32', inputs: [i32(3, 5), i32(5).between(0, 5)], outputs: [i32()] },
    { name: 'uint8', inputs: [u8(3, 5), u8(3, 5).between(0, 5)], outputs: [u8()] },
    { name: 'int8', inputs: [i8(3, 5), i8(3, 5).between(0, 5)], outputs: [i8()] },
    {
      name: 'distances out of range',
      inputs: [i32(4).of(-9, 9, -9, 9), i32(4).of(-1, -1, 40, 40)],
      outputs: [i32()],
    },
  ],
  PRELU: [
    { name: 'per channel', inputs: [f32(2, 3, 5, 7), f32(1, 1, 7).constant()], outputs: [f32()] },
    { name: 'per element', inputs: [f32(2, 3, 5), f32(3, 5)], outputs: [f32()] },
    { name: 'aligned', inputs: [f32(1, 4, 4, 8), f32(1, 1, 8).constant()], outputs: [f32()] },
    {
      name: 'int8',
      inputs: [i8(2, 3, 3, 5).scaled(0.05, 3), i8(1, 1, 5).scaled(0.01, -4).constant()],
      outputs: [i8().scaled(0.06, -10)],
    },
    {
      name: 'uint8',
      inputs: [u8(2, 3, 3, 5).scaled(0.05, 130), u8(1, 1, 5).scaled(0.01, 120).constant()],
      outputs: [u8().scaled(0.06, 110)],
    },
  ],
  ADD_N: [
    { name: 'three', inputs: [f32(3, 5), f32(3, 5), f32(3, 5)], outputs: [f32()] },
    { name: 'two of int32', inputs: [i32(3, 5), i32(3, 5)], outputs: [i32()] },
    {
      name: 'five aligned',
      inputs: [f32(4, 8), f32(4, 8), f32(4, 8), f32(4, 8), f32(4, 8)],
      outputs: [f32()],
    },
  ],
};
