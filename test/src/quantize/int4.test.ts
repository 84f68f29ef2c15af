/** int4 weights, by channel and by block, and graphs whose nodes are stored in different ways. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { type ConvertOptions, convert } from '@linnet/converter';
import { Padding, read } from '@linnet/schema';
import type { Graph } from '../../../converter/dist/graph/graph.js';
import { RewriteLog } from '../../../converter/dist/passes/driver.js';
import {
  packWeights,
  quantizeBlocks,
  quantizeSymmetric,
} from '../../../converter/dist/quantize/affine.js';
import {
  type Precision,
  type QuantizeMode,
  type QuantizeOptions,
  quantize,
} from '../../../converter/dist/quantize/index.js';
import { assertSame, type Build, graphOf, opsOf } from '../passes/net.js';
import { fixturePath } from '../support/fixtures.js';
import { FIXTURES } from '../support/paths.js';

function quantized(build: Build, mode: QuantizeMode, options: QuantizeOptions = {}) {
  const graph = graphOf(build);
  const program = { graphs: [graph], signatures: [], metadata: [], description: '' };
  const log = new RewriteLog();
  const result = quantize(program, mode, log, { checkEveryPatch: true, ...options });
  return { ...result, graph: result.program.graphs[0] as Graph };
}

const dense: Build = (n) =>
  n.op('FULLY_CONNECTED', [n.input(2, 64), n.floats([32, 64]), n.floats([32])]);
const WINDOW = { padding: Padding.VALID, strideH: 1, strideW: 1 } as const;

suite('int4 weights', () => {
  test('use -7 to 7, the first of two in the low bits', () => {
    const weights = Float32Array.of(-7, 3.4, 0.6, 7, -1);
    const { elements, quantization } = quantizeSymmetric(weights, [1, 5], 0, 'int4');
    assert.deepEqual([...elements], [-7, 3, 1, 7, -1]);
    assert.deepEqual([...quantization.scale], [1]);
    assert.deepEqual([...packWeights(elements, 'int4')], [0x39, 0x71, 0x0f]);
  });

  test('in blocks have a float16 scale for each, and stay within their limits', () => {
    const weights = Float32Array.from({ length: 64 }, (_, i) => Math.sin(i) * (i < 32 ? 1 : 1e-3));
    const { elements, scales } = quantizeBlocks(weights, 32, 'int4');
    assert.equal(scales.length, 2);
    for (const start of [0, 32]) {
      const block = elements.subarray(start, start + 32);
      assert.equal(Math.max(...block.map(Math.abs)), 7);
    }
    assert.deepEqual(
      [...quantizeBlocks(new Float32Array(32), 32, 'int4').elements],
      new Array(32).fill(0),
    );
  });

  for (const blockSize of [undefined, 32, 64] as const) {
    test(`are read by fully connected ops, ${blockSize ?? 'a channel'} per scale`, () => {
      const { graph, tensors } = quantized(dense, 'int4', { ...(blockSize && { blockSize }) });
      assert.deepEqual(opsOf(graph), ['FULLY_CONNECTED']);
      const scales = blockSize === undefined ? 32 : (32 * 64) / blockSize;
      assert.deepEqual(
        tensors.map((tensor) => [tensor.dtype, tensor.scales]),
        [['int4', scales]],
      );
      assertSame(graphOf(dense), graph, 0.2);
    });
  }

  test('in blocks only where these divide a channel', () => {
    const odd: Build = (n) => n.op('FULLY_CONNECTED', [n.input(2, 40), n.floats([32, 40]), null]);
    const { tensors } = quantized(odd, 'int4', { blockSize: 32 });
    assert.equal(tensors[0]?.scales, 32);
  });

  test('become int8 where kernels read no int4', () => {
    const { tensors } = quantized(
      (n) => n.op('BATCH_MATMUL', [n.input(2, 3, 32), n.floats([2, 32, 20])]),
      'int4',
    );
    assert.deepEqual(
      tensors.map(({ dtype }) => dtype),
      ['int8'],
    );
  });

  test('stay int8 where outputs are made of few', () => {
    for (const [inner, dtype] of [
      [31, 'int8'],
      [32, 'int4'],
    ] as const) {
      const { tensors } = quantized(
        (n) => n.op('FULLY_CONNECTED', [n.input(2, inner), n.floats([40, inner]), null]),
        'int4',
      );
      assert.deepEqual(
        tensors.map((tensor) => tensor.dtype),
        [dtype],
      );
    }
  });

  for (const [mode, bias] of [
    ['int4', 'float32'],
    ['int8x4', 'int32'],
  ] as const) {
    test(`halve the files of ${mode}`, async () => {
      const calibration = { data: `${FIXTURES}/calibration.npz` };
      const options = mode === 'int8x4' ? { calibration } : {};
      const float = await convert(fixturePath('mlp/save'));
      const { bytes, report } = await convert(fixturePath('mlp/save'), {
        quantize: mode,
        ...options,
      });
      assert.ok(bytes.length < float.bytes.length / 6);
      assert.ok(report.quantized.every(({ dtype }) => dtype === 'int4'));
      const { tensors, operators } = read(bytes).subgraphs[0]!;
      const products = operators.filter(({ op }) => op === 'FULLY_CONNECTED');
      for (const { inputs, version } of products) {
        assert.equal(tensors[inputs[1]!]?.dtype, 'int4');
        assert.equal(tensors[inputs[2]!]?.dtype, bias);
        assert.ok(version >= 10);
      }
    });
  }

  const refused: Readonly<Record<string, ConvertOptions>> = {
    'blockSize is 48': { quantize: 'int4', blockSize: 48 as 32 },
    'dynamic has no weights in blocks': { quantize: 'dynamic', blockSize: 32 },
  };
  for (const [message, options] of Object.entries(refused)) {
    test(`refuse: ${message}`, () =>
      assert.rejects(convert(fixturePath('mlp/save'), options), {
        code: 'INVALID_ARGUMENT',
        message,
      }));
  }
});

suite('precisions of single nodes', () => {
  const two: Build = (n) => {
    const options = { ...WINDOW, depthMultiplier: 1 };
    const input = n.input(1, 5, 5, 64);
    const first = n.op('CONV_2D', [input, n.floats([32, 1, 1, 64]), n.floats([32])], WINDOW);
    const wide = n.op('DEPTHWISE_CONV_2D', [first, n.floats([1, 3, 3, 32]), null], options);
    return n.op('CONV_2D', [wide, n.floats([64, 1, 1, 32]), n.floats([64])], WINDOW);
  };
  const typesOf = (graph: Graph) =>
    [...graph.nodes]
      .filter(({ op }) => op.includes('CONV'))
      .map(({ inputs }) => {
        const [data, weights] = inputs.map((id) => (id === null ? undefined : graph.tensor(id)));
        const isHalf = weights !== undefined && graph.producer(weights.id) !== undefined;
        return `${data?.dtype} ${isHalf ? 'float16' : weights?.dtype}`;
      });

  const choices: readonly (readonly [QuantizeMode, readonly Precision[], readonly string[]])[] = [
    [
      'none',
      ['float16', 'float32', 'int4'],
      ['float32 float16', 'float32 float32', 'float32 int4'],
    ],
    ['int8', ['int8', 'float32', 'int8x4'], ['int8 int8', 'float32 float32', 'int8 int4']],
    ['int8', ['dynamic', 'int8', 'float16'], ['float32 int8', 'int8 int8', 'float32 float16']],
    ['int16x8', ['int16x8', 'float32', 'int4'], ['int16 int8', 'float32 float32', 'float32 int4']],
  ];
  for (const [mode, precisions, expected] of choices) {
    test(`${precisions.join(', ')} in mode ${mode}`, () => {
      const graph = graphOf(two);
      const range = { min: -400, max: 400 };
      const ranges = new Map([
        [graph, new Map([...graph.tensors.keys()].map((id) => [id, range]))],
      ]);
      const chosen = new Map([...graph.nodes].map(({ id }, i) => [id, precisions[i]!] as const));
      const program = { graphs: [graph], signatures: [], metadata: [], description: '' };
      const { program: made } = quantize(program, mode, new RewriteLog(), {
        ...(mode !== 'none' && { ranges }),
        precisions: new Map([[graph, chosen]]),
      });
      assert.deepEqual(typesOf(made.graphs[0] as Graph), expected);
    });
  }
});
