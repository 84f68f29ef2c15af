/** Pruning of whole models: what becomes zero, what is reported, what is refused. */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { suite, test } from 'node:test';
import { type ConvertOptions, convert, LinnetError, type PruneOptions } from '@linnet/converter';
import { loadModel } from '@linnet/runtime-web';
import { read } from '@linnet/schema';
import { write } from '@linnet/schema/write';
import { ReferenceModel } from '../../../converter/dist/reference/model.js';
import { fixturePath } from '../support/fixtures.js';
import { linnet, temporaryFolder } from '../support/linnet.js';
import { FIXTURES } from '../support/paths.js';

const IMAGE = Float32Array.from({ length: 64 }, (_, i) => ((37 * i) % 64) / 64);
const calibration = { data: `${FIXTURES}/calibration.npz` };

function pruned(net: string, prune: PruneOptions, options: ConvertOptions = {}) {
  return convert(fixturePath(net), { prune, calibration, ...options });
}

/** The part of the weights of each convolution and fully connected node of a file that is zero. */
function zerosOf(bytes: Uint8Array): Map<string, number> {
  const { tensors, operators } = read(bytes).subgraphs[0]!;
  const made = new Map(operators.map((node) => [node.outputs[0], node]));
  const weighted = operators.filter(({ op }) => op === 'CONV_2D' || op === 'FULLY_CONNECTED');
  return new Map(
    weighted.map(({ inputs }) => {
      const densify = made.get(inputs[1]);
      const { name, dtype, shape, data } = tensors[densify?.inputs[0] ?? inputs[1]!]!;
      const size = dtype === 'int8' ? 1 : 4;
      const elements = shape.reduce((a, b) => a * b, 1);
      // Stored sparsely, there are no zeros.
      let zeros = elements - data!.length / size;
      for (let i = 0; i < data!.length; i += size) {
        if (data!.subarray(i, i + size).every((byte) => byte === 0)) zeros++;
      }
      return [name, zeros / elements];
    }),
  );
}

/** The file with ops that read sparse weights themselves, as TensorFlow's converter writes it. */
function withoutDensify(bytes: Uint8Array): Uint8Array {
  const model = read(bytes);
  const subgraphs = model.subgraphs.map((subgraph) => {
    const { operators } = subgraph;
    const densified = new Map(
      operators
        .filter(({ op }) => op === 'DENSIFY')
        .map(({ inputs, outputs }) => [outputs[0]!, inputs[0]!]),
    );
    const kept = operators.filter(({ op }) => op !== 'DENSIFY');
    const rewired = kept.map((node) => ({
      ...node,
      inputs: node.inputs.map((index) => densified.get(index) ?? index),
    }));
    return { ...subgraph, operators: rewired };
  });
  return write({ ...model, subgraphs });
}

