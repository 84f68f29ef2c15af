/** What planning makes of a graph, and that threads do not change what it computes. */
import assert from 'node:assert/strict';
import { existsSync, readdirSync } from 'node:fs';
import { suite, test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { loadModel } from '@linnet/runtime-web';
import { ActivationFunctionType, Padding } from '@linnet/schema';
import { file, graph, node, tensor } from './models.js';

const i32 = (...values: number[]) => Int32Array.from(values);
const f32 = (...values: number[]) => Float32Array.from(values);

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

  test('a large tensor between 1x1 and depthwise convolutions is made in parts', async () => {
    const [height, width, depth, channels] = [61, 67, 5, 80];
    const sines = (count: number) => Float32Array.from({ length: count }, (_, i) => Math.sin(i));
    const forms = [
      { window: 3, stride: 1, dilation: 1, padding: Padding.SAME },
      { window: 3, stride: 2, dilation: 1, padding: Padding.SAME },
      { window: 5, stride: 2, dilation: 1, padding: Padding.VALID },
      { window: 3, stride: 1, dilation: 4, padding: Padding.SAME },
    ];
    for (const { window, stride, dilation, padding } of forms) {
      const reach = padding === Padding.VALID ? (window - 1) * dilation : 0;
      const size = (length: number) => Math.ceil((length - reach) / stride);
      const steps = { padding, strideW: stride, strideH: stride };
      const build = (outputs: readonly number[]) =>
        file([
          graph({
            tensors: [
              tensor('x', 'float32', [1, height, width, depth]),
              tensor('a', 'float32', [channels, 1, 1, depth], sines(channels * depth)),
              tensor('b', 'float32', [channels], sines(channels)),
              tensor('between', 'float32', [1, height, width, channels]),
              tensor('c', 'float32', [1, window, window, channels], sines(channels * window ** 2)),
              tensor('y', 'float32', [1, size(height), size(width), channels]),
            ],
            operators: [
              node('CONV_2D', [0, 1, 2], [3], {
                padding: Padding.VALID,
                strideW: 1,
                strideH: 1,
                fusedActivationFunction: ActivationFunctionType.RELU6,
              }),
              node('DEPTHWISE_CONV_2D', [3, 4], [5], {
                ...steps,
                depthMultiplier: 1,
                dilationWFactor: dilation,
                dilationHFactor: dilation,
              }),
            ],
            inputs: [0],
            outputs,
          }),
        ]);
      using parts = await loadModel(build([5]));
      using apart = await loadModel(build([5, 3]));
      const x = [sines(height * width * depth)];
      assert.deepEqual((await parts.run(x)).y, (await apart.run(x)).y);
      assert.deepEqual(
        parts.info.ops.map(({ op }) => op),
        ['DEPTHWISE_CONV_2D'],
      );
      assert.ok(parts.info.memory.arena < apart.info.memory.arena);
      const profile = await parts.profile(x, { runs: 2 });
      const ofKernel = (name: string) => profile.steps.find(({ kernel }) => kernel === name)?.op;
      assert.deepEqual(
        [ofKernel('conv_f32'), ofKernel('depthwise_f32')],
        ['CONV_2D', 'DEPTHWISE_CONV_2D'],
      );
    }
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
      {
        op: 'LOCAL_RESPONSE_NORMALIZATION',
        native: 0,
        viaFloat32: 1,
        unsupported: 0,
        onGpu: 0,
        whyNotOnGpu: [],
      },
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
