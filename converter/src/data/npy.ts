import { type DType, LinnetError, type TypedArray } from '@linnet/schema';
import { unzipSync } from 'fflate';
import { dump, type DType as NpyDType, parse } from 'npyjs';

/** An array of a .npy file: row-major, float16 as bit patterns, bool as bytes of 0 and 1. */
export interface NamedArray {
  readonly name: string;
  readonly dtype: DType;
  readonly shape: readonly number[];
  readonly data: TypedArray;
}

const DTYPE_OF_NPY: Partial<Record<NpyDType, DType>> = {
  b1: 'bool',
  i1: 'int8',
  u1: 'uint8',
  i2: 'int16',
  u2: 'uint16',
  i4: 'int32',
  u4: 'uint32',
  i8: 'int64',
  u8: 'uint64',
  f2: 'float16',
  f4: 'float32',
  f8: 'float64',
  c8: 'complex64',
  c16: 'complex128',
};

const NPY_OF_DTYPE = new Map(
  Object.entries(DTYPE_OF_NPY).map(([npy, dtype]) => [dtype, npy as NpyDType]),
);

/**
 * Reads a NumPy .npy file (format versions 1 to 3).
 *
 * @throws LinnetError INVALID_ARGUMENT when the bytes are no .npy file, the array is in Fortran
 * order, or its dtype is not one of bool, integers, floats and complex numbers.
 */
export function readNpy(name: string, bytes: Uint8Array, file: string): NamedArray {
  const fail = (message: string, note: string, cause?: unknown): never => {
    throw new LinnetError('INVALID_ARGUMENT', message, { file }, [note], { cause });
  };
  let array: ReturnType<typeof parse>;
  try {
    array = parse(bytes.slice().buffer, { convertFloat16: false });
  } catch (cause) {
    return fail('not a readable .npy array', 'Write it with numpy.save(file, array).', cause);
  }
  const dtype = DTYPE_OF_NPY[array.dtype];
  if (dtype === undefined) {
    return fail(
      `the array has dtype ${array.dtype}, which no tensor can take`,
      'Convert it with array.astype(...) to a bool, integer or float dtype.',
    );
  }
  if (array.fortranOrder && array.shape.length > 1) {
    return fail(
      'the array is stored in Fortran (column-major) order',
      'Save numpy.ascontiguousarray(array) instead.',
    );
  }
  const parts = dtype.startsWith('complex') ? 2 : 1;
  const expected = array.shape.reduce((product, dim) => product * dim, parts);
  // npyjs gives bools as an array of booleans.
  const data =
    dtype === 'bool'
      ? Uint8Array.from(array.data as unknown as ArrayLike<never>, Number)
      : (array.data as TypedArray);
  if (data.length !== expected) {
    return fail(
      `the header says shape [${array.shape}], ${expected} numbers, but ${data.length} follow`,
      'The file is truncated or damaged; write it again.',
    );
  }
  return { name, dtype, shape: array.shape, data };
}

/**
 * Reads every array of a NumPy .npz archive, named as in numpy.savez.
 *
 * @throws LinnetError INVALID_ARGUMENT when the archive or one of its arrays cannot be read.
 */
export function readNpz(bytes: Uint8Array, file: string): readonly NamedArray[] {
  let entries: Record<string, Uint8Array>;
  try {
    entries = unzipSync(bytes);
  } catch (cause) {
    throw new LinnetError(
      'INVALID_ARGUMENT',
      'not a readable .npz archive',
      { file },
      ['Write it with numpy.savez(file, name=array).'],
      { cause },
    );
  }
  return Object.entries(entries).map(([entry, content]) =>
    readNpy(entry.replace(/\.npy$/, ''), content, `${file}:${entry}`),
  );
}

/**
 * The bytes of a .npy file (format version 1).
 *
 * @throws LinnetError UNSUPPORTED for dtypes that NumPy lacks (string, bfloat16, int4).
 */
export function writeNpy(array: Omit<NamedArray, 'name'>): Uint8Array {
  const dtype = NPY_OF_DTYPE.get(array.dtype);
  if (dtype === undefined) {
    throw new LinnetError('UNSUPPORTED', `.npy files cannot hold ${array.dtype} arrays`);
  }
  return new Uint8Array(dump(array.data, [...array.shape], { dtype }));
}
