/** Factors of symmetric matrices. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import fc from 'fast-check';
import { cholesky, inverseFactor, invertLower } from '../../converter/dist/linear-algebra.js';
import { seededRandom } from '../../converter/dist/verify/random-inputs.js';

/** A^T A + I of random A: symmetric and positive definite. */
function definite(size: number, seed: number): Float64Array {
  const random = seededRandom(seed);
  const a = Array.from({ length: size * size }, () => 2 * random() - 1);
  const matrix = new Float64Array(size * size);
  for (let i = 0; i < size; i++) {
    for (let j = 0; j < size; j++) {
      let sum = i === j ? 1 : 0;
      for (let k = 0; k < size; k++) sum += a[k * size + i]! * a[k * size + j]!;
      matrix[i * size + j] = sum;
    }
  }
  return matrix;
}

function product(a: Float64Array, b: Float64Array, size: number): Float64Array {
  return Float64Array.from({ length: size * size }, (_, at) => {
    const [row, column] = [Math.floor(at / size), at % size];
    let sum = 0;
    for (let k = 0; k < size; k++) sum += a[row * size + k]! * b[k * size + column]!;
    return sum;
  });
}

function transposed(a: Float64Array, size: number): Float64Array {
  return a.map((_, at) => a[(at % size) * size + Math.floor(at / size)]!);
}

function assertNear(actual: Float64Array, expected: Float64Array): void {
  for (const [i, value] of actual.entries()) assert.ok(Math.abs(value - expected[i]!) < 1e-9);
}

const identity = (size: number) =>
  Float64Array.from({ length: size * size }, (_, i) => (i % (size + 1) === 0 ? 1 : 0));

const CASES = [fc.integer({ min: 1, max: 17 }), fc.nat()] as const;

suite('factors', () => {
  test('of symmetric matrices and their inverses', () => {
    fc.assert(
      fc.property(...CASES, (size, seed) => {
        const matrix = definite(size, seed);
        const lower = cholesky(matrix, size)!;
        assertNear(product(lower, transposed(lower, size), size), matrix);
        assertNear(product(lower, invertLower(lower, size), size), identity(size));
        const upper = inverseFactor(matrix, size)!;
        const inverse = product(transposed(upper, size), upper, size);
        assertNear(product(matrix, inverse, size), identity(size));
        upper.forEach((value, at) => {
          if (at % size < Math.floor(at / size)) assert.equal(value, 0);
        });
      }),
    );
  });

  test('are refused for matrices that are not positive definite', () => {
    assert.equal(cholesky(Float64Array.of(1, 2, 2, 1), 2), null);
    assert.equal(inverseFactor(new Float64Array(9), 3), null);
    assert.equal(cholesky(Float64Array.of(Number.NaN), 1), null);
  });
});
