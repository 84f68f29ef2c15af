import {
  ActivationFunctionType,
  bitWidth,
  LinnetError,
  type OpName,
  type OptionsOf,
  type TensorType,
} from '@linnet/schema';
import { activationOf, clampRange } from './activation.js';
import { around, broadcastOffsets, concatElements, pick, retype } from './indexing.js';
import type { ReferenceFamily, ReferenceKernel, ReferenceSite, TensorValue } from './kernel.js';
import { larger, smaller } from './numbers.js';
import {
  affine,
  fromIntegers,
  fromReals,
  integers,
  isFloat,
  isInteger,
  isQuantized,
  reals,
  required,
  sizeOf,
  tensor,
  unsupportedDtype,
} from './values.js';

type Arithmetic =
  | 'ADD'
  | 'SUB'
  | 'MUL'
  | 'DIV'
  | 'FLOOR_DIV'
  | 'FLOOR_MOD'
  | 'POW'
  | 'MAXIMUM'
  | 'MINIMUM'
  | 'SQUARED_DIFFERENCE'
  | 'ATAN2'
  | 'BITWISE_XOR'
  | 'RIGHT_SHIFT'
  | 'PRELU'
  | 'LOGICAL_AND'
  | 'LOGICAL_OR';
type Comparison = 'EQUAL' | 'NOT_EQUAL' | 'GREATER' | 'GREATER_EQUAL' | 'LESS' | 'LESS_EQUAL';

type OnReals = (a: number, b: number) => number;
type OnIntegers = (a: bigint, b: bigint, bits: bigint) => bigint;

/** f over two lists that broadcast to the output's shape. */
function zip<A, B, C>(
  site: Pick<ReferenceSite<OpName>, 'inputs' | 'outputs'>,
  a: ArrayLike<A>,
  b: ArrayLike<B>,
  f: (a: A, b: B) => C,
): C[] {
  const { shape } = site.outputs[0]!;
  const atA = broadcastOffsets(required(site.inputs, 0).shape, shape);
  const atB = broadcastOffsets(required(site.inputs, 1).shape, shape);
  return Array.from(atA, (offset, i) => f(a[offset]!, b[atB[i]!]!));
}

/**
 * f(a, b) elementwise with broadcasting, then the fused activation. Floats and quantized integers
 * compute on reals; plain integers compute exactly and wrap around.
 */
function arithmetic(real: OnReals | null, integer?: OnIntegers): ReferenceKernel<Arithmetic> {
  return (site) => {
    const a = required(site.inputs, 0);
    const b = required(site.inputs, 1);
    const output = site.outputs[0]!;
    const activation: ActivationFunctionType =
      (site.options as Partial<OptionsOf<'ADD'>>).fusedActivationFunction ??
      ActivationFunctionType.NONE;
    if (isFloat(a.dtype) || isQuantized(a)) {
      if (!real) throw unsupportedDtype(a, 'an integer dtype');
      const activate = activationOf(activation);
      const data = zip(site, reals(a), reals(b), (x, y) => activate(real(x, y)));
      return [fromReals(output, data)];
    }
    if (!integer) throw unsupportedDtype(a, 'a float or quantized dtype');
    const bits = BigInt(bitWidth(a.dtype));
    const data = zip(site, integers(a), integers(b), (x, y) => integer(x, y, bits));
    return [fromIntegers(output, clampIntegers(data, activation))];
  };
}

function clampIntegers(data: bigint[], activation: ActivationFunctionType): bigint[] {
  const [low, high] = clampRange(activation);
  // Number and BigInt compare exactly, so infinite ends need no case of their own.
  return data.map((x) => (x < low ? BigInt(low) : x > high ? BigInt(high) : x));
}

/** Comparison elementwise with broadcasting, to bool; strings compare for equality only. */
function comparison(
  holds: (a: number | bigint, b: number | bigint) => boolean,
  stringsEqual?: boolean,
): ReferenceKernel<Comparison> {
  return (site) => {
    const a = required(site.inputs, 0);
    const b = required(site.inputs, 1);
    const verdicts =
      a.dtype === 'string'
        ? zip(site, stringsOf(a), stringsOf(b), (x, y) => {
            if (stringsEqual === undefined) throw unsupportedDtype(a, 'a numeric dtype');
            return (x === y) === stringsEqual;
          })
        : isFloat(a.dtype) || isQuantized(a)
          ? zip(site, reals(a), reals(b), holds)
          : zip(site, integers(a), integers(b), holds);
    return [tensor(site.outputs[0]!, Uint8Array.from(verdicts, Number))];
  };
}

/** Strings as comparable keys. */
export function stringsOf(value: TensorValue): string[] {
  const { elements } = value;
  if (!Array.isArray(elements)) throw unsupportedDtype(value, 'string');
  return elements.map((bytes: Uint8Array) => bytes.join());
}

function nonZero(divisor: bigint): bigint {
  if (divisor === 0n) throw new LinnetError('INVALID_ARGUMENT', 'An integer is divided by zero.');
  return divisor;
}

const floorMod: OnIntegers = (a, b) => {
  const remainder = a % nonZero(b);
  return remainder !== 0n && remainder < 0n !== b < 0n ? remainder + b : remainder;
};

