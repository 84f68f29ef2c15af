import { ActivationFunctionType as Activation, Padding } from '@linnet/schema';
import { f32, i4, i8, i16, i32, i64, ints, type Operand, u8 } from './operand.js';
import { type CaseFamily, type CaseSpec, TOO_LARGE } from './spec.js';

type Convolution = 'CONV_2D' | 'DEPTHWISE_CONV_2D';

const { SAME, VALID } = Padding;
const unit = { padding: SAME, strideW: 1, strideH: 1 } as const;
const weights = (...shape: number[]) =>
  f32(...shape)
    .between(-1, 1)
    .constant();
const bias = (size: number) => f32(size).constant();
const bias32 = (size: number, scale: number) =>
  i32(size).between(-500, 500).scaled(scale).constant();
const per = (size: number, from: number) =>
  Array.from({ length: size }, (_, i) => from * (1 + (i % 3)));

/** CONV_2D in float32: NHWC, weights OHWI. */
function conv(
  name: string,
  input: readonly number[],
  filter: readonly number[],
  options: CaseSpec<'CONV_2D'>['options'] = {},
): CaseSpec<'CONV_2D'> {
  return {
    name,
    inputs: [f32(...input), weights(...filter), bias(filter[0]!)],
    outputs: [f32()],
    options: { ...unit, ...options },
  };
}

/** CONV_2D with weights that the file or the device stores in fewer bits: float16, int4 with a scale for each block. */
function stored(
  name: string,
  input: readonly number[],
  filter: readonly number[],
): CaseSpec<'CONV_2D'>[] {
  const make = (what: string, operand: Operand): CaseSpec<'CONV_2D'> => ({
    name: `${name}, ${what}`,
    inputs: [f32(...input), operand.constant(), bias(filter[0]!)],
    outputs: [f32()],
    options: unit,
    notStock: 'it is about how weights are stored',
  });
  const hasBlocks = filter.at(-1)! % 32 === 0;
  return [
    make('float16 numbers', f32(...filter).between(-2, 2, 2 ** -9)),
    ...(hasBlocks
      ? [
          make(
            'int4 in blocks',
            i4(...filter)
              .between(-8, 7)
              .inBlocks(32),
          ),
        ]
      : []),
  ];
}

/** DEPTHWISE_CONV_2D in float32: weights [1, h, w, channels * multiplier]. */
function depthwise(
  name: string,
  input: readonly number[],
  filter: readonly number[],
  options: CaseSpec<'DEPTHWISE_CONV_2D'>['options'] = {},
): CaseSpec<'DEPTHWISE_CONV_2D'> {
  return {
    name,
    inputs: [f32(...input), weights(...filter), bias(filter[3]!)],
    outputs: [f32()],
    options: { ...unit, depthMultiplier: filter[3]! / input[3]!, ...options },
  };
}

/** The same convolution in every integer form, and with int8 weights and float activations. */
function integers(
  input: readonly number[],
  filter: readonly number[],
  axis: number,
  options: CaseSpec<Convolution>['options'],
): CaseSpec<Convolution>[] {
  const out = filter[axis]!;
  const x = i8(...input).scaled(0.05, 7);
  const perChannel = i8(...filter)
    .between(-127, 127)
    .scaledAlong(axis, ...per(out, 0.004))
    .constant();
  const perTensor = i8(...filter)
    .between(-127, 127)
    .scaled(0.004)
    .constant();
  const biasPerChannel = i32(out)
    .between(-500, 500)
    .scaledAlong(0, ...per(out, 0.0002))
    .constant();
  const result = i8().scaled(0.1, -5);
  return [
    {
      name: 'int8 per channel',
      inputs: [x, perChannel, biasPerChannel],
      outputs: [result],
      options,
    },
    {
      name: 'int8 per tensor',
      inputs: [x, perTensor, bias32(out, 0.0002)],
      outputs: [result],
      options,
    },
    {
      name: 'int8 relu6',
      inputs: [x, perChannel, biasPerChannel],
      outputs: [i8().scaled(6 / 255, -128)],
      options: { ...options, fusedActivationFunction: Activation.RELU6 },
    },
    {
      name: 'int8 saturates',
      inputs: [x, perChannel, biasPerChannel],
      outputs: [i8().scaled(0.005, 3)],
      options,
    },
    {
      name: 'uint8',
      inputs: [
        u8(...input).scaled(0.05, 120),
        u8(...filter)
          .scaled(0.004, 131)
          .constant(),
        bias32(out, 0.0002),
      ],
      outputs: [u8().scaled(0.1, 128)],
      options,
    },
    {
      name: 'int16 with int8 weights',
      inputs: [
        i16(...input).scaled(0.0002),
        perChannel,
        i64(out)
          .between(-500, 500)
          .scaledAlong(0, ...per(out, 0.0002 * 0.004))
          .constant(),
      ],
      outputs: [i16().scaled(0.0005)],
      options,
    },
    { name: 'hybrid', inputs: [f32(...input), perChannel, bias(out)], outputs: [f32()], options },
    {
      name: 'hybrid, batch',
      inputs: [f32(3, ...input.slice(1)), perChannel, bias(out)],
      outputs: [f32()],
      options,
    },
    {
      name: 'hybrid relu',
      inputs: [f32(...input), perChannel, bias(out)],
      outputs: [f32()],
      options: { ...options, fusedActivationFunction: Activation.RELU },
    },
  ];
}

