/** Tiles of products of 8-bit integers. */
import type { TypedArray } from '@linnet/schema';
import { quantizedRange } from '../../lower/activation.js';
import { combinedScale } from '../../lower/fixed-point.js';
import { type Numerics, numericsOf, type Product } from '../../lower/numerics.js';
import type { Emitter } from '../lowering.js';
import { type ByteCode, INTEGER_BYTES, realBytes, roundFunction } from '../wgsl/bytes.js';
import { array, f32, i32, reads, u32 } from '../wgsl/kernel.js';
import { LANES, times } from '../wgsl/text.js';
import { emitNarrowed } from './narrow.js';
import { emitTiles, isWholeFours, type TileArithmetic, type TiledProduct } from './tiles.js';

type Integer = Extract<Numerics, { kind: 'integer' }>;

/** A product of bytes by weights that are known while planning and have one zero point. */
export interface ByteProduct {
  readonly product: Product;
  readonly numerics: Integer;
  readonly weights: TypedArray;
  readonly bias: TypedArray | null;
  /** The weights' zero point. */
  readonly zero: number;
}

/** The integers of a product, where kernels can have them. */
export function byteOperands(product: Product): ByteProduct | null {
  const numerics = numericsOf(product);
  const { value } = product.weights;
  if (numerics?.kind !== 'integer' || value === undefined) return null;
  const bias = product.bias === null ? null : product.bias.value;
  const { zeroPoint } = numerics.channels;
  const zero = zeroPoint[0] as number;
  if (bias === undefined || zeroPoint.some((other) => other !== zero)) return null;
  return product.output.type.shape.includes(0)
    ? null
    : { product, numerics, weights: value, bias, zero };
}

/** The form of a product of `items` matrices side by side that kernels have; null where they have none. */
export function byteProduct(product: Product | null, items: number): ByteProduct | null {
  if (product === null) return null;
  const columns = (product.weights.type.shape[0] as number) / items;
  return items === 1 || columns % 4 === 0 ? byteOperands(product) : null;
}

/** The constants and functions that make bytes of sums: REQUANTIZATION of the WASM kernels. */
export function requantization(
  emit: Emitter,
  { activation }: Pick<Product, 'activation'>,
  { input, output, channels: { scale } }: Integer,
  columns: number,
) {
  const { low, high } = quantizedRange(activation, output);
  const scales = emit.constant(`scales ${input.scale} ${output.scale} ${scale}`, () =>
    Float32Array.from({ length: 4 * Math.ceil(columns / 4) }, (_, column) =>
      combinedScale(
        input.scale,
        (scale.length === 1 ? scale[0] : (scale[column] ?? 0)) as number,
        output.scale,
      ),
    ),
  );
  return {
    bindings: { scales: reads({ ref: scales, type: { dtype: 'float32' } }, 4) },
    params: {
      y_zero: i32(output.zero),
      low: f32(low - output.zero),
      high: f32(high - output.zero),
    },
    // One product rounded to float32, then half to even: exact on all devices.
    declarations: `${roundFunction(emit.traits)}
fn requantize(sums: vec4<i32>, scales: vec4<f32>) -> vec4<i32> {
  let real = clamp(vec4<f32>(sums) * scales, vec4(params.low), vec4(params.high));
  return nearest(real) + vec4(params.y_zero);
}`,
  } as const;
}

/** From stored bytes to int8: unsigned ones less 128. */
export function shiftOf(dtype: string): number {
  return dtype === 'uint8' ? 128 : 0;
}

/**
 * Words of four depths of a column, [item, tap, depth / 4, column] with columns in whole fours, and for
 * each column what its sums begin with.
 */
function pack({ weights, bias, zero, product, numerics }: ByteProduct, tiles: Tiles) {
  const {
    items,
    size: [, columns],
    rows: { taps, depth },
  } = tiles;
  const shift = shiftOf(product.weights.type.dtype);
  const inputZero = numerics.input.zero - shiftOf(product.input.type.dtype);
  const [deep, padded] = [Math.ceil(depth / 4), 4 * Math.ceil(columns / 4)];
  const bytes = new Int8Array(4 * items * taps * deep * padded);
  const starts = new Int32Array(4 * Math.ceil((items * columns) / 4));
  for (let unit = 0; unit < items * columns; unit++) {
    const [item, column] = [Math.floor(unit / columns), unit % columns];
    let sum = 0;
    for (let k = 0; k < taps * depth; k++) {
      const [tap, at] = [Math.floor(k / depth), k % depth];
      const weight = (weights[unit * taps * depth + k] as number) - shift;
      const word = ((item * taps + tap) * deep + (at >> 2)) * padded + column;
      bytes[4 * word + (at & 3)] = weight;
      sum += weight - (zero - shift);
    }
    starts[unit] = Number(bias?.[unit] ?? 0) - inputZero * sum;
  }
  return { bytes: new Int32Array(bytes.buffer), starts };
}

/** How a word of a row is multiplied with the words `w` of four columns; see TileArithmetic. */
interface WordForm extends Pick<ByteCode, 'whole'> {
  readonly sum: TileArithmetic['sum'];
  readonly declarations: string;
  row(word: string): string;
  readonly weights: string;
  add(sum: string, row: string): string;
}

