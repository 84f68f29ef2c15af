/** Steps of recovery on nets that are made to need them, and what is kept of them. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { type ConvertOptions, convert } from '@linnet/converter';
import { ActivationFunctionType, Padding } from '@linnet/schema';
import { calibrate } from '../../../converter/dist/calibrate/index.js';
import type { Sample } from '../../../converter/dist/data/index.js';
import { numberTensors, toModel } from '../../../converter/dist/emit/index.js';
import type { Graph, Program } from '../../../converter/dist/graph/graph.js';
import { RewriteLog } from '../../../converter/dist/passes/driver.js';
import { floats } from '../../../converter/dist/passes/match.js';
import { quantize } from '../../../converter/dist/quantize/index.js';
import { attentionScalings } from '../../../converter/dist/recover/attention-scaling.js';
import {
  affineScalings,
  applyScaling,
  linearScalings,
} from '../../../converter/dist/recover/channel-scaling.js';
import {
  RECOVERY_STEPS,
  type RecoveredGraph,
  type RecoveryStepName,
  recoverGraph,
} from '../../../converter/dist/recover/index.js';
import { seededRandom } from '../../../converter/dist/verify/random-inputs.js';
import { assertSame, type Build, graphOf, type Net } from '../passes/net.js';
import { fixturePath } from '../support/fixtures.js';
import { FIXTURES } from '../support/paths.js';

const { NONE, RELU, RELU6 } = ActivationFunctionType;
const SAME = { padding: Padding.SAME, strideH: 1, strideW: 1 } as const;
const POINT = { padding: Padding.VALID, strideH: 1, strideW: 1 } as const;

/** Numbers between -1 and 1, the same each time; those of every 8th channel times `outlier`. */
function weights(
  n: Net,
  shape: readonly number[],
  { axis = 0, outlier = 1 }: { axis?: number; outlier?: number } = {},
) {
  const random = seededRandom(shape.reduce((a, b) => 31 * a + b, 7));
  const inner = shape.slice(axis + 1).reduce((a, b) => a * b, 1);
  const count = shape.reduce((a, b) => a * b, 1);
  const values = Array.from({ length: count }, (_, i) => {
    const channel = Math.floor(i / inner) % shape[axis]!;
    return (channel % 8 === 0 ? outlier : 1) * (2 * random() - 1);
  });
  return n.floats(shape, values);
}

/** A first layer whose outputs have channels of very different ranges. */
const unequal: Build = (n) => {
  const first = n.op(
    'CONV_2D',
    [n.input(1, 6, 6, 3), weights(n, [16, 1, 1, 3], { outlier: 30 }), weights(n, [16])],
    { ...POINT, fusedActivationFunction: RELU },
  );
  const wide = n.op('DEPTHWISE_CONV_2D', [first, weights(n, [1, 3, 3, 16]), weights(n, [16])], {
    ...SAME,
    depthMultiplier: 1,
    fusedActivationFunction: RELU,
  });
  const pooled = n.op('MAX_POOL_2D', [wide], { ...POINT, filterWidth: 2, filterHeight: 2 });
  // Channels of large values are worth as much as the others, by weights that are small.
  const reduced = weights(n, [8, 1, 1, 16], { axis: 3, outlier: 1 / 30 });
  return n.op('CONV_2D', [pooled, reduced, weights(n, [8])], POINT);
};

/** Inputs that are all positive, so that errors of weights do not average out. */
const dense: Build = (n) => {
  const hidden = n.op('FULLY_CONNECTED', [n.input(1, 64), weights(n, [48, 64]), weights(n, [48])], {
    fusedActivationFunction: RELU,
  });
  return n.op('FULLY_CONNECTED', [hidden, weights(n, [10, 48]), null]);
};

function programOf(graph: Graph): Program {
  const inputNames = graph.inputs.map((_, i) => `in${i}`);
  const outputNames = graph.outputs.map((_, i) => `out${i}`);
  const signatures = [{ key: 'main', graph, inputNames, outputNames }];
  return { graphs: [graph], signatures, metadata: [], description: '' };
}

