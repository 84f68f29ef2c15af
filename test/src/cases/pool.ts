import { ActivationFunctionType as Activation, Padding } from '@linnet/schema';
import { f32, i8, i16, u8 } from './operand.js';
import { type CaseFamily, type CaseSpec, TOO_LARGE } from './spec.js';

type Pooling = 'AVERAGE_POOL_2D' | 'MAX_POOL_2D' | 'L2_POOL_2D';

const { SAME, VALID } = Padding;

const square = (size: number, stride: number, padding = SAME) =>
  ({ filterHeight: size, filterWidth: size, strideH: stride, strideW: stride, padding }) as const;

const POOLINGS: CaseSpec<Pooling>[] = [
  {
    name: 'large',
    inputs: [f32(2, 29, 31, 19)],
    outputs: [f32()],
    options: square(3, 2),
    notStock: TOO_LARGE,
  },
  { name: '2x2', inputs: [f32(1, 6, 4, 3)], outputs: [f32()], options: square(2, 2, VALID) },
  { name: '3x3 same', inputs: [f32(2, 5, 7, 3)], outputs: [f32()], options: square(3, 1) },
  { name: '3x3 strided', inputs: [f32(1, 7, 6, 5)], outputs: [f32()], options: square(3, 2) },
  { name: 'aligned', inputs: [f32(1, 8, 8, 16)], outputs: [f32()], options: square(2, 2) },
  { name: 'prime channels', inputs: [f32(1, 5, 5, 37)], outputs: [f32()], options: square(3, 2) },
  { name: 'global', inputs: [f32(2, 7, 7, 5)], outputs: [f32()], options: square(7, 1, VALID) },
  {
    name: 'uneven window',
    inputs: [f32(1, 5, 9, 2)],
    outputs: [f32()],
    options: { filterHeight: 1, filterWidth: 4, strideH: 1, strideW: 3, padding: SAME },
  },
  {
    name: 'relu6',
    inputs: [f32(1, 5, 5, 3).between(-9, 20)],
    outputs: [f32()],
    options: { ...square(2, 1), fusedActivationFunction: Activation.RELU6 },
  },
];

const QUANTIZED_POOLINGS: CaseSpec<Pooling>[] = [
  {
    name: 'int8 large',
    inputs: [i8(2, 29, 31, 19).scaled(0.1, 3)],
    outputs: [i8().scaled(0.1, 3)],
    options: square(3, 2),
    notStock: TOO_LARGE,
  },
  {
    name: 'int8',
    inputs: [i8(2, 5, 7, 3).scaled(0.1, 3)],
    outputs: [i8().scaled(0.1, 3)],
    options: square(3, 2),
  },
  {
    name: 'int8 relu',
    inputs: [i8(2, 5, 7, 3).scaled(0.1, 3)],
    outputs: [i8().scaled(0.1, 3)],
    options: { ...square(2, 2), fusedActivationFunction: Activation.RELU },
  },
  {
    name: 'uint8',
    inputs: [u8(2, 5, 7, 3).scaled(0.1, 130)],
    outputs: [u8().scaled(0.1, 130)],
    options: square(3, 1),
  },
  {
    name: 'int16',
    inputs: [i16(1, 5, 7, 3).scaled(0.001)],
    outputs: [i16().scaled(0.001)],
    options: square(3, 2),
  },
  {
    name: 'int16 relu',
    inputs: [i16(2, 5, 6, 19).scaled(0.001)],
    outputs: [i16().scaled(0.001)],
    options: { ...square(2, 1), fusedActivationFunction: Activation.RELU },
  },
];

export const POOL_CASES: CaseFamily<Pooling> = {
  AVERAGE_POOL_2D: [...POOLINGS, ...QUANTIZED_POOLINGS],
  MAX_POOL_2D: [...POOLINGS, ...QUANTIZED_POOLINGS],
  L2_POOL_2D: POOLINGS,
};
