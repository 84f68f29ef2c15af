/** Products of 8-bit integers: what they are made of, and what becomes of their sums. */
import type { TypedArray } from '@linnet/schema';
import { quantizedRange } from '../../lower/activation.js';
import { combinedScale } from '../../lower/fixed-point.js';
import { integerNumerics } from '../../lower/integer-numerics.js';
import {
  type ByteNumerics,
  isFloatProduct,
  type Numerics,
  type Product,
} from '../../lower/numerics.js';
import type { BufferRef, Operand } from '../../plan/lowering.js';
import type { Emitter } from '../lowering.js';
import { type ByteCode, MAX_EXACT, roundFunction } from '../wgsl/bytes.js';
import { array, type Binding, f32, i32, type Param, reads, u32 } from '../wgsl/kernel.js';
import { emitQuantizedRows } from './rows.js';

/** A product of bytes by weights that are known while planning and have one zero point. */
export interface ByteProduct {
  readonly product: Product;
  readonly numerics: ByteNumerics;
  readonly weights: TypedArray;
  /** Integers; real numbers where the numerics are hybrid. */
  readonly bias: TypedArray | null;
  /** The weights' zero point. */
  readonly zero: number;
}

/** The integers of a product, where kernels can have them. */
export function byteOperands(product: Product | null): ByteProduct | null {
  if (product === null || isFloatProduct(product)) return null;
  const numerics = integerNumerics(product);
  const { value } = product.weights;
  if (numerics?.kind !== 'integer' && numerics?.kind !== 'hybrid') return null;
  const bias = product.bias === null ? null : product.bias.value;
  const { zeroPoint } = numerics.channels;
  const zero = zeroPoint[0] as number;
  const hasOneZero = zeroPoint.every((other) => other === zero);
  if (value === undefined || bias === undefined || !hasOneZero) return null;
  return !product.output.type.shape.includes(0)
    ? { product, numerics, weights: value, bias, zero }
    : null;
}

/** The form of a product of `items` matrices side by side that kernels have; null where they have none. */
export function byteProduct(product: Product | null, items: number): ByteProduct | null {
  if (product === null) return null;
  const columns = (product.weights.type.shape[0] as number) / items;
  return items === 1 || columns % 4 === 0 ? byteOperands(product) : null;
}

/** From stored bytes to int8: unsigned ones less 128. */
export function shiftOf(dtype: string): number {
  return dtype === 'uint8' ? 128 : 0;
}

/** What the sum of a column begins with: its bias, and so many times the sum of its weights. */
export interface SumStart {
  readonly bias: TypedArray | null;
  readonly factor: number;
}

/** The most that the absolute values of a unit's weights add up to; units are neighbours on the last axis `inLast`. */
export function largestWeights({ product, weights, zero }: ByteProduct, inLast: boolean): number {
  const units = product.weights.type.shape.at(inLast ? -1 : 0) as number;
  const depth = weights.length / units;
  const [outer, inner] = inLast ? [1, units] : [depth, 1];
  let most = 0;
  for (let unit = 0; unit < units; unit++) {
    let sum = 0;
    for (let k = 0; k < depth; k++) {
      sum += Math.abs((weights[unit * outer + k * inner] as number) - zero);
    }
    most = Math.max(most, sum);
  }
  return most;
}

/** How sums are integers: a WGSL type, and an expression for a vector of those of `sum`. */
export interface WholeSums {
  readonly type: 'f32' | 'i32';
  whole(sum: string): string;
}

/** Sums that are finished as float32 where `code` has them so and they are exact: with zero points and biases, too. */
export function wholeSums(
  { whole, real }: Pick<ByteCode, 'whole' | 'real'>,
  { numerics, bias }: ByteProduct,
  weights: number,
): WholeSums {
  const biases = numerics.kind === 'integer' ? (bias ?? []) : [];
  const most = Array.from(biases as ArrayLike<number>, Number).reduce(
    (largest, each) => Math.max(largest, Math.abs(each)),
    0,
  );
  return real !== null && 255 * weights + most <= MAX_EXACT
    ? { type: 'f32', whole: real }
    : { type: 'i32', whole };
}

/** What becomes of the sums of four columns, which are integers of a type of `WholeSums`. */
export interface ByteFinish {
  /** The bytes that are multiplied. */
  readonly input: Operand;
  readonly start: SumStart;
  readonly bindings: Readonly<Record<string, Binding>>;
  readonly params: Readonly<Record<string, Param>>;
  readonly declarations: string;
  /** Statements before all sums. */
  readonly prepare: string;
  /** What stands for zero among the bytes of row `number`, as int8: an expression of type i32. */
  outside(number: string): string;
  /** Statements once sums are complete, which begin with `begin`, of their type, of the columns `four`. */
  ready(four: string): string;
  /** What is stored for the sum of row `number`. */
  result(sum: string, number: string): string;
}

/**
 * @param rows of the output, of which each of the parts that are quantized on their own has as many
 * @param own the number of the one that all of an invocation's sums belong to; null where there are several
 */
export function byteFinish(
  emit: Emitter,
  bytes: ByteProduct,
  columns: number,
  rows: number,
  own: string | null,
  type: WholeSums['type'],
): ByteFinish {
  const { numerics } = bytes;
  return numerics.kind === 'integer'
    ? requantization(emit, bytes, numerics, columns)
    : realization(emit, bytes, numerics, columns, rows, own, type);
}

