import { ActivationFunctionType as Activation } from '@linnet/schema';
import { f32, i4, i8, i16, i32, i64, type Operand, u8 } from './operand.js';
import { type CaseFamily, type CaseSpec, TOO_LARGE } from './spec.js';

const per = (size: number, from: number) =>
  Array.from({ length: size }, (_, i) => from * (1 + (i % 3)));

function dense(
  name: string,
  rows: readonly number[],
  out: number,
  options: CaseSpec<'FULLY_CONNECTED'>['options'] = {},
): CaseSpec<'FULLY_CONNECTED'> {
  return {
    name,
    inputs: [f32(...rows), f32(out, rows.at(-1)!).between(-1, 1).constant(), f32(out).constant()],
    outputs: [f32()],
    options,
  };
}

const narrow = (out: number, depth: number) => i8(out, depth).between(-127, 127).constant();

const DENSE: CaseSpec<'FULLY_CONNECTED'>[] = [
  dense('aligned', [4, 16], 32),
  dense('prime', [3, 37], 41),
  dense('one row', [1, 64], 10),
  { ...dense('large', [67, 301], 203), notStock: TOO_LARGE },
  { ...dense('large, one row', [1, 1021], 509), notStock: TOO_LARGE },
  {
    name: 'int8 large',
    inputs: [
      i8(67, 301).scaled(0.05, 7),
      narrow(203, 301).scaledAlong(0, ...per(203, 0.002)),
      i32(203)
        .between(-500, 500)
        .scaledAlong(0, ...per(203, 0.0001))
        .constant(),
    ],
    outputs: [i8().scaled(0.2, -5)],
    notStock: TOO_LARGE,
  },
  {
    name: 'hybrid large',
    inputs: [f32(67, 301), narrow(203, 301).scaled(0.004), f32(203).constant()],
    outputs: [f32()],
    notStock: TOO_LARGE,
  },
  dense('one output', [5, 13], 1),
  dense('dimensions kept', [2, 3, 5], 7, { keepNumDims: true }),
  dense('relu', [3, 7], 5, { fusedActivationFunction: Activation.RELU }),
  dense('relu6', [3, 7], 5, { fusedActivationFunction: Activation.RELU6 }),
  {
    name: 'flattened',
    inputs: [f32(2, 3, 4), f32(5, 12).constant(), f32(5).constant()],
    outputs: [f32()],
  },
  { name: 'no bias', inputs: [f32(3, 7), f32(5, 7).constant(), null], outputs: [f32()] },
  { name: 'weights from an input', inputs: [f32(3, 7), f32(5, 7), f32(5)], outputs: [f32()] },
  {
    name: 'int8',
    inputs: [
      i8(3, 37).scaled(0.05, 7),
      narrow(5, 37).scaled(0.004),
      i32(5).between(-500, 500).scaled(0.0002).constant(),
    ],
    outputs: [i8().scaled(0.1, -5)],
  },
  {
    name: 'int8 per channel',
    inputs: [
      i8(3, 37).scaled(0.05, 7),
      narrow(5, 37).scaledAlong(0, ...per(5, 0.004)),
      i32(5)
        .between(-500, 500)
        .scaledAlong(0, ...per(5, 0.0002))
        .constant(),
    ],
    outputs: [i8().scaled(0.1, -5)],
  },
  {
    name: 'int8 aligned',
    inputs: [
      i8(4, 64).scaled(0.05, 7),
      narrow(16, 64).scaled(0.004),
      i32(16).between(-500, 500).scaled(0.0002).constant(),
    ],
    outputs: [i8().scaled(0.1, -5)],
  },
  {
    name: 'int8 relu',
    inputs: [i8(3, 17).scaled(0.05, 7), narrow(5, 17).scaled(0.004), null],
    outputs: [i8().scaled(0.05, -128)],
    options: { fusedActivationFunction: Activation.RELU },
  },
  {
    name: 'uint8',
    inputs: [
      u8(3, 17).scaled(0.05, 120),
      u8(5, 17).scaled(0.004, 131).constant(),
      i32(5).between(-500, 500).scaled(0.0002).constant(),
    ],
    outputs: [u8().scaled(0.1, 128)],
  },
  ...words('int16 with int8 weights', [3, 17], 5),
  ...words('int16 one row', [1, 37], 83),
  // Longer than sums of 32 bits hold.
  ...words('int16 long', [5, 1031], 11),
  {
    name: 'hybrid',
    inputs: [f32(3, 37), narrow(5, 37).scaled(0.004), f32(5).constant()],
    outputs: [f32()],
    options: { asymmetricQuantizeInputs: true },
  },
  {
    name: 'hybrid per channel',
    inputs: [f32(3, 37), narrow(5, 37).scaledAlong(0, ...per(5, 0.004)), f32(5).constant()],
    outputs: [f32()],
    options: { asymmetricQuantizeInputs: true },
  },
  {
    name: 'hybrid aligned',
    inputs: [f32(4, 64), narrow(16, 64).scaledAlong(0, ...per(16, 0.004)), f32(16).constant()],
    outputs: [f32()],
    options: { asymmetricQuantizeInputs: true },
  },
  {
    name: 'hybrid positive inputs',
    inputs: [f32(3, 16).between(1, 4), narrow(5, 16).scaled(0.004), f32(5).constant()],
    outputs: [f32()],
    options: { asymmetricQuantizeInputs: true },
  },
  {
    name: 'hybrid zeros',
    inputs: [f32(2, 4).of(0, 0, 0, 0, 1, -1, 2, 0), narrow(3, 4).scaled(0.004), f32(3).constant()],
    outputs: [f32()],
    options: { asymmetricQuantizeInputs: true },
  },
  {
    name: 'hybrid int4',
    // Stock TFLite quantizes the activations of int4 weights symmetrically.
    tolerance: { absolute: 0.05 },
    inputs: [f32(3, 32), i4(6, 32).between(-7, 7).scaled(0.1).constant(), f32(6).constant()],
    outputs: [f32()],
    options: { asymmetricQuantizeInputs: true },
  },
  ...stored('', [3, 64], 8),
  ...stored(', one row', [1, 96], 7),
  ...stored(', prime', [5, 37], 11),
  ...stored(', large', [67, 96], 53),
];

