/**
 * Element types of tensors, named as in the TFLite schema's TensorType, in lower case.
 *
 * `bits` is the width in a buffer; int4 and int2 are packed, low bits first, and `string` has no
 * fixed width. `array` is the typed array that holds the elements at rest in JavaScript:
 * float16 and bfloat16 keep their bit patterns, int4 and int2 one element per byte once unpacked,
 * bool is 0 or 1.
 */
const DTYPES = {
  float32: { code: 0, bits: 32, array: Float32Array },
  float16: { code: 1, bits: 16, array: Uint16Array },
  int32: { code: 2, bits: 32, array: Int32Array },
  uint8: { code: 3, bits: 8, array: Uint8Array },
  int64: { code: 4, bits: 64, array: BigInt64Array },
  string: { code: 5, bits: 0, array: null },
  bool: { code: 6, bits: 8, array: Uint8Array },
  int16: { code: 7, bits: 16, array: Int16Array },
  complex64: { code: 8, bits: 64, array: Float32Array },
  int8: { code: 9, bits: 8, array: Int8Array },
  float64: { code: 10, bits: 64, array: Float64Array },
  complex128: { code: 11, bits: 128, array: Float64Array },
  uint64: { code: 12, bits: 64, array: BigUint64Array },
  resource: { code: 13, bits: 32, array: Int32Array },
  variant: { code: 14, bits: 32, array: Int32Array },
  uint32: { code: 15, bits: 32, array: Uint32Array },
  uint16: { code: 16, bits: 16, array: Uint16Array },
  int4: { code: 17, bits: 4, array: Int8Array },
  bfloat16: { code: 18, bits: 16, array: Uint16Array },
  int2: { code: 19, bits: 2, array: Int8Array },
} as const;

export type DType = keyof typeof DTYPES;

export type TypedArray =
  | Float32Array
  | Float64Array
  | Int8Array
  | Uint8Array
  | Int16Array
  | Uint16Array
  | Int32Array
  | Uint32Array
  | BigInt64Array
  | BigUint64Array;

/** Elements of a tensor in JavaScript: a typed array, or an array of byte strings for `string`. */
export type TensorElements = TypedArray | readonly Uint8Array[];

export const DTYPE_NAMES = Object.keys(DTYPES) as readonly DType[];

/** Width of an element in bits; 0 for `string`. */
export function bitWidth(dtype: DType): number {
  return DTYPES[dtype].bits;
}

/** The dtype's code in the schema's TensorType. */
export function dtypeCode(dtype: DType): number {
  return DTYPES[dtype].code;
}

/** The dtype of a TensorType code, or undefined for a code that Linnet does not know. */
export function dtypeFromCode(code: number): DType | undefined {
  return DTYPE_NAMES.find((name) => DTYPES[name].code === code);
}

/** Bytes that `count` elements take in a buffer (packed types round up); 0 for `string`. */
export function byteLength(dtype: DType, count: number): number {
  return Math.ceil((DTYPES[dtype].bits * count) / 8);
}

/** The typed array class for a dtype; null for `string`. */
export function arrayType(dtype: DType) {
  return DTYPES[dtype].array;
}
