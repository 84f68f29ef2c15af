/** Matrices of moments of few rows: what is made of a few columns is what is made of all elements. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { cholesky, inverseFactor, squareOfUpper } from '../../../converter/dist/linear-algebra.js';
import { damped } from '../../../converter/dist/prune/definite.js';
import { RowProduct } from '../../../converter/dist/prune/row-product.js';
import { seededRandom } from '../../../converter/dist/verify/random-inputs.js';

const SEED = 3;
const DAMPING = 0.5;

/** The sum of the squares of some rows: [n, n]. */
function gramOf(rows: number, n: number): Float64Array {
  const random = seededRandom(SEED + rows);
  const gram = new Float64Array(n * n);
  for (let row = 0; row < rows; row++) {
    const x = Float64Array.from({ length: n }, () => 2 * random() - 1);
    for (let i = 0; i < n; i++) for (let j = 0; j < n; j++) gram[i * n + j]! += x[i]! * x[j]!;
  }
  return gram;
}

function assertNear(found: ArrayLike<number>, expected: ArrayLike<number>, what: string): void {
  assert.equal(found.length, expected.length);
  for (let i = 0; i < found.length; i++) {
    assert.ok(Math.abs(found[i]! - expected[i]!) < 1e-3, `${what} ${i}: ${found[i]}`);
  }
}

suite(`definite matrices, seed ${SEED}`, () => {
  for (const [rows, n, kind] of [
    [1, 8, 'low-rank'],
    [7, 61, 'low-rank'],
    [16, 64, 'low-rank'],
    [17, 64, 'dense'],
    [100, 37, 'dense'],
  ] as const) {
    test(`${rows} rows of ${n}`, async () => {
      const gram = gramOf(rows, n);
      const matrix = gram.map((value, at) => value + (at % (n + 1) === 0 ? DAMPING : 0));
      const inverse = squareOfUpper(inverseFactor(matrix, n)!, n);
      const found = damped(gram, n, rows, DAMPING);
      assert.equal(found.factor.kind, kind);
      const diagonal = (of: Float64Array) => of.filter((_, at) => at % (n + 1) === 0);
      assertNear(found.inverse(), inverse, 'inverse');
      assertNear(found.diagonal, diagonal(matrix), 'diagonal');
      assertNear(found.inverseDiagonal, diagonal(inverse), 'inverse diagonal');
      const unit = Float32Array.from(matrix, (_, at) => (at % (n + 1) === 0 ? 1 : 0));
      for (const [factor, expected] of [
        [found.factor, matrix],
        [found.inverseFactor, inverse],
      ] as const) {
        using product = await RowProduct.with(factor, n);
        assertNear(await product.of(unit), expected, 'product');
      }
      const scales = Float64Array.from({ length: n }, (_, i) => 1 + (i % 3));
      const scaled = matrix.map((value, at) => {
        const [i, j] = [Math.floor(at / n), at % n];
        return value / (scales[i]! * scales[j]!) + (i === j ? 2 : 0);
      });
      const other = squareOfUpper(inverseFactor(scaled, n)!, n);
      assertNear(found.scaled(scales, 2).inverse(), other, 'scaled inverse');
    });
  }

  test('no rows at all', () => {
    const found = damped(new Float64Array(81), 9, 1, 1);
    assertNear(found.inverseDiagonal, new Float64Array(9).fill(1), 'inverse diagonal');
  });

  test('what is not definite has no factor, wherever that shows', () => {
    for (let size = 1; size < 11; size++) {
      for (let bad = 0; bad < size; bad++) {
        const matrix = new Float64Array(size * size);
        for (let i = 0; i < size; i++) matrix[i * size + i] = i === bad ? -1 : 1;
        assert.equal(cholesky(matrix, size), null);
      }
    }
  });
});
