/** Tiles of products of 8-bit integers. */
import type { Emitter } from '../lowering.js';
import { type ByteCode, INTEGER_BYTES, realBytes } from '../wgsl/bytes.js';
import { array, i32, u32 } from '../wgsl/kernel.js';
import { LANES, times } from '../wgsl/text.js';
import { emitNarrowed } from './narrow.js';
import {
  type ByteProduct,
  byteFinish,
  largestWeights,
  type SumStart,
  shiftOf,
  wholeSums,
} from './product-q8.js';
import { emitTiles, isWholeFours, type TileArithmetic, type TiledProduct } from './tiles.js';

/** Words of four depths of a column, [item, tap, depth / 4, column] with columns in whole fours. */
function pack({ weights, product }: ByteProduct, { items, size, rows }: Tiles): Int32Array {
  const [columns, { taps, depth }] = [size[1], rows];
  const shift = shiftOf(product.weights.type.dtype);
  const [deep, padded] = [Math.ceil(depth / 4), 4 * Math.ceil(columns / 4)];
  const bytes = new Int8Array(4 * items * taps * deep * padded);
  let from = 0;
  for (let unit = 0; unit < items * columns; unit++) {
    const [item, column] = [Math.floor(unit / columns), unit % columns];
    for (let tap = 0; tap < taps; tap++) {
      const first = (item * taps + tap) * deep * padded + column;
      for (let k = 0; k < depth; k++) {
        const word = first + (k >> 2) * padded;
        bytes[4 * word + (k & 3)] = (weights[from++] as number) - shift;
      }
    }
  }
  return new Int32Array(bytes.buffer);
}

/** What the sums of each column begin with. */
function sumStarts({ weights, zero }: ByteProduct, { bias, factor }: SumStart, units: number) {
  const depth = weights.length / units;
  const starts = new Int32Array(4 * Math.ceil(units / 4));
  for (let unit = 0; unit < units; unit++) {
    let sum = -zero * depth;
    for (let at = unit * depth; at < (unit + 1) * depth; at++) sum += weights[at] as number;
    starts[unit] = Number(bias?.[unit] ?? 0) + factor * sum;
  }
  return starts;
}

/** How a word of a row is multiplied with the words `w` of four columns; see TileArithmetic. */
interface WordForm extends Pick<ByteCode, 'whole' | 'real'> {
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
    real: null,
  };
}

/** By bytes that are taken apart once, for devices that take dot products of bytes apart each time. */
function apartForm(
  { vector, declaration, scaled, byteOf, whole, real }: ByteCode,
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
    real,
  };
}

type Tiles = Omit<TiledProduct, 'arithmetic'>;

/**
 * Emits y = finish(sum over k of (x[row, k] - x_zero) * (w[k, column] - w_zero) + bias[column]), four
 * depths at a time. What depends on weights alone is in what sums begin with.
 */
export function emitByteTiles(emit: Emitter, tiles: Tiles, bytes: ByteProduct): void {
  const { product } = bytes;
  const { items, size, rows } = tiles;
  const weightZero = bytes.zero - shiftOf(product.weights.type.dtype);
  const largest = largestWeights(bytes, false);
  const apart =
    realBytes(emit.traits, 128 * largest) ?? (emit.traits.hasByteDot ? null : INTEGER_BYTES);
  const hasZero = weightZero !== 0;
  const form = apart === null ? packedForm(hasZero) : apartForm(apart, hasZero);
  const { type, whole } = wholeSums(form, bytes, largest);
  const finish = byteFinish(emit, bytes, items * size[1], size[0], null, type);
  const key = `${items} ${rows.taps} ${JSON.stringify(finish.start)}`;
  const isNarrow = areNibbles(bytes, shiftOf(product.weights.type.dtype));
  const words = emit.constant(`bytes ${isNarrow} ${key}`, () => {
    const packed = pack(bytes, tiles);
    return isNarrow ? pairNibbles(packed) : packed;
  });
  const starts = emit.constant(`starts ${key}`, () =>
    sumStarts(bytes, finish.start, items * size[1]),
  );
  const flip = shiftOf(finish.input.type.dtype);
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
  const orZero = (run: string, load: string, number: string) =>
    rows.canMiss
      ? `select(((u32(${finish.outside(number)}) & 255u) * 0x01010101u) & inside(k), ${load}, ${run} >= 0)`
      : load;
  const arithmetic: TileArithmetic = {
    bindings: {
      x: array(finish.input.ref, 'u32', 'read'),
      weights: array(words, isNarrow ? 'vec2<u32>' : 'vec4<u32>', 'read'),
      starts: array(starts, 'vec4<i32>', 'read'),
      ...finish.bindings,
    },
    params: {
      deeps: u32(Math.ceil(rows.depth / 4)),
      w_zero: i32(weightZero),
      ...finish.params,
    },
    declarations: [form.declarations, declarations, finish.declarations].join('\n'),
    kind: 'int8',
    sum: form.sum,
    step: 4 / rows.unit,
    partial: null,
    start: `var w_at = item * params.taps * params.deeps * params.fours + four; ${finish.prepare}`,
    row: (run, begin, number) => [form.row(orZero(run, `word(${begin}, k)`, number))],
    weights: `let w = ${isNarrow ? PAIRED : 'weights[w_at]'}; ${form.weights}`,
    next: 'w_at += params.fours;',
    add: (sum, [x]) => form.add(sum, x as string),
    ready: `let unit = item * params.columns / 4u + four;
let begin = vec4<${type}>(starts[unit]);
${finish.ready('unit')}`,
    result: (sum, number) => finish.result(whole(sum), number),
  };
  emitNarrowed(emit, tiles.output, isWholeFours(tiles), (output) =>
    emitTiles(emit, { ...tiles, arithmetic, output }),
  );
}

/** Whether weights, as int8, are integers of four bits. */
function areNibbles({ weights }: ByteProduct, shift: number): boolean {
  return (weights as Int8Array).every((weight) => weight - shift >= -8 && weight - shift <= 7);
}

/** Words of bytes between -8 and 7, less -8: each with those of the word after next in the high half-bytes. */
function pairNibbles(words: Int32Array): Int32Array {
  return Int32Array.from({ length: words.length / 2 }, (_, at) => {
    const first = 4 * (at >> 1) + (at & 1);
    const [low, high] = [first, first + 2].map(
      (from) => ((words[from] as number) & 0x0f0f0f0f) ^ 0x08080808,
    );
    return (low as number) | ((high as number) << 4);
  });
}

/** Four words of bytes from two of `pairNibbles`; 0x80 keeps the bytes' differences apart. */
const PAIRED = `(((vec4<u32>(weights[w_at], weights[w_at] >> vec2(4u)) & vec4(0x0f0f0f0fu)) | vec4(0x80808080u)) - vec4(0x08080808u)) ^ vec4(0x80808080u)`;
