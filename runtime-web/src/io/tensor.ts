/** Tensors as users pass and get them, and their bytes as the runtime keeps them. */
import {
  arrayType,
  type DType,
  elementCount,
  isStatic,
  LinnetError,
  type TensorElements,
  type TensorType,
  type TypedArray,
  UNKNOWN_DIM,
} from '@linnet/schema';
import { bytesOf, elementsOf, storageBytes } from '../model/storage.js';
import type { StringPool } from '../model/strings.js';
import { formatShape } from '../run/describe.js';
import { float32ToFloat16 } from './float16.js';
import type { PictureInput } from './picture.js';
import type { GpuBuffer } from './platform.js';

/**
 * Elements of an input, in row-major order.
 *
 * - the typed array of the input's dtype; uint8 also takes Uint8ClampedArray, float16 also
 *   Float32Array (rounded) beside Uint16Array (bits), bool takes Uint8Array of 0 and 1
 * - an array of numbers, of bigints (int64, uint64) or of booleans
 * - for strings, an array of strings or of their bytes
 */
export type TensorData =
  | TypedArray
  | Uint8ClampedArray
  | readonly number[]
  | readonly bigint[]
  | readonly boolean[]
  | readonly (string | Uint8Array)[];

/**
 * An input: its elements, with the shape where the model leaves more than one dimension open; or a
 * picture. Elements may be in a buffer of the model's device (usage COPY_SRC), as they are stored:
 * row-major, little-endian, padded to whole words.
 */
export type TensorInput =
  | TensorData
  | GpuBuffer
  | { readonly data: TensorData | GpuBuffer; readonly shape?: readonly number[] }
  | PictureInput;

/** An input as its elements, or as the buffer that has them. */
export type ElementsInput = Exclude<TensorInput, PictureInput>;

/** An output. The caller owns `data`. */
export interface TensorOutput {
  readonly name: string;
  readonly dtype: DType;
  readonly shape: readonly number[];
  /** float16 as bits, bool as 0 and 1, strings as their bytes. */
  readonly data: TensorElements;
}

/** An output in a buffer of the model's device. The caller owns it. */
export interface DeviceOutput extends Omit<TensorOutput, 'data'> {
  /** The elements as stored: row-major, little-endian, padded to whole vectors of 16 bytes. */
  readonly buffer: GpuBuffer;
  /** A copy of the elements. */
  read(): Promise<TensorElements>;
  /** Frees the buffer. */
  dispose(): void;
}

/** An input or output of a model. */
export interface TensorInfo {
  readonly name: string;
  readonly dtype: DType;
  /** -1 where a dimension is open. */
  readonly shape: readonly number[];
  /** How a quantized tensor's integers stand for real numbers: scale * (q - zeroPoint). */
  readonly quantization?: { readonly scale: number; readonly zeroPoint: number };
}

export function isBuffer(value: unknown): value is GpuBuffer {
  return typeof value === 'object' && value !== null && 'mapAsync' in value;
}

/**
 * The buffer that a caller passes for an input and the shape in it; null where it is none.
 *
 * @throws LinnetError of code INVALID_ARGUMENT for a buffer that is too small
 */
export function bufferInput(
  input: TensorInfo,
  value: ElementsInput,
): { readonly buffer: GpuBuffer; readonly type: TensorType } | null {
  const isWrapped = typeof value === 'object' && value !== null && 'data' in value;
  const buffer = isWrapped ? value.data : value;
  if (!isBuffer(buffer)) return null;
  const given = isWrapped ? value.shape : undefined;
  const { dtype } = input;
  const perElement = storageBytes({ dtype, shape: [] });
  const shape = resolveShape(
    input,
    given === undefined && !isStatic(input.shape)
      ? Math.floor(buffer.size / perElement)
      : (elementCount(given ?? input.shape) ?? 0),
    given,
  );
  const bytes = Math.ceil(storageBytes({ dtype, shape }) / 4) * 4;
  if (buffer.size < bytes) {
    throw new LinnetError(
      'INVALID_ARGUMENT',
      `Input "${input.name}" takes ${bytes} bytes, but was given a buffer of ${buffer.size}.`,
      { tensor: input.name },
    );
  }
  return { buffer, type: { dtype, shape } };
}

/**
 * The type and bytes of a value that a caller passes for an input.
 *
 * @throws LinnetError of code INVALID_ARGUMENT that names the input and says what was expected
 */
export function encodeInput(
  input: TensorInfo,
  value: ElementsInput,
  strings: StringPool,
): { readonly shape: readonly number[]; readonly bytes: Uint8Array } {
  const isWrapped = typeof value === 'object' && value !== null && 'data' in value;
  const data = isWrapped ? value.data : value;
  const elements = toElements(input, data, strings);
  const perElement = input.dtype.startsWith('complex') ? 2 : 1;
  const shape = resolveShape(
    input,
    elements.length / perElement,
    isWrapped ? value.shape : undefined,
  );
  storageBytes({ dtype: input.dtype, shape });
  return { shape, bytes: bytesOf(elements) };
}

/** Elements from bytes that nobody else uses. */
export function decodeOutput(
  type: TensorType,
  bytes: Uint8Array,
  strings: StringPool,
): TensorElements {
  const elements = elementsOf(type.dtype, bytes);
  if (type.dtype !== 'string') return elements;
  return Array.from(elements as Int32Array, (handle) => strings.bytes(handle));
}

/** What is wrong with a value, without the input's name. */
class Mismatch extends Error {}

