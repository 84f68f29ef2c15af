import {
  arrayType,
  bitWidth,
  type DType,
  formatType,
  LinnetError,
  type TensorType,
  type TypedArray,
} from '@linnet/schema';

/** No tensor may be larger: kernels index bytes with signed 32-bit integers. */
export const MAX_TENSOR_BYTES = 2 ** 31 - 1;

/** The quantized types that files pack several to a byte, and the type that holds them unpacked. */
const UNPACKED: { readonly [D in DType]?: DType } = { int4: 'int8', int2: 'int8' };

/** The dtype in which a tensor lives in the runtime: sub-byte integers are widened to int8. */
export function storedDType(dtype: DType): DType {
  return UNPACKED[dtype] ?? dtype;
}

/** Bytes of one element at rest; strings are 4-byte handles of the model's StringPool. */
export function elementBytes(dtype: DType): number {
  return dtype === 'string' ? 4 : bitWidth(storedDType(dtype)) / 8;
}

/**
 * Bytes that a tensor takes, by checked arithmetic.
 *
 * @throws LinnetError of code OUT_OF_MEMORY past MAX_TENSOR_BYTES, INVALID_MODEL for a shape that
 * is none
 */
export function storageBytes(type: TensorType): number {
  let bytes = elementBytes(type.dtype);
  for (const dim of type.shape) {
    if (!Number.isSafeInteger(dim) || dim < 0) {
      throw new LinnetError(
        'INVALID_MODEL',
        `A tensor would have the shape [${type.shape}]; sizes must be known and not negative.`,
      );
    }
  }
  if (type.shape.includes(0)) return 0;
  for (const dim of type.shape) {
    bytes *= dim;
    if (bytes > MAX_TENSOR_BYTES) {
      throw new LinnetError(
        'OUT_OF_MEMORY',
        `A tensor ${formatType(type)} would take more than ${MAX_TENSOR_BYTES} bytes.`,
      );
    }
  }
  return bytes;
}

/** The elements of a dtype as stored, over the same bytes (a copy where they are not aligned). */
export function elementsOf(dtype: DType, bytes: Uint8Array): TypedArray {
  const array = arrayType(storedDType(dtype)) ?? Int32Array;
  const aligned = bytes.byteOffset % array.BYTES_PER_ELEMENT === 0 ? bytes : bytes.slice();
  return new array(
    aligned.buffer as ArrayBuffer,
    aligned.byteOffset,
    aligned.byteLength / array.BYTES_PER_ELEMENT,
  );
}

/** The bytes of elements, without a copy. */
export function bytesOf(elements: TypedArray): Uint8Array {
  return new Uint8Array(elements.buffer, elements.byteOffset, elements.byteLength);
}

/** Elements narrower than a byte, low bits first, to one signed byte each; others as they are. */
export function unpack(dtype: DType, data: Uint8Array, count: number): Uint8Array {
  if (storedDType(dtype) === dtype) return data;
  const bits = dtype === 'int4' ? 4 : 2;
  const perByte = 8 / bits;
  const out = new Int8Array(count);
  for (let i = 0; i < count; i++) {
    const byte = data[Math.floor(i / perByte)] as number;
    out[i] = (byte << (32 - bits - bits * (i % perByte))) >> (32 - bits);
  }
  return bytesOf(out);
}
