import assert from 'node:assert/strict';
import { float16ToFloat32 } from '@linnet/runtime-web';
import { compare } from '../../../converter/dist/verify/compare.js';

/** What reference, runtime and recorded arrays have in common. */
export interface Elements {
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly data: ArrayLike<number | bigint | Uint8Array>;
}

export type ElementsByName = Readonly<Record<string, Elements>>;

/**
 * Asserts that tensors agree: the same names, dtypes and shapes; floats up to `tolerance` times the
 * largest magnitude expected in the tensor, other numbers up to `steps`, strings exactly.
 */
export function assertOutputs(
  actual: ElementsByName,
  expected: ElementsByName,
  { tolerance, steps = 0 }: { readonly tolerance: number; readonly steps?: number },
): void {
  assert.deepEqual(Object.keys(actual).sort(), Object.keys(expected).sort(), 'names of outputs');
  for (const [name, wanted] of Object.entries(expected)) {
    const got = actual[name] as Elements;
    assert.deepEqual([got.dtype, [...got.shape]], [wanted.dtype, [...wanted.shape]], name);
    if (wanted.dtype === 'string') {
      assert.deepEqual(Array.from(got.data), Array.from(wanted.data), name);
      continue;
    }
    const difference = compare(numbersOf(got), numbersOf(wanted));
    const isFloat = wanted.dtype.startsWith('float');
    const [error, limit] = isFloat
      ? [difference.relativeError, tolerance]
      : [difference.maxAbsoluteError, steps];
    assert.ok(error <= limit, `${name}: error ${error}, allowed ${limit}`);
  }
}

/** Index of the largest of each row of scores [rows, classes]. */
export function bestOfRows({ shape, data }: Elements): number[] {
  const [rows = 0, classes = 0] = shape;
  return Array.from({ length: rows }, (_, row) => {
    const scores = Array.from({ length: classes }, (_, i) => Number(data[row * classes + i]));
    return scores.indexOf(Math.max(...scores));
  });
}

/** The share of rows whose highest score is at the label. */
export function accuracy(scores: Elements, labels: readonly number[]): number {
  const hits = bestOfRows(scores).filter((best, row) => best === labels[row]).length;
  return hits / labels.length;
}

/** float16 elements are kept as bits; compared as such they would not be ordered. */
function numbersOf({ dtype, data }: Elements): ArrayLike<number | bigint> {
  return dtype === 'float16'
    ? float16ToFloat32(data as Uint16Array)
    : (data as ArrayLike<number | bigint>);
}
