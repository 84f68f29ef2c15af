/** What a layer is made to do when the ones before it have changed. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import type { Layer } from '../../../converter/dist/prune/layers.js';
import { PATTERNS } from '../../../converter/dist/prune/pattern.js';
import { Retargeting } from '../../../converter/dist/prune/retargeting.js';
import type { TwinStatistics } from '../../../converter/dist/prune/twin.js';
import { seededRandom } from '../../../converter/dist/verify/random-inputs.js';

const SEED = 5;
const [ROWS, COLUMNS, SAMPLES] = [6, 20, 100];

/** A layer, and the statistics of inputs Y that became X = `change`(Y). */
function changedInputs(change: (y: number) => number) {
  const random = seededRandom(SEED);
  const number = () => 2 * random() - 1;
  const weights = Float32Array.from({ length: ROWS * COLUMNS }, number);
  const zeros = (length: number) => new Float64Array(length);
  const [xx, xy, yy] = [0, 1, 2].map(() => zeros(COLUMNS ** 2)) as [
    Float64Array,
    Float64Array,
    Float64Array,
  ];
  const [meanX, meanY] = [zeros(COLUMNS), zeros(COLUMNS)];
  for (let sample = 0; sample < SAMPLES; sample++) {
    const y = Float64Array.from({ length: COLUMNS }, () => number() + 0.4);
    const x = y.map(change);
    for (let i = 0; i < COLUMNS; i++) {
      meanX[i]! += x[i]! / SAMPLES;
      meanY[i]! += y[i]! / SAMPLES;
      for (let j = 0; j < COLUMNS; j++) {
        xx[i * COLUMNS + j]! += x[i]! * x[j]!;
        xy[i * COLUMNS + j]! += x[i]! * y[j]!;
        yy[i * COLUMNS + j]! += y[i]! * y[j]!;
      }
    }
  }
  const shape = { rows: ROWS, columns: COLUMNS, groups: 1 };
  const layer: Layer = { name: 'layer', sites: [], weights, ...shape, bias: undefined };
  const twin: TwinStatistics = { rows: SAMPLES, meanX, meanY, xx, xy, yy, skip: undefined };
  return { layer, twin };
}

suite(`retargeting, seed ${SEED}`, () => {
  test('inputs that are as they were leave the weights', async () => {
    const { layer, twin } = changedInputs((y) => y);
    const target = new Retargeting(layer, twin);
    const { weights } = await target.method(PATTERNS.unstructured).prune(0, 'final');
    for (const [i, weight] of weights.entries()) {
      assert.ok(Math.abs(weight - layer.weights[i]!) < 1e-5);
    }
    assert.ok(target.error(weights) < 1e-9);
  });

  test('inputs that were halved are made up for', async () => {
    const { layer, twin } = changedInputs((y) => y / 2);
    const target = new Retargeting(layer, twin);
    const { weights } = await target.method(PATTERNS.unstructured).prune(0, 'final');
    assert.ok(
      target.error(weights) < 0.1 * target.error(layer.weights),
      `${target.error(weights)}`,
    );
  });

  test('what has gone from the other branch of a residual block is given back', async () => {
    const { layer, twin } = changedInputs((y) => y);
    // The other branch has lost, in each output, three times the first input.
    const meanD = new Float64Array(ROWS).fill(3 * twin.meanX[0]!);
    const xd = Float64Array.from(
      { length: COLUMNS * ROWS },
      (_, at) => 3 * twin.xx[Math.floor(at / ROWS) * COLUMNS]!,
    );
    const target = new Retargeting(layer, { ...twin, skip: { meanD, xd } });
    const given = target.weights();
    for (const [at, weight] of given.entries()) {
      const change = weight - layer.weights[at]!;
      // Damped, as one sees few inputs.
      if (at % COLUMNS === 0) assert.ok(change > 1.5 && change < 3, `${at}: ${change}`);
      else assert.ok(Math.abs(change) < 0.5, `${at}: ${change}`);
    }
  });
});
