import { TensorTypeCode } from '@linnet/schema';
import { bool, f16, f32, i8, i16, i32, i64, type Operand, u8, u16, u32 } from './operand.js';
import type { CaseFamily, CaseSpec } from './spec.js';

const NUMBERS = f32(8).of(0, 1.5, -1.5, 2.9, -2.9, 100, 0.4, -0.4);

const cast = (name: string, from: Operand, to: Operand): CaseSpec<'CAST'> => ({
  name,
  inputs: [from],
  outputs: [to],
  options: {
    inDataType: TensorTypeCode[from.type.dtype.toUpperCase() as 'INT8'],
    outDataType: TensorTypeCode[to.type.dtype.toUpperCase() as 'INT8'],
  },
});

const fakeQuant = (min: number, max: number, numBits: number, narrowRange = false) => ({
  name: `${min} to ${max} in ${numBits} bits${narrowRange ? ', narrow' : ''}`,
  inputs: [f32(3, 17).between(2 * min - 1, 2 * max + 1)],
  outputs: [f32()],
  options: { min, max, numBits, narrowRange },
});

export const CONVERT_CASES: CaseFamily<
  'CAST' | 'BITCAST' | 'QUANTIZE' | 'DEQUANTIZE' | 'FAKE_QUANT'
> = {
  CAST: [
    cast('float32 to int32', NUMBERS, i32()),
    cast('float32 to int64', NUMBERS, i64()),
    cast('float32 to int8', NUMBERS, i8()),
    cast('float32 to int16', NUMBERS, i16()),
    cast('float32 to uint8', f32(4).of(0, 1.9, 254.9, 255), u8()),
    cast('float32 to bool', f32(4).of(0, -0, 0.1, -3), bool()),
    cast('float32 to float16', f32(5).of(0, 1 / 3, -65504, 1e-7, 2049), f16()),
    cast('float16 to float32', f16(3, 5), f32()),
    cast('int32 to float32', i32(3).of(16777217, -5, 2147483647), f32()),
    cast('int32 to int64', i32(3).of(-1, 2147483647, 0), i64()),
    cast('int32 to int8', i32(4).of(127, 128, -129, 300), i8()),
    cast('int32 to bool', i32(3).of(0, 2, -2), bool()),
    cast('int64 to int32', i64(3).of(-1n, 2n ** 31n, 7n), i32()),
    cast('int64 to float32', i64(2).of(2n ** 40n + 1n, -3n), f32()),
    cast('bool to float32', bool(3, 5), f32()),
    cast('bool to int32', bool(3, 5), i32()),
    cast('uint8 to float32', u8(3, 5), f32()),
    cast('int8 to int32', i8(3, 5), i32()),
    cast('int16 to float32', i16(3, 5), f32()),
    {
      ...cast('saturates', f32(5).of(1e20, -1e20, Infinity, -Infinity, 3e9), i32()),
      notStock: 'overflow of a C++ conversion is not defined',
      expected: [[2147483647, -2147483648, 2147483647, -2147483648, 2147483647]],
    },
    cast('empty', f32(0, 3), i32()),
  ],
  BITCAST: [
    { name: 'float32 to int32', inputs: [f32(3, 5)], outputs: [i32(3, 5)] },
    { name: 'int32 to uint32', inputs: [i32(3, 5)], outputs: [u32(3, 5)] },
    { name: 'int32 to int16', inputs: [i32(3)], outputs: [i16(3, 2)] },
    { name: 'uint8 to int32', inputs: [u8(3, 4)], outputs: [i32(3)] },
    { name: 'int16 to uint16', inputs: [i16(5)], outputs: [u16(5)] },
  ],
  QUANTIZE: [
    { name: 'int8', inputs: [f32(3, 17).between(-9, 9)], outputs: [i8().scaled(0.05, 3)] },
    { name: 'uint8', inputs: [f32(4, 16).between(-9, 9)], outputs: [u8().scaled(0.05, 128)] },
    { name: 'int16', inputs: [f32(3, 5).between(-9, 9)], outputs: [i16().scaled(0.0002)] },
    { name: 'saturates', inputs: [f32(4).of(1e6, -1e6, 7, -7)], outputs: [i8().scaled(0.05, 3)] },
    {
      name: 'int8 to int8',
      inputs: [i8(3, 17).scaled(0.05, 3)],
      outputs: [i8().scaled(0.08, -20)],
    },
    {
      name: 'int8 to uint8',
      inputs: [i8(3, 17).scaled(0.05, 3)],
      outputs: [u8().scaled(0.05, 131)],
    },
    {
      name: 'uint8 to int8',
      inputs: [u8(3, 17).scaled(0.05, 131)],
      outputs: [i8().scaled(0.06, 3)],
    },
    { name: 'int16 to int8', inputs: [i16(3, 5).scaled(0.001)], outputs: [i8().scaled(0.3, 3)] },
    { name: 'empty', inputs: [f32(0, 3)], outputs: [i8().scaled(0.05, 3)] },
  ],
  DEQUANTIZE: [
    { name: 'int8', inputs: [i8(3, 17).scaled(0.05, 3)], outputs: [f32()] },
    { name: 'uint8', inputs: [u8(4, 16).scaled(0.05, 128)], outputs: [f32()] },
    { name: 'int16', inputs: [i16(3, 5).scaled(0.0002)], outputs: [f32()] },
    { name: 'float16', inputs: [f16(3, 5)], outputs: [f32()] },
    { name: 'constant float16', inputs: [f16(3, 5).constant()], outputs: [f32()] },
    {
      name: 'per channel',
      inputs: [i8(3, 4).scaledAlong(0, 0.1, 0.2, 0.3).constant()],
      outputs: [f32()],
    },
  ],
  FAKE_QUANT: [
    fakeQuant(-1, 1, 8),
    fakeQuant(0, 6, 8),
    fakeQuant(-0.3, 2.7, 4),
    {
      ...fakeQuant(-1, 2, 8, true),
      notStock: 'stock TFLite has no narrow range outside of training',
    },
    fakeQuant(-5, 1, 16),
  ],
};
