/** How weights stay on the device: in the narrowest type that has their values, expanded as they are loaded. */
import type { TypedArray } from '@linnet/schema';
import { float32ToFloat16 } from '../../io/float16.js';
import { count } from '../../lower/dims.js';
import { perTensor } from '../../lower/quantization.js';
import { elementsOf, storedDType, unpack } from '../../model/storage.js';
import type { Operand } from '../../plan/lowering.js';
import type { Emitter } from '../lowering.js';
import {
  type Binding,
  type Elements,
  f32,
  type Param,
  reads,
  readsHalves,
  u32,
} from '../wgsl/kernel.js';
import type { StoredDType, Width } from '../wgsl/storage.js';

/** The bits of float32 less those of float16, and the least exponent of float16's normal numbers. */
const LESS_BITS = 13;
const LEAST_EXPONENT = 113;

/** Whether float16 has each of some numbers. */
function areHalves(values: Float32Array): boolean {
  const words = new Uint32Array(values.buffer, values.byteOffset, values.length);
  return words.every((word) => {
    const exponent = (word >>> 23) & 255;
    const lost = LESS_BITS + Math.max(0, LEAST_EXPONENT - exponent);
    const isZero = word << 1 === 0;
    return isZero || (exponent <= 142 && lost <= 23 && word << (32 - lost) === 0);
  });
}

function areNibbles(values: Int8Array): boolean {
  return values.every((value) => value >= -8 && value <= 7);
}

/** Elements of a dtype in the narrowest that has them as they are. */
function narrowest(dtype: StoredDType, values: TypedArray): StoredDType {
  if (dtype === 'float32' && areHalves(values as Float32Array)) return 'float16';
  if (dtype === 'int8' && areNibbles(values as Int8Array)) return 'int4';
  return dtype;
}

/** Integers between -8 and 7, two to a byte, the first in the low bits. */
function packNibbles(values: Int8Array): Uint8Array {
  return Uint8Array.from({ length: Math.ceil(values.length / 2) }, (_, at) => {
    const [low, high] = [values[2 * at] as number, values[2 * at + 1] ?? 0];
    return (low & 15) | ((high & 15) << 4);
  });
}

const PACKINGS: { readonly [D in StoredDType]?: (values: TypedArray) => TypedArray } = {
  float16: (values) => float32ToFloat16(values as Float32Array),
  int4: (values) => packNibbles(values as Int8Array),
};

/** Another order of a constant's elements; `key` says which. */
export interface Order {
  readonly key: string;
  arrange(values: TypedArray): TypedArray;
}

/** A tensor as shaders read it: a constant in the narrowest type, and in another order if one is given. */
export function resident(emit: Emitter, { ref, type, value }: Operand, order?: Order): Elements {
  if (value === undefined) return { ref, type };
  const stored = type.dtype as StoredDType;
  const dtype = narrowest(stored, value);
  if (dtype === stored && order === undefined) return { ref, type };
  const made = emit.constant(`${dtype} ${order?.key ?? ''}`, () => {
    const values = order?.arrange(value) ?? value;
    return PACKINGS[dtype]?.(values) ?? values;
  });
  return { ref: made, type: { dtype } };
}

/** The matrices [depth, columns] that rows are multiplied with. */
export interface Weights {
  bindings(width: Width): Readonly<Record<string, Binding>>;
  /** Elements between neighbours in the depth and between columns; one of the two is 1. */
  readonly strides: readonly [depth: number, column: number];
  /** An expression for the first element of `item`'s matrix, by `params.w_item`. */
  readonly start: string;
  readonly params: Readonly<Record<string, Param>>;
  /** Statements before the steps of run `tap` of `four` columns. */
  readonly run?: string;
  /** Where `w_load` gives float16: what that has to be multiplied by. No magnitude is above 1. */
  readonly halfScale?: number;
  /** What `w_load` gives as real numbers, if it does not; a vector for columns where it gives one. */
  readonly real?: (load: string) => string;
}

const padded = (columns: number) => 4 * Math.ceil(columns / 4);

/** Rows [items * columns, depth] as matrices [depth, columns] of each item, in whole fours of columns. */
function transposition(items: number, columns: number, depth: number): Order {
  return {
    key: `columns ${items} ${depth}`,
    arrange(values) {
      const arranged = new (values.constructor as Float32ArrayConstructor)(
        items * depth * padded(columns),
      );
      for (let row = 0; row < items * columns; row++) {
        const first = Math.floor(row / columns) * depth * padded(columns) + (row % columns);
        for (let k = 0; k < depth; k++) {
          arranged[first + k * padded(columns)] = values[row * depth + k] as number;
        }
      }
      return arranged;
    },
  };
}

