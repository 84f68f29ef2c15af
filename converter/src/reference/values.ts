/** Reading tensors as reals, integers or plain elements, and making tensors of them. */
import {
  type AffineQuantization,
  arrayType,
  type DType,
  formatType,
  invariant,
  LinnetError,
  type TensorElements,
  type TensorType,
  type TypedArray,
} from '@linnet/schema';
import type { TensorValue } from './kernel.js';
import {
  bfloat16ToNumber,
  clamp,
  float16ToNumber,
  numberToBfloat16,
  numberToFloat16,
  roundHalfEven,
} from './numbers.js';

/** The values that an integer dtype holds. */
const INTEGER_RANGES: { readonly [D in DType]?: readonly [min: number, max: number] } = {
  int2: [-2, 1],
  int4: [-8, 7],
  int8: [-128, 127],
  uint8: [0, 255],
  int16: [-32768, 32767],
  uint16: [0, 65535],
  int32: [-(2 ** 31), 2 ** 31 - 1],
  uint32: [0, 2 ** 32 - 1],
};

/** Smallest and largest value of an integer dtype of at most 32 bits. */
export function integerRange(dtype: DType): readonly [min: number, max: number] {
  const range = INTEGER_RANGES[dtype];
  invariant(range, `${dtype} is not an integer dtype of at most 32 bits`);
  return range;
}

/** The affine quantization of a type, if its elements stand for reals. */
export function affine(type: TensorType): AffineQuantization | undefined {
  const { quantization } = type;
  return quantization?.kind === 'affine' && quantization.scale.length > 0
    ? quantization
    : undefined;
}

/** Integers of at most 16 bits with a scale: arithmetic on them means arithmetic on reals. */
export function isQuantized(type: TensorType): boolean {
  const range = INTEGER_RANGES[type.dtype];
  return range !== undefined && range[1] <= 65535 && affine(type) !== undefined;
}

export function isFloat(dtype: DType): boolean {
  return dtype === 'float32' || dtype === 'float16' || dtype === 'float64' || dtype === 'bfloat16';
}

export function isInteger(dtype: DType): boolean {
  return dtype === 'int64' || dtype === 'uint64' || INTEGER_RANGES[dtype] !== undefined;
}

export function sizeOf(shape: readonly number[]): number {
  return shape.reduce((size, dim) => size * dim, 1);
}

/** The input that an op cannot do without. */
export function required(inputs: readonly (TensorValue | null)[], index: number): TensorValue {
  const value = inputs[index];
  if (value == null) throw new LinnetError('INVALID_MODEL', `Input ${index} is missing.`);
  return value;
}

/** The elements as numbers or bigints; throws UNSUPPORTED for strings. */
export function numericElements(value: TensorValue): TypedArray {
  if (Array.isArray(value.elements)) {
    throw unsupportedDtype(value, 'a numeric dtype');
  }
  return value.elements as TypedArray;
}

export function unsupportedDtype(type: TensorType, expected: string): LinnetError {
  return new LinnetError('UNSUPPORTED', `Found ${formatType(type)} where ${expected} is needed.`);
}

/** A function from a flat element index to the index of its scale. */
export function channelOf(
  shape: readonly number[],
  quantization: AffineQuantization,
): (index: number) => number {
  if (quantization.scale.length === 1) return () => 0;
  const inner = sizeOf(shape.slice(quantization.axis + 1));
  const channels = shape[quantization.axis]!;
  return (index) => Math.floor(index / inner) % channels;
}

const FLOAT_DECODERS: { readonly [D in DType]?: (bits: number) => number } = {
  float16: float16ToNumber,
  bfloat16: bfloat16ToNumber,
};

/** What the elements mean: float bits decoded, quantized integers dequantized. */
export function reals(value: TensorValue): Float32Array | Float64Array {
  const elements = numericElements(value);
  if (value.dtype === 'float32' || value.dtype === 'float64') {
    return elements as Float32Array | Float64Array;
  }
  const decode = FLOAT_DECODERS[value.dtype];
  if (decode) return Float64Array.from(elements as Uint16Array, decode);
  const quantization = affine(value);
  const result = new Float64Array(elements.length);
  if (!quantization) {
    for (let i = 0; i < result.length; i++) result[i] = Number(elements[i]);
    return result;
  }
  const channel = channelOf(value.shape, quantization);
  for (let i = 0; i < result.length; i++) {
    const c = channel(i);
    result[i] = quantization.scale[c]! * (Number(elements[i]) - quantization.zeroPoint[c]!);
  }
  return result;
}

