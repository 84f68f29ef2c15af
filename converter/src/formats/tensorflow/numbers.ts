import { arrayType, type DType, invariant } from '@linnet/schema';

/** Largest finite float32. */
export const FLOAT32_MAX = 3.4028234663852886e38;

/** The bytes of numbers as elements of a numeric dtype. */
export function numberBytes(dtype: DType, values: readonly number[]): Uint8Array {
  const ArrayOf = arrayType(dtype);
  invariant(ArrayOf !== null, `${dtype} has no numeric elements`);
  const elements = new ArrayOf(values.length);
  const isBig = elements instanceof BigInt64Array || elements instanceof BigUint64Array;
  values.forEach((value, index) => {
    elements[index] = isBig ? BigInt(value) : value;
  });
  return new Uint8Array(elements.buffer);
}