/** Weights that the file or the device stores in fewer bits: float16, int4, int4 with a scale for each block. */
function stored(
  name: string,
  input: readonly [rows: number, depth: number],
  out: number,
): CaseSpec<'FULLY_CONNECTED'>[] {
  const make = (what: string, weights: Operand): CaseSpec<'FULLY_CONNECTED'> => ({
    name: `${what}${name}`,
    inputs: [f32(...input), weights.constant(), f32(out).constant()],
    outputs: [f32()],
    options: { asymmetricQuantizeInputs: true },
    notStock: 'it is about how weights are stored',
  });
  const int4 = i4(out, input[1]).between(-8, 7);
  return [
    make('float16 numbers', f32(out, input[1]).between(-2, 2, 2 ** -9)),
    make('int4 per channel', int4.scaledAlong(0, ...per(out, 0.1))),
    ...(input[1] % 32 === 0 ? [make('int4 in blocks', int4.inBlocks(32))] : []),
  ];
}

/** int16 activations times int8 weights of one scale and of several, with and without a bias. */
function words(
  name: string,
  input: readonly [rows: number, depth: number],
  out: number,
): CaseSpec<'FULLY_CONNECTED'>[] {
  const x = i16(...input).scaled(0.0002);
  const filter = narrow(out, input[1]);
  const outputs = [i16().scaled(0.0005)];
  const sums = i64(out).between(-500, 500);
  return [
    {
      name,
      inputs: [x, filter.scaled(0.004), sums.scaled(0.0002 * 0.004).constant()],
      outputs,
    },
    {
      name: `${name} per channel, no bias`,
      inputs: [x, filter.scaledAlong(0, ...per(out, 0.004)), null],
      outputs,
    },
  ];
}

