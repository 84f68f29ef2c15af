/** Models that others made run, or are refused, as they did when the outcomes were committed. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { needsShared } from '../support/paths.js';
import { committedOutcomes, modelFiles, outcomeOf } from './outcomes.js';

suite('models of others', () => {
  const expected = committedOutcomes();

  test('every file has an outcome', needsShared('conformance/tflite'), () => {
    assert.deepEqual(
      expected.map(({ file }) => file),
      modelFiles(),
    );
  });

  for (const outcome of expected) {
    const { file } = outcome;
    test(`${file}: ${outcome.outcome}`, needsShared(file), async () => {
      assert.deepEqual(await outcomeOf(file), outcome);
    });
  }
});
