import { bool, f32, i8, i16, i32, i64, type Operand, u8 } from './operand.js';
import { type CaseFamily, type CaseSpec, TOO_LARGE } from './spec.js';

type Plain =
  | 'ABS'
  | 'NEG'
  | 'EXP'
  | 'LOG'
  | 'SQRT'
  | 'RSQRT'
  | 'SQUARE'
  | 'SIN'
  | 'COS'
  | 'CEIL'
  | 'FLOOR'
  | 'ROUND'
  | 'SIGN'
  | 'RELU'
  | 'RELU6'
  | 'RELU_N1_TO_1'
  | 'RELU_0_TO_1'
  | 'ELU'
  | 'HARD_SWISH'
  | 'LOGISTIC'
  | 'TANH'
  | 'LOG_SOFTMAX';

/** Values at which elementwise functions go wrong first. */
const EDGES = [
  0,
  -0,
  1,
  -1,
  0.5,
  -0.5,
  1.5,
  2.5,
  -2.5,
  1e-40,
  3e38,
  -3e38,
  Infinity,
  -Infinity,
  NaN,
];

/** Cases that every function of one float tensor has. */
function floats(low = -4, high = 4, edges = EDGES): CaseSpec<Plain>[] {
  return [
    { name: 'aligned', inputs: [f32(2, 4, 8).between(low, high)], outputs: [f32()] },
    { name: 'prime shape', inputs: [f32(3, 5, 7).between(low, high)], outputs: [f32()] },
    { name: 'scalar', inputs: [f32().between(low, high)], outputs: [f32()] },
    { name: 'edge values', inputs: [f32(edges.length).of(...edges)], outputs: [f32()] },
    {
      name: 'many elements',
      inputs: [f32(23, 1009).between(low, high)],
      outputs: [f32()],
      notStock: TOO_LARGE,
    },
  ];
}

/** int8 and int16 in, the same dtype out, with the given output scale. */
function quantized(scale: number, out: number, zeroPoint = 0, outZero = 0): CaseSpec<Plain>[] {
  return [
    {
      name: 'int8',
      inputs: [i8(3, 5, 7).scaled(scale, zeroPoint)],
      outputs: [i8().scaled(out, outZero)],
    },
    {
      name: 'int8, many elements',
      inputs: [i8(23, 1009).scaled(scale, zeroPoint)],
      outputs: [i8().scaled(out, outZero)],
      notStock: TOO_LARGE,
    },
  ];
}

const uint8 = (scale: number, out: number, zero: number, outZero: number): CaseSpec<Plain> => ({
  name: 'uint8',
  inputs: [u8(3, 5, 7).scaled(scale, zero)],
  outputs: [u8().scaled(out, outZero)],
});

const int16 = (scale: number, out: number): CaseSpec<Plain> => ({
  name: 'int16',
  inputs: [i16(3, 5, 7).scaled(scale)],
  outputs: [i16().scaled(out)],
});

/** int16 whose stored integers are not less than `low`. */
const int16From = (low: number, scale: number, out: number): CaseSpec<Plain> => {
  const { name, outputs } = int16(scale, out);
  return { name, inputs: [i16(3, 5, 7).between(low, 32767).scaled(scale)], outputs };
};

const integer = (make: (...shape: number[]) => Operand, name: string): CaseSpec<Plain> => ({
  name,
  inputs: [make(3, 7)],
  outputs: [make()],
});

export const ELEMENTWISE_CASES: CaseFamily<
  | Plain
  | 'LOGICAL_NOT'
  | 'ZEROS_LIKE'
  | 'LEAKY_RELU'
  | 'GELU'
  | 'SOFTMAX'
  | 'L2_NORMALIZATION'
  | 'LOCAL_RESPONSE_NORMALIZATION'