const PRODUCTS: CaseSpec<'BATCH_MATMUL'>[] = [
  {
    name: 'large',
    inputs: [f32(3, 67, 101), f32(3, 101, 83)],
    outputs: [f32()],
    notStock: TOO_LARGE,
  },
  {
    name: 'large int8, right transposed',
    inputs: [i8(3, 67, 101).scaled(0.05, 7), i8(3, 83, 101).scaled(0.04, -3)],
    outputs: [i8().scaled(0.5, -5)],
    options: { adjY: true },
    notStock: TOO_LARGE,
  },
  { name: 'aligned', inputs: [f32(8, 16), f32(16, 8)], outputs: [f32()] },
  { name: 'prime', inputs: [f32(2, 5, 37), f32(2, 37, 7)], outputs: [f32()] },
  {
    name: 'left transposed',
    inputs: [f32(2, 7, 5), f32(2, 7, 3)],
    outputs: [f32()],
    options: { adjX: true },
  },
  {
    name: 'right transposed',
    inputs: [f32(2, 5, 7), f32(2, 3, 7)],
    outputs: [f32()],
    options: { adjY: true },
  },
  {
    name: 'both transposed',
    inputs: [f32(7, 5), f32(3, 7)],
    outputs: [f32()],
    options: { adjX: true, adjY: true },
  },
  { name: 'broadcast batches', inputs: [f32(2, 1, 3, 5), f32(4, 5, 2)], outputs: [f32()] },
  {
    name: 'attention',
    inputs: [f32(1, 2, 5, 8), f32(1, 2, 5, 8)],
    outputs: [f32()],
    options: { adjY: true },
  },
  { name: 'constant right', inputs: [f32(2, 3, 5), f32(5, 4).constant()], outputs: [f32()] },
  { name: 'one row', inputs: [f32(1, 16), f32(16, 3)], outputs: [f32()] },
  {
    name: 'int8',
    inputs: [i8(2, 3, 17).scaled(0.05, 7), i8(2, 17, 5).scaled(0.04, -3)],
    outputs: [i8().scaled(0.5, -5)],
  },
  {
    name: 'int8 right transposed',
    inputs: [i8(3, 16).scaled(0.05, 7), i8(8, 16).scaled(0.04, -3)],
    outputs: [i8().scaled(0.5, -5)],
    options: { adjY: true },
  },
  {
    name: 'int16',
    inputs: [i16(2, 3, 17).scaled(0.001), i16(2, 17, 5).scaled(0.001)],
    outputs: [i16().scaled(0.02)],
  },
  {
    name: 'int16 both transposed',
    inputs: [i16(5, 64, 7).scaled(0.001), i16(11, 64).scaled(0.001)],
    outputs: [i16().scaled(0.05)],
    options: { adjX: true, adjY: true },
  },
  {
    name: 'int16 long, right transposed',
    inputs: [i16(2, 3, 1031).scaled(0.001), i16(2, 9, 1031).scaled(0.001)],
    outputs: [i16().scaled(0.3)],
    options: { adjY: true },
  },
  {
    name: 'hybrid',
    // Stock TFLite quantizes the left side at run time, Linnet computes on reals.
    tolerance: { absolute: 0.05 },
    inputs: [f32(2, 3, 16), i8(16, 5).between(-127, 127).scaled(0.004).constant()],
    outputs: [f32()],
    options: { asymmetricQuantizeInputs: true },
  },
];

export const MATMUL_CASES: CaseFamily<'FULLY_CONNECTED' | 'BATCH_MATMUL'> = {
  FULLY_CONNECTED: DENSE,
  BATCH_MATMUL: PRODUCTS,
};