/** The same cases on a larger input, which only the reference answers. */
function large(cases: CaseSpec<Convolution>[], prefix = 'large'): CaseSpec<Convolution>[] {
  return cases.map((spec) => ({ ...spec, name: `${prefix} ${spec.name}`, notStock: TOO_LARGE }));
}

const CONVOLUTIONS: CaseSpec<'CONV_2D'>[] = [
  conv('1x1', [1, 5, 7, 3], [5, 1, 1, 3]),
  conv('1x1 aligned', [1, 4, 4, 16], [32, 1, 1, 16]),
  conv('1x1 prime channels', [2, 3, 3, 37], [41, 1, 1, 37]),
  conv('1x1 strided', [1, 7, 5, 3], [4, 1, 1, 3], { strideH: 2, strideW: 2 }),
  conv('3x3 same', [1, 5, 7, 3], [5, 3, 3, 3]),
  conv('3x3 valid', [1, 5, 7, 3], [5, 3, 3, 3], { padding: VALID }),
  conv('3x3 aligned', [1, 8, 8, 8], [16, 3, 3, 8]),
  conv('3x3 strided', [2, 8, 7, 3], [5, 3, 3, 3], { strideH: 2, strideW: 2 }),
  conv('unequal strides', [1, 9, 7, 2], [3, 3, 2, 2], { strideH: 3, strideW: 2, padding: VALID }),
  conv('dilated', [1, 9, 8, 2], [3, 3, 3, 2], { dilationHFactor: 2, dilationWFactor: 3 }),
  conv('dilated valid', [1, 9, 8, 2], [3, 3, 3, 2], {
    dilationHFactor: 2,
    dilationWFactor: 2,
    padding: VALID,
  }),
  conv('even kernel', [1, 6, 5, 2], [3, 2, 4, 2]),
  conv('1-D', [2, 1, 11, 3], [5, 1, 3, 3]),
  conv('5x5 over 3x3', [1, 3, 3, 2], [3, 5, 5, 2]),
  conv('batch', [5, 4, 3, 2], [7, 3, 3, 2]),
  { ...conv('large 1x1', [1, 29, 31, 67], [83, 1, 1, 67]), notStock: TOO_LARGE },
  { ...conv('large 3x3', [1, 29, 31, 19], [37, 3, 3, 19]), notStock: TOO_LARGE },
  {
    ...conv('large 3x3 strided', [2, 29, 31, 16], [32, 3, 3, 16], { strideH: 2, strideW: 2 }),
    notStock: TOO_LARGE,
  },
  conv('relu', [1, 5, 5, 3], [4, 3, 3, 3], { fusedActivationFunction: Activation.RELU }),
  conv('relu6', [1, 5, 5, 3], [4, 3, 3, 3], { fusedActivationFunction: Activation.RELU6 }),
  conv('relu -1 to 1', [1, 5, 5, 3], [4, 3, 3, 3], {
    fusedActivationFunction: Activation.RELU_N1_TO_1,
  }),
  conv('groups', [1, 5, 5, 6], [9, 3, 3, 2]),
  ...stored('3x3', [1, 5, 5, 4], [6, 3, 3, 4]),
  ...stored('1x1', [1, 5, 7, 64], [9, 1, 1, 64]),
  ...stored('1x1 of one pixel', [1, 1, 1, 64], [9, 1, 1, 64]),
  {
    name: 'no bias',
    inputs: [f32(1, 5, 5, 3), weights(4, 3, 3, 3)],
    outputs: [f32()],
    notStock: 'the reference kernels of stock TFLite want a bias',
    options: unit,
  },
  {
    name: 'weights from an input',
    inputs: [f32(1, 4, 4, 3), f32(5, 3, 3, 3), bias(5)],
    outputs: [f32()],
    options: unit,
  },
  {
    name: 'hybrid int4',
    inputs: [
      f32(1, 5, 5, 4),
      i4(6, 3, 3, 4)
        .between(-7, 7)
        .scaledAlong(0, ...per(6, 0.1))
        .constant(),
      bias(6),
    ],
    outputs: [f32()],
    options: unit,
    notStock: 'stock TFLite has no int4 convolution on float activations',
  },
  {
    name: 'int8 1x1 aligned',
    inputs: [
      i8(1, 4, 4, 32).scaled(0.05, -3),
      i8(16, 1, 1, 32)
        .between(-127, 127)
        .scaledAlong(0, ...per(16, 0.004))
        .constant(),
      i32(16)
        .between(-500, 500)
        .scaledAlong(0, ...per(16, 0.0002))
        .constant(),
    ],
    outputs: [i8().scaled(0.1, 4)],
    options: unit,
  },
  ...integers([1, 5, 7, 3], [5, 3, 3, 3], 0, { ...unit, strideW: 2 }),
  ...large(integers([1, 19, 23, 35], [29, 3, 3, 35], 0, unit)),
  ...large(integers([1, 19, 23, 64], [32, 1, 1, 64], 0, unit), 'large 1x1'),
];

