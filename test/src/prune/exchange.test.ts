/** Exchanges of zeros: the error falls to where no pair gains, and the pattern stays. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { exchangeZeros } from '../../../converter/dist/prune/exchange.js';
import { PATTERNS, type Pattern } from '../../../converter/dist/prune/pattern.js';
import { seededRandom } from '../../../converter/dist/verify/random-inputs.js';

const SEED = 17;
const UNLIMITED = Number.POSITIVE_INFINITY;

/** A positive definite matrix [n, n] of correlated inputs, and weights [rows, n]. */
function problem(rows: number, n: number) {
  const random = seededRandom(SEED + n);
  const number = () => 2 * random() - 1;
  const matrix = new Float64Array(n * n);
  for (let i = 0; i < n; i++) matrix[i * n + i] = 0.05 * n;
  for (let sample = 0; sample < n; sample++) {
    const shared = number();
    const x = Float64Array.from({ length: n }, () => shared + number());
    x.forEach((a, i) => {
      x.forEach((b, j) => {
        matrix[i * n + j]! += a * b;
      });
    });
  }
  const values = Float32Array.from({ length: rows * n }, number);
  return { matrix, target: { rows, columns: n, values } };
}

/** The least error of one output with these weights alone: by Gauss's elimination. */
function leastError(matrix: Float64Array, target: Float32Array, kept: readonly number[]): number {
  const n = target.length;
  const product = (i: number) => target.reduce((sum, v, j) => sum + matrix[i * n + j]! * v, 0);
  let error = target.reduce((sum, v, i) => sum + v * product(i), 0);
  const rows = kept.map((i) => [...kept.map((j) => matrix[i * n + j]!), product(i)]);
  for (const [k, pivot] of rows.entries()) {
    error -= pivot.at(-1)! ** 2 / pivot[k]!;
    for (const row of rows.slice(k + 1)) {
      const by = row[k]! / pivot[k]!;
      pivot.forEach((value, j) => {
        row[j]! -= by * value;
      });
    }
  }
  return error;
}

const where = (weights: Float64Array, isKept: boolean) =>
  [...weights.keys()].filter((i) => (weights[i] !== 0) === isKept);

/** Weights with zeros as a pattern asks for, anywhere. */
function start(target: Float32Array, { limit }: Pattern): Float64Array {
  const of = limit?.of ?? 2;
  const keep = limit?.keep ?? 1;
  return Float64Array.from(target, (value, i) => (i % of < keep ? value : 0));
}

suite(`exchanges of zeros, seed ${SEED}`, () => {
  for (const [name, n] of [
    ['unstructured', 13],
    ['2:4', 16],
    ['4:8', 19],
  ] as const) {
    test(`${name}, ${n} inputs: no pair is left that gains, and what stays is an optimum`, () => {
      const rows = 5;
      const { matrix, target } = problem(rows, n);
      const pattern: Pattern = PATTERNS[name];
      const run = pattern.limit?.of ?? n;
      for (let row = 0; row < rows; row++) {
        const values = target.values.subarray(row * n, (row + 1) * n);
        const weights = start(values, pattern);
        const before = leastError(matrix, values, where(weights, true));
        const zeros = where(weights, false).length;
        exchangeZeros({ matrix }, { rows: 1, columns: n, values }, pattern, weights, UNLIMITED);
        const kept = where(weights, true);
        const gone = where(weights, false);
        assert.equal(gone.length, zeros);
        const error = leastError(matrix, values, kept);
        assert.ok(error < before, `${error} of ${before}`);
        for (const i of kept) {
          const slope = values.reduce(
            (sum, v, j) => sum + matrix[i * n + j]! * (v - weights[j]!),
            0,
          );
          assert.ok(Math.abs(slope) < 1e-8, `${slope}`);
        }
        for (const back of gone) {
          for (const out of kept) {
            if (Math.floor(back / run) !== Math.floor(out / run)) continue;
            const other = leastError(matrix, values, [...kept.filter((i) => i !== out), back]);
            assert.ok(other > error * (1 - 1e-5), `${back} for ${out}: ${other} of ${error}`);
          }
        }
      }
    });
  }

  test('zeros in blocks stay, and so do those of matrices that would take long', () => {
    const { matrix, target } = problem(4, 16);
    for (const [pattern, most] of [
      [PATTERNS['1x4'], UNLIMITED],
      [PATTERNS.unstructured, 1000],
    ] as const) {
      const weights = start(target.values, PATTERNS.unstructured);
      const before = weights.slice();
      exchangeZeros({ matrix }, target, pattern, weights, most);
      assert.deepEqual(weights, before);
    }
  });
});