> = {
  ABS: [...floats(), ...quantized(0.05, 0.05, -3, -3), int16(0.001, 0.001), integer(i32, 'int32')],
  NEG: [
    ...floats(),
    // Stock TFLite wraps -128 around instead of saturating.
    {
      name: 'int8',
      inputs: [i8(3, 5, 7).between(-127, 127).scaled(0.05)],
      outputs: [i8().scaled(0.05)],
    },
    ...quantized(0.05, 0.05, -3, -3).map((spec) => ({
      ...spec,
      name: `${spec.name} with a zero point`,
      notStock: 'stock TFLite leaves the zero point out of account',
    })),
    integer(i32, 'int32'),
    integer(i64, 'int64'),
  ],
  EXP: [...floats(), ...quantized(0.02, 0.06, 10, -128), int16(0.0001, 0.001)],
  LOG: [
    ...floats(0.01, 9),
    ...quantized(0.05, 0.05, -129 + 1, 100),
    int16From(1500, 0.0003, 0.0004),
  ],
  SQRT: [...floats(0, 9), ...quantized(0.02, 0.01, -128, -128), int16From(0, 0.0003, 0.0001)],
  RSQRT: [
    ...floats(0.01, 9),
    ...quantized(0.02, 0.05, -128, -128),
    int16From(1500, 0.0003, 0.0005),
  ],
  SQUARE: floats(),
  SIN: floats(
    -9,
    9,
    EDGES.filter((x) => Math.abs(x) < 100),
  ),
  COS: floats(
    -9,
    9,
    EDGES.filter((x) => Math.abs(x) < 100),
  ),
  CEIL: floats(),
  FLOOR: floats(),
  ROUND: floats(),
  SIGN: [
    // Stock TFLite gives 0 for NaN, TensorFlow NaN.
    ...floats(
      -4,
      4,
      EDGES.filter((x) => !Number.isNaN(x)),
    ),
    integer(i32, 'int32'),
  ],
  RELU: [
    ...floats(),
    ...quantized(0.05, 0.03, 5, -128),
    uint8(0.05, 0.03, 128, 0),
    int16(0.001, 0.001),
  ],
  RELU6: [
    ...floats(-4, 9),
    ...quantized(0.08, 6 / 255, 5, -128),
    uint8(0.08, 6 / 255, 100, 0),
    int16(0.0003, 6 / 32767),
  ],
  RELU_N1_TO_1: [...floats(), ...quantized(0.05, 1 / 127, 5, 0), uint8(0.05, 1 / 127, 120, 127)],
  RELU_0_TO_1: [...floats(), ...quantized(0.05, 1 / 255, 5, -128)],
  ELU: [...floats(), ...quantized(0.05, 0.04, 5, -90)],
  HARD_SWISH: [
    // Near the largest float the order of the products decides about overflow.
    ...floats(
      -4,
      4,
      EDGES.filter((x) => Math.abs(x) < 1e38 || !Number.isFinite(x)),
    ),
    ...quantized(0.05, 0.04, 5, -100),
    uint8(0.05, 0.04, 100, 20),
  ],
  LOGISTIC: [
    ...floats(-9, 9),
    ...quantized(0.05, 1 / 256, 5, -128),
    uint8(0.05, 1 / 256, 100, 0),
    int16(1 / 4096, 1 / 32768),
    { ...int16(0.00037, 1 / 32768), name: 'int16 by table' },
  ],
  TANH: [
    ...floats(-9, 9),
    ...quantized(0.03, 1 / 128, 5, 0),
    uint8(0.03, 1 / 128, 100, 128),
    int16(1 / 4096, 1 / 32768),
    { ...int16(0.00013, 1 / 32768), name: 'int16 by table' },
  ],
  LOG_SOFTMAX: [
    ...floats(-9, 9, [1, -1, 1000, -1000, 0]).map((spec) => ({
      ...spec,
      ...(spec.name === 'scalar' && { notStock: 'stock TFLite crashes' }),
    })),
    { name: 'one column', inputs: [f32(3, 1)], outputs: [f32()] },
    ...quantized(0.1, 16 / 256, 5, 127),
    uint8(0.1, 16 / 256, 100, 255),
  ],
  LOGICAL_NOT: [
    { name: 'prime shape', inputs: [bool(3, 5)], outputs: [bool()] },
    { name: 'aligned', inputs: [bool(4, 8)], outputs: [bool()] },
  ],
  ZEROS_LIKE: [
    { name: 'float32', inputs: [f32(3, 5)], outputs: [f32()] },
    { name: 'int32', inputs: [i32(3, 5)], outputs: [i32()] },
    { name: 'int64', inputs: [i64(3, 5)], outputs: [i64()] },
    { name: 'empty', inputs: [f32(0, 5)], outputs: [f32()] },
  ],
  LEAKY_RELU: [
    { name: 'aligned', inputs: [f32(4, 8)], outputs: [f32()], options: { alpha: 0.2 } },
    { name: 'prime shape', inputs: [f32(3, 5, 7)], outputs: [f32()], options: { alpha: 0.01 } },
    {
      name: 'edge values',
      inputs: [f32(EDGES.length).of(...EDGES)],
      outputs: [f32()],
      options: { alpha: 0.5 },
    },
    {
      name: 'int8',
      inputs: [i8(3, 5, 7).scaled(0.05, 5)],
      outputs: [i8().scaled(0.04, -20)],
      options: { alpha: 0.3 },
    },
    {
      name: 'uint8',
      inputs: [u8(3, 5, 7).scaled(0.05, 128)],
      outputs: [u8().scaled(0.04, 90)],
      options: { alpha: 0.3 },
    },
    {
      name: 'int16',
      inputs: [i16(3, 5).scaled(0.001)],
      outputs: [i16().scaled(0.001)],
      options: { alpha: 0.3 },
    },
  ],
  GELU: [
    { name: 'exact', inputs: [f32(3, 5, 7).between(-6, 6)], outputs: [f32()] },
    {
      name: 'tanh',
      inputs: [f32(3, 5, 7).between(-6, 6)],
      outputs: [f32()],
      options: { approximate: true },
    },
    { name: 'edge values', inputs: [f32(6).of(0, -0, 9, -9, 1e-30, Infinity)], outputs: [f32()] },
    { name: 'int8', inputs: [i8(3, 5, 7).scaled(0.05, 5)], outputs: [i8().scaled(0.04, -100)] },
    {
      name: 'int8 tanh',
      inputs: [i8(3, 5, 7).scaled(0.05, 5)],
      outputs: [i8().scaled(0.04, -100)],
      options: { approximate: true },
    },
    { name: 'int16', inputs: [i16(3, 5, 7).scaled(0.0002)], outputs: [i16().scaled(0.0002)] },
    {
      name: 'int16 tanh',
      inputs: [i16(3, 5, 7).scaled(0.0002)],
      outputs: [i16().scaled(0.0002)],
      options: { approximate: true },
    },
  ],
  SOFTMAX: [
    {
      name: 'many rows',
      inputs: [f32(311, 37)],
      outputs: [f32()],
      options: { beta: 1 },
      notStock: TOO_LARGE,
    },
    { name: 'aligned', inputs: [f32(4, 16)], outputs: [f32()], options: { beta: 1 } },
    {
      name: 'prime shape',
      inputs: [f32(3, 5, 7).between(-9, 9)],
      outputs: [f32()],
      options: { beta: 1 },
    },
    { name: 'beta', inputs: [f32(2, 11)], outputs: [f32()], options: { beta: 2.5 } },
    { name: 'rank 1', inputs: [f32(5)], outputs: [f32()], options: { beta: 1 } },
    { name: 'rank 4', inputs: [f32(2, 3, 2, 5)], outputs: [f32()], options: { beta: 1 } },
    { name: 'one column', inputs: [f32(3, 1)], outputs: [f32()], options: { beta: 1 } },
    {
      name: 'large',
      inputs: [f32(2, 4).of(1000, 1001, 999, 0, -1000, -1001, -999, -1000)],
      outputs: [f32()],
      options: { beta: 1 },
    },
    {
      name: 'int8',
      inputs: [i8(3, 17).scaled(0.05, 5)],
      outputs: [i8().scaled(1 / 256, -128)],
      options: { beta: 1 },
    },
    {
      name: 'uint8',
      inputs: [u8(3, 17).scaled(0.05, 5)],
      outputs: [u8().scaled(1 / 256, 0)],
      options: { beta: 1 },
    },
    {
      name: 'int16',
      inputs: [i16(3, 17).scaled(0.0003)],
      outputs: [i16().scaled(1 / 32768)],
      options: { beta: 1 },
    },
  ],
  L2_NORMALIZATION: [
    {
      name: 'many rows',
      inputs: [f32(311, 37)],
      outputs: [f32()],
      notStock: TOO_LARGE,
    },
    { name: 'aligned', inputs: [f32(4, 8)], outputs: [f32()] },
    { name: 'prime shape', inputs: [f32(2, 3, 5, 7)], outputs: [f32()] },
    { name: 'zeros', inputs: [f32(2, 3).of(0, 0, 0, 1, 2, 2)], outputs: [f32()] },
    { name: 'int8', inputs: [i8(3, 7).scaled(0.05, 5)], outputs: [i8().scaled(1 / 128, 0)] },
    { name: 'uint8', inputs: [u8(3, 7).scaled(0.05, 100)], outputs: [u8().scaled(1 / 128, 128)] },
  ],
  LOCAL_RESPONSE_NORMALIZATION: [
    {
      name: 'radius 2',
      inputs: [f32(2, 3, 3, 7)],
      outputs: [f32()],
      options: { radius: 2, bias: 1, alpha: 0.5, beta: 0.75 },
    },
    {
      name: 'radius beyond channels',
      inputs: [f32(1, 2, 3, 4)],
      outputs: [f32()],
      options: { radius: 20, bias: 9, alpha: 4, beta: 0.5 },
    },
  ],
};