const DEPTHWISE: CaseSpec<'DEPTHWISE_CONV_2D'>[] = [
  depthwise('3x3 same', [1, 5, 7, 3], [1, 3, 3, 3]),
  depthwise('3x3 aligned', [1, 8, 8, 16], [1, 3, 3, 16]),
  depthwise('3x3 strided', [2, 8, 7, 5], [1, 3, 3, 5], { strideH: 2, strideW: 2 }),
  depthwise('5x5 valid', [1, 7, 9, 3], [1, 5, 5, 3], { padding: VALID }),
  depthwise('multiplier', [1, 5, 5, 3], [1, 3, 3, 6]),
  depthwise('one channel to many', [1, 6, 6, 1], [1, 3, 3, 7]),
  depthwise('dilated', [1, 9, 8, 3], [1, 3, 3, 3], { dilationHFactor: 2, dilationWFactor: 2 }),
  depthwise('uneven kernel', [1, 6, 9, 4], [1, 1, 5, 4]),
  depthwise('batch', [3, 4, 5, 2], [1, 3, 3, 2]),
  depthwise('relu6', [1, 5, 5, 3], [1, 3, 3, 3], { fusedActivationFunction: Activation.RELU6 }),
  { ...depthwise('large', [1, 29, 31, 37], [1, 3, 3, 37]), notStock: TOO_LARGE },
  {
    ...depthwise('large strided', [2, 29, 31, 32], [1, 5, 5, 32], { strideH: 2, strideW: 2 }),
    notStock: TOO_LARGE,
  },
  depthwise('prime channels', [1, 5, 5, 37], [1, 3, 3, 37]),
  {
    name: 'no bias',
    inputs: [f32(1, 5, 5, 3), weights(1, 3, 3, 3)],
    outputs: [f32()],
    options: { ...unit, depthMultiplier: 1 },
  },
  ...integers([1, 5, 7, 3], [1, 3, 3, 3], 3, { ...unit, depthMultiplier: 1 }),
  ...large(integers([1, 19, 23, 35], [1, 3, 3, 35], 3, { ...unit, depthMultiplier: 1 })),
  ...large(integers([1, 9, 11, 36], [1, 3, 3, 36], 3, { ...unit, depthMultiplier: 1 }), 'fours'),
  ...large(integers([1, 9, 11, 6], [1, 3, 3, 12], 3, { ...unit, depthMultiplier: 2 }), 'doubled'),
];

