/** What a loaded model holds on to. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { suite, test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { loadModel, type Model } from '@linnet/runtime-web';
import { needsShared, shared } from '../support/paths.js';
import { doubling, file, graph, loop, node, tensor } from './models.js';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

/** A model, and the memory of the file that it is loaded from. */
async function loadBytes(bytes: Uint8Array): Promise<[Model, WeakRef<ArrayBufferLike>]> {
  return [await loadModel(bytes), new WeakRef(bytes.buffer)];
}

/** Whether something is still there after some turns of the event loop, each with a collection. */
async function isHeld(memory: WeakRef<ArrayBufferLike>): Promise<boolean> {
  for (let turn = 0; turn < 20; turn++) {
    await setTimeout();
    collect();
    if (memory.deref() === undefined) return false;
  }
  return true;
}

suite('memory', () => {
  const path = 'models/mobilenet_v2_1.0_224_float.tflite';
  for (const each of [path, 'models/mobilenet_v1_0.25_128_quant.tflite']) {
    test(`for ${each} is little more than weights and arena`, needsShared(each), async () => {
      using model = await loadModel(shared(each));
      const { constants, arena, total } = model.info.memory;
      assert.ok(total < 1.3 * (constants + arena), `${total} of ${constants} and ${arena}`);
    });
  }

  test('holds no file once all is planned', needsShared(path), async () => {
    const [model, memory] = await loadBytes(new Uint8Array(readFileSync(shared(path))));
    assert.equal(await isHeld(memory), false);
    await model.run([new Float32Array(224 * 224 * 3)]);
    model.dispose();
  });

  test('keeps the constants that later plans need', async () => {
    using open = await loadModel(doubling([-1]));
    assert.deepEqual((await open.run([[1, 2]])).y?.data, Float32Array.of(2, 4));
    assert.deepEqual((await open.run([[3]])).y?.data, Float32Array.of(6));
    using looping = await loadModel(loop(2, false));
    assert.deepEqual((await looping.run({ i: [0], v: [1] })).w?.data, Float32Array.of(4));
  });

  test('holds no constants that were only folded', async () => {
    const half = tensor('c', 'float16', [1000], new Uint16Array(1000).fill(0x3c00));
    using model = await loadModel(
      file([
        graph({
          tensors: [
            tensor('x', 'float32', [1000]),
            half,
            tensor('d', 'float32', [1000]),
            tensor('y', 'float32', [1000]),
          ],
          operators: [node('DEQUANTIZE', [1], [2]), node('ADD', [0, 2], [3])],
          inputs: [0],
          outputs: [3],
        }),
      ]),
    );
    assert.equal(model.info.memory.constants, 4 * 1000);
  });

  test('keeps constants that are outputs', async () => {
    using model = await loadModel(
      file([
        graph({
          tensors: [
            tensor('x', 'float32', [2]),
            tensor('c', 'float32', [2], Float32Array.of(5, 7)),
            tensor('y', 'float32', [2]),
          ],
          operators: [node('ADD', [0, 1], [2])],
          inputs: [0],
          outputs: [2, 1],
        }),
      ]),
    );
    for (let run = 0; run < 2; run++) {
      const { y, c } = await model.run({ x: [1, 1] });
      assert.deepEqual([y?.data, c?.data], [Float32Array.of(6, 8), Float32Array.of(5, 7)]);
    }
  });
});