/** The power of 2 by which weights are divided so that the largest is at most 1. */
function halfScaleOf(values: Float32Array): number {
  const most = values.reduce((largest, value) => Math.max(largest, Math.abs(value)), 2 ** -100);
  return 2 ** Math.ceil(Math.log2(most));
}

/**
 * Weights [items * columns, depth]: transposed while planning where they are known, so that neighbouring
 * invocations load neighbouring vectors, and in float16 where the device computes in that; read as they are otherwise.
 */
export function transposed(
  emit: Emitter,
  operand: Operand,
  items: number,
  columns: number,
  depth: number,
): Weights {
  const { value } = operand;
  const isKnown = value !== undefined;
  const order = transposition(items, columns, depth);
  if (emit.traits.hasF16 && isKnown) {
    const halfScale = halfScaleOf(value as Float32Array);
    const halves = emit.constant(`halves ${order.key}`, () => {
      const scaled = (value as Float32Array).map((weight) => weight / halfScale);
      return float32ToFloat16(order.arrange(scaled) as Float32Array);
    });
    return {
      bindings: () => ({ w: readsHalves(halves) }),
      strides: [padded(columns), 1],
      start: 'item * params.w_item',
      params: { w_item: u32(depth * padded(columns)) },
      halfScale,
    };
  }
  const elements = isKnown ? resident(emit, operand, order) : operand;
  return {
    bindings: (width) => ({ w: reads(elements, width) }),
    strides: isKnown ? [padded(columns), 1] : [1, depth],
    start: 'item * params.w_item',
    params: { w_item: u32(depth * (isKnown ? padded(columns) : columns)) },
  };
}

/** A right side [..., depth, columns] of float32, or of a constant's integers that have one scale. */
export function rightSide(
  emit: Emitter,
  operand: Operand,
  [depth, columns]: readonly [number, number],
  isTransposed: boolean,
  start: string,
): Weights {
  const elements = resident(emit, operand);
  const quantization = perTensor(operand.type);
  const scaled = quantization && {
    params: { w_zero: f32(quantization.zero), w_scale: f32(quantization.scale) },
    real: (load: string) => `((${load}) - params.w_zero) * params.w_scale`,
  };
  return {
    bindings: (width) => ({ w: reads(elements, width) }),
    strides: isTransposed ? [1, depth] : [columns, 1],
    start,
    ...scaled,
    params: { w_item: u32(columns * depth), ...scaled?.params },
  };
}

/** Integers [columns, depth] and, for each `size` of them that follow each other, a scale: [columns, depth / size]. */
export interface BlockWeights {
  readonly size: number;
  readonly integers: Operand;
  readonly scales: Operand;
}

/** The blocks that weights were quantized in, where shaders have them; null for all other weights. */
export function blocksOf({ blocks, ref, type }: Operand): BlockWeights | null {
  if (!blocks || blocks.zeroPoints !== null || blocks.size % 4 !== 0) return null;
  const { dtype, size, packed, scales } = blocks;
  if (storedDType(dtype) !== 'int8') return null;
  const { shape } = type;
  const values = elementsOf('int8', unpack(dtype, packed, count(shape)));
  return {
    size,
    integers: { ref, type: { dtype: 'int8', shape }, value: values },
    scales: { ref, type: { dtype: 'float32', shape: [scales.length] }, value: scales },
  };
}

/** Weights [columns, depth] in blocks as matrices; a block is a run of the rows. */
export function transposedBlocks(
  emit: Emitter,
  { size, integers, scales }: BlockWeights,
  columns: number,
  depth: number,
): Weights {
  const words = resident(emit, integers, transposition(1, columns, depth));
  const factors = resident(emit, scales, transposition(1, columns, depth / size));
  return {
    bindings: (width) => ({ w: reads(words, width), scales: reads(factors, 4) }),
    strides: [padded(columns), 1],
    start: '0u',
    params: {},
    run: 'let scale = scales_load(tap * params.fours + four);',
    real: (load) => `${load} * scale`,
  };
}

/** Elements as they follow each other. */
export const IN_ORDER: Order = { key: 'in order', arrange: (values) => values };

/** Weights [units, depth] as they are; a unit's are `blocks` of `size` elements with a scale each if there are scales. */
export interface RowWeights {
  readonly elements: Elements;
  readonly scales: Elements | null;
  readonly size: number;
}

export function inRows(emit: Emitter, operand: Operand): RowWeights {
  const blocks = blocksOf(operand);
  if (blocks === null) {
    const size = count(operand.type.shape.slice(1));
    return { elements: resident(emit, operand), scales: null, size };
  }
  return {
    elements: resident(emit, blocks.integers, IN_ORDER),
    scales: resident(emit, blocks.scales, IN_ORDER),
    size: blocks.size,
  };
}