function toElements(input: TensorInfo, data: unknown, strings: StringPool): TypedArray {
  try {
    return convert(input.dtype, data, strings);
  } catch (error) {
    if (!(error instanceof Mismatch)) throw error;
    throw new LinnetError(
      'INVALID_ARGUMENT',
      `Input "${input.name}" takes ${input.dtype}${formatShape(input.shape)}, but was given ${error.message}.`,
      { tensor: input.name },
      [`Pass ${acceptedForms(input.dtype)}.`],
    );
  }
}

function convert(dtype: DType, data: unknown, strings: StringPool): TypedArray {
  if (dtype === 'string') return toStrings(data, strings);
  const array = arrayType(dtype);
  if (array === null || dtype === 'resource' || dtype === 'variant') {
    throw new Mismatch('a value, which cannot be passed');
  }
  if (ArrayBuffer.isView(data)) {
    if (dtype === 'float16' && data instanceof Float32Array) return float32ToFloat16(data);
    if (data instanceof array) return data as TypedArray;
    if (dtype === 'uint8' && data instanceof Uint8ClampedArray) {
      return new Uint8Array(data.buffer, data.byteOffset, data.length);
    }
    throw new Mismatch(`a ${data.constructor.name}`);
  }
  if (!Array.isArray(data)) throw new Mismatch(describe(data));
  if (dtype === 'float16') return float32ToFloat16(data.map((value) => toNumber(value, dtype)));
  if (dtype === 'int64' || dtype === 'uint64') {
    return (array as typeof BigInt64Array).from(data, (value) => toBigInt(value, dtype));
  }
  return (array as typeof Float32Array).from(data, (value) => toNumber(value, dtype));
}

function toStrings(data: unknown, strings: StringPool): Int32Array {
  if (!Array.isArray(data)) throw new Mismatch(describe(data));
  const encoder = new TextEncoder();
  return Int32Array.from(data, (value: unknown) => {
    if (typeof value === 'string') return strings.intern(encoder.encode(value));
    if (value instanceof Uint8Array) return strings.intern(value);
    throw new Mismatch(`an array with ${describe(value)}`);
  });
}

/** Integers that the narrow types hold; wider and floating-point types take any number. */
const RANGES: { readonly [D in DType]?: readonly [number, number] } = {
  bool: [0, 1],
  int8: [-128, 127],
  uint8: [0, 255],
  int16: [-32768, 32767],
  uint16: [0, 65535],
  int32: [-(2 ** 31), 2 ** 31 - 1],
  uint32: [0, 2 ** 32 - 1],
};

function toNumber(value: unknown, dtype: DType): number {
  const number = typeof value === 'boolean' && dtype === 'bool' ? Number(value) : value;
  if (typeof number !== 'number') throw new Mismatch(`an array with ${describe(value)}`);
  const range = RANGES[dtype];
  if (range && (!Number.isInteger(number) || number < range[0] || number > range[1])) {
    throw new Mismatch(`an array with ${number}`);
  }
  return number;
}

function toBigInt(value: unknown, dtype: DType): bigint {
  const isInteger = typeof value === 'bigint' || Number.isSafeInteger(value);
  if (!isInteger) throw new Mismatch(`an array with ${describe(value)}`);
  const big = BigInt(value as number | bigint);
  const fitted = dtype === 'int64' ? BigInt.asIntN(64, big) : BigInt.asUintN(64, big);
  if (fitted !== big) throw new Mismatch(`an array with ${big}`);
  return big;
}

function describe(value: unknown): string {
  if (value === null || value === undefined) return String(value);
  if (typeof value === 'object') return `an object of class ${value.constructor?.name ?? 'null'}`;
  return `the ${typeof value} ${String(value)}`;
}

function acceptedForms(dtype: DType): string {
  if (dtype === 'string') return 'an array of strings, or of Uint8Arrays';
  const name = arrayType(dtype)?.name ?? '';
  const values = { bool: 'booleans', int64: 'integers or bigints', uint64: 'integers or bigints' };
  const also = dtype === 'float16' ? 'a Float32Array, a Uint16Array of bits' : `a ${name}`;
  return `${also}, or an array of ${values[dtype as keyof typeof values] ?? 'numbers'}`;
}

/** The shape of a value of `count` elements: as given, or the declared one with one gap filled. */
function resolveShape(
  input: TensorInfo,
  count: number,
  given: readonly number[] | undefined,
): readonly number[] {
  const declared = input.shape;
  const fail = (found: string): never => {
    throw new LinnetError(
      'INVALID_ARGUMENT',
      `Input "${input.name}" takes ${input.dtype}${formatShape(declared)}, but was given ${found}.`,
      { tensor: input.name },
      declared.filter((dim) => dim === UNKNOWN_DIM).length > 1
        ? ['Pass { data, shape }: the model leaves several dimensions open.']
        : [],
    );
  };
  if (given !== undefined) {
    const fits =
      given.length === declared.length &&
      given.every((dim, i) => {
        const expected = declared[i];
        return (
          Number.isSafeInteger(dim) && dim >= 0 && (expected === UNKNOWN_DIM || expected === dim)
        );
      });
    if (!fits || elementCount(given) !== count) {
      fail(`${count} elements of shape ${formatShape(given)}`);
    }
    return [...given];
  }
  const open = declared.filter((dim) => dim === UNKNOWN_DIM).length;
  const rest = declared.reduce(
    (product, dim) => (dim === UNKNOWN_DIM ? product : product * dim),
    1,
  );
  const missing = rest === 0 ? 0 : count / rest;
  const fits = open === 0 ? count === rest : open === 1 && Number.isInteger(missing);
  if (!fits) fail(`${count} elements`);
  return declared.map((dim) => (dim === UNKNOWN_DIM ? missing : dim));
}