function samplesOf(graph: Graph, count: number): readonly Sample[] {
  const random = seededRandom(5);
  const { shape } = graph.tensor(graph.inputs[0]!);
  const size = shape.reduce((a, b) => a * b, 1);
  return Array.from({ length: count }, () => {
    const level = random();
    const data = Float32Array.from({ length: size }, () => level + 0.5 * random());
    return { in0: { dtype: 'float32', shape, data } };
  });
}

async function recover(
  build: Build,
  steps: readonly RecoveryStepName[],
  mode: 'int8' | 'dynamic' = 'int8',
): Promise<RecoveredGraph & { readonly original: Graph }> {
  const original = graphOf(build);
  const program = programOf(original);
  const samples = samplesOf(original, 24);
  const rangesOf = async (own: Program, graph: Graph) => {
    const { ranges } = await calibrate(toModel(own), samples, { signature: 'main' });
    return new Map(
      [...numberTensors(graph)].flatMap(([id, i]) => {
        const range = ranges.get(i);
        return range === undefined ? [] : [[id, range] as const];
      }),
    );
  };
  const ranges = mode === 'int8' ? await rangesOf(program, original) : undefined;
  const input = { program, index: 0, signature: 'main', samples, ranges };
  const recovered = await recoverGraph(input, {
    steps,
    quantize: (own, known) => quantize(own, mode, new RewriteLog(), { ranges: known }).program,
    ...(mode === 'int8' && { calibrate: rangesOf }),
  });
  return { ...recovered, original };
}

/** Self-attention of two heads, with queries whose channels have very different ranges. */
const attention: Build = (n) => {
  const input = n.input(1, 6, 16);
  const headsOf = (outlier: number, permutation: readonly number[]) => {
    const made = n.op('FULLY_CONNECTED', [
      input,
      weights(n, [16, 16], { outlier }),
      weights(n, [16], { outlier }),
    ]);
    return n.op('TRANSPOSE', [n.op('RESHAPE', [made, n.ints(1, 6, 2, 8)]), n.ints(...permutation)]);
  };
  const [queries, keys] = [headsOf(20, [0, 2, 1, 3]), headsOf(1 / 20, [0, 2, 3, 1])];
  const scores = n.op('SOFTMAX', [n.op('BATCH_MATMUL', [queries, keys])], { beta: 0.1 });
  const heads = n.op('BATCH_MATMUL', [scores, headsOf(20, [0, 2, 1, 3])]);
  const joined = n.op('RESHAPE', [
    n.op('TRANSPOSE', [heads, n.ints(0, 2, 1, 3)]),
    n.ints(1, 6, 16),
  ]);
  const reader = weights(n, [4, 16], { axis: 1, outlier: 1 / 20 });
  return n.op('FULLY_CONNECTED', [joined, reader, weights(n, [4])]);
};

suite('recovery', () => {
  test('equalizes channels across layers without changing the float model', async () => {
    const { original, graph, records } = await recover(unequal, ['equalize']);
    const [record] = records;
    assert.equal(record?.changed, '2 pairs of layers');
    assert.ok(record.kept && record.after.sqnr > record.before.sqnr + 3);
    assertSame(original, graph, 1e-5);
  });

  test('smooths attention without changing the float model', async () => {
    const { original, graph, records } = await recover(attention, ['smooth']);
    const [record] = records;
    assert.equal(record?.changed, '2 values of attention blocks');
    assert.ok(record.kept && record.after.sqnr > record.before.sqnr + 3);
    assertSame(original, graph, 1e-5);
  });

  test('rounds weights such that each layer errs less on samples held back', async () => {
    for (const mode of ['int8', 'dynamic'] as const) {
      for (const build of [dense, unequal]) {
        const { records, graph, original } = await recover(build, ['round'], mode);
        const [record] = records;
        // Dynamic quantization leaves small weights alone.
        if (record?.changed === null) continue;
        assert.ok(record && record.layers.length > 0);
        for (const { before, after } of record.layers) assert.ok(after < before);
        assert.equal(record.kept, record.after.error < record.before.error);
        if (!record.kept) assert.equal(graph, original);
      }
    }
  });

  test('takes the mean error of quantization off the biases', async () => {
    // Weights that are all rounded up, and inputs that are all positive.
    const build: Build = (n) => {
      const values = Array.from({ length: 8 * 32 }, (_, i) => (i % 32 === 0 ? 127 : (i % 7) + 0.6));
      return n.op('FULLY_CONNECTED', [n.input(1, 32), n.floats([8, 32], values), null]);
    };
    const { original, graph, records } = await recover(build, ['bias']);
    assert.ok(records[0]?.kept);
    assert.ok(records[0].after.sqnr > records[0].before.sqnr + 6);
    assert.equal(floats(original, [...original.nodes][0]!.inputs[2]), undefined);
    const bias = floats(graph, [...graph.nodes][0]!.inputs[2])!;
    // Each of 31 weights is 0.4 too large, inputs are 0.75 on average.
    for (const value of bias) assert.ok(Math.abs(value + 31 * 0.4 * 0.75) < 1.5, `${value}`);
  });

  test('keeps nothing that does not help, and says so', async () => {
    const { original, graph, records } = await recover(
      (n) => n.op('RELU', [n.input(1, 8)]),
      Object.keys(RECOVERY_STEPS) as RecoveryStepName[],
    );
    assert.equal(graph, original);
    assert.deepEqual(
      records.map(({ changed, kept }) => [changed, kept]),
      records.map(() => [null, false]),
    );
  });
});