function transposed(
  name: string,
  size: readonly number[],
  input: readonly number[],
  filter: readonly number[],
  options: CaseSpec<'TRANSPOSE_CONV'>['options'],
  withBias = true,
): CaseSpec<'TRANSPOSE_CONV'> {
  const operands: Operand[] = [ints(...size), weights(...filter), f32(...input)];
  return {
    name,
    inputs: withBias ? [...operands, bias(filter[0]!)] : operands,
    outputs: [f32()],
    options,
  };
}

const doubled = { padding: SAME, strideH: 2, strideW: 2 } as const;

export const CONVOLUTION_CASES: CaseFamily<Convolution | 'TRANSPOSE_CONV' | 'CONV_3D'> = {
  CONV_2D: CONVOLUTIONS,
  DEPTHWISE_CONV_2D: DEPTHWISE,
  TRANSPOSE_CONV: [
    transposed('same', [1, 6, 8, 5], [1, 3, 4, 3], [5, 3, 3, 3], doubled),
    transposed('valid', [2, 7, 9, 5], [2, 3, 4, 3], [5, 3, 3, 3], { ...doubled, padding: VALID }),
    transposed('stride 1', [1, 5, 5, 2], [1, 5, 5, 4], [2, 3, 3, 4], unit),
    transposed('aligned', [1, 8, 8, 8], [1, 4, 4, 16], [8, 2, 2, 16], doubled),
    transposed('odd output', [1, 5, 7, 2], [1, 3, 4, 3], [2, 3, 3, 3], doubled),
    transposed('stride beyond kernel', [1, 9, 9, 2], [1, 3, 3, 3], [2, 2, 2, 3], {
      padding: SAME,
      strideH: 3,
      strideW: 3,
    }),
    transposed('no bias', [1, 6, 6, 2], [1, 3, 3, 3], [2, 4, 4, 3], doubled, false),
    transposed('relu', [1, 6, 6, 2], [1, 3, 3, 3], [2, 3, 3, 3], {
      ...doubled,
      fusedActivationFunction: Activation.RELU,
    }),
    {
      name: 'int8 per channel',
      inputs: [
        ints(1, 6, 8, 5),
        i8(5, 3, 3, 3)
          .between(-127, 127)
          .scaledAlong(0, ...per(5, 0.004))
          .constant(),
        i8(1, 3, 4, 3).scaled(0.05, 7),
        i32(5)
          .between(-500, 500)
          .scaledAlong(0, ...per(5, 0.0002))
          .constant(),
      ],
      outputs: [i8().scaled(0.1, -5)],
      options: doubled,
    },
    {
      name: 'uint8',
      inputs: [
        ints(1, 6, 8, 5),
        u8(5, 3, 3, 3).scaled(0.004, 131).constant(),
        u8(1, 3, 4, 3).scaled(0.05, 120),
        bias32(5, 0.0002),
      ],
      outputs: [u8().scaled(0.1, 128)],
      options: doubled,
    },
  ],
  CONV_3D: [
    {
      name: 'same',
      inputs: [f32(1, 3, 5, 4, 2), weights(2, 3, 3, 2, 5), bias(5)],
      outputs: [f32()],
      options: { padding: SAME, strideD: 1, strideH: 1, strideW: 1 },
    },
    {
      name: 'valid, strided',
      inputs: [f32(2, 4, 5, 7, 3), weights(2, 3, 2, 3, 4), bias(4)],
      outputs: [f32()],
      options: { padding: VALID, strideD: 2, strideH: 1, strideW: 3 },
    },
    {
      name: 'dilated',
      inputs: [f32(1, 5, 6, 7, 2), weights(2, 2, 3, 2, 3)],
      outputs: [f32()],
      options: {
        padding: SAME,
        strideD: 1,
        strideH: 1,
        strideW: 1,
        dilationDFactor: 2,
        dilationHFactor: 2,
        dilationWFactor: 1,
      },
    },
    {
      name: 'relu',
      inputs: [f32(1, 3, 3, 3, 2), weights(1, 1, 1, 2, 3), bias(3)],
      outputs: [f32()],
      options: {
        padding: SAME,
        strideD: 1,
        strideH: 1,
        strideW: 1,
        fusedActivationFunction: Activation.RELU,
      },
    },
  ],
};
