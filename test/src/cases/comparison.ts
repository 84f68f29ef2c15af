import { bool, f32, i8, i16, i32, i64, type Operand, text, u8 } from './operand.js';
import type { CaseFamily, CaseSpec } from './spec.js';

type Comparison = 'EQUAL' | 'NOT_EQUAL' | 'GREATER' | 'GREATER_EQUAL' | 'LESS' | 'LESS_EQUAL';

type Make = (...shape: number[]) => Operand;

function comparisons(): CaseSpec<Comparison>[] {
  const make: Make = (...shape) =>
    f32(...shape).of(...Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => i % 3));
  return [
    { name: 'float32', inputs: [make(3, 5), make(5)], outputs: [bool()] },
    {
      name: 'edge values',
      inputs: [f32(5).of(NaN, Infinity, -0, 1, NaN), f32(5).of(NaN, Infinity, 0, 2, 1)],
      outputs: [bool()],
    },
    {
      name: 'int32',
      inputs: [i32(3, 7).between(0, 2), i32(3, 7).between(0, 2)],
      outputs: [bool()],
    },
    {
      name: 'int64',
      inputs: [i64(2).of(2n ** 53n, 5n), i64(2).of(2n ** 53n + 1n, 5n)],
      outputs: [bool()],
    },
    {
      name: 'int8',
      inputs: [i8(3, 7).between(-2, 2).scaled(0.5, 0), i8(3, 7).between(-2, 2).scaled(0.5, 0)],
      outputs: [bool()],
    },
    {
      name: 'uint8',
      inputs: [u8(3, 7).scaled(0.05, 100), u8(7).scaled(0.03, 120)],
      outputs: [bool()],
    },
    {
      name: 'int16',
      inputs: [i16(3, 7).scaled(0.0005), i16(7).scaled(0.0005)],
      outputs: [bool()],
    },
    { name: 'empty', inputs: [f32(0, 3), f32(3)], outputs: [bool()] },
  ];
}

const equality: CaseSpec<Comparison>[] = [
  { name: 'bool', inputs: [bool(3, 5), bool(5)], outputs: [bool()] },
  {
    name: 'string',
    inputs: [text(4).of('', 'a', 'ab', 'é'), text(4).of('', 'b', 'ab', 'é')],
    outputs: [bool()],
  },
];

const selects: CaseSpec<'SELECT' | 'SELECT_V2'>[] = [
  { name: 'float32', inputs: [bool(3, 5), f32(3, 5), f32(3, 5)], outputs: [f32()] },
  { name: 'int32', inputs: [bool(3, 5), i32(3, 5), i32(3, 5)], outputs: [i32()] },
  { name: 'int64', inputs: [bool(3, 5), i64(3, 5), i64(3, 5)], outputs: [i64()] },
  { name: 'bool', inputs: [bool(3, 5), bool(3, 5), bool(3, 5)], outputs: [bool()] },
  {
    name: 'int8',
    inputs: [bool(3, 5), i8(3, 5).scaled(0.1, 3), i8(3, 5).scaled(0.1, 3)],
    outputs: [i8().scaled(0.1, 3)],
  },
  {
    name: 'int16',
    inputs: [bool(3, 5), i16(3, 5).scaled(0.001), i16(3, 5).scaled(0.001)],
    outputs: [i16().scaled(0.001)],
  },
  { name: 'scalar condition', inputs: [bool().of(0), f32(3, 5), f32(3, 5)], outputs: [f32()] },
];

export const COMPARISON_CASES: CaseFamily<Comparison | 'SELECT' | 'SELECT_V2'> = {
  EQUAL: [...comparisons(), ...equality],
  NOT_EQUAL: [...comparisons(), ...equality],
  GREATER: comparisons(),
  GREATER_EQUAL: comparisons(),
  LESS: comparisons(),
  LESS_EQUAL: comparisons(),

  SELECT: [
    ...selects,
    {
      name: 'condition per slice',
      inputs: [bool(3).of(1, 0, 1), f32(3, 5), f32(3, 5)],
      outputs: [f32()],
    },
  ],
  SELECT_V2: [
    ...selects,
    { name: 'broadcast', inputs: [bool(3, 1), f32(1, 5), f32()], outputs: [f32()] },
    { name: 'row condition', inputs: [bool(5), f32(3, 5), f32(3, 1)], outputs: [f32()] },
  ],
};
