/** Tunings: what is measured, kept, applied, and what is none. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import type { Worker } from 'node:worker_threads';
import { LinnetError, loadModel, type Tuning, tuneModel } from '@linnet/runtime-web';
import { convert } from '../../../converter/dist/convert.js';
import { fixturePath } from '../support/fixtures.js';
import { openChoices, tuningOf } from './forced.js';

const { bytes } = await convert(fixturePath('cnn/export'), {
  optimize: 'none',
  inputShapes: { image: [32, 8, 8, 1] },
});
const image = Float32Array.from({ length: 32 * 64 }, (_, i) => Math.sin(i));

const parsed = (tuning: Tuning) => JSON.parse(JSON.stringify(tuning)) as Tuning;

suite('a tuning', () => {
  for (const threads of [1, 2]) {
    test(`knows all choices of a model on ${threads} threads, and is kept as JSON`, async () => {
      const tuning = await tuneModel(bytes, [image], { threads });
      using model = await loadModel(bytes, { threads, tuning: parsed(tuning) });
      const choices = openChoices(model);
      assert.ok(choices.length > 0);
      const [ops] = Object.values(tuning.environments);
      for (const { signature, decision, candidates, taken, by } of choices) {
        const tuned = ops?.[signature]?.[decision];
        assert.deepEqual({ by, taken }, { by: 'tuning', taken: tuned?.take });
        assert.deepEqual(Object.keys(tuned?.milliseconds ?? {}), candidates);
        for (const time of Object.values(tuned?.milliseconds ?? {})) assert.ok(time >= 0);
      }
      const { info } = await model.profile([image], { runs: 2 });
      assert.deepEqual(openChoices({ info }), choices);
    });
  }

  test('is added to what is known, which it leaves as it is', async () => {
    const known = parsed({
      linnetTuning: 1,
      environments: { elsewhere: { op: { decision: { take: 'x', milliseconds: { x: 1 } } } } },
    });
    const { environments } = await tuneModel(bytes, [image], { tuning: known });
    assert.equal(Object.keys(environments).length, 2);
    assert.deepEqual(environments.elsewhere, known.environments.elsewhere);
  });

  test('decides nothing where it knows no op, decision, candidate, environment or version', async () => {
    using plain = await loadModel(bytes);
    const choices = openChoices(plain);
    const expected = await plain.run([image]);
    const other = ({ candidates, taken }: (typeof choices)[0]) =>
      candidates.find((candidate) => candidate !== taken) as string;
    const right = await tuningOf(choices, other);
    const strange: Readonly<Record<string, Tuning>> = {
      op: await tuningOf(
        choices.map((choice) => ({ ...choice, signature: `NO_${choice.signature}` })),
        other,
      ),
      decision: await tuningOf(
        choices.map((choice) => ({ ...choice, decision: '__proto__' })),
        other,
      ),
      candidate: await tuningOf(choices, () => 'by magic'),
      environment: {
        ...right,
        environments: { elsewhere: Object.values(right.environments)[0] ?? {} },
      },
      version: { ...right, linnetTuning: 2 },
      'no entries': { linnetTuning: 1, environments: {} },
    };
    for (const [what, tuning] of Object.entries(strange)) {
      using model = await loadModel(bytes, { tuning });
      assert.deepEqual(openChoices(model), choices, what);
      assert.deepEqual(await model.run([image]), expected, what);
    }
    using forced = await loadModel(bytes, { tuning: right });
    assert.ok(openChoices(forced).some(({ by }) => by === 'tuning'));
  });
});

suite('what is no tuning is refused', () => {
  const environments = (choice: unknown) => ({ here: { op: { decision: choice } } });
  const wrong: Readonly<Record<string, readonly [tuning: unknown, message: RegExp]>> = {
    'an array': [[], /The tuning is an array; expected an object/],
    'a string': ['{}', /The tuning is string; expected an object/],
    'no version': [{ environments: {} }, /"linnetTuning" is undefined; expected a number/],
    'no environments': [{ linnetTuning: 1 }, /"environments" is undefined/],
    'an environment of no ops': [
      { linnetTuning: 1, environments: { here: 3 } },
      /"here" is number; expected an object/,
    ],
    'a choice without a candidate': [
      { linnetTuning: 1, environments: environments({ milliseconds: {} }) },
      /"take" of "op" is undefined; expected a string/,
    ],
    'times that are none': [
      { linnetTuning: 1, environments: environments({ take: 'x', milliseconds: { x: '1' } }) },
      /"milliseconds" of "op" is string; expected numbers/,
    ],
  };
  const isRefusal = (message: RegExp) => (error: unknown) =>
    error instanceof LinnetError &&
    error.code === 'INVALID_ARGUMENT' &&
    message.test(error.message);
  for (const [what, [tuning, message]] of Object.entries(wrong)) {
    test(what, async () => {
      const options = { tuning: tuning as Tuning };
      await assert.rejects(loadModel(bytes, options), isRefusal(message));
      await assert.rejects(tuneModel(bytes, [image], options), isRefusal(message));
    });
  }

  test('what is no tuning leaves no threads behind', async () => {
    const workers: Worker[] = [];
    const take = (worker: Worker) => workers.push(worker);
    process.on('worker', take);
    const [[tuning]] = Object.values(wrong) as [(typeof wrong)[string]];
    await assert.rejects(loadModel(bytes, { tuning: tuning as Tuning, threads: 2 }));
    process.off('worker', take);
    assert.ok(workers.every(({ threadId }) => threadId === -1));
  });

  test('an aborted measurement ends', async () => {
    const signal = AbortSignal.timeout(100);
    await assert.rejects(
      tuneModel(bytes, [image], { signal }),
      (error) => error instanceof LinnetError && error.code === 'ABORTED',
    );
  });
});