/** By dot products of packed bytes, which GPUs have as an instruction. */
function packedForm(hasZero: boolean): WordForm {
  const dots = (x: string) =>
    `vec4<i32>(${times(4, (j) => `dot4I8Packed(${x}, w[${j}])`).join(', ')})`;
  const zero = (x: string) => ` - vec4(params.w_zero * dot4I8Packed(${x}, 0x01010101u))`;
  return {
    sum: 'vec4<i32>',
    declarations: '',
    row: (word) => word,
    weights: '',
    add: (sum, x) => `${sum} += ${dots(x)}${hasZero ? zero(x) : ''};`,
    whole: (sum) => sum,
  };
}

/** By bytes that are taken apart once, for devices that take dot products of bytes apart each time. */
function apartForm(
  { vector, declaration, scaled, byteOf, whole }: ByteCode,
  hasZero: boolean,
): WordForm {
  const zero = hasZero ? ` - vec4(${scaled('params.w_zero')})` : '';
  return {
    sum: vector,
    declarations: declaration,
    row: (word) => `bytes(${word})`,
    weights: times(4, (k) => `let w${k} = ${byteOf('w', k)}${zero};`).join(' '),
    add: (sum, x) => LANES.map((lane, k) => `${sum} += ${x}.${lane} * w${k};`).join(' '),
    whole,
  };
}

/** The most that a column's sum, and any on the way to it, can be. */
function largestSum({ product, weights, zero }: ByteProduct): number {
  const columns = product.weights.type.shape[0] as number;
  const depth = weights.length / columns;
  let largest = 0;
  for (let column = 0; column < columns; column++) {
    let sum = 0;
    for (let k = 0; k < depth; k++) {
      sum += 128 * Math.abs((weights[column * depth + k] as number) - zero);
    }
    largest = Math.max(largest, sum);
  }
  return largest;
}

type Tiles = Omit<TiledProduct, 'arithmetic'>;

/**
 * Emits y = requantize(sum over k of (x[row, k] - x_zero) * (w[k, column] - w_zero) + bias[column]),
 * four depths at a time. The input's zero point is in what sums begin with, which depends on weights
 * alone.
 */
export function emitByteTiles(emit: Emitter, tiles: Tiles, bytes: ByteProduct): void {
  const { product, numerics } = bytes;
  const { items, size, rows } = tiles;
  const key = `${items} ${rows.taps} ${JSON.stringify(numerics.input)}`;
  const words = emit.constant(`bytes ${key}`, () => pack(bytes, tiles).bytes);
  const starts = emit.constant(`starts ${key}`, () => pack(bytes, tiles).starts);
  const finish = requantization(emit, product, numerics, items * size[1]);
  const weightZero = bytes.zero - shiftOf(product.weights.type.dtype);
  const flip = shiftOf(product.input.type.dtype);
  const padding = (numerics.input.zero - flip) & 255;
  const isVector = rows.unit === 4;
  const signed = flip === 0 ? '' : ' ^ 0x80808080u';
  const declarations = isVector
    ? `fn word(begin: u32, k: u32) -> u32 { return x[begin + k]${signed}; }
fn inside(k: u32) -> u32 { return 0xffffffffu; }`
    : `fn inside(k: u32) -> u32 { return 0xffffffffu >> (8u * (4u - min(params.depth - k, 4u))); }
fn word(begin: u32, k: u32) -> u32 {
  let at = begin + k;
  let next = min((at >> 2u) + 1u, arrayLength(&x) - 1u);
  let turn = (at & 3u) * 8u;
  let low = x[at >> 2u] >> turn;
  let high = select(x[next] << (32u - turn), 0u, turn == 0u);
  return ((low | high)${signed}) & inside(k);
}`;
  const orZero = (run: string, load: string) =>
    rows.canMiss ? `select(params.padding & inside(k), ${load}, ${run} >= 0)` : load;
  const apart =
    realBytes(emit.traits, largestSum(bytes)) ?? (emit.traits.hasByteDot ? null : INTEGER_BYTES);
  const hasZero = weightZero !== 0;
  const form = apart === null ? packedForm(hasZero) : apartForm(apart, hasZero);
  const arithmetic: TileArithmetic = {
    bindings: {
      x: array(product.input.ref, 'u32', 'read'),
      weights: array(words, 'vec4<u32>', 'read'),
      starts: array(starts, 'vec4<i32>', 'read'),
      ...finish.bindings,
    },
    params: {
      deeps: u32(Math.ceil(rows.depth / 4)),
      w_zero: i32(weightZero),
      padding: u32(padding * 0x01010101),
      ...finish.params,
    },
    declarations: [form.declarations, declarations, finish.declarations].join('\n'),
    sum: form.sum,
    step: 4 / rows.unit,
    start: 'var w_at = item * params.taps * params.deeps * params.fours + four;',
    row: (run, begin) => [form.row(orZero(run, `word(${begin}, k)`))],
    weights: `let w = weights[w_at]; ${form.weights}`,
    next: 'w_at += params.fours;',
    add: (sum, [x]) => form.add(sum, x as string),
    ready: `let unit = item * params.columns / 4u + four;
let begin = starts[unit];
let scale = scales_load(unit);`,
    result: (sum) => `requantize(${form.whole(sum)} + begin, scale)`,
  };
  emitNarrowed(emit, tiles.output, isWholeFours(tiles), (output) =>
    emitTiles(emit, { ...tiles, arithmetic, output }),
  );
}