const floorModReal: OnReals = (a, b) => {
  const remainder = a % b;
  return remainder !== 0 && remainder < 0 !== b < 0 ? remainder + b : remainder;
};

const power: OnIntegers = (a, b, bits) => {
  if (b < 0n) {
    throw new LinnetError('INVALID_ARGUMENT', 'POW on integers needs exponents of at least 0.');
  }
  let result = 1n;
  for (
    let base = a, rest = b;
    rest > 0n;
    rest >>= 1n, base = BigInt.asIntN(Number(bits), base * base)
  ) {
    if (rest & 1n) result = BigInt.asIntN(Number(bits), result * base);
  }
  return result;
};

const shiftRight: OnIntegers = (a, b, bits) => a >> (b < 0n ? 0n : b >= bits ? bits - 1n : b);

/** out = condition ? a : b, all three broadcast to the output's shape. */
function select(site: ReferenceSite<'SELECT' | 'SELECT_V2'>, condition: Int32Array): TensorValue {
  const output = site.outputs[0]!;
  const chosen = required(site.inputs, 0).elements;
  const a = retype(required(site.inputs, 1), withShape(output, required(site.inputs, 1)));
  const b = retype(required(site.inputs, 2), withShape(output, required(site.inputs, 2)));
  const atA = broadcastOffsets(a.shape, output.shape);
  const atB = broadcastOffsets(b.shape, output.shape);
  const sizeA = sizeOf(a.shape);
  const both: TensorValue = { ...a, elements: concatElements([a, b]) };
  const at = condition.map((c, i) => (chosen[c] ? atA[i]! : sizeA + atB[i]!));
  return pick(both, output, at);
}

function withShape(type: TensorType, { shape }: TensorValue): TensorType {
  return { ...type, shape };
}

export const BINARY: ReferenceFamily<Arithmetic | Comparison | 'ADD_N' | 'SELECT' | 'SELECT_V2'> = {
  ADD: arithmetic(
    (a, b) => a + b,
    (a, b) => a + b,
  ),
  SUB: arithmetic(
    (a, b) => a - b,
    (a, b) => a - b,
  ),
  MUL: arithmetic(
    (a, b) => a * b,
    (a, b) => a * b,
  ),
  // Integer division truncates toward zero.
  DIV: arithmetic(
    (a, b) => a / b,
    (a, b) => a / nonZero(b),
  ),
  FLOOR_DIV: arithmetic(
    (a, b) => Math.floor(a / b),
    (a, b) => (a - floorMod(a, b, 0n)) / b,
  ),
  FLOOR_MOD: arithmetic(floorModReal, floorMod),
  POW: arithmetic((a, b) => a ** b, power),
  MAXIMUM: arithmetic(larger, larger),
  MINIMUM: arithmetic(smaller, smaller),
  SQUARED_DIFFERENCE: arithmetic(
    (a, b) => (a - b) ** 2,
    (a, b) => (a - b) ** 2n,
  ),
  ATAN2: arithmetic(Math.atan2),
  PRELU: arithmetic((x, alpha) => (x >= 0 ? x : x * alpha)),
  BITWISE_XOR: arithmetic(null, (a, b) => a ^ b),
  // Arithmetic for signed dtypes; the distance is clamped to 0 .. bits - 1.
  RIGHT_SHIFT: arithmetic(null, shiftRight),
  LOGICAL_AND: arithmetic(null, (a, b) => a & b),
  LOGICAL_OR: arithmetic(null, (a, b) => a | b),

  EQUAL: comparison((a, b) => a === b, true),
  NOT_EQUAL: comparison((a, b) => a !== b, false),
  GREATER: comparison((a, b) => a > b),
  GREATER_EQUAL: comparison((a, b) => a >= b),
  LESS: comparison((a, b) => a < b),
  LESS_EQUAL: comparison((a, b) => a <= b),

  /** The sum of any number of tensors of one shape. */
  ADD_N: ({ inputs, outputs }) => {
    const terms = inputs.map((_, i) => required(inputs, i));
    const output = outputs[0]!;
    if (isInteger(output.dtype) && !affine(output)) {
      const columns = terms.map(integers);
      const sum = columns[0]!.map((_, i) => columns.reduce((total, c) => total + c[i]!, 0n));
      return [fromIntegers(output, sum)];
    }
    const columns = terms.map(reals);
    const sum = Float64Array.from(columns[0]!, (_, i) =>
      columns.reduce((total, c) => total + c[i]!, 0),
    );
    return [fromReals(output, sum)];
  },

  /** A condition of rank 1 chooses whole slices of dimension 0; otherwise shapes are equal. */
  SELECT: (site) => {
    const condition = required(site.inputs, 0).shape;
    const { shape } = site.outputs[0]!;
    const [, , inner] = around(shape, 0);
    const perSlice = condition.length === 1 && shape.length > 1;
    const at = perSlice
      ? new Int32Array(sizeOf(shape)).map((_, i) => Math.floor(i / inner))
      : broadcastOffsets(condition, shape);
    return [select(site, at)];
  },

  SELECT_V2: (site) => [
    select(site, broadcastOffsets(required(site.inputs, 0).shape, site.outputs[0]!.shape)),
  ],
};
