/** Rounding by second moments: never worse than to the nearest, and found again by quantizers. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import fc from 'fast-check';
import { dot, multiply } from '../../../converter/dist/linear-algebra.js';
import { quantizeSymmetric } from '../../../converter/dist/quantize/affine.js';
import { covariance } from '../../../converter/dist/recover/moments.js';
import { Rounder } from '../../../converter/dist/recover/rounding.js';
import { seededRandom } from '../../../converter/dist/verify/random-inputs.js';

/** X^T X of correlated inputs, some of which are always zero. */
function moments(size: number, rows: number, seed: number): Float64Array {
  const random = seededRandom(seed);
  const gram = new Float64Array(size * size);
  for (let row = 0; row < rows; row++) {
    const shared = random() - 0.5;
    const x = Array.from({ length: size }, (_, i) =>
      i % 5 === 4 ? 0 : shared + 0.3 * (random() - 0.5) * (1 + (i % 3)),
    );
    for (let i = 0; i < size; i++) {
      for (let j = 0; j < size; j++) gram[i * size + j] = gram[i * size + j]! + x[i]! * x[j]!;
    }
  }
  return gram;
}

const weightsOf = (size: number, seed: number) => {
  const random = seededRandom(seed + 1);
  return Float64Array.from({ length: size }, () => Math.fround(2 * random() - 1));
};

/** e^T H e for the error e of rounded weights. */
function errorOf(matrix: Float64Array, rounded: Float64Array, weights: Float64Array): number {
  const errors = rounded.map((value, i) => value - weights[i]!);
  return dot(errors, 0, multiply(matrix, [errors])[0]!, 0, errors.length);
}

/** Rounded to the nearest with the scale at which the largest of each block is at the limit. */
function nearest(weights: Float64Array, limit: number, block: number): Float64Array {
  return weights.map((weight, i) => {
    const start = i - (i % block);
    const largest = Math.max(...weights.subarray(start, start + block).map(Math.abs));
    const scale = Math.fround(largest / limit);
    return Math.round(weight / scale) * scale;
  });
}

const CASES = [
  fc.integer({ min: 1, max: 40 }),
  fc.constantFrom(1, 3, 60),
  fc.constantFrom(7, 127),
  fc.constantFrom(4, 32, 1000),
  fc.nat(),
] as const;

suite('rounding by second moments', () => {
  test('counts on what inputs have in common as far as there are rows for it', () => {
    const shared = (rows: number) =>
      covariance(
        {
          groups: 1,
          inner: 2,
          rows,
          mean: Float64Array.of(1, 2),
          gram: () => Float64Array.of(5, 4, 4, 8),
        },
        0,
      );
    assert.deepEqual([...shared(2)], [4, 1, 1, 4]);
    assert.deepEqual([...shared(6)], [4, 1.5, 1.5, 4]);
  });

  test('never errs more than to the nearest', () => {
    fc.assert(
      fc.property(...CASES, (size, rows, limit, block, seed) => {
        const weights = weightsOf(size, seed);
        const matrix = moments(size, rows, seed);
        const [rounded] = new Rounder(matrix, size, { limit, block }).round([weights]);
        const own = errorOf(matrix, rounded!, weights);
        const plain = errorOf(matrix, nearest(weights, limit, block), weights);
        assert.ok(own <= plain * (1 + 1e-9) + 1e-12, `${own} > ${plain}`);
      }),
    );
  });

  test('lessens the error of int4 weights by far where inputs are alike', () => {
    const size = 64;
    const weights = weightsOf(size, 7);
    const matrix = moments(size, 200, 7);
    const [rounded] = new Rounder(matrix, size, { limit: 7, block: size }).round([weights]);
    const plain = errorOf(matrix, nearest(weights, 7, size), weights);
    assert.ok(errorOf(matrix, rounded!, weights) < 0.3 * plain);
  });

  test('is found again by who rounds to the nearest', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 40 }), fc.nat(), (size, seed) => {
        const rounder = new Rounder(moments(size, 20, seed), size, { limit: 127, block: size });
        const rounded = Float32Array.from(rounder.round([weightsOf(size, seed)])[0]!);
        const { elements, quantization } = quantizeSymmetric(rounded, [1, size], 0);
        elements.forEach((whole, i) => {
          const value = whole * quantization.scale[0]!;
          assert.ok(Math.abs(value - rounded[i]!) <= 1e-5 * quantization.scale[0]!);
        });
      }),
    );
  });

  test('leaves zeros zero', () => {
    const weights = weightsOf(12, 3).map((weight, i) => (i % 2 === 0 ? 0 : weight));
    const rounder = new Rounder(moments(12, 30, 3), 12, { limit: 7, block: 12 });
    rounder.round([weights])[0]!.forEach((value, i) => {
      if (i % 2 === 0) assert.equal(value, 0);
    });
  });

  test('gives each channel what it would get alone', () => {
    const rounder = new Rounder(moments(24, 50, 5), 24, { limit: 7, block: 24 });
    const channels = Array.from({ length: 7 }, (_, channel) => weightsOf(24, channel));
    const alone = channels.map((weights) => rounder.round([weights])[0]!);
    assert.deepEqual(rounder.round(channels), alone);
  });
});
