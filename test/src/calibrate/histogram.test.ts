import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import fc from 'fast-check';
import { Histogram } from '../../../converter/dist/calibrate/index.js';

const float32 = fc.float({ noNaN: true, noDefaultInfinity: true });
const values = fc
  .oneof(
    fc.array(float32, { maxLength: 60 }),
    fc.array(fc.float({ min: -8, max: 8, noNaN: true }), { maxLength: 60 }),
    fc.array(fc.constantFrom(0, -0, 1, -1, 2 ** -149, -(2 ** -149), 2 ** 100), { maxLength: 9 }),
  )
  .map((list) => Float32Array.from(list));

function histogramOf(...parts: readonly Float32Array[]): Histogram {
  const histogram = new Histogram();
  for (const part of parts) histogram.add(part);
  return histogram;
}

function assertSame(actual: Histogram, expected: Histogram): void {
  assert.equal(actual.width, expected.width);
  assert.deepEqual(actual.counts, expected.counts);
}

const concatenate = (a: Float32Array, b: Float32Array) => Float32Array.of(...a, ...b);

suite('Histogram', () => {
  test('of two sets merged is that of both together', () => {
    fc.assert(
      fc.property(values, values, (a, b) => {
        const both = histogramOf(concatenate(a, b));
        assertSame(histogramOf(a).merge(histogramOf(b)), both);
        assertSame(histogramOf(b).merge(histogramOf(a)), both);
        assertSame(histogramOf(a, b), both);
      }),
    );
  });

  test('merges the same whichever two come first', () => {
    fc.assert(
      fc.property(values, values, values, (a, b, c) => {
        const [x, y, z] = [histogramOf(a), histogramOf(b), histogramOf(c)];
        assertSame(x.merge(y).merge(z), x.merge(y.merge(z)));
      }),
    );
  });

  test('does not depend on the order', () => {
    fc.assert(
      fc.property(values, (list) => {
        assertSame(histogramOf(list.slice().reverse()), histogramOf(list));
      }),
    );
  });

  test('leaves merged histograms as they are', () => {
    const [a, b] = [histogramOf(Float32Array.of(1)), histogramOf(Float32Array.of(1000))];
    a.merge(b);
    assertSame(a, histogramOf(Float32Array.of(1)));
  });

  test('counts each number in the bin that holds it', () => {
    fc.assert(
      fc.property(values, (list) => {
        const histogram = histogramOf(list);
        assert.equal(histogram.total, list.length);
        for (const value of list) {
          const bin = histogram.counts.findIndex(
            (_, i) => histogram.start(i) <= value && value < histogram.start(i + 1),
          );
          assert.ok((histogram.counts[bin] as number) > 0, `${value}`);
        }
      }),
    );
  });

  test('has bins no wider than twice what the largest number needs', () => {
    fc.assert(
      fc.property(values, (list) => {
        const largest = Math.max(0, ...list.map(Math.abs));
        assert.ok(histogramOf(list).width <= Math.max(2 ** -149, (2 * largest) / 2048));
      }),
    );
  });

  test('gives quantiles to within a bin', () => {
    const shares = fc.double({ min: 0, max: 1, noNaN: true });
    const some = values.filter((list) => list.length > 0);
    fc.assert(
      fc.property(some, shares, (list, q) => {
        const histogram = histogramOf(list);
        const sorted = list.slice().sort();
        // NumPy's "inverted_cdf".
        const exact = sorted[Math.max(0, Math.ceil(q * list.length) - 1)] as number;
        assert.ok(Math.abs(histogram.quantile(q) - exact) <= histogram.width);
      }),
    );
  });

  test('fits its bins to a wider extent when told', () => {
    const histogram = new Histogram();
    histogram.add(Float32Array.of(1), { low: -50, high: 300 });
    assert.equal(histogram.width, 0.25);
    assert.equal(histogram.total, 1);
  });

  test('refuses numbers that are not finite', () => {
    for (const value of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]) {
      assert.throws(() => histogramOf(Float32Array.of(1, value)), { code: 'INTERNAL' });
    }
  });
});
