/** Branches, loops, composites and variables, which the host carries out round the kernels. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { loadModel } from '@linnet/runtime-web';
import { file, graph, loop, node, tensor } from './models.js';

const i32 = (...values: number[]) => Int32Array.from(values);
const f32 = (...values: number[]) => Float32Array.from(values);

suite('control flow', () => {
  const branch = (op: 'ADD' | 'MUL') =>
    graph({
      name: op,
      tensors: [tensor('a', 'float32', [-1]), tensor('b', 'float32', [-1])],
      operators: [node(op, [0, 0], [1])],
      inputs: [0],
      outputs: [1],
    });

  test('IF runs one branch', async () => {
    using model = await loadModel(
      file([
        graph({
          tensors: [
            tensor('c', 'bool', []),
            tensor('x', 'float32', [2]),
            tensor('chosen', 'float32', [2]),
            tensor('y', 'float32', [2]),
          ],
          operators: [
            node('IF', [0, 1], [2], { thenSubgraphIndex: 1, elseSubgraphIndex: 2 }),
            node('NEG', [2], [3]),
          ],
          inputs: [0, 1],
          outputs: [3],
        }),
        branch('ADD'),
        branch('MUL'),
      ]),
    );
    assert.deepEqual((await model.run({ c: [true], x: [3, 5] })).y?.data, f32(-6, -10));
    assert.deepEqual((await model.run({ c: [false], x: [3, 5] })).y?.data, f32(-9, -25));
  });

  test('WHILE repeats its body', async () => {
    using model = await loadModel(loop(5, false));
    const { n, w } = await model.run({ i: [0], v: [1, 3] });
    assert.deepEqual([n?.data, w?.data], [i32(5), f32(32, 96)]);
    assert.deepEqual((await model.run({ i: [9], v: [1, 3] })).w?.data, f32(1, 3));
  });

  test('loop variables may change their shape', async () => {
    using model = await loadModel(loop(4, true));
    const { w } = await model.run({ i: [0], v: [7] });
    assert.deepEqual(w?.shape, [16]);
    assert.deepEqual(w?.data, new Float32Array(16).fill(7));
  });

  test('a loop without end can be aborted and disposed of', async () => {
    const endless = loop(1001, false);
    using model = await loadModel(endless);
    const signal = AbortSignal.timeout(120);
    await assert.rejects(model.run({ i: [0], v: [1] }, { signal }), { code: 'ABORTED' });
    const other = await loadModel(endless);
    const running = other.run({ i: [0], v: [1] });
    running.catch(() => {});
    await setTimeout(120);
    other.dispose();
    await assert.rejects(running, { code: 'DISPOSED' });
  });

  test('composites run as their decomposition', async () => {
    const bytes = file([
      graph({
        tensors: ['x', 'y', 'z'].map((name) => tensor(name, 'float32', [2])),
        operators: [
          node('STABLEHLO_COMPOSITE', [0], [1], { name: 'twice', decompositionSubgraphIndex: 1 }),
          node('STABLEHLO_COMPOSITE', [1], [2], { name: 'same', decompositionSubgraphIndex: 2 }),
        ],
        inputs: [0],
        outputs: [2, 1],
      }),
      graph({
        name: 'twice',
        tensors: [tensor('a', 'float32', [2]), tensor('b', 'float32', [2])],
        operators: [node('ADD', [0, 0], [1])],
        inputs: [0],
        outputs: [1],
      }),
      graph({
        name: 'same',
        tensors: [tensor('a', 'float32', [2])],
        operators: [],
        inputs: [0],
        outputs: [0],
      }),
    ]);
    using model = await loadModel(bytes);
    const outputs = Object.values(await model.run([[3, 4]]));
    assert.deepEqual(
      outputs.map(({ data }) => data),
      [f32(6, 8), f32(6, 8)],
    );
    assert.deepEqual(
      model.info.ops.map(({ op }) => op),
      ['ADD'],
    );
  });
});

suite('state', () => {
  /** A counter that an initializer sets to 10; each run adds x and answers the sum. */
  const counter = file([
    graph({
      tensors: [
        tensor('x', 'float32', []),
        tensor('handle', 'resource', []),
        tensor('old', 'float32', []),
        tensor('sum', 'float32', []),
      ],
      operators: [
        node('CALL_ONCE', [], [], { initSubgraphIndex: 1 }),
        node('VAR_HANDLE', [], [1], { container: '', sharedName: 'count' }),
        node('READ_VARIABLE', [1], [2]),
        node('ADD', [0, 2], [3]),
        node('ASSIGN_VARIABLE', [1, 3], []),
      ],
      inputs: [0],
      outputs: [3],
    }),
    graph({
      name: 'init',
      tensors: [tensor('handle', 'resource', []), tensor('ten', 'float32', [], f32(10))],
      operators: [
        node('VAR_HANDLE', [], [0], { container: '', sharedName: 'count' }),
        node('ASSIGN_VARIABLE', [0, 1], []),
      ],
      inputs: [],
      outputs: [],
    }),
  ]);

  test('variables last from run to run and begin anew after a reset', async () => {
    using model = await loadModel(counter);
    const add = async (x: number) => (await model.run([[x]])).sum?.data[0];
    assert.deepEqual([await add(1), await add(2), await add(3)], [11, 13, 16]);
    model.resetVariables();
    assert.equal(await add(5), 15);
  });

  test('a variable does not change with the arrays that went in or came out', async () => {
    const keep = file([
      graph({
        tensors: [
          tensor('x', 'float32', [2]),
          tensor('handle', 'resource', []),
          tensor('old', 'float32', [2]),
        ],
        operators: [
          node('VAR_HANDLE', [], [1], { container: '', sharedName: 'v' }),
          node('READ_VARIABLE', [1], [2]),
          node('ASSIGN_VARIABLE', [1, 0], []),
        ],
        inputs: [0],
        outputs: [2, 0],
      }),
    ]);
    using model = await loadModel(keep);
    const x = f32(1, 2);
    const run = async () => {
      const { old, x: same } = await model.run([x]);
      return [old?.data, same?.data] as [Float32Array, Float32Array];
    };
    const first = await run();
    assert.deepEqual(first, [f32(0, 0), f32(1, 2)]);
    x.fill(9);
    first[1].fill(8);
    const second = await run();
    assert.deepEqual(second, [f32(1, 2), f32(9, 9)]);
    for (const data of second) data.fill(7);
    assert.deepEqual(await run(), [f32(9, 9), f32(9, 9)]);
  });

  test('models do not share variables', async () => {
    using one = await loadModel(counter);
    using other = await loadModel(counter);
    await one.run([[1]]);
    assert.equal((await other.run([[1]])).sum?.data[0], 11);
  });
});
