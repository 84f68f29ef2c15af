/** Every candidate of every decision gives the right answer. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { suite, test } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { type Choice, loadModel, type Model, type TensorInput } from '@linnet/runtime-web';
import { OP_NAMES } from '@linnet/schema';
import { buildCases } from '../cases/build.js';
import { judge } from '../cases/suite.js';
import { fromStockAnyhow } from '../cases/tolerance.js';
import { convertFixture } from '../support/fixtures.js';
import { needsShared, shared } from '../support/paths.js';
import { forEachForced } from './forced.js';

const MOBILENET = 'models/mobilenet_v2_1.0_224_float.tflite';

setFlagsFromString('--experimental-wasm-relaxed-simd');

suite('op cases with each candidate of their choices', () => {
  const cases = buildCases();
  const seen: Choice[] = [];
  for (const op of OP_NAMES) {
    const subjects = cases.filter((subject) => subject.op === op);
    test(op, async () => {
      const failures: string[] = [];
      for (const subject of subjects) {
        const inputs = subject.inputs as readonly TensorInput[];
        const choices = await forEachForced(
          subject.bytes,
          (model) => model.run(inputs),
          async (model, way) => {
            model.resetVariables();
            let outputs = {};
            for (let run = 0; run < subject.runs; run++) outputs = await model.run(inputs);
            const tolerance = fromStockAnyhow(op);
            const failure = await judge(subject, Object.values(outputs), tolerance, false);
            if (failure !== null) failures.push(`${subject.name} with ${way}: ${failure}`);
          },
        );
        seen.push(...choices);
      }
      assert.equal(failures.join('\n'), '');
    });
  }

  test('come upon the decisions', () => {
    const decisions = new Set(seen.map(({ decision }) => decision));
    assert.deepEqual([...decisions].sort(), ['block', 'int4', 'minimal filtering']);
  });
});

suite('models with each candidate of their choices', () => {
  const { skip } = needsShared(MOBILENET);
  test('rows that are expanded at a time', { skip }, async () => {
    const picture = Float32Array.from({ length: 224 * 224 * 3 }, (_, i) => Math.sin(i));
    await checkAnswers(new Uint8Array(readFileSync(shared(MOBILENET))), picture, 'expanded rows');
  });

  test('zeros that are passed over', async () => {
    const prune = { sparsity: 0.8, method: 'magnitude' } as const;
    const { bytes } = await convertFixture('cnn/export', { prune });
    await checkAnswers(bytes, new Float32Array(64).fill(0.5), 'zeros');
  });
});

/** Checks that a model gives the same answer, rounding aside, by each candidate of a decision. */
async function checkAnswers(
  bytes: Uint8Array,
  input: Float32Array,
  decision: string,
): Promise<void> {
  using plain = await loadModel(bytes);
  const answerOf = async (model: Model) =>
    Object.values(await model.run([input])).map(({ data }) => data as Float32Array);
  const expected = await answerOf(plain);
  const choices = await forEachForced(bytes, answerOf, async (model, way) => {
    for (const [i, answer] of (await answerOf(model)).entries()) {
      const off = answer.map((value, at) => Math.abs(value - (expected[i]?.[at] as number)));
      const most = Math.max(...off);
      assert.ok(most < 1e-4, `output ${i} is off by ${most} with ${way}`);
    }
  });
  const taken = choices.filter((choice) => choice.decision === decision).map((each) => each.taken);
  const candidates = choices.find((choice) => choice.decision === decision)?.candidates ?? [];
  assert.ok(candidates.length > 1);
  assert.deepEqual([...new Set(taken)].sort(), candidates.toSorted());
}