suite('channels are scaled', () => {
  const scaled: Readonly<Record<string, Build>> = {
    'through pools, means and reshapes': (n) => {
      const made = n.op('CONV_2D', [n.input(1, 4, 4, 2), n.floats([3, 1, 1, 2]), n.floats([3])], {
        ...POINT,
        fusedActivationFunction: RELU,
      });
      const pooled = n.op('AVERAGE_POOL_2D', [made], { ...POINT, filterWidth: 3, filterHeight: 3 });
      const flat = n.op('RESHAPE', [pooled, n.ints(1, 12)]);
      return n.op('FULLY_CONNECTED', [flat, n.floats([5, 12]), null]);
    },
    'into depthwise convolutions with several outputs per channel': (n) => {
      const made = n.op('CONV_2D', [n.input(1, 4, 4, 2), n.floats([3, 1, 1, 2]), null], POINT);
      return n.op('DEPTHWISE_CONV_2D', [made, n.floats([1, 3, 3, 6]), n.floats([6])], {
        ...SAME,
        depthMultiplier: 2,
      });
    },
    'into several readers': (n) => {
      const made = n.op('FULLY_CONNECTED', [n.input(2, 4), n.floats([6, 4]), n.floats([6])]);
      return [
        n.op('FULLY_CONNECTED', [made, n.floats([3, 6]), null]),
        n.op('FULLY_CONNECTED', [
          n.op('LEAKY_RELU', [made], { alpha: 0.1 }),
          n.floats([2, 6]),
          null,
        ]),
      ];
    },
  };
  for (const [name, build] of Object.entries(scaled)) {
    test(`${name}, and all computes the same`, () => {
      const graph = graphOf(build);
      const [scaling] = linearScalings(graph);
      assert.ok(scaling);
      const factors = Float64Array.from({ length: scaling.channels }, (_, i) => 0.3 + 1.7 * i);
      assertSame(graph, applyScaling(graph, scaling, factors), 1e-5);
    });
  }

  test('after a normalization, by its factors and offsets', () => {
    const graph = graphOf((n) => {
      const product = n.op('MUL', [n.input(2, 6), n.floats([6])]);
      const made = n.op('ADD', [product, n.floats([6])]);
      return [
        n.op('FULLY_CONNECTED', [made, n.floats([3, 6]), null]),
        n.op('FULLY_CONNECTED', [made, n.floats([4, 6]), n.floats([4])]),
      ];
    });
    const [scaling] = affineScalings(graph);
    assert.ok(scaling);
    const factors = Float64Array.from({ length: 6 }, (_, i) => 0.3 + 1.7 * i);
    assertSame(graph, applyScaling(graph, scaling, factors), 1e-5);
  });

  test('between queries and keys, and from values to what reads the heads', () => {
    const graph = graphOf(attention);
    const scalings = attentionScalings(graph);
    assert.equal(scalings.length, 2);
    for (const scaling of scalings) {
      const factors = Float64Array.from({ length: 16 }, (_, i) => 0.3 + 0.2 * i);
      assertSame(graph, applyScaling(graph, scaling, factors), 1e-5);
    }
  });

  const kept: Readonly<Record<string, Build>> = {
    'a clipped activation': (n) => {
      const made = n.op('FULLY_CONNECTED', [n.input(2, 4), n.floats([6, 4]), n.floats([6])], {
        fusedActivationFunction: RELU6,
      });
      return n.op('FULLY_CONNECTED', [made, n.floats([3, 6]), null]);
    },
    'a reader that is not linear': (n) => {
      const made = n.op('FULLY_CONNECTED', [n.input(2, 4), n.floats([6, 4]), n.floats([6])], {
        fusedActivationFunction: NONE,
      });
      return [n.op('FULLY_CONNECTED', [made, n.floats([3, 6]), null]), n.op('TANH', [made])];
    },
    'weights that something else reads': (n) => {
      const shared = n.floats([6, 6]);
      const made = n.op('FULLY_CONNECTED', [n.input(2, 6), shared, n.floats([6])]);
      return n.op('FULLY_CONNECTED', [made, shared, null]);
    },
    'an output of the model': (n) => {
      const made = n.op('FULLY_CONNECTED', [n.input(2, 4), n.floats([6, 4]), n.floats([6])]);
      return [made, n.op('FULLY_CONNECTED', [made, n.floats([3, 6]), null])];
    },
  };
  for (const [name, build] of Object.entries(kept)) {
    test(`not across ${name}`, () => assert.deepEqual(linearScalings(graphOf(build)), []));
  }
});

