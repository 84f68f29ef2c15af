import type { DType } from '../dtype.js';
import { AddOptions, DivOptions, MulOptions, SubOptions } from '../generated/options.js';
import { formatType, type TensorType } from '../tensor-type.js';
import { defineOp, type NoOptions, type OpRecord } from './op.js';
import {
  type AnySite,
  broadcast,
  computedDtype,
  input,
  output,
  refuse,
  requireDtype,
  requireSameDtype,
  unify,
} from './site.js';

const TWO = { inputs: [2, 2], outputs: [1, 1] } as const;

/** Two operands of one dtype, broadcast against each other. */
function arithmetic(site: AnySite): readonly TensorType[] {
  requireSameDtype(site, 0, 1);
  const a = input(site, 0, 'operand');
  const b = input(site, 1, 'operand');
  return [output(site, 0, computedDtype(site, a.dtype), broadcast(a.shape, b.shape))];
}

function comparison(site: AnySite): readonly TensorType[] {
  return [output(site, 0, 'bool', arithmetic(site)[0]?.shape ?? [])];
}

function plainBinary(infer: (site: AnySite) => readonly TensorType[]): OpRecord<NoOptions> {
  return defineOp({ ...TWO, options: null, infer });
}

function restricted(...dtypes: DType[]): (site: AnySite) => readonly TensorType[] {
  return (site) => {
    requireDtype(site, 0, 'operand', ...dtypes);
    return arithmetic(site);
  };
}

const logical = restricted('bool');
const bitwise = restricted(
  'int8',
  'uint8',
  'int16',
  'uint16',
  'int32',
  'uint32',
  'int64',
  'uint64',
);

/** Elementwise ops of several operands, which broadcast unless the op says otherwise. */
export const BINARY_OPS = {
  ADD: defineOp({
    ...TWO,
    options: AddOptions,
    infer: arithmetic,
  }),
  SUB: defineOp({
    ...TWO,
    options: SubOptions,
    infer: arithmetic,
  }),
  MUL: defineOp({
    ...TWO,
    options: MulOptions,
    infer: arithmetic,
  }),
  DIV: defineOp({
    ...TWO,
    options: DivOptions,
    infer: arithmetic,
  }),
  FLOOR_DIV: plainBinary(arithmetic),
  FLOOR_MOD: plainBinary(arithmetic),
  POW: plainBinary(arithmetic),
  MAXIMUM: plainBinary(arithmetic),
  MINIMUM: plainBinary(arithmetic),
  SQUARED_DIFFERENCE: plainBinary(arithmetic),
  ATAN2: plainBinary(restricted('float32', 'float64')),
  EQUAL: plainBinary(comparison),
  NOT_EQUAL: plainBinary(comparison),
  GREATER: plainBinary(comparison),
  GREATER_EQUAL: plainBinary(comparison),
  LESS: plainBinary(comparison),
  LESS_EQUAL: plainBinary(comparison),
  LOGICAL_AND: plainBinary(logical),
  LOGICAL_OR: plainBinary(logical),
  BITWISE_XOR: plainBinary(bitwise),
  RIGHT_SHIFT: plainBinary(bitwise),
  PRELU: plainBinary((site) => {
    const [result] = arithmetic(site);
    const { shape } = input(site, 0, 'input');
    if (result?.shape.length !== shape.length) {
      refuse(
        `Input 1 (slopes) is ${formatType(input(site, 1, 'slopes'))}; expected at most rank ${shape.length}.`,
      );
    }
    return [result];
  }),
  ADD_N: defineOp({
    options: null,
    inputs: [1, Infinity],
    outputs: [1, 1],
    infer: (site) => {
      const first = input(site, 0, 'operand');
      let shape = first.shape;
      for (let index = 1; index < site.inputs.length; index++) {
        requireSameDtype(site, 0, index);
        const other = input(site, index, 'operand').shape;
        if (other.length !== shape.length) {
          refuse(`Input ${index} has rank ${other.length}; expected rank ${shape.length}.`);
        }
        shape = shape.map((dim, axis) =>
          unify(dim, other[axis] as number, `Dimension ${axis} of inputs 0 and ${index}`),
        );
      }
      return [output(site, 0, first.dtype, shape)];
    },
  }),
};
