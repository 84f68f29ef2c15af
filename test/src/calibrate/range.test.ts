/** Every method against values worked out by hand or by a plain search over the numbers themselves. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import {
  CALIBRATION_METHODS,
  type CalibrationMethod,
  Histogram,
  type Range,
  RangeObserver,
} from '../../../converter/dist/calibrate/index.js';
import { seededRandom } from '../../../converter/dist/verify/random-inputs.js';

const LEVELS = 256;

/** The range that a method finds for runs of a tensor. */
function rangeOf(method: CalibrationMethod, runs: readonly Float32Array[], levels = LEVELS): Range {
  const { needsHistogram, range } = CALIBRATION_METHODS[method];
  const observer = new RangeObserver(0, 'x', { histogram: needsHistogram });
  for (const run of runs) {
    const [low, high] = [
      run.reduce((a, b) => Math.min(a, b)),
      run.reduce((a, b) => Math.max(a, b)),
    ];
    observer.update([Float32Array.of(low), Float32Array.of(high), run]);
  }
  const { extent, average, histogram } = observer;
  assert.ok(average !== null);
  return range({ extent, average, histogram }, levels);
}

const COUNT = 20_000;

function draws(seed: number, next: (random: () => number) => number): Float32Array {
  const random = seededRandom(seed);
  return Float32Array.from({ length: COUNT }, () => next(random));
}

/** Box-Muller. */
const normal = (random: () => number) =>
  Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());

const laplace = (random: () => number) => {
  const u = random() - 0.5;
  return -Math.sign(u) * Math.log(1 - 2 * Math.abs(u));
};

const DISTRIBUTIONS: Readonly<Record<string, Float32Array>> = {
  normal: draws(1, normal),
  laplace: draws(2, laplace),
  'rectified normal': draws(3, (random) => Math.max(0, normal(random))),
  'hard-swish of normal': draws(4, (random) => {
    const x = 3 * normal(random);
    return (x * Math.min(6, Math.max(0, x + 3))) / 6;
  }),
  'normal with outliers': draws(5, (r) => normal(r) * (r() < 0.001 ? 40 : 1)),
};

suite('min-max and moving average', () => {
  const runs = [Float32Array.of(-1, 3, 0), Float32Array.of(-2, 2), Float32Array.of(0.5)];

  test('min-max is the extent of all', () => {
    assert.deepEqual(rangeOf('min-max', runs), { min: -2, max: 3 });
  });

  test('the average moves a hundredth of the way at each run', () => {
    const { min, max } = rangeOf('moving-average', runs);
    // -1, then -1 - 0.01, then -1.01 + 0.0151; 3, then 2.99, then 2.99 - 0.0249.
    assert.ok(Math.abs(min - -0.9949) < 1e-12);
    assert.ok(Math.abs(max - 2.9651) < 1e-12);
  });
});

suite('percentile', () => {
  test('cuts half of a thousandth of a percent off each side', () => {
    const values = Float32Array.from({ length: 400_000 }, (_, i) => (i - 200_000) / 200_000);
    const outliers = Float32Array.of(-100, 100);
    const { min, max } = rangeOf('percentile', [values, outliers]);
    // 2 of 400002 values lie beyond on each side, one of which is the outlier.
    const width = 2 ** -4;
    assert.ok(min >= -1 - width && min <= -1 + width, `${min}`);
    assert.ok(max >= 1 - width && max <= 1 + width, `${max}`);
  });

  test('never leaves the extent', () => {
    const { min, max } = rangeOf('percentile', [Float32Array.of(0.3, 0.3, 0.3)]);
    assert.equal(min, Math.fround(0.3));
    assert.equal(max, Math.fround(0.3));
  });
});

/** Mean squared error of values quantized to `levels` steps of a range with zero on the grid. */
function squaredError(values: Float32Array, { min, max }: Range): number {
  const [low, high] = [Math.min(0, min), Math.max(0, max)];
  const step = (high - low) / (LEVELS - 1);
  let sum = 0;
  for (const value of values) {
    const rounded = step * Math.round(Math.min(high, Math.max(low, value)) / step);
    sum += (value - rounded) ** 2;
  }
  return sum / values.length;
}

/** The extent cut at a threshold. */
function cut(values: Float32Array, threshold: number): Range {
  return {
    min: Math.max(Math.min(...values), -threshold),
    max: Math.min(Math.max(...values), threshold),
  };
}

function largest(values: Float32Array): number {
  return Math.max(...values.map(Math.abs));
}

