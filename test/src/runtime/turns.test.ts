/** Loading gives the event loop its turns. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { loadModel } from '@linnet/runtime-web';
import { inTurns, TURN_BYTES, TURN_MS } from '../../../runtime-web/dist/io/turns.js';
import { NODE_WORK } from '../../../runtime-web/dist/plan/step.js';
import { file, graph, node, tensor } from './models.js';

/** Calls back on each turn of the event loop until it is stopped. */
function onEachTurn(callback: () => void): () => void {
  let immediate = setImmediate(function again() {
    callback();
    immediate = setImmediate(again);
  });
  return () => clearImmediate(immediate);
}

/** How many turns there are while a model is planned and its weights are packed. */
async function turnsWhilePlanning(model: Uint8Array): Promise<number> {
  let turns = 0;
  // The second time, nothing is waited for but turns.
  for (const isWarm of [false, true]) {
    let stop = () => {};
    const loaded = await loadModel(model, {
      onProgress: ({ phase, loaded: done }) => {
        if (phase !== 'plan') return;
        if (done > 0) stop();
        else if (isWarm) stop = onEachTurn(() => turns++);
      },
    });
    loaded.dispose();
  }
  return turns;
}

suite('turns of the event loop', () => {
  test('come after a bounded number of bytes', async () => {
    const part = 2 ** 20;
    let [done, seen, most] = [0, 0, 0];
    function* work() {
      for (; done < 8 * TURN_BYTES; done += part) yield part;
      return 'done';
    }
    const stop = onEachTurn(() => {
      most = Math.max(most, done - seen);
      seen = done;
    });
    assert.equal(await inTurns(work()), 'done');
    stop();
    // Turns and what counts them are not in step.
    assert.ok(most <= 2 * TURN_BYTES, `${most} bytes`);
  });

  test('come after some time, however few the bytes', async () => {
    let turns = 0;
    function* work() {
      for (let part = 0; part < 4; part++) {
        const end = performance.now() + TURN_MS;
        while (performance.now() < end);
        yield 1;
      }
    }
    const stop = onEachTurn(() => turns++);
    await inTurns(work());
    stop();
    assert.ok(turns >= 3, `${turns} turns`);
  });

  test('come while weights are packed and constants are copied', async () => {
    const [depth, columns] = [1024, 4096];
    const weights = (name: string) =>
      tensor(name, 'float32', [columns, depth], new Float32Array(depth * columns).fill(0.5));
    const bytes = 2 * 4 * depth * columns;
    const model = file([
      graph({
        tensors: [
          tensor('x', 'float32', [1, depth]),
          weights('packed'),
          tensor('y', 'float32', [1, columns]),
          weights('copied'),
          tensor('z', 'float32', [columns, depth]),
        ],
        operators: [node('FULLY_CONNECTED', [0, 1, -1], [2]), node('MUL', [0, 3], [4])],
        inputs: [0],
        outputs: [2, 4],
      }),
    ]);
    const turns = await turnsWhilePlanning(model);
    assert.ok(turns >= bytes / TURN_BYTES - 2, `${turns} turns`);
  });

  test('come while many nodes are planned', async () => {
    const count = 512;
    const model = file([
      graph({
        tensors: Array.from({ length: count + 1 }, (_, i) => tensor(`t${i}`, 'float32', [8])),
        operators: Array.from({ length: count }, (_, i) => node('LOGISTIC', [i], [i + 1])),
        inputs: [0],
        outputs: [count],
      }),
    ]);
    // Each node's types are told, and then it is lowered.
    const turns = await turnsWhilePlanning(model);
    assert.ok(turns >= (2 * count * NODE_WORK) / TURN_BYTES - 2, `${turns} turns`);
  });
});
