/** Metrics: agreement without labels, and users' own modules. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite, type TestContext, test } from 'node:test';
import {
  AGREEMENT,
  loadMetric,
  MEAN_SQUARED_ERROR,
  topOne,
} from '../../../converter/dist/verify/metric.js';
import { temporaryFolder } from '../support/temporary.js';

const floats = (shape: readonly number[], ...values: readonly number[]) =>
  ({ dtype: 'float32', shape, data: Float32Array.from(values) }) as const;

suite('agreement', () => {
  test('counts equal predictions along the last dimension', () => {
    const reference = { y: floats([2, 3], 0, 1, 2, 5, 4, 3) };
    const outputs = { y: floats([2, 3], 0, 1, 9, 1, 4, 3) };
    assert.equal(AGREEMENT.score(outputs, {}, reference, 0), 0.5);
    assert.equal(AGREEMENT.score(reference, {}, reference, 0), 1);
  });

  test('says nothing of single numbers', () => {
    const reference = { y: floats([4, 1], 1, 2, 3, 4) };
    assert.equal(AGREEMENT.score(reference, {}, reference, 0), undefined);
  });
});

suite('mean squared error', () => {
  test('is taken over all elements', () => {
    const [y, reference] = [floats([1, 3], 0, 5, 1), floats([1, 3], 2, 0, 1)];
    assert.equal(MEAN_SQUARED_ERROR.score({ y }, {}, { y: reference }, 0), (4 + 25) / 3);
  });
});

suite('top-1', () => {
  const y = floats([1, 3], 0, 5, 1);
  test('is a question of the labels', () => {
    assert.equal(topOne([0, 1]).score({ y }, {}, {}, 0), 0);
    assert.equal(topOne([0, 1]).score({ y }, {}, {}, 1), 1);
  });
  test('needs a label for each sample', () => {
    assert.throws(() => topOne([0]).score({ y }, {}, {}, 1), { code: 'INVALID_ARGUMENT' });
  });
});

suite('metric modules', () => {
  const load = (context: TestContext, text: string) => {
    const file = join(temporaryFolder(context), 'metric.mjs');
    writeFileSync(file, text);
    return loadMetric(file);
  };

  test('are functions or objects', async (t) => {
    const plain = await load(
      t,
      'export default (outputs, sample) => outputs.y.data[0] - sample.x.data[0];',
    );
    assert.deepEqual([plain.name, plain.higherIsBetter], ['metric', true]);
    assert.equal(await plain.score({ y: floats([1], 3) }, { x: floats([1], 1) }, {}, 0), 2);
    const named = await load(
      t,
      'export default { name: "error", higherIsBetter: false, factor: 2, score(o) { return this.factor * o.y.data[0]; } };',
    );
    assert.deepEqual([named.name, named.higherIsBetter], ['error', false]);
    assert.equal(await named.score({ y: floats([1], 3) }, {}, {}, 0), 6);
  });

  const bad: Readonly<Record<string, string>> = {
    'export const score = 1;': 'not a metric: its default export is undefined',
    'export default { score: 1 };': 'not a metric: score is number',
    'export default { score() {}, higherIsBetter: 1 };': 'not a metric: higherIsBetter is number',
    'export default { score() {}, name: 1 };': 'not a metric: name is number',
    'throw new Error("oh");': 'not a metric: the module cannot be loaded: oh',
  };
  for (const [text, message] of Object.entries(bad)) {
    test(`refuses ${text}`, (t) =>
      assert.rejects(load(t, text), { code: 'INVALID_ARGUMENT', message }));
  }

  test('refuses scores that are no numbers, and absent files', async (t) => {
    const metric = await load(t, 'export default () => NaN;');
    await assert.rejects(async () => metric.score({}, {}, {}, 0), {
      message: 'not a metric: metric of a sample is NaN',
    });
    await assert.rejects(loadMetric('/nowhere.mjs'), {
      code: 'IO',
      message: 'there is no such file or folder',
    });
  });
});
