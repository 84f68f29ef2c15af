import { float16ToFloat32 } from '@linnet/runtime-web';
import {
  arrayType,
  type DType,
  formatType,
  LinnetError,
  type TensorElements,
  type TypedArray,
  UNKNOWN_DIM,
} from '@linnet/schema';
import type { ArrayValue, TensorInfo } from '../entry-point.js';

/** What one run of a model takes: a value for each input, by name. */
export type Sample = Readonly<Record<string, ArrayValue>>;

/** Where a sample comes from, for messages. */
export interface Origin {
  readonly file: string;
  /** Which sample of the file, from 0. */
  readonly index: number;
  /** Its name there, if it has one: a column, a feature, an array. */
  readonly part?: string;
}

/** An error about one sample. */
export function badSample(
  { file, index, part }: Origin,
  message: string,
  notes: readonly string[] = [],
  cause?: unknown,
): LinnetError {
  const which = part === undefined ? `sample ${index}` : `sample ${index}, ${part}`;
  return new LinnetError('INVALID_ARGUMENT', `${which}: ${message}`, { file }, notes, { cause });
}

/**
 * The value for an input from the elements of one sample.
 *
 * @param value of the input's shape, or of that shape without the batch dimension, which becomes 1.
 *   Numbers become the input's dtype where that loses nothing but a float's last digits.
 * @throws LinnetError INVALID_ARGUMENT that names the file and the sample where the shape or dtype
 *   does not fit, a number is NaN or infinite, or there are no elements
 */
export function toInput(info: TensorInfo, value: ArrayValue, origin: Origin): ArrayValue {
  const shape = fitShape(info.shape, value.shape);
  if (shape === undefined) {
    throw badSample(origin, `has shape [${value.shape}], but ${info.name} is ${formatType(info)}`, [
      'Give samples of that shape, with or without its first dimension.',
    ]);
  }
  if (value.data.length === 0) throw badSample(origin, `is empty: its shape is [${value.shape}]`);
  const { dtype, data } = convertElements(value, info, origin);
  return { dtype, shape, data };
}

/** The shape that a sample has as the input, or undefined when it does not fit. */
export function fitShape(
  declared: readonly number[],
  given: readonly number[],
): readonly number[] | undefined {
  const fits = (shape: readonly number[], wanted: readonly number[]) =>
    shape.length === wanted.length &&
    shape.every((dim, i) => wanted[i] === UNKNOWN_DIM || wanted[i] === dim);
  if (fits(given, declared)) return given;
  // One sample of a batch; `stack` joins as many as a model with a fixed batch takes.
  if (declared.length > 0 && fits(given, declared.slice(1))) return [1, ...given];
  if (given[0] === 1 && fits(given.slice(1), declared.slice(1))) return given;
  return undefined;
}

/**
 * The shape that `count` elements without one have as a sample of the input: the input's with a
 * batch of one, or with the batch that the model fixes. At most one other dimension may be open.
 * Undefined when they do not fit.
 */
export function flatShape({ shape }: TensorInfo, count: number): readonly number[] | undefined {
  const [batch, ...rest] = shape;
  if (batch === undefined) return fill(shape, count);
  const single = fill([1, ...rest], count);
  return single ?? (batch === UNKNOWN_DIM ? undefined : fill(shape, count));
}

/** The shape with its open dimension such that there are `count` elements. */
function fill(shape: readonly number[], count: number): readonly number[] | undefined {
  const known = shape.reduce((product, dim) => (dim === UNKNOWN_DIM ? product : product * dim), 1);
  const open = shape.filter((dim) => dim === UNKNOWN_DIM).length;
  const missing = known === 0 ? 0 : count / known;
  const fits = open === 0 ? missing === 1 : open === 1 && Number.isInteger(missing);
  return fits ? shape.map((dim) => (dim === UNKNOWN_DIM ? missing : dim)) : undefined;
}

const FLOATS: readonly DType[] = ['float16', 'float32', 'float64'];

function convertElements(
  { dtype: from, data }: ArrayValue,
  { name, dtype: to }: TensorInfo,
  origin: Origin,
): { readonly dtype: DType; readonly data: TensorElements } {
  const misfit = (found: string) =>
    badSample(origin, `holds ${found}, but ${name} takes ${to}`, [`Give it as ${to}.`]);
  if (from === 'string' || to === 'string') {
    if (from === to) return { dtype: to, data };
    throw misfit(`${from} values`);
  }
  const reals = from === 'float16' ? float16ToFloat32(data as Uint16Array) : (data as TypedArray);
  if (FLOATS.includes(from)) expectFinite(reals as Float32Array, origin);
  if (FLOATS.includes(to)) {
    const { dtype, array } =
      to === 'float64'
        ? { dtype: to, array: Float64Array }
        : // The runtime rounds float32 elements given for a float16 input.
          { dtype: 'float32' as const, array: Float32Array };
    const cast = () => (array as Float32ArrayConstructor).from(reals as never, Number);
    return { dtype, data: reals instanceof array ? reals : cast() };
  }
  if (from === to) return { dtype: to, data };
  if (FLOATS.includes(from) || to.startsWith('complex') || from.startsWith('complex')) {
    throw misfit(`${from} numbers`);
  }
  const array = arrayType(to) as Int32ArrayConstructor;
  const wide = to === 'int64' || to === 'uint64';
  const cast = wide
    ? (array as unknown as BigInt64ArrayConstructor).from(reals as never, BigInt)
    : array.from(reals as never, Number);
  for (let i = 0; i < cast.length; i++) {
    if (Number(cast[i]) !== Number(reals[i])) throw misfit(`the number ${reals[i]}`);
  }
  return { dtype: to, data: cast };
}

function expectFinite(reals: Float32Array, origin: Origin): void {
  for (let i = 0; i < reals.length; i++) {
    if (Number.isFinite(reals[i])) continue;
    throw badSample(origin, `element ${i} is ${reals[i]}`, ['Every element must be a number.']);
  }
}

/** Joins samples of one along the first dimension. All have the same inputs, shapes and dtypes. */
export function stack(samples: readonly Sample[]): Sample {
  const [first] = samples as readonly [Sample];
  return Object.fromEntries(
    Object.entries(first).map(([name, { dtype, shape }]) => {
      const values = samples.map((sample) => (sample[name] as ArrayValue).data);
      const [, ...rest] = shape;
      return [name, { dtype, shape: [samples.length, ...rest], data: concatenate(values) }];
    }),
  );
}

function concatenate(parts: readonly TensorElements[]): TensorElements {
  const [first] = parts as readonly [TensorElements];
  if (!ArrayBuffer.isView(first)) return parts.flatMap((part) => part as readonly Uint8Array[]);
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  const joined = new (first.constructor as Float32ArrayConstructor)(length);
  let offset = 0;
  for (const part of parts) {
    joined.set(part as Float32Array, offset);
    offset += part.length;
  }
  return joined;
}