suite('recovery by convert', () => {
  const data = `${FIXTURES}/calibration.npz`;

  test('lowers the error of int8 models, says by what, and gives the same bytes each time', async () => {
    const options = { quantize: 'int8', calibration: { data }, recover: 'auto' } as const;
    const [first, second] = await Promise.all(
      [1, 2].map(() => convert(fixturePath('cnn/save'), options)),
    );
    const { bytes, report } = first!;
    assert.deepEqual(bytes, second!.bytes);
    assert.deepEqual(
      report.recovery.map(({ step }) => step),
      Object.keys(RECOVERY_STEPS),
    );
    const kept = report.recovery.filter(({ kept }) => kept);
    assert.ok(kept.some(({ step }) => step === 'round'));
    for (const { before, after } of kept) assert.ok(after.error < before.error);
  });

  test('can be cancelled', async () => {
    const abort = new AbortController();
    const conversion = convert(fixturePath('mlp/save'), {
      quantize: 'int8',
      calibration: { data },
      recover: 'auto',
      signal: abort.signal,
      onProgress: ({ stage }) => stage.startsWith('recovering: round') && abort.abort(),
    });
    await assert.rejects(conversion, { code: 'ABORTED' });
  });

  const image = { dtype: 'float32', shape: [1, 8, 8, 1], data: new Float32Array(64) } as const;
  const refused: Readonly<Record<string, [ConvertOptions, RegExp]>> = {
    'without data': [{ quantize: 'dynamic', recover: 'auto' }, /recovery needs calibration data/],
    'where nothing is rounded': [
      { quantize: 'float16', calibration: { data }, recover: 'auto' },
      /float16 has nothing to recover/,
    ],
    'by unknown steps': [
      { quantize: 'int8', calibration: { data }, recover: ['magic' as 'bias'] },
      /recover is magic/,
    ],
    'by two samples': [
      {
        quantize: 'int8',
        calibration: { data: [{ inputs: image }, { inputs: image }] },
        recover: 'auto',
      },
      /there are only 2 samples/,
    ],
    'by samples that come once': [
      {
        quantize: 'dynamic',
        calibration: { data: [{ inputs: image }].values() },
        recover: 'auto',
      },
      /can be walked only once/,
    ],
  };
  for (const [name, [options, message]] of Object.entries(refused)) {
    test(`is refused ${name}`, () =>
      assert.rejects(convert(fixturePath('cnn/save'), options), {
        code: 'INVALID_ARGUMENT',
        message,
      }));
  }
});
