/** Exact counts of zeros in every group that a pattern speaks of. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import {
  leastSparsity,
  PATTERNS,
  type Pattern,
  Ranking,
} from '../../../converter/dist/prune/pattern.js';
import { seededRandom } from '../../../converter/dist/verify/random-inputs.js';

const SEED = 7;
const SHAPES = [
  [1, 1],
  [8, 16],
  [7, 13],
  [33, 24],
  [16, 130],
] as const;
const SPARSITIES = [0.25, 0.5, 0.6, 0.75, 0.9];

function ranking(rows: number, columns: number, pattern: Pattern): Ranking {
  const random = seededRandom(SEED + rows * columns);
  const values = Float32Array.from({ length: rows * columns }, random);
  return new Ranking({ rows, columns, values }, pattern);
}

suite(`pruning patterns, seed ${SEED}`, () => {
  for (const [name, pattern] of Object.entries<Pattern>(PATTERNS)) {
    test(name, () => {
      const [height, width] = pattern.block;
      for (const [rows, columns] of SHAPES) {
        const ranked = ranking(rows, columns, pattern);
        for (const sparsity of SPARSITIES) {
          if (sparsity < leastSparsity(pattern)) continue;
          const count = ranked.count(sparsity);
          const mask = ranked.mask(count);
          const where = `${name} ${rows}x${columns} at ${sparsity}`;
          const zeros = mask.reduce((sum, stays) => sum + 1 - stays, 0);
          assert.ok(
            Math.abs(zeros - count) <= (height * width) / 2,
            `${where}: ${zeros} of ${count}`,
          );
          for (let row = 0; row < rows; row++) {
            for (let column = 0; column < columns; column++) {
              const first = (row - (row % height)) * columns + column - (column % width);
              assert.equal(mask[row * columns + column], mask[first], `${where}: a torn block`);
            }
            if (pattern.limit === undefined) continue;
            const { keep, of } = pattern.limit;
            for (let start = 0; start < columns; start += of) {
              const run = mask.subarray(
                row * columns + start,
                row * columns + Math.min(start + of, columns),
              );
              const staying = run.reduce((sum, stays) => sum + stays, 0);
              const most = Math.min(keep, run.length);
              assert.ok(staying <= most, `${where}: ${staying} stay of ${run.length}`);
              if (sparsity === leastSparsity(pattern)) assert.equal(staying, most, where);
            }
          }
        }
      }
    });
  }

  test('the lowest scores go first', () => {
    const ranked = ranking(8, 16, PATTERNS.unstructured);
    const mask = ranked.mask(ranked.count(0.5));
    const { values } = ranked.scores;
    const gone = values.filter((_, at) => mask[at] === 0);
    const stay = values.filter((_, at) => mask[at] === 1);
    assert.ok(Math.max(...gone) <= Math.min(...stay));
    const lost = gone.reduce((sum, value) => sum + value, 0);
    assert.ok(Math.abs(ranked.loss(64) - lost) < 1e-4);
  });

  test('of equal scores the first go', () => {
    const random = seededRandom(SEED);
    const values = Float32Array.from({ length: 500 }, () => Math.floor(8 * random()) * 1e-3);
    const ranked = new Ranking({ rows: 5, columns: 100, values }, PATTERNS.unstructured);
    const order = [...values.keys()].sort((a, b) => values[a]! - values[b]! || a - b);
    for (const count of [0, 1, 62, 63, 250, 499, 500]) {
      const gone = new Set(order.slice(0, count));
      ranked.mask(count).forEach((stays, at) => {
        assert.equal(stays, gone.has(at) ? 0 : 1, `${at} of ${count}`);
      });
    }
  });

  test('nothing goes at a sparsity of 0, or at less than the pattern removes', () => {
    const ranked = ranking(8, 16, PATTERNS['2:4']);
    assert.equal(ranked.count(0), 0);
    assert.equal(ranked.count(0.25), 0);
    assert.ok(ranked.mask(0).every((stays) => stays === 1));
  });
});