/** The stored integer for a real: round half even, then saturate; NaN becomes the smallest. */
export function quantize(
  real: number,
  scale: number,
  zeroPoint: number,
  [min, max]: readonly [number, number],
): number {
  return Number.isNaN(real) ? min : clamp(roundHalfEven(real / scale) + zeroPoint, min, max);
}

/** Makes a tensor of reals: rounded once to a float dtype, or quantized to an integer dtype. */
export function fromReals(type: TensorType, data: ArrayLike<number>): TensorValue {
  const { dtype } = type;
  if (dtype === 'float32') return tensor(type, Float32Array.from(data));
  if (dtype === 'float64') return tensor(type, Float64Array.from(data));
  if (dtype === 'float16') return tensor(type, Uint16Array.from(data, numberToFloat16));
  if (dtype === 'bfloat16') return tensor(type, Uint16Array.from(data, numberToBfloat16));
  if (dtype === 'bool')
    return tensor(
      type,
      Uint8Array.from(data, (x) => (x !== 0 ? 1 : 0)),
    );
  if (dtype === 'int64' || dtype === 'uint64') {
    return fromIntegers(
      type,
      Array.from(data, (x) => BigInt(roundHalfEven(x))),
    );
  }
  const range = INTEGER_RANGES[dtype];
  if (!range) throw unsupportedDtype(type, 'a numeric dtype');
  const elements = allocate(dtype, data.length) as Int32Array;
  const quantization = affine(type);
  const channel = quantization ? channelOf(type.shape, quantization) : () => 0;
  for (let i = 0; i < data.length; i++) {
    const c = channel(i);
    const scale = quantization?.scale[c] ?? 1;
    elements[i] = quantize(data[i]!, scale, quantization?.zeroPoint[c] ?? 0, range);
  }
  return tensor(type, elements);
}

/** The stored integer that means the real 0. */
export function storedZero(type: TensorType): number {
  const zeroPoint = affine(type)?.zeroPoint[0] ?? 0;
  return isQuantized(type) ? clamp(zeroPoint, ...integerRange(type.dtype)) : 0;
}

/** The elements of an integer or bool tensor, exactly. */
export function integers(value: TensorValue): readonly bigint[] {
  if (!isInteger(value.dtype) && value.dtype !== 'bool' && value.dtype !== 'resource') {
    throw unsupportedDtype(value, 'an integer dtype');
  }
  const elements = numericElements(value);
  const result = new Array<bigint>(elements.length);
  for (let i = 0; i < result.length; i++) result[i] = BigInt(elements[i]!);
  return result;
}

/** The elements of a small integer tensor that steers an op (axes, shapes, indices). */
export function indices(value: TensorValue): number[] {
  if (!isInteger(value.dtype)) throw unsupportedDtype(value, 'an integer dtype');
  return Array.from(numericElements(value) as ArrayLike<number | bigint>, Number);
}

/** Makes an integer or bool tensor of exact integers, which wrap around at the dtype's width. */
export function fromIntegers(type: TensorType, data: readonly bigint[]): TensorValue {
  const elements = allocate(type.dtype, data.length);
  if (elements instanceof BigInt64Array || elements instanceof BigUint64Array) {
    for (let i = 0; i < data.length; i++) elements[i] = data[i]!;
  } else {
    for (let i = 0; i < data.length; i++) elements[i] = Number(BigInt.asIntN(32, data[i]!));
  }
  return tensor(type, elements);
}

/** Zero-filled elements of a numeric dtype. */
export function allocate(dtype: DType, count: number): TypedArray {
  const ArrayOf = arrayType(dtype);
  if (!ArrayOf) throw new LinnetError('UNSUPPORTED', `A numeric dtype is needed, not ${dtype}.`);
  return new ArrayOf(count);
}

/** A tensor of a type that is fully known. */
export function tensor(type: TensorType, elements: TensorElements): TensorValue {
  return {
    dtype: type.dtype,
    shape: type.shape,
    elements,
    ...(type.quantization && { quantization: type.quantization }),
  };
}

/** The same quantization, up to which the stored integers mean the same. */
export function sameQuantization(a: TensorType, b: TensorType): boolean {
  const p = affine(a);
  const q = affine(b);
  if (!p || !q) return true;
  return (
    p.scale.length === q.scale.length &&
    p.scale.every((scale, i) => scale === q.scale[i] && p.zeroPoint[i] === q.zeroPoint[i])
  );
}
