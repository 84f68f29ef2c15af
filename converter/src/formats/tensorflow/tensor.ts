import { arrayType, byteLength, type DType, elementCount, LinnetError } from '@linnet/schema';
import { bfloat16ToNumber, float16ToNumber } from '../../reference/numbers.js';
import { dtypeOf, graphDType } from './dtype.js';
import type { TensorProto, TensorShape } from './proto/messages.js';

/** A constant as TensorFlow stores it. */
export interface TfTensor {
  readonly dtype: DType;
  readonly shape: readonly number[];
  /** Little-endian elements; for `string` a TFLite string buffer. */
  readonly data: Uint8Array;
}

/** No protocol buffer and no TFLite buffer is larger. */
const MAX_BYTES = 2 ** 31 - 1;
/** Larger constants than this are written out element by element. */
const MAX_REPEATED_BYTES = 2 ** 28;
/** A string takes at least an offset. */
const STRING_BYTES = 4;

/** The dimensions of a shape; null when the rank is unknown, UNKNOWN_DIM where a size is. */
export function dimensions(shape: TensorShape | undefined): number[] | null {
  if (shape === undefined || shape.unknownRank) return null;
  return shape.dim.map(({ size }) => (size < 0 ? -1 : size));
}

/** As `dimensions`, for the shape of something that exists. */
export function staticDimensions(shape: TensorShape | undefined, what: string): number[] {
  const dims = shape === undefined ? [] : dimensions(shape);
  if (dims === null || dims.includes(-1)) {
    throw new LinnetError('INVALID_MODEL', `${what} has a shape with unknown dimensions`);
  }
  return dims;
}

function absurd(what: string, shape: readonly number[]): LinnetError {
  return new LinnetError('INVALID_MODEL', `${what} has the absurd shape [${shape.join(', ')}]`);
}

/** Number of elements; refuses what no file can hold. */
export function checkedCount(dtype: DType, shape: readonly number[], what: string): number {
  const count = elementCount(shape) ?? Number.NaN;
  const bytes = dtype === 'string' ? count * STRING_BYTES : byteLength(dtype, count);
  if (!(Number.isSafeInteger(count) && bytes <= MAX_BYTES)) throw absurd(what, shape);
  return count;
}

/**
 * The contents of a TensorProto: raw bytes, or a list of values whose last one repeats to the end.
 *
 * @throws LinnetError INVALID_MODEL, UNSUPPORTED (dtype)
 */
export function tensorFromProto(proto: TensorProto, what: string): TfTensor {
  const dtype = dtypeOf(proto.dtype);
  const shape = staticDimensions(proto.shape, what);
  const count = checkedCount(dtype, shape, what);
  const size = dtype === 'string' ? count * STRING_BYTES : byteLength(dtype, count);
  if (proto.content.length === 0 && size > MAX_REPEATED_BYTES) throw absurd(what, shape);
  if (dtype === 'string') return { dtype, shape, data: stringBuffer(proto.stringVal, count) };
  const ArrayOf = arrayType(dtype);
  if (ArrayOf === null || dtype === 'resource' || dtype === 'variant') {
    throw new LinnetError('UNSUPPORTED', `${what} is a constant of type ${dtype}`);
  }
  if (proto.content.length > 0) {
    if (proto.content.length !== size) {
      throw new LinnetError(
        'INVALID_MODEL',
        `${what} holds ${proto.content.length} bytes where ${dtype}[${shape}] takes ${size}`,
      );
    }
    return { dtype, shape, data: proto.content };
  }
  const values = listedValues(proto, dtype);
  const elements = new ArrayOf(size / ArrayOf.BYTES_PER_ELEMENT);
  if (values.length > elements.length) {
    throw new LinnetError(
      'INVALID_MODEL',
      `${what} lists ${values.length} values for ${elements.length} elements`,
    );
  }
  for (let i = 0; i < values.length; i++) elements[i] = values[i]!;
  if (values.length > 0) elements.fill(values.at(-1)! as never, values.length);
  return { dtype, shape, data: new Uint8Array(elements.buffer) };
}

function listedValues(proto: TensorProto, dtype: DType): readonly (number | bigint)[] {
  switch (dtype) {
    case 'float32':
      return proto.floatVal;
    case 'float64':
      return proto.doubleVal;
    case 'float16':
    case 'bfloat16':
      return proto.halfVal;
    case 'int64':
      return proto.int64Val;
    case 'uint64':
      return proto.uint64Val;
    case 'uint32':
      return proto.uint32Val;
    case 'bool':
      return proto.boolVal.map(Number);
    case 'complex64':
      return proto.scomplexVal;
    case 'complex128':
      return proto.dcomplexVal;
    default:
      return proto.intVal;
  }
}

/**
 * A TFLite string buffer: count, `count + 1` offsets (int32) from the start of the buffer, then the
 * bytes. The last of `strings` repeats until there are `count`. Source: LiteRT's string_util.h.
 */
export function stringBuffer(strings: readonly Uint8Array[], count = strings.length): Uint8Array {
  const at = (index: number) => strings[Math.min(index, strings.length - 1)] ?? new Uint8Array(0);
  let end = 4 * (count + 2);
  const offsets = new Int32Array(count + 2);
  offsets[0] = count;
  for (let i = 0; i < count; i++) {
    offsets[i + 1] = end;
    end += at(i).length;
  }
  offsets[count + 1] = end;
  const buffer = new Uint8Array(end);
  buffer.set(new Uint8Array(offsets.buffer));
  for (let i = 0; i < count; i++) buffer.set(at(i), offsets[i + 1]);
  return buffer;
}

/** The tensor in the dtype that graphs compute in: float16 and bfloat16 widen to float32, exactly. */
export function widen(tensor: TfTensor): TfTensor {
  const dtype = graphDType(tensor.dtype);
  if (dtype === tensor.dtype) return tensor;
  const toNumber = tensor.dtype === 'float16' ? float16ToNumber : bfloat16ToNumber;
  const view = new DataView(tensor.data.buffer, tensor.data.byteOffset, tensor.data.byteLength);
  const wide = Float32Array.from({ length: tensor.data.byteLength / 2 }, (_, index) =>
    toNumber(view.getUint16(2 * index, true)),
  );
  return { dtype, shape: tensor.shape, data: new Uint8Array(wide.buffer) };
}
