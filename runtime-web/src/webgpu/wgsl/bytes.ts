/** How shaders take the four bytes of a word apart. */
import type { Traits } from '../traits.js';
import type { Width } from './storage.js';

/**
 * The bytes of a word of WGSL's `type` in the high bits of integers, 2^24 times what they stand for as
 * signed: devices without vectors of integers shift one invocation after the other, but multiply all.
 */
function highBytes(word: string, type: 'u32' | 'vec4<u32>'): readonly string[] {
  return [
    `${type}(${word} * 0x1000000u)`,
    `${type}((${word} & ${type}(0xff00u)) * 0x10000u)`,
    `${type}((${word} & ${type}(0xff0000u)) * 0x100u)`,
    `${type}(${word} & ${type}(0xff000000u))`,
  ];
}

/** Signed bytes as vectors to compute sums of products with. */
export interface ByteCode {
  readonly vector: 'vec4<f32>' | 'vec4<i32>';
  /** The function `bytes(word: u32) -> vector`. */
  readonly declaration: string;
  /** An integer, an expression, in units of what `bytes` gives. */
  scaled(integer: string): string;
  /** Byte `at` of each word of a vec4<u32>. */
  byteOf(words: string, at: number): string;
  /** A vector of sums of products of two such as integers. */
  whole(sum: string): string;
  /** The same as float32, where those are exact; null where that takes longer. */
  readonly real: ((sum: string) => string) | null;
}

const HIGH = `vec4<f32>(vec4<i32>(${highBytes('word', 'u32')
  .map((byte) => `bitcast<i32>(${byte})`)
  .join(', ')}))`;

const EXTRACTED = `vec4<i32>(${[0, 8, 16, 24]
  .map((at) => `extractBits(bitcast<i32>(word), ${at}u, 8u)`)
  .join(', ')})`;

/** The signed bytes of a u32 variable `word` as a vec4<i32>. */
export function byteVector({ isSoftware }: Traits): string {
  return isSoftware ? `vec4<i32>(${HIGH} * 0x1p-24f)` : EXTRACTED;
}

/** As they are. */
export const INTEGER_BYTES: ByteCode = {
  vector: 'vec4<i32>',
  declaration: `fn bytes(word: u32) -> vec4<i32> { return ${EXTRACTED}; }`,
  scaled: (integer) => integer,
  byteOf: (words, at) => `extractBits(bitcast<vec4<i32>>(${words}), ${8 * at}u, 8u)`,
  whole: (sum) => sum,
  real: null,
};

/** As float32, 2^24 times what they stand for. */
const REAL_BYTES: ByteCode = {
  vector: 'vec4<f32>',
  declaration: `fn bytes(word: u32) -> vec4<f32> { return ${HIGH}; }`,
  scaled: (integer) => `(f32(${integer}) * 0x1p24f)`,
  byteOf: (words, at) => `vec4<f32>(bitcast<vec4<i32>>(${highBytes(words, 'vec4<u32>')[at]}))`,
  whole: (sum) => `vec4<i32>(${sum} * 0x1p-48f)`,
  real: (sum) => `(${sum} * 0x1p-48f)`,
};

/** Integers up to this are exact in float32. */
export const MAX_EXACT = 2 ** 24;

/** Bytes as float32 where that is faster, and exact for sums up to `most`; null elsewhere. */
export function realBytes({ isSoftware }: Traits, most: number): ByteCode | null {
  return isSoftware && most <= MAX_EXACT ? REAL_BYTES : null;
}

/**
 * The function `nearest` of an f32, or a vector, of magnitude under 2^22: the integer, half to even. Adding 1.5 * 2^23 leaves
 * the integer in the low bits, on devices that are known to round sums so; `round` takes many steps there.
 */
export function roundFunction({ isSoftware }: Traits, width: Width = 4): string {
  const [real, integer] = width === 4 ? ['vec4<f32>', 'vec4<i32>'] : ['f32', 'i32'];
  const body = isSoftware
    ? `bitcast<${integer}>(v + 0x1.8p23f) - 0x4b400000`
    : `${integer}(round(v))`;
  return `fn nearest(v: ${real}) -> ${integer} { return ${body}; }`;
}
