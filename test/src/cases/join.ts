import { bool, f32, i8, i32, i64, int, ints, u8 } from './operand.js';
import type { CaseFamily } from './spec.js';

export const JOIN_CASES: CaseFamily<'CONCATENATION' | 'SPLIT' | 'SPLIT_V' | 'PACK' | 'UNPACK'> = {
  CONCATENATION: [
    { name: 'last axis', inputs: [f32(2, 3), f32(2, 5)], outputs: [f32()], options: { axis: 1 } },
    {
      name: 'first axis',
      inputs: [f32(2, 3), f32(1, 3), f32(4, 3)],
      outputs: [f32()],
      options: { axis: 0 },
    },
    {
      name: 'middle axis, negative',
      inputs: [f32(2, 3, 5), f32(2, 1, 5)],
      outputs: [f32()],
      options: { axis: -2 },
    },
    {
      name: 'channels',
      inputs: [f32(1, 4, 4, 8), f32(1, 4, 4, 16)],
      outputs: [f32()],
      options: { axis: 3 },
    },
    { name: 'one input', inputs: [f32(2, 3)], outputs: [f32()], options: { axis: 0 } },
    {
      name: 'an empty input',
      inputs: [f32(2, 0), f32(2, 3)],
      outputs: [f32()],
      options: { axis: 1 },
    },
    {
      name: 'a constant',
      inputs: [f32(2, 3), f32(2, 1).constant()],
      outputs: [f32()],
      options: { axis: 1 },
    },
    {
      name: 'int8',
      inputs: [i8(2, 3).scaled(0.1, 3), i8(2, 5).scaled(0.1, 3)],
      outputs: [i8().scaled(0.1, 3)],
      options: { axis: 1 },
    },
    {
      name: 'uint8 rescaled',
      inputs: [u8(2, 3).scaled(0.1, 100), u8(2, 5).scaled(0.2, 130)],
      outputs: [u8().scaled(0.2, 128)],
      options: { axis: 1 },
    },
    { name: 'int32', inputs: [i32(2, 3), i32(2, 5)], outputs: [i32()], options: { axis: 1 } },
    { name: 'int64', inputs: [i64(2), i64(3)], outputs: [i64()], options: { axis: 0 } },
    { name: 'bool', inputs: [bool(2), bool(3)], outputs: [bool()], options: { axis: 0 } },
  ],
  SPLIT: [
    {
      name: 'halves',
      inputs: [int(1), f32(3, 6)],
      outputs: [f32(), f32()],
      options: { numSplits: 2 },
    },
    {
      name: 'thirds of the first axis',
      inputs: [int(0), f32(6, 5)],
      outputs: [f32(), f32(), f32()],
      options: { numSplits: 3 },
    },
    {
      name: 'negative axis',
      inputs: [int(-1), f32(2, 3, 4)],
      outputs: [f32(), f32()],
      options: { numSplits: 2 },
    },
    {
      name: 'int8',
      inputs: [int(1), i8(3, 4).scaled(0.1, 3)],
      outputs: [i8().scaled(0.1, 3), i8().scaled(0.1, 3)],
      options: { numSplits: 2 },
    },
    { name: 'int32', inputs: [int(0), i32(4)], outputs: [i32(), i32()], options: { numSplits: 2 } },
  ],
  SPLIT_V: [
    {
      name: 'unequal',
      inputs: [f32(3, 7), ints(2, 5), int(1)],
      outputs: [f32(), f32()],
      options: { numSplits: 2 },
    },
    {
      name: 'rest',
      inputs: [f32(7, 2), ints(1, -1, 2), int(0)],
      outputs: [f32(), f32(), f32()],
      options: { numSplits: 3 },
    },
    {
      name: 'int32',
      inputs: [i32(2, 6), ints(1, 5), int(-1)],
      outputs: [i32(), i32()],
      options: { numSplits: 2 },
    },
    {
      name: 'int8',
      inputs: [i8(2, 6).scaled(0.1, 3), ints(4, 2), int(1)],
      outputs: [i8().scaled(0.1, 3), i8().scaled(0.1, 3)],
      options: { numSplits: 2 },
    },
  ],
  PACK: [
    {
      name: 'first axis',
      inputs: [f32(3, 5), f32(3, 5)],
      outputs: [f32()],
      options: { valuesCount: 2, axis: 0 },
    },
    {
      name: 'last axis',
      inputs: [f32(3, 5), f32(3, 5), f32(3, 5)],
      outputs: [f32()],
      options: { valuesCount: 3, axis: -1 },
    },
    {
      name: 'middle axis',
      inputs: [f32(3, 5), f32(3, 5)],
      outputs: [f32()],
      options: { valuesCount: 2, axis: 1 },
    },
    {
      name: 'scalars',
      inputs: [i32(), i32(), int(7)],
      outputs: [i32()],
      options: { valuesCount: 3, axis: 0 },
    },
    {
      name: 'int64',
      inputs: [i64(2), i64(2)],
      outputs: [i64()],
      options: { valuesCount: 2, axis: 1 },
    },
    {
      name: 'int8',
      inputs: [i8(3).scaled(0.1, 3), i8(3).scaled(0.1, 3)],
      outputs: [i8().scaled(0.1, 3)],
      options: { valuesCount: 2, axis: 0 },
    },
  ],
  UNPACK: [
    {
      name: 'first axis',
      inputs: [f32(2, 3, 5)],
      outputs: [f32(), f32()],
      options: { num: 2, axis: 0 },
    },
    {
      name: 'last axis',
      inputs: [f32(3, 2)],
      outputs: [f32(), f32()],
      options: { num: 2, axis: -1 },
    },
    {
      name: 'int32',
      inputs: [i32(3)],
      outputs: [i32(), i32(), i32()],
      options: { num: 3, axis: 0 },
    },
    {
      name: 'int8',
      inputs: [i8(2, 2, 3).scaled(0.1, 3)],
      outputs: [i8().scaled(0.1, 3), i8().scaled(0.1, 3)],
      options: { num: 2, axis: 1 },
    },
    { name: 'bool', inputs: [bool(2, 3)], outputs: [bool(), bool()], options: { num: 2, axis: 0 } },
  ],
};