type Integer = Extract<Numerics, { kind: 'integer' }>;
type Hybrid = Extract<Numerics, { kind: 'hybrid' }>;

/** Bytes again: REQUANTIZATION of the WASM kernels. */
function requantization(
  emit: Emitter,
  { product, bias }: ByteProduct,
  { input, output, channels: { scale } }: Integer,
  columns: number,
): ByteFinish {
  const { low, high } = quantizedRange(product.activation, output);
  const scales = emit.constant(`scales ${input.scale} ${output.scale} ${scale}`, () =>
    inFours(columns, (column) => combinedScale(input.scale, scaleOf(scale, column), output.scale)),
  );
  const inputZero = input.zero - shiftOf(input.dtype);
  return {
    input: product.input,
    start: { bias, factor: -inputZero },
    bindings: { scales: reads({ ref: scales, type: { dtype: 'float32' } }, 4) },
    params: {
      x_zero: i32(inputZero),
      y_zero: i32(output.zero),
      low: f32(low - output.zero),
      high: f32(high - output.zero),
    },
    // One product rounded to float32, then half to even: exact on all devices.
    declarations: `${roundFunction(emit.traits)}
fn requantize(sums: vec4<f32>, scales: vec4<f32>) -> vec4<i32> {
  let real = clamp(sums * scales, vec4(params.low), vec4(params.high));
  return nearest(real) + vec4(params.y_zero);
}`,
    prepare: '',
    outside: () => 'params.x_zero',
    ready: (four) => `let scale = scales_load(${four});`,
    result: (sum) => `requantize(vec4<f32>(${sum} + begin), scale)`,
  };
}

/** Real numbers, by scales and zero points that parts of the input have got when the model runs. */
function realization(
  emit: Emitter,
  { product, bias }: ByteProduct,
  { units, channels: { scale } }: Hybrid,
  columns: number,
  rows: number,
  own: string | null,
  type: WholeSums['type'],
): ByteFinish {
  const { bytes, rows: parts } = emitQuantizedRows(emit, product.input, units);
  const scales = emit.constant(`scales ${scale}`, () =>
    inFours(columns, (column) => scaleOf(scale, column)),
  );
  const biases = emit.constant('biases', () =>
    inFours(columns, (column) => Number(bias?.[column] ?? 0)),
  );
  const float32 = (ref: BufferRef) => reads({ ref, type: { dtype: 'float32' } }, 4);
  const row = units === 1 ? '0' : rows === units ? 'row' : 'row / params.part_rows';
  const only = units === 1 ? '0u' : own;
  const begins = (part: string) => `${type}(${part}.x) * begin`;
  const factor = (part: string) => `rounded(${part}.y * scale)`;
  const { low, high } = product.activation;
  return {
    input: bytes,
    start: { bias: null, factor: 1 },
    bindings: {
      parts: array(parts, 'vec2<f32>', 'read'),
      scales: float32(scales),
      biases: float32(biases),
    },
    params: {
      part_rows: u32(rows / units),
      nothing: u32(0),
      low: f32(Math.max(low, -MAX_FLOAT)),
      high: f32(Math.min(high, MAX_FLOAT)),
    },
    // As store_real of the WASM kernels, to the bit: compilers may fuse or reorder operations, but do not know
    // that what `rounded` does is nothing. Source: https://www.w3.org/TR/WGSL/#reassociation-and-fusion
    declarations: `fn rounded(v: vec4<f32>) -> vec4<f32> { return bitcast<vec4<f32>>(bitcast<vec4<u32>>(v) ^ vec4(params.nothing)); }
fn realize(sums: vec4<f32>, factor: vec4<f32>, bias: vec4<f32>) -> vec4<f32> {
  return clamp(rounded(sums * factor) + bias, vec4(params.low), vec4(params.high));
}
fn part_of(row: u32) -> vec2<f32> { return parts[${row}]; }`,
    prepare: only === null ? '' : `let part = part_of(${only}); let zero = i32(part.x);`,
    outside: (number) => (only === null ? `i32(part_of(${number}).x)` : 'zero'),
    ready: (four) =>
      `let scale = scales_load(${four}); let bias = biases_load(${four});${
        only === null ? '' : ` let begins = ${begins('part')}; let factor = ${factor('part')};`
      }`,
    result: (sum, number) => {
      if (only !== null) return `realize(vec4<f32>(${sum} - begins), factor, bias)`;
      const part = `part_of(${number})`;
      return `realize(vec4<f32>(${sum} - ${begins(part)}), ${factor(part)}, bias)`;
    },
  };
}

/** The largest float32: shaders have no infinity. */
const MAX_FLOAT = 2 ** 128 - 2 ** 104;

function scaleOf(scale: Float32Array, column: number): number {
  return (scale.length === 1 ? scale[0] : (scale[column] ?? 0)) as number;
}

/** Float32 for each of some columns, in whole fours. */
function inFours(columns: number, value: (column: number) => number): Float32Array {
  return Float32Array.from({ length: 4 * Math.ceil(columns / 4) }, (_, at) => value(at));
}
