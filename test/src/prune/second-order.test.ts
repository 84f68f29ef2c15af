/** Pruning with updates: never worse than the smallest weights going, and exact where that is possible. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { inverseFactor } from '../../../converter/dist/linear-algebra.js';
import type { Layer } from '../../../converter/dist/prune/layers.js';
import { centredGrams, methodFor, weightedError } from '../../../converter/dist/prune/method.js';
import { PATTERNS, type Pattern } from '../../../converter/dist/prune/pattern.js';
import { Curvature, type PrunedWeights } from '../../../converter/dist/prune/second-order.js';
import { seededRandom } from '../../../converter/dist/verify/random-inputs.js';

const SEED = 11;

/** A layer of random weights with the moments of correlated inputs. */
function randomLayer(rows: number, columns: number, groups: number, seed: number) {
  const random = seededRandom(seed);
  const number = () => 2 * random() - 1;
  const samples = 3 * columns;
  const sum = new Float64Array(groups * columns);
  const squares = new Float64Array(groups * columns);
  const gram = new Float64Array(groups * columns ** 2);
  for (let group = 0; group < groups; group++) {
    const mix = Float64Array.from({ length: columns ** 2 }, number);
    for (let sample = 0; sample < samples; sample++) {
      const source = Float64Array.from({ length: columns }, number);
      const x = source.map((_, i) =>
        source.reduce((total, value, j) => total + value * mix[i * columns + j]!, 0.3),
      );
      x.forEach((a, i) => {
        sum[group * columns + i]! += a;
        squares[group * columns + i]! += a * a;
        x.forEach((b, j) => {
          gram[(group * columns + i) * columns + j]! += a * b;
        });
      });
    }
  }
  const weights = Float32Array.from({ length: rows * columns }, number);
  const layer: Layer = {
    name: 'layer',
    sites: [],
    weights,
    rows,
    columns,
    groups,
    bias: undefined,
  };
  const mean = sum.map((value) => value / samples);
  return { layer, statistics: { rows: samples, mean, squares, gram } };
}

suite(`second-order pruning, seed ${SEED}`, () => {
  test('the factor inverts', () => {
    const { statistics } = randomLayer(1, 17, 1, SEED);
    const n = 17;
    const u = inverseFactor(statistics.gram, n) as Float64Array;
    for (let i = 0; i < n; i++) {
      for (let j = 0; j < n; j++) {
        let sum = 0;
        for (let k = 0; k < n; k++) {
          let inverse = 0;
          for (let m = 0; m <= Math.min(i, k); m++) inverse += u[m * n + i]! * u[m * n + k]!;
          sum += inverse * statistics.gram[k * n + j]!;
        }
        assert.ok(Math.abs(sum - (i === j ? 1 : 0)) < 1e-6, `${i}, ${j}: ${sum}`);
      }
    }
  });

  for (const [name, pattern] of Object.entries<Pattern>(PATTERNS)) {
    test(`${name}: no worse than magnitude, with as many zeros`, async () => {
      for (const [rows, columns, groups] of [
        [8, 16, 1],
        [12, 31, 1],
        [16, 140, 1],
        [8, 12, 2],
      ] as const) {
        for (const sparsity of [0.5, 0.75]) {
          const { layer, statistics } = randomLayer(rows, columns, groups, SEED + columns);
          // What is minimized asks, too, that weights stay near where the inputs say little.
          const grams = centredGrams(layer, statistics).map((gram) => {
            const { damping } = new Curvature(gram, columns, statistics.rows);
            return gram.map((value, at) => (at % (columns + 1) === 0 ? value + damping : value));
          });
          const [magnitude, obs] = await Promise.all(
            (['magnitude', 'obs'] as const).map((choice) => {
              const method = methodFor(choice, layer, pattern, statistics);
              assert.equal(method.name, choice);
              return method.prune(method.ranking.count(sparsity), 'final');
            }),
          );
          const error = (pruned: PrunedWeights | undefined) =>
            weightedError(layer, grams, pruned!.weights);
          const where = `${rows}x${columns} at ${sparsity}`;
          // How many zeros each group has is another choice than which.
          if (groups === 1) assert.ok(error(obs) <= error(magnitude), where);

          const zeros = (pruned: PrunedWeights | undefined) =>
            pruned!.weights.reduce((sum, weight) => sum + (weight === 0 ? 1 : 0), 0);
          const [height, width] = pattern.block;
          assert.ok(Math.abs(zeros(obs) - zeros(magnitude)) <= groups * height * width, where);
        }
      }
    });
  }

  test('inputs that others repeat cost nothing', async () => {
    // Input 1 is twice input 0.
    const gram = Float64Array.of(1, 2, 0, 2, 4, 0, 0, 0, 1);
    const curvature = new Curvature(gram, 3, 1000);
    const weights = { rows: 1, columns: 3, values: Float32Array.of(1, 1, 1) };
    const { weights: pruned } = await curvature.prune(weights, PATTERNS.unstructured, 1, 'final');
    assert.ok(pruned[0] === 0 || pruned[1] === 0, `${pruned}`);
    assert.ok(Math.abs(pruned[0]! + 2 * pruned[1]! - 3) < 0.05, `${pruned}`);
    assert.ok(Math.abs(pruned[2]! - 1) < 0.02, `${pruned}`);
  });
});