suite('mse', () => {
  for (const [name, values] of Object.entries(DISTRIBUTIONS)) {
    test(`finds about the least error there is: ${name}`, () => {
      const found = squaredError(values, rangeOf('mse', [values]));
      const errors = Array.from({ length: 200 }, (_, i) =>
        squaredError(values, cut(values, (largest(values) * (i + 1)) / 200)),
      );
      const least = Math.min(...errors);
      assert.ok(found <= 1.03 * least, `${found}, least ${least}`);
    });
  }

  test('cuts the tails off when there are few levels', () => {
    const values = DISTRIBUTIONS.normal as Float32Array;
    assert.ok(rangeOf('mse', [values], 16).max < 0.8 * Math.max(...values));
  });
});

/**
 * The divergence of Migacz's talk, word for word on arrays: P is the clipped histogram with outliers
 * in its last bins, Q the histogram without them in `LEVELS` levels, expanded over occupied bins.
 */
function divergence({ counts }: Histogram, first: number, end: number): number {
  const p = Array.from(counts.slice(first, end));
  const raw = [...p];
  p[0] = (p[0] as number) + counts.slice(0, first).reduce((a, b) => a + b, 0);
  const last = p.length - 1;
  p[last] = (p[last] as number) + counts.slice(end).reduce((a, b) => a + b, 0);
  const q = raw.map(() => 0);
  for (let level = 0; level < LEVELS; level++) {
    const from = Math.floor((level * raw.length) / LEVELS);
    const to = Math.floor(((level + 1) * raw.length) / LEVELS);
    const members = raw.slice(from, to);
    const mean = members.reduce((a, b) => a + b, 0) / members.filter((x) => x > 0).length;
    for (let i = from; i < to; i++) if ((raw[i] as number) > 0) q[i] = mean;
  }
  const [sumP, sumQ] = [p, q].map((list) => list.reduce((a, b) => a + b, 0)) as [number, number];
  return p.reduce((sum, x, i) => {
    const y = (q[i] as number) > 0 ? (q[i] as number) / sumQ : 1e-9;
    return x > 0 ? sum + (x / sumP) * Math.log(x / sumP / y) : sum;
  }, 0);
}

suite('entropy', () => {
  for (const [name, values] of Object.entries(DISTRIBUTIONS)) {
    test(`finds the least divergence of all cuts it may make: ${name}`, () => {
      const histogram = new Histogram();
      histogram.add(values);
      const { min, max } = rangeOf('entropy', [values]);
      const bins = (x: number) => Math.round(Math.max(-min, max, x) / histogram.width);
      const at = (threshold: number) => {
        const [low, high] = [Math.min(...values), Math.max(...values)];
        const below = Math.min(threshold, Math.ceil(Math.max(0, -low) / histogram.width));
        const above = Math.min(threshold, Math.floor(Math.max(0, high) / histogram.width) + 1);
        return divergence(histogram, 2048 - below, 2048 + above);
      };
      const found = at(bins(0));
      const widest = Math.ceil(largest(values) / histogram.width);
      for (let tried = widest; tried > LEVELS; tried -= Math.floor(widest / 32)) {
        assert.ok(found <= at(tried) * 1.02 + 1e-6, `${found} over ${at(tried)} at ${tried}`);
      }
    });
  }

  test('gives up outliers', () => {
    const values = DISTRIBUTIONS['normal with outliers'] as Float32Array;
    const { min, max } = rangeOf('entropy', [values]);
    assert.ok(max < 0.8 * Math.max(...values), `${min} ${max}`);
  });

  test('keeps all of uniform values', () => {
    const values = draws(6, (random) => 2 * random() - 1);
    const { min, max } = rangeOf('entropy', [values]);
    assert.ok(min < -0.97 && max > 0.97, `${min} ${max}`);
  });
});

suite('all methods', () => {
  const methods = Object.keys(CALIBRATION_METHODS) as CalibrationMethod[];
  const cases: Readonly<Record<string, Float32Array>> = {
    ...DISTRIBUTIONS,
    'nothing but zeros': new Float32Array(10),
    'one positive number': Float32Array.of(0.1),
    'one negative number': Float32Array.of(-7e30),
    'two numbers': Float32Array.of(-1, 1),
    'the smallest numbers': Float32Array.of(2 ** -149, -(2 ** -149)),
    'the largest numbers': Float32Array.of(3.4e38, -3.4e38),
  };
  for (const method of methods) {
    for (const [name, values] of Object.entries(cases)) {
      test(`${method} stays within the extent: ${name}`, () => {
        for (const levels of [16, 256, 65536]) {
          const { min, max } = rangeOf(method, [values], levels);
          assert.ok(min <= max, `${min} ${max}`);
          assert.ok(min >= Math.min(...values) && max <= Math.max(...values), `${min} ${max}`);
        }
      });
    }
  }

  test('16 bits keep the whole range', () => {
    for (const method of ['mse', 'entropy'] as const) {
      const values = DISTRIBUTIONS['normal with outliers'] as Float32Array;
      assert.deepEqual(rangeOf(method, [values], 65536), rangeOf('min-max', [values]));
    }
  });
});
