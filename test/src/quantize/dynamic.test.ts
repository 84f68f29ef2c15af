/** Dynamic range quantization: which weights, how, and what it costs. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { Padding } from '@linnet/schema';
import type { Graph, TensorId } from '../../../converter/dist/graph/graph.js';
import { RewriteLog } from '../../../converter/dist/passes/driver.js';
import { quantizeSymmetric } from '../../../converter/dist/quantize/affine.js';
import { type QuantizedTensor, quantize } from '../../../converter/dist/quantize/index.js';
import { assertSame, type Build, graphOf, type Net, opsOf } from '../passes/net.js';

const WINDOW = { padding: Padding.VALID, strideH: 1, strideW: 1 } as const;

function quantized(build: Build): {
  readonly graph: Graph;
  readonly tensors: readonly QuantizedTensor[];
} {
  const graph = graphOf(build);
  const program = { graphs: [graph], signatures: [], metadata: [], description: '' };
  const { tensors } = quantize(program, 'dynamic', new RewriteLog(), { checkEveryPatch: true });
  return { graph, tensors };
}

/** What has int8 weights, with the number of scales they have. */
const WEIGHTED: Readonly<Record<string, readonly [scales: number, Build]>> = {
  CONV_2D: [
    8,
    (n) => n.op('CONV_2D', [n.input(1, 5, 5, 16), n.floats([8, 3, 3, 16]), n.floats([8])], WINDOW),
  ],
  DEPTHWISE_CONV_2D: [
    128,
    (n) =>
      n.op(
        'DEPTHWISE_CONV_2D',
        [n.input(1, 5, 5, 128), n.floats([1, 3, 3, 128]), n.floats([128])],
        { ...WINDOW, depthMultiplier: 1 },
      ),
  ],
  TRANSPOSE_CONV: [
    8,
    (n) =>
      n.op(
        'TRANSPOSE_CONV',
        [n.ints(1, 5, 5, 8), n.floats([8, 3, 3, 16]), n.input(1, 3, 3, 16)],
        WINDOW,
      ),
  ],
  FULLY_CONNECTED: [
    32,
    (n) => n.op('FULLY_CONNECTED', [n.input(2, 64), n.floats([32, 64]), n.floats([32])]),
  ],
  BATCH_MATMUL: [1, (n) => n.op('BATCH_MATMUL', [n.input(2, 3, 32), n.floats([2, 32, 20])])],
};

suite('dynamic range quantization', () => {
  for (const [op, [scales, build]] of Object.entries(WEIGHTED)) {
    test(`gives ${op} int8 weights that its kernels read`, () => {
      const { graph, tensors } = quantized(build);
      assert.deepEqual(opsOf(graph), [op]);
      assert.deepEqual(
        tensors.map((tensor) => [tensor.op, tensor.scales]),
        [[op, scales]],
      );
      const [node] = graph.nodes;
      const weights = graph.tensor(node!.inputs[1]!);
      assert.equal(weights.dtype, 'int8');
      assert.ok(
        !('asymmetricQuantizeInputs' in node!.options) || node!.options.asymmetricQuantizeInputs,
      );
      assertSame(graphOf(build), graph, 0.03);
    });
  }

  test('moves an int8 table and makes floats of the rows that are taken', () => {
    const build: Build = (n) =>
      n.op('GATHER', [n.floats([100, 16]), n.typed({ dtype: 'int32', shape: [3] })], { axis: 0 });
    const { graph } = quantized(build);
    assert.deepEqual(opsOf(graph), ['GATHER', 'DEQUANTIZE']);
    assert.equal(graph.tensor(graph.outputs[0]!).dtype, 'float32');
  });

  const dense = (n: Net, weights: TensorId) =>
    n.op('FULLY_CONNECTED', [n.input(2, 64), weights, null]);
  const kept: Readonly<Record<string, Build>> = {
    'weights under 1024 elements': (n) => dense(n, n.floats([15, 64])),
    'weights that something else reads as floats': (n) => {
      const weights = n.floats([64, 64]);
      return [dense(n, weights), n.op('ADD', [n.input(64, 64), weights])];
    },
    'weights that vary': (n) => n.op('BATCH_MATMUL', [n.input(2, 64), n.input(64, 64)]),
    'ops without a hybrid kernel': (n) => n.op('MUL', [n.input(64, 64), n.floats([64, 64])]),
  };
  for (const [name, build] of Object.entries(kept)) {
    test(`keeps float32: ${name}`, () => {
      const { graph, tensors } = quantized(build);
      assert.deepEqual(tensors, []);
      assert.deepEqual(opsOf(graph), opsOf(graphOf(build)));
    });
  }

  test('quantizes weights that two nodes share in both', () => {
    const { graph, tensors } = quantized((n) => {
      const weights = n.floats([64, 64]);
      return [dense(n, weights), dense(n, weights)];
    });
    assert.equal(tensors.length, 2);
    assert.ok(
      [...graph.tensors.values()].every(({ dtype, data }) => data === null || dtype === 'int8'),
    );
  });
});

suite('symmetric int8', () => {
  test('uses -127 to 127, the largest magnitude of each slice being 127', () => {
    const weights = Float32Array.of(-2, 1.01, 0.503, 0.1, -0.25, 0.2013, 0, 0, 0);
    const { elements, quantization } = quantizeSymmetric(weights, [3, 3], 0);
    assert.deepEqual([...elements], [-127, 64, 32, 51, -127, 102, 0, 0, 0]);
    assert.deepEqual([...quantization.scale], [2 / 127, 0.25 / 127, 1].map(Math.fround));
    assert.deepEqual([...quantization.zeroPoint], [0, 0, 0]);
    assert.equal(quantization.axis, 0);
  });

  test('keeps the steps of weights that are multiples of one', () => {
    const weights = Float32Array.of(-2, 1, 0.5, 0.1, -0.25, 0.2);
    const { elements, quantization } = quantizeSymmetric(weights, [2, 3], 0);
    weights.forEach((weight, index) => {
      const scale = quantization.scale[Math.floor(index / 3)]!;
      assert.ok(Math.abs(elements[index]! * scale - weight) < 1e-6, `${weight}`);
    });
  });

  test('slices along any dimension, or not at all', () => {
    const weights = Float32Array.of(1, 10.3, 2.01, 20.1, 4, 40);
    const columns = quantizeSymmetric(weights, [3, 2], 1);
    assert.deepEqual([...columns.quantization.scale], [4 / 127, 40 / 127].map(Math.fround));
    assert.deepEqual([...columns.elements], [32, 33, 64, 64, 127, 127]);
    assert.equal(quantizeSymmetric(weights, [3, 2], null).quantization.scale.length, 1);
  });

  test('is off by half a step at most', () => {
    const weights = Float32Array.from(
      { length: 4096 },
      (_, index) => Math.sin(index) * (1 + (index % 7)),
    );
    const { elements, quantization } = quantizeSymmetric(weights, [16, 256], 0);
    weights.forEach((weight, index) => {
      const scale = quantization.scale[index >> 8]!;
      assert.ok(Math.abs(elements[index]! * scale - weight) <= scale * 0.5001);
    });
  });
});

test('layers with the same weights have one int8 tensor between them', () => {
  const { graph } = quantized((n) => {
    const weights = n.floats([64, 64]);
    const layer = (x: TensorId) => n.op('FULLY_CONNECTED', [x, weights, null]);
    return layer(layer(n.input(2, 64)));
  });
  const stored = [...graph.tensors.values()].filter(({ dtype }) => dtype === 'int8');
  assert.equal(stored.length, 1);
});
