import { type DType, LinnetError, type TypedArray } from '@linnet/schema';
import type { ReferenceFamily } from './kernel.js';
import { clamp } from './numbers.js';
import {
  allocate,
  fromIntegers,
  fromReals,
  integerRange,
  integers,
  isFloat,
  numericElements,
  reals,
  required,
  tensor,
} from './values.js';

/**
 * The integer that a float is cast to: truncated toward zero and saturated; NaN becomes 0.
 * Source: LiteRT's cast kernel saturates; NaN follows WebAssembly's trunc_sat.
 */
function truncate(x: number, dtype: DType): bigint {
  if (Number.isNaN(x)) return 0n;
  if (dtype === 'int64') return clampBigint(x, -(2n ** 63n), 2n ** 63n - 1n);
  if (dtype === 'uint64') return clampBigint(x, 0n, 2n ** 64n - 1n);
  return BigInt(clamp(Math.trunc(x), ...integerRange(dtype)));
}

function clampBigint(x: number, min: bigint, max: bigint): bigint {
  if (x <= Number(min)) return min;
  return x >= Number(max) ? max : BigInt(Math.trunc(x));
}

/**
 * Rounds to the nearest of 2^bits (less one when narrow) levels between min and max, a range first
 * moved so that 0 is a level. In float32, as the definition's constants are.
 */
function fakeQuantizer(min: number, max: number, bits: number, narrow: boolean) {
  const lowest = narrow ? 1 : 0;
  const highest = 2 ** bits - 1;
  const scale = Math.fround(Math.fround(max - min) / (highest - lowest));
  const zero = clamp(Math.round(Math.fround(lowest - Math.fround(min / scale))), lowest, highest);
  const low = Math.fround((lowest - zero) * scale);
  const high = Math.fround((highest - zero) * scale);
  const inverse = Math.fround(1 / scale);
  return (x: number): number => {
    const shifted = Math.fround(clamp(x, low, high) - low);
    return Math.fround(Math.floor(Math.fround(shifted * inverse) + 0.5) * scale) + low;
  };
}

export const CONVERT: ReferenceFamily<
  'CAST' | 'BITCAST' | 'QUANTIZE' | 'DEQUANTIZE' | 'FAKE_QUANT' | 'DENSIFY'
> = {
  /** The stored numbers in another dtype: quantization plays no part. */
  CAST: ({ inputs, outputs }) => {
    const { quantization: _, ...x } = required(inputs, 0);
    const output = outputs[0]!;
    if (isFloat(output.dtype) || output.dtype === 'bool') return [fromReals(output, reals(x))];
    if (isFloat(x.dtype)) {
      return [
        fromIntegers(
          output,
          Array.from(reals(x), (real) => truncate(real, output.dtype)),
        ),
      ];
    }
    return [fromIntegers(output, integers(x))];
  },

  /** The bytes of the elements read as another dtype. */
  BITCAST: ({ inputs, outputs }) => {
    const { buffer, byteOffset, byteLength } = numericElements(required(inputs, 0));
    const output = outputs[0]!;
    const elements = allocate(output.dtype, 0);
    const ArrayOf = elements.constructor as new (bytes: ArrayBuffer) => TypedArray;
    if (byteLength % elements.BYTES_PER_ELEMENT !== 0) {
      throw new LinnetError(
        'INVALID_MODEL',
        `${byteLength} bytes are not a whole number of ${output.dtype} elements.`,
      );
    }
    const bytes = new Uint8Array(buffer, byteOffset, byteLength).slice().buffer;
    return [tensor(output, new ArrayOf(bytes))];
  },

  /** Also from one quantization to another. */
  QUANTIZE: ({ inputs, outputs }) => [fromReals(outputs[0]!, reals(required(inputs, 0)))],

  DEQUANTIZE: ({ inputs, outputs }) => [fromReals(outputs[0]!, reals(required(inputs, 0)))],

  FAKE_QUANT: ({ inputs, outputs, options }) => {
    const { min, max, numBits, narrowRange } = options;
    if (!(min <= 0 && max >= 0 && min < max) || numBits < 2 || numBits > 16) {
      throw new LinnetError(
        'INVALID_MODEL',
        `FAKE_QUANT needs min <= 0 <= max and 2 to 16 bits, not [${min}, ${max}] and ${numBits} bits.`,
      );
    }
    const quantizer = fakeQuantizer(min, max, numBits, narrowRange);
    return [fromReals(outputs[0]!, Float64Array.from(reals(required(inputs, 0)), quantizer))];
  },

  /** Sparse constants are expanded as they are read, so nothing is left to do. */
  DENSIFY: ({ inputs, outputs }) => [tensor(outputs[0]!, required(inputs, 0).elements)],
};
