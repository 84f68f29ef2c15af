/** Open dimensions, and shapes that are known only once something has run. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { inspectPlan, loadModel } from '@linnet/runtime-web';
import { TensorTypeCode } from '@linnet/schema';
import { file, graph, node, tensor } from './models.js';

const i32 = (...values: number[]) => Int32Array.from(values);
const f32 = (...values: number[]) => Float32Array.from(values);

suite('shapes', () => {
  const anyRows = file([
    graph({
      tensors: [tensor('x', 'float32', [-1, 3]), tensor('y', 'float32', [-1, 3])],
      operators: [node('NEG', [0], [1])],
      inputs: [0],
      outputs: [1],
    }),
  ]);

  test('an open dimension follows from the number of elements, run by run', async () => {
    using model = await loadModel(anyRows);
    assert.deepEqual(model.inputs[0]?.shape, [-1, 3]);
    for (const rows of [1, 4, 1, 0, 2]) {
      const { y } = await model.run([new Float32Array(3 * rows).fill(5)]);
      assert.deepEqual(y?.shape, [rows, 3]);
      assert.deepEqual(y?.data, new Float32Array(3 * rows).fill(-5));
    }
    await assert.rejects(
      model.run([new Float32Array(4)]),
      /takes float32\[\?,3\], but was given 4 elements/,
    );
  });

  test('many shapes do not pile up memory', async () => {
    using model = await loadModel(anyRows);
    for (let rows = 1; rows <= 400; rows++) await model.run([new Float32Array(3 * 1000 * rows)]);
    assert.ok(model.info.memory.total < 600 * 2 ** 20, `${model.info.memory.total} bytes`);
  });

  test('what follows from shapes alone takes no second stage', async () => {
    // y = reshape(x, [rows(x), 1, -1]) by way of SHAPE, STRIDED_SLICE and PACK.
    const bytes = file([
      graph({
        tensors: [
          tensor('x', 'float32', [-1, 3]),
          tensor('shape', 'int32', [2]),
          tensor('0', 'int32', [1], i32(0)),
          tensor('1', 'int32', [1], i32(1)),
          tensor('rows', 'int32', []),
          tensor('one', 'int32', [], i32(1)),
          tensor('rest', 'int32', [], i32(-1)),
          tensor('target', 'int32', [3]),
          tensor('y', 'float32', [-1, 1, -1]),
        ],
        operators: [
          node('SHAPE', [0], [1], { outType: TensorTypeCode.INT32 }),
          node('STRIDED_SLICE', [1, 2, 3, 3], [4], { shrinkAxisMask: 1 }),
          node('PACK', [4, 5, 6], [7], { valuesCount: 3, axis: 0 }),
          node('RESHAPE', [0, 7], [8]),
        ],
        inputs: [0],
        outputs: [8, 4],
      }),
    ]);
    using model = await loadModel(bytes);
    const { y, rows } = await model.run([f32(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12)]);
    assert.deepEqual(y?.shape, [4, 1, 3]);
    assert.deepEqual(rows?.data, i32(4));
    const [main] = (await inspectPlan(bytes)).graphs;
    assert.equal(main?.plannedAtRunTime.length, 0);
  });

  test('a shape that is computed by the model is read between stages', async () => {
    const bytes = file([
      graph({
        tensors: [
          tensor('x', 'float32', [8]),
          tensor('half', 'int32', [2]),
          tensor('target', 'int32', [2]),
          tensor('squared', 'float32', [8]),
          tensor('reshaped', 'float32', [-1, -1]),
          tensor('y', 'float32', [-1, -1]),
        ],
        operators: [
          node('MUL', [0, 0], [3]),
          node('ADD', [1, 1], [2]),
          node('RESHAPE', [3, 2], [4]),
          node('NEG', [4], [5]),
        ],
        inputs: [0, 1],
        outputs: [5],
      }),
    ]);
    using model = await loadModel(bytes);
    const x = f32(1, 2, 3, 4, 5, 6, 7, 8);
    const reshaped = async (...half: number[]) => (await model.run({ x, half: i32(...half) })).y;
    assert.deepEqual((await reshaped(1, 2))?.shape, [2, 4]);
    assert.deepEqual((await reshaped(2, 1))?.shape, [4, 2]);
    assert.deepEqual((await reshaped(2, 1))?.data, f32(-1, -4, -9, -16, -25, -36, -49, -64));
    await assert.rejects(reshaped(1, 1), { code: 'INVALID_MODEL' });
    const report = (await inspectPlan(bytes)).graphs[0];
    assert.deepEqual(report?.plannedAtRunTime, ['RESHAPE #2']);
  });

  test('sizes that depend on contents', async () => {
    const bytes = file([
      graph({
        tensors: [
          tensor('x', 'float32', [6]),
          tensor('zero', 'float32', [], f32(0)),
          tensor('positive', 'bool', [6]),
          tensor('where', 'int64', [-1, 1]),
          tensor('twice', 'int64', [-1, 1]),
        ],
        operators: [
          node('GREATER', [0, 1], [2]),
          node('WHERE', [2], [3]),
          node('ADD', [3, 3], [4]),
        ],
        inputs: [0],
        outputs: [4],
      }),
    ]);
    using model = await loadModel(bytes);
    const run = async (...x: number[]) => (await model.run([f32(...x)])).twice;
    const first = await run(1, -1, 1, -1, 1, -1);
    assert.deepEqual(first?.shape, [3, 1]);
    assert.deepEqual(first?.data, BigInt64Array.of(0n, 4n, 8n));
    assert.deepEqual((await run(-1, -1, -1, -1, -1, -1))?.shape, [0, 1]);
    assert.deepEqual((await run(-1, -1, -1, -1, -1, 1))?.data, BigInt64Array.of(10n));
  });
});
