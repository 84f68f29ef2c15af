/** Ops that compare elements to find positions: arg max, top k, unique, where. */
import { normalizeAxis } from '@linnet/schema';
import { stringsOf } from './binary.js';
import { around, pick, stridesOf } from './indexing.js';
import type { ReferenceFamily, ReferenceKernel, TensorValue } from './kernel.js';
import {
  fromIntegers,
  indices,
  isFloat,
  isQuantized,
  numericElements,
  reals,
  required,
} from './values.js';

/** Elements as things that `<` orders. */
function comparable(x: TensorValue): ArrayLike<number | bigint> {
  return isFloat(x.dtype) || isQuantized(x) ? reals(x) : numericElements(x);
}

/** The position along an axis of the element that beats all others; the first one of equals. */
function best(
  beats: (a: number | bigint, b: number | bigint) => boolean,
): ReferenceKernel<'ARG_MAX' | 'ARG_MIN'> {
  return ({ inputs, outputs }) => {
    const x = required(inputs, 0);
    const axis = normalizeAxis(indices(required(inputs, 1))[0]!, x.shape.length);
    const [outer, size, inner] = around(x.shape, axis);
    const data = comparable(x);
    const positions: bigint[] = [];
    for (let o = 0; o < outer; o++) {
      for (let i = 0; i < inner; i++) {
        const at = (position: number) => data[(o * size + position) * inner + i]!;
        let winner = 0;
        for (let position = 1; position < size; position++) {
          if (beats(at(position), at(winner))) winner = position;
        }
        positions.push(BigInt(winner));
      }
    }
    return [fromIntegers(outputs[0]!, positions)];
  };
}

/** NaN comes after every number. */
function descending(a: number | bigint, b: number | bigint): number {
  const nans = Number(Number.isNaN(a)) - Number(Number.isNaN(b));
  return nans !== 0 ? nans : a > b ? -1 : a < b ? 1 : 0;
}

export const ORDER: ReferenceFamily<'ARG_MAX' | 'ARG_MIN' | 'TOPK_V2' | 'UNIQUE' | 'WHERE'> = {
  ARG_MAX: best((a, b) => a > b),
  ARG_MIN: best((a, b) => a < b),

  /** The k largest elements along the last dimension, largest first, and where they were. */
  TOPK_V2: ({ inputs, outputs }) => {
    const x = required(inputs, 0);
    const data = comparable(x);
    const size = x.shape.at(-1)!;
    const k = outputs[0]!.shape.at(-1)!;
    const rows = size === 0 ? 0 : data.length / size;
    const at: number[] = [];
    for (let row = 0; row < rows; row++) {
      const positions = Array.from({ length: size }, (_, i) => row * size + i);
      // Array.prototype.sort is stable, so that the earlier of equals comes first.
      positions.sort((a, b) => descending(data[a]!, data[b]!));
      for (const position of positions.slice(0, k)) at.push(position);
    }
    return [
      pick(x, outputs[0]!, Int32Array.from(at)),
      fromIntegers(
        outputs[1]!,
        at.map((offset) => BigInt(offset % size)),
      ),
    ];
  },

  /** The distinct elements of a vector in order of first appearance, and each element's place. */
  UNIQUE: ({ inputs, outputs }) => {
    const x = required(inputs, 0);
    const keys =
      x.dtype === 'string' ? stringsOf(x) : Array.from(comparable(x) as ArrayLike<number>);
    const places = new Map<unknown, number>();
    const firsts: number[] = [];
    const place = keys.map((key, i) => {
      if (!places.has(key)) places.set(key, firsts.push(i) - 1);
      return BigInt(places.get(key)!);
    });
    const distinct = { ...outputs[0]!, shape: [firsts.length] };
    return [
      pick(x, distinct, Int32Array.from(firsts)),
      fromIntegers({ ...outputs[1]!, shape: x.shape }, place),
    ];
  },

  /** The coordinates of the elements that are not zero: [count, rank], in row-major order. */
  WHERE: ({ inputs, outputs }) => {
    const x = required(inputs, 0);
    const data = comparable(x);
    const strides = stridesOf(x.shape);
    const coordinates: bigint[] = [];
    let count = 0;
    for (let i = 0; i < data.length; i++) {
      if (Number(data[i]) === 0) continue;
      count++;
      strides.forEach((stride, d) => {
        coordinates.push(BigInt(Math.floor(i / stride) % x.shape[d]!));
      });
    }
    return [fromIntegers({ ...outputs[0]!, shape: [count, x.shape.length] }, coordinates)];
  },
};
