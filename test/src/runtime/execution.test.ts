/** What planning and the host do round the kernels: shapes, stages, control flow, state, constants. */
import assert from 'node:assert/strict';
import { existsSync, readdirSync } from 'node:fs';
import { suite, test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { float32ToFloat16, inspectPlan, loadModel } from '@linnet/runtime-web';
import { Padding, TensorTypeCode } from '@linnet/schema';
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

  /** while (i < limit) { i++; v = body(v) } */
  const loop = (limit: number, grows: boolean) =>
    file([
      graph({
        tensors: [
          tensor('i', 'int32', []),
          tensor('v', 'float32', [-1]),
          tensor('n', 'int32', []),
          tensor('w', 'float32', [-1]),
        ],
        operators: [node('WHILE', [0, 1], [2, 3], { condSubgraphIndex: 1, bodySubgraphIndex: 2 })],
        inputs: [0, 1],
        outputs: [2, 3],
      }),
      graph({
        name: 'condition',
        tensors: [
          tensor('i', 'int32', []),
          tensor('v', 'float32', [-1]),
          tensor('limit', 'int32', [], i32(limit)),
          tensor('go', 'bool', []),
        ],
        operators: [node('LESS', [0, 2], [3])],
        inputs: [0, 1],
        outputs: [3],
      }),
      graph({
        name: 'body',
        tensors: [
          tensor('i', 'int32', []),
          tensor('v', 'float32', [-1]),
          tensor('1', 'int32', [], i32(limit > 1000 ? 0 : 1)),
          tensor('next', 'int32', []),
          tensor('w', 'float32', [-1]),
        ],
        operators: [
          node('ADD', [0, 2], [3]),
          grows ? node('CONCATENATION', [1, 1], [4]) : node('ADD', [1, 1], [4]),
        ],
        inputs: [0, 1],
        outputs: [3, 4],
      }),
    ]);

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

suite('constants', () => {
  /** y = x + dequantized constant */
  const plus = (constant: ReturnType<typeof tensor>, shape: readonly number[]) =>
    file([
      graph({
        tensors: [
          tensor('x', 'float32', shape),
          constant,
          tensor('float', 'float32', shape),
          tensor('y', 'float32', shape),
        ],
        operators: [node('DEQUANTIZE', [1], [2]), node('ADD', [0, 2], [3])],
        inputs: [0],
        outputs: [3],
      }),
    ]);
  const affine = (scale: number, zeroPoint: number) => ({
    kind: 'affine' as const,
    scale: f32(scale),
    zeroPoint: i32(zeroPoint),
    axis: 0,
  });

  test('constants of reduced precision are expanded once, while planning', async () => {
    const half = tensor('c', 'float16', [3], float32ToFloat16([1.5, -2, 0.25]));
    const byte = {
      ...tensor('c', 'int8', [3], Int8Array.of(4, -3, 0)),
      quantization: affine(0.5, 1),
    };
    for (const [constant, expected] of [
      [half, f32(1.5, -2, 0.25)],
      [byte, f32(1.5, -2, -0.5)],
    ] as const) {
      using model = await loadModel(plus(constant, [3]));
      assert.deepEqual((await model.run([[0, 0, 0]])).y?.data, expected);
      assert.deepEqual(
        model.info.ops.map(({ op }) => op),
        ['ADD'],
      );
    }
  });

  test('packed int4 constants are unpacked, low bits first', async () => {
    const packed = {
      ...tensor('c', 'int4', [3], Uint8Array.of(0x8f, 0x07)),
      quantization: affine(1, 0),
    };
    using model = await loadModel(plus(packed, [3]));
    assert.deepEqual((await model.run([[0, 0, 0]])).y?.data, f32(-1, -8, 7));
  });

  test('sparse constants become dense', async () => {
    // The schema's block-sparse layout: 4x4 in 2x2 blocks, the second block of the first row alone.
    const sparse = {
      ...tensor('c', 'float32', [4, 4], f32(1, 2, 3, 4)),
      sparsity: {
        traversalOrder: [0, 1, 2, 3],
        blockMap: [0, 1],
        dims: [
          { format: 'dense', size: 2 },
          { format: 'sparse-csr', segments: [0, 1, 1], indices: [1] },
          { format: 'dense', size: 2 },
          { format: 'dense', size: 2 },
        ],
      },
    } as const;
    using model = await loadModel(
      file([
        graph({
          tensors: [
            tensor('x', 'float32', [4, 4]),
            sparse,
            tensor('d', 'float32', [4, 4]),
            tensor('y', 'float32', [4, 4]),
          ],
          operators: [node('DENSIFY', [1], [2]), node('ADD', [0, 2], [3])],
          inputs: [0],
          outputs: [3],
        }),
      ]),
    );
    const { y } = await model.run([new Float32Array(16)]);
    assert.deepEqual(
      Array.from(y?.data as Float32Array),
      [0, 0, 1, 2, 0, 0, 3, 4, 0, 0, 0, 0, 0, 0, 0, 0],
    );
  });

  test('constants and inputs may be outputs', async () => {
    using model = await loadModel(
      file([
        graph({
          tensors: [tensor('x', 'int32', [2]), tensor('c', 'int32', [2], i32(7, 8))],
          operators: [],
          inputs: [0],
          outputs: [1, 0],
        }),
      ]),
    );
    const { x, c } = await model.run([[1, 2]]);
    assert.deepEqual([c?.data, x?.data], [i32(7, 8), i32(1, 2)]);
  });
});

suite('threads', () => {
  const size = [7, 31, 129];
  const bytes = file([
    graph({
      tensors: [
        tensor('x', 'float32', size),
        ...['a', 'b', 'c', 'y'].map((name) => tensor(name, 'float32', size)),
        tensor('axis', 'int32', [1], i32(2)),
        tensor('sum', 'float32', [7, 31]),
      ],
      operators: [
        node('EXP', [0], [1]),
        node('TANH', [1], [2]),
        node('MUL', [1, 2], [3]),
        node('ELU', [3], [4]),
        node('SUM', [4, 5], [6]),
      ],
      inputs: [0],
      outputs: [4, 6],
    }),
  ]);
  const x = Float32Array.from({ length: 7 * 31 * 129 }, (_, i) => Math.sin(i));

  test('dispose ends the threads', {
    skip: existsSync('/proc/self/task') ? false : 'no /proc to count threads in',
  }, async () => {
    const count = () => readdirSync('/proc/self/task').length;
    const cycle = async () => {
      using model = await loadModel(bytes, { threads: 2 });
      await model.run([x]);
    };
    await cycle();
    const before = count();
    for (let i = 0; i < 10; i++) await cycle();
    const deadline = performance.now() + 5000;
    while (count() > before && performance.now() < deadline) await setTimeout(20);
    assert.ok(count() <= before, `${count() - before} threads are left`);
  });

  test('any number of threads gives the same bits', async () => {
    using single = await loadModel(bytes);
    const expected = await single.run([x]);
    for (const threads of [2, 3, 4]) {
      using model = await loadModel(bytes, { threads });
      assert.ok(model.info.threads > 1 || model.info.threadsReason.includes('cores'));
      for (let repeat = 0; repeat < 50; repeat++) assert.deepEqual(await model.run([x]), expected);
    }
  });
});

suite('plans', () => {
  test('activations are fused into the node before', async () => {
    using model = await loadModel(
      file([
        graph({
          tensors: ['x', 'sum', 'y'].map((name) => tensor(name, 'float32', [3])),
          operators: [node('ADD', [0, 0], [1]), node('RELU6', [1], [2])],
          inputs: [0],
          outputs: [2],
        }),
      ]),
    );
    assert.deepEqual((await model.run([[-1, 2, 5]])).y?.data, f32(0, 4, 6));
    assert.deepEqual(
      model.info.ops.map(({ op }) => op),
      ['ADD'],
    );
  });

  test('padding is fused into the convolution that alone reads it', async () => {
    const filter = Float32Array.from({ length: 3 * 3 * 2 }, (_, i) => i - 8);
    const build = (outputs: readonly number[]) =>
      file([
        graph({
          tensors: [
            tensor('x', 'float32', [1, 5, 4, 2]),
            tensor('amounts', 'int32', [4, 2], i32(0, 0, 2, 1, 1, 0, 0, 0)),
            tensor('padded', 'float32', [1, 8, 5, 2]),
            tensor('filter', 'float32', [1, 3, 3, 2], filter),
            tensor('y', 'float32', [1, 6, 3, 1]),
          ],
          operators: [
            node('PAD', [0, 1], [2]),
            node('CONV_2D', [2, 3], [4], { padding: Padding.VALID, strideW: 1, strideH: 1 }),
          ],
          inputs: [0],
          outputs,
        }),
      ]);
    using fused = await loadModel(build([4]));
    using apart = await loadModel(build([4, 2]));
    const x = [Float32Array.from({ length: 40 }, (_, i) => i % 7)];
    assert.deepEqual((await fused.run(x)).y, (await apart.run(x)).y);
    const ops = (model: typeof fused) => model.info.ops.map(({ op }) => op);
    assert.deepEqual([ops(fused), ops(apart)], [['CONV_2D'], ['PAD', 'CONV_2D']]);
  });

  test('what has no kernel for a reduced dtype runs in float32', async () => {
    const quantized = (name: string, scale: number) => ({
      ...tensor(name, 'int8', [1, 1, 1, 3]),
      quantization: { kind: 'affine', scale: f32(scale), zeroPoint: i32(0), axis: 0 } as const,
    });
    using model = await loadModel(
      file([
        graph({
          tensors: [quantized('x', 0.5), quantized('y', 0.01)],
          operators: [
            node('LOCAL_RESPONSE_NORMALIZATION', [0], [1], {
              radius: 3,
              bias: 1,
              alpha: 1,
              beta: 0.5,
            }),
          ],
          inputs: [0],
          outputs: [1],
        }),
      ]),
    );
    // [0, 1, 2] / sqrt(1 + 0 + 1 + 4), in steps of 0.01.
    assert.deepEqual((await model.run([[0, 2, 4]])).y?.data, Int8Array.of(0, 41, 82));
    assert.deepEqual(model.info.ops, [
      { op: 'LOCAL_RESPONSE_NORMALIZATION', native: 0, viaFloat32: 1, unsupported: 0 },
    ]);
  });

  test('a value that is read twice keeps its node', async () => {
    using model = await loadModel(
      file([
        graph({
          tensors: ['x', 'sum', 'y'].map((name) => tensor(name, 'float32', [3])),
          operators: [node('ADD', [0, 0], [1]), node('RELU', [1], [2])],
          inputs: [0],
          outputs: [2, 1],
        }),
      ]),
    );
    const { sum, y } = await model.run([[-1, 2, 5]]);
    assert.deepEqual([sum?.data, y?.data], [f32(-2, 4, 10), f32(0, 4, 10)]);
  });

  test('nodes whose results nobody reads are left out', async () => {
    using model = await loadModel(
      file([
        graph({
          tensors: ['x', 'unused', 'y'].map((name) => tensor(name, 'float32', [3])),
          operators: [node('EXP', [0], [1]), node('ABS', [0], [2])],
          inputs: [0],
          outputs: [2],
        }),
      ]),
    );
    assert.deepEqual((await model.run([[-1, 2, -5]])).y?.data, f32(1, 2, 5));
    assert.deepEqual(
      model.info.ops.map(({ op }) => op),
      ['ABS'],
    );
  });

  test('a long chain works in the memory of two tensors', async () => {
    const length = 50;
    const names = Array.from({ length: length + 1 }, (_, i) => `t${i}`);
    using model = await loadModel(
      file([
        graph({
          tensors: names.map((name) => tensor(name, 'float32', [1024])),
          operators: names.slice(1).map((_, i) => node('NEG', [i], [i + 1])),
          inputs: [0],
          outputs: [length],
        }),
      ]),
    );
    const { arena, arenaLowerBound } = model.info.memory;
    assert.deepEqual([arena, arenaLowerBound], [2 * 4096, 2 * 4096]);
  });
});
