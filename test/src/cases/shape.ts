import { bool, f32, i8, i16, i32, i64, int, ints, text, u8 } from './operand.js';
import { type CaseFamily, TOO_LARGE } from './spec.js';

export const SHAPE_CASES: CaseFamily<
  | 'RESHAPE'
  | 'SQUEEZE'
  | 'EXPAND_DIMS'
  | 'TRANSPOSE'
  | 'BROADCAST_TO'
  | 'BROADCAST_ARGS'
  | 'SHAPE'
  | 'RANK'
  | 'FILL'
  | 'RANGE'
  | 'ONE_HOT'
  | 'TILE'
  | 'MATRIX_DIAG'
  | 'MATRIX_SET_DIAG'
> = {
  RESHAPE: [
    {
      name: 'constant shape',
      inputs: [f32(2, 3, 4), ints(6, 4)],
      outputs: [f32()],
      options: { newShape: [6, 4] },
    },
    {
      name: 'one dimension left open',
      inputs: [f32(2, 3, 5), ints(3, -1)],
      outputs: [f32()],
      options: { newShape: [3, -1] },
    },
    {
      name: 'shape in the options',
      inputs: [f32(2, 6)],
      outputs: [f32()],
      options: { newShape: [3, 4] },
    },
    {
      name: 'shape from an input',
      inputs: [f32(2, 6), i32(2).of(4, -1)],
      outputs: [f32()],
      options: {},
    },
    {
      name: 'to a scalar',
      inputs: [f32(1, 1), i32(0).of().constant()],
      outputs: [f32()],
      options: { newShape: [] },
    },
    {
      name: 'int8',
      inputs: [i8(2, 3).scaled(0.1, 3), ints(3, 2)],
      outputs: [i8().scaled(0.1, 3)],
      options: { newShape: [3, 2] },
    },
    {
      name: 'empty',
      inputs: [f32(0, 3), ints(3, 0)],
      outputs: [f32()],
      options: { newShape: [3, 0] },
    },
    {
      name: 'string',
      inputs: [text(2, 2).of('a', '', 'bc', 'd'), ints(4)],
      outputs: [text()],
      options: { newShape: [4] },
    },
    {
      name: 'int64',
      inputs: [i64(2, 3), ints(3, 2)],
      outputs: [i64()],
      options: { newShape: [3, 2] },
    },
  ],
  SQUEEZE: [
    { name: 'all ones', inputs: [f32(1, 3, 1, 5)], outputs: [f32()], options: { squeezeDims: [] } },
    { name: 'named', inputs: [f32(1, 3, 1, 5)], outputs: [f32()], options: { squeezeDims: [2] } },
    {
      name: 'negative',
      inputs: [f32(1, 3, 5, 1)],
      outputs: [f32()],
      options: { squeezeDims: [-1, 0] },
    },
    {
      name: 'int8',
      inputs: [i8(1, 3, 1).scaled(0.1, 3)],
      outputs: [i8().scaled(0.1, 3)],
      options: { squeezeDims: [0] },
    },
  ],
  EXPAND_DIMS: [
    { name: 'first', inputs: [f32(3, 5), int(0)], outputs: [f32()] },
    { name: 'last', inputs: [f32(3, 5), int(-1)], outputs: [f32()] },
    { name: 'middle, int32', inputs: [i32(3, 5), int(1)], outputs: [i32()] },
    { name: 'scalar', inputs: [f32(), int(0)], outputs: [f32()] },
  ],
  TRANSPOSE: [
    {
      name: 'large matrix',
      inputs: [f32(131, 257), ints(1, 0)],
      outputs: [f32()],
      notStock: TOO_LARGE,
    },
    {
      name: 'large NHWC to NCHW',
      inputs: [f32(2, 17, 19, 33), ints(0, 3, 1, 2)],
      outputs: [f32()],
      notStock: TOO_LARGE,
    },
    { name: 'matrix', inputs: [f32(5, 7), ints(1, 0)], outputs: [f32()] },
    { name: 'aligned matrix', inputs: [f32(8, 16), ints(1, 0)], outputs: [f32()] },
    { name: 'batched matrix', inputs: [f32(3, 5, 7), ints(0, 2, 1)], outputs: [f32()] },
    { name: 'NHWC to NCHW', inputs: [f32(2, 3, 5, 7), ints(0, 3, 1, 2)], outputs: [f32()] },
    { name: 'NCHW to NHWC', inputs: [f32(2, 3, 5, 7), ints(0, 2, 3, 1)], outputs: [f32()] },
    { name: 'reverse', inputs: [f32(2, 3, 4, 5), ints(3, 2, 1, 0)], outputs: [f32()] },
    { name: 'identity', inputs: [f32(3, 5), ints(0, 1)], outputs: [f32()] },
    { name: 'rank 5', inputs: [f32(2, 3, 2, 3, 2), ints(4, 1, 3, 0, 2)], outputs: [f32()] },
    { name: 'rank 6', inputs: [f32(2, 1, 3, 2, 3, 2), ints(5, 4, 0, 2, 1, 3)], outputs: [f32()] },
    {
      name: 'int8',
      inputs: [i8(3, 5, 7).scaled(0.1, 3), ints(2, 0, 1)],
      outputs: [i8().scaled(0.1, 3)],
    },
    { name: 'int32', inputs: [i32(3, 5), ints(1, 0)], outputs: [i32()] },
    { name: 'int64', inputs: [i64(3, 5), ints(1, 0)], outputs: [i64()] },
    { name: 'bool', inputs: [bool(3, 5), ints(1, 0)], outputs: [bool()] },
    { name: 'empty', inputs: [f32(3, 0, 2), ints(2, 0, 1)], outputs: [f32()] },
  ],
  BROADCAST_TO: [
    { name: 'row', inputs: [f32(1, 5), ints(3, 5)], outputs: [f32()] },
    { name: 'rank grows', inputs: [f32(3, 1), ints(2, 3, 5)], outputs: [f32()] },
    { name: 'scalar', inputs: [f32(), ints(2, 3)], outputs: [f32()] },
    { name: 'int32', inputs: [i32(2, 1, 3), ints(2, 4, 3)], outputs: [i32()] },
    { name: 'int8', inputs: [i8(1, 5).scaled(0.1, 3), ints(3, 5)], outputs: [i8().scaled(0.1, 3)] },
    {
      name: 'int16',
      inputs: [i16(1, 5).scaled(0.001), ints(3, 5)],
      outputs: [i16().scaled(0.001)],
    },
    { name: 'shape from an input', inputs: [f32(1, 5), i32(2).of(3, 5)], outputs: [f32()] },
  ],
  BROADCAST_ARGS: [
    { name: 'int32', inputs: [i32(3).of(2, 1, 5), i32(2).of(4, 1)], outputs: [i32()] },
    { name: 'int64', inputs: [i64(1).of(3), i64(3).of(2, 5, 1)], outputs: [i64()] },
    { name: 'scalar', inputs: [i32(0).of(), i32(2).of(3, 5)], outputs: [i32()] },
  ],
  SHAPE: [
    { name: 'int32', inputs: [f32(2, 3, 5)], outputs: [i32()], options: { outType: 2 } },
    { name: 'int64', inputs: [f32(7, 1)], outputs: [i64()], options: { outType: 4 } },
    { name: 'scalar', inputs: [f32()], outputs: [i32()], options: { outType: 2 } },
  ],
  RANK: [
    { name: 'rank 3', inputs: [f32(2, 3, 5)], outputs: [i32()] },
    { name: 'scalar', inputs: [f32()], outputs: [i32()] },
  ],
  FILL: [
    { name: 'float32', inputs: [ints(3, 5), f32().of(1.5)], outputs: [f32()] },
    { name: 'int32', inputs: [ints(2, 2, 3), i32().of(-7)], outputs: [i32()] },
    { name: 'int64', inputs: [ints(4), i64().of(9007199254740993n)], outputs: [i64()] },
    { name: 'bool', inputs: [ints(2, 3), bool().of(1)], outputs: [bool()] },
    {
      name: 'string',
      inputs: [ints(3), text().of('abc')],
      outputs: [text()],
      notStock: 'stock TFLite copies the first bytes of the buffer instead of the string',
      expected: [['abc', 'abc', 'abc']],
    },
    {
      name: 'int8',
      inputs: [ints(2, 3), i8().of(5).scaled(0.1, 3)],
      outputs: [i8().scaled(0.1, 3)],
    },
    { name: 'size from an input', inputs: [i32(2).of(2, 3), f32().of(1.5)], outputs: [f32()] },
    { name: 'empty', inputs: [ints(0, 3), f32().of(1)], outputs: [f32()] },
  ],
  RANGE: [
    { name: 'int32', inputs: [int(2), int(17), int(3)], outputs: [i32()] },
    { name: 'descending', inputs: [int(9), int(-4), int(-5)], outputs: [i32()] },
    {
      name: 'float32',
      inputs: [f32().of(0.5).constant(), f32().of(3).constant(), f32().of(0.75).constant()],
      outputs: [f32()],
    },
    { name: 'limit from an input', inputs: [int(0), i32().of(5), int(1)], outputs: [i32()] },
    { name: 'empty', inputs: [int(5), int(5), int(1)], outputs: [i32()] },
    {
      name: 'int64',
      inputs: [i64().of(1).constant(), i64().of(9).constant(), i64().of(4).constant()],
      outputs: [i64()],
    },
  ],
  ONE_HOT: [
    {
      name: 'int8',
      inputs: [
        i32(5).of(0, 2, 1, -1, 3),
        int(3),
        i8()
          .of(127)
          .scaled(1 / 255, -128)
          .constant(),
        i8()
          .of(-128)
          .scaled(1 / 255, -128)
          .constant(),
      ],
      outputs: [i8().scaled(1 / 255, -128)],
      options: { axis: -1 },
    },
    {
      name: 'last axis',
      inputs: [i32(5).of(0, 2, 1, -1, 3), int(3), f32().of(1).constant(), f32().of(0).constant()],
      outputs: [f32()],
      options: { axis: -1 },
    },
    {
      name: 'first axis',
      inputs: [
        i32(2, 3).of(0, 1, 2, 2, 1, 0),
        int(4),
        f32().of(5).constant(),
        f32().of(-1).constant(),
      ],
      outputs: [f32()],
      options: { axis: 0 },
    },
    {
      name: 'middle axis, int32',
      inputs: [i32(2, 3).of(0, 1, 2, 2, 1, 0), int(3), int(7), int(2)],
      outputs: [i32()],
      options: { axis: 1 },
    },
    {
      name: 'int64 indices',
      inputs: [i64(3).of(2, 0, 9), int(3), f32().of(1).constant(), f32().of(0).constant()],
      outputs: [f32()],
      options: { axis: -1 },
    },
    {
      name: 'bool',
      inputs: [i32(3).of(2, 0, 1), int(3), bool().of(1).constant(), bool().of(0).constant()],
      outputs: [bool()],
      options: { axis: -1 },
    },
  ],
  TILE: [
    { name: 'matrix', inputs: [f32(3, 5), ints(2, 3)], outputs: [f32()] },
    { name: 'one axis', inputs: [f32(2, 1, 3), ints(1, 4, 1)], outputs: [f32()] },
    { name: 'int32', inputs: [i32(3), ints(4)], outputs: [i32()] },
    { name: 'int64', inputs: [i64(3), ints(2)], outputs: [i64()] },
    { name: 'bool', inputs: [bool(3), ints(2)], outputs: [bool()] },
    { name: 'string', inputs: [text(2).of('a', 'bc'), ints(2)], outputs: [text()] },
    { name: 'zero times', inputs: [f32(3, 2), ints(0, 2)], outputs: [f32()] },
  ],
  MATRIX_DIAG: [
    { name: 'vector', inputs: [f32(5)], outputs: [f32()] },
    { name: 'batch', inputs: [f32(2, 3)], outputs: [f32()] },
    { name: 'int32', inputs: [i32(2, 2, 3)], outputs: [i32()] },
    { name: 'uint8', inputs: [u8(2, 3)], outputs: [u8()] },
    { name: 'int8', inputs: [i8(2, 3).scaled(0.1)], outputs: [i8().scaled(0.1)] },
    { name: 'int16', inputs: [i16(2, 3).scaled(0.1)], outputs: [i16().scaled(0.1)] },
  ],
  MATRIX_SET_DIAG: [
    {
      name: 'int8',
      inputs: [i8(3, 3).scaled(0.1, 3), i8(3).scaled(0.1, 3)],
      outputs: [i8().scaled(0.1, 3)],
    },
    {
      name: 'int16',
      inputs: [i16(3, 3).scaled(0.1), i16(3).scaled(0.1)],
      outputs: [i16().scaled(0.1)],
    },
    { name: 'square', inputs: [f32(3, 3), f32(3)], outputs: [f32()] },
    { name: 'batch of wide', inputs: [f32(2, 3, 5), f32(2, 3)], outputs: [f32()] },
    { name: 'tall int32', inputs: [i32(5, 2), i32(2)], outputs: [i32()] },
  ],
};