suite('prune', () => {
  for (const quantize of ['none', 'int8'] as const) {
    test(`uniformly, ${quantize}: zeros stay zeros`, async () => {
      const options = { sparsity: 0.5, pattern: '2:4', uniform: true } as const;
      const { bytes, report } = await pruned('cnn/save', options, { quantize });
      assert.equal(report.pruning?.layers.length, 3);
      for (const [name, zeros] of zerosOf(bytes)) assert.ok(zeros >= 0.44, `${name}: ${zeros}`);
    });
  }

  test('by sensitivity: the total is what was asked for, the layers differ', async () => {
    const { bytes, report } = await pruned('cnn/save', { sparsity: 0.5 });
    const { pruning } = report;
    assert.ok(pruning && Math.abs(pruning.zeros - 0.5) < 0.01, `${pruning?.zeros}`);
    assert.ok(pruning.error !== null && pruning.error < 0.05, `${pruning.error}`);
    const zeros = [...zerosOf(bytes).values()];
    assert.ok(Math.max(...zeros) > Math.min(...zeros) + 0.1, `${zeros}`);
    pruning.layers.forEach(({ sparsity }, index) => {
      assert.ok(Math.abs(sparsity - zeros[index]!) < 1e-9);
    });
  });

  for (const [quantize, sparsity, isSmaller] of [
    ['none', 0.5, true],
    ['int8', 0.5, false],
    ['int8', 0.8, false],
    ['dynamic', 0.8, false],
  ] as const) {
    test(`${quantize} at ${sparsity}: stored without zeros only where that is smaller`, async () => {
      const dense = await convert(fixturePath('mlp/save'), {
        quantize,
        ...(quantize === 'int8' && { calibration }),
      });
      const prune = { sparsity, method: 'magnitude' } as const;
      const { bytes, report } = await convert(fixturePath('mlp/save'), {
        quantize,
        prune,
        ...(quantize === 'int8' && { calibration }),
      });
      assert.equal(report.sparse!.tensors > 0, isSmaller);
      assert.equal(bytes.length < 0.95 * dense.bytes.length, isSmaller, `${bytes.length}`);
      const given = { inputs: { dtype: 'float32', shape: [1, 8, 8, 1], data: IMAGE } } as const;
      using model = await loadModel(bytes, { backend: 'wasm' });
      const outputs = [await model.run(given), new ReferenceModel(read(bytes)).run(given)].map(
        (named) => Object.values(named)[0]!.data as Float32Array,
      );
      outputs[0]!.forEach((value, i) => {
        assert.ok(Math.abs(value - outputs[1]![i]!) < 0.01, `${value}`);
      });
    });
  }

  test('weights that several nodes share make no file larger', async () => {
    const [dense, pruned] = await Promise.all(
      [{}, { prune: { sparsity: 0.5 } }].map((options) =>
        convert(fixturePath('row_lstm/save'), options),
      ),
    );
    assert.ok(pruned!.bytes.length <= dense!.bytes.length, `${pruned!.bytes.length}`);
  });

  test('what a file stores sparsely is weights like any others, through DENSIFY or without', async () => {
    const prune = { sparsity: 0.5, method: 'magnitude' } as const;
    const { bytes } = await convert(fixturePath('mlp/save'), { prune });
    const atOnce = await convert(fixturePath('mlp/save'), { prune, quantize: 'dynamic' });
    for (const stored of [bytes, withoutDensify(bytes)]) {
      const again = await convert(stored);
      assert.ok(again.report.sparse!.tensors > 0);
      assert.ok(again.bytes.length < 1.01 * bytes.length, `${again.bytes.length}`);
      const { bytes: smaller, report } = await convert(stored, { quantize: 'dynamic' });
      assert.equal(report.quantized.length, atOnce.report.quantized.length);
      assert.ok(smaller.length < 1.02 * atOnce.bytes.length, `${smaller.length}`);
    }
  });

  test('depthwise convolutions keep their weights, and make up for those of others', async () => {
    const depthwise = (bytes: Uint8Array) => {
      const { tensors, operators } = read(bytes).subgraphs[0]!;
      return operators
        .filter(({ op }) => op === 'DEPTHWISE_CONV_2D')
        .map(({ inputs }) => tensors[inputs[1]!]!.data!);
    };
    const [dense, sparse] = await Promise.all([
      convert(fixturePath('separable/save')),
      pruned('separable/save', { sparsity: 0.5 }),
    ]);
    const [before, after] = [depthwise(dense.bytes), depthwise(sparse.bytes)];
    assert.equal(after.length, before.length);
    assert.notDeepEqual(after, before);
    for (const data of after) {
      const weights = new Float32Array(data.slice().buffer);
      assert.ok(weights.every((weight) => weight !== 0 && Number.isFinite(weight)));
    }
    assert.ok(sparse.report.pruning!.layers.every(({ op }) => op !== 'DEPTHWISE_CONV_2D'));
  });

  test('the same again gives the same bytes', async () => {
    const [first, second] = await Promise.all(
      [1, 2].map(() => pruned('cnn/save', { sparsity: 0.6 })),
    );
    assert.deepEqual(first?.bytes, second?.bytes);
  });

  test('without samples by magnitude', async () => {
    const options = { prune: { sparsity: 0.5 } };
    const { report } = await convert(fixturePath('mlp/save'), options);
    assert.ok(report.pruning?.layers.every(({ method }) => method === 'magnitude'));
    assert.ok(report.pruning && Math.abs(report.pruning.zeros - 0.5) < 0.01);
    assert.equal(report.pruning.error, null);
  });

  const weights = (sparsity: number, more: Partial<PruneOptions> = {}) => ({ sparsity, ...more });
  for (const [what, options, message] of [
    ['a sparsity of 1.5', { prune: weights(1.5) }, /sparsity to prune to is 1.5/],
    ['a sparsity that is no number', { prune: weights(Number.NaN) }, /is NaN/],
    ['an unknown pattern', { prune: weights(0.5, { pattern: '3:4' as never }) }, /pattern.* 3:4/],
    ['an unknown method', { prune: weights(0.5, { method: 'luck' as never }) }, /method.* luck/],
    ['too little for a pattern', { prune: weights(0.3, { pattern: '2:4' }) }, /too little/],
    ['a method without data', { prune: weights(0.5, { method: 'obs' }) }, /needs calibration data/],
  ] as const) {
    test(`refuses ${what}`, async () => {
      await assert.rejects(convert(fixturePath('cnn/save'), options), (error) => {
        assert.ok(error instanceof LinnetError);
        assert.equal(error.code, 'INVALID_ARGUMENT');
        assert.match(error.message, message);
        return true;
      });
    });
  }

  test('refuses a model without layers, and samples that can be walked only once', async () => {
    const zoo = fixturePath('zoo/pooling');
    await assert.rejects(convert(zoo, { prune: { sparsity: 0.5 } }), /no layer that can be pruned/);
    const samples = (function* () {})();
    await assert.rejects(
      pruned('cnn/save', { sparsity: 0.5 }, { calibration: { data: samples } }),
      /only once/,
    );
  });

  test('command line: reports the layers; writes nothing when it refuses', () => {
    using folder = temporaryFolder();
    const output = folder.path('pruned.tflite');
    const args = ['convert', fixturePath('cnn/save'), '-o', output];
    const data = ['--calibration-data', calibration.data];
    const { status, out } = linnet(...args, '--prune', '0.5', '--prune-pattern', '4x1', ...data);
    assert.equal(status, 0);
    assert.match(out, /layers' weights pruned \(4x1\)/);
    assert.match(out, /CONV_2D .* obs +[\d.]+ %/);
    for (const [wrong, expected] of [
      [['--prune', '1.5'], /more than 0 and less than 1/],
      [['--prune', '0.5', '--prune-pattern', '3:4'], /Allowed choices/],
      [['--prune-pattern', '2:4'], /go with --prune/],
    ] as const) {
      const refused = folder.path('refused.tflite');
      const result = linnet('convert', fixturePath('cnn/save'), '-o', refused, ...wrong);
      assert.equal(result.status, 2);
      assert.match(result.messages, expected);
      assert.ok(!existsSync(refused));
    }
  });
});
