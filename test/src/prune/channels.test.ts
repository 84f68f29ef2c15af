/** Channels that are removed: what is left computes what the whole does without them. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { convert } from '@linnet/converter';
import { loadModel } from '@linnet/runtime-web';
import { ActivationFunctionType, Padding, read } from '@linnet/schema';
import { checkGraph } from '../../../converter/dist/graph/check.js';
import { cloneProgram } from '../../../converter/dist/graph/clone.js';
import type { Graph, Program, TensorId } from '../../../converter/dist/graph/graph.js';
import { chooseChannels } from '../../../converter/dist/prune/channels/choose.js';
import { ChannelMap } from '../../../converter/dist/prune/channels/map.js';
import { ChannelReader } from '../../../converter/dist/prune/channels/reader.js';
import { removeChannels } from '../../../converter/dist/prune/channels/shrink.js';
import { findLayers, setFloats } from '../../../converter/dist/prune/layers.js';
import { ReferenceModel } from '../../../converter/dist/reference/model.js';
import { seededRandom } from '../../../converter/dist/verify/random-inputs.js';
import { assertSame, graphOf, type Net } from '../passes/net.js';
import { fixturePath } from '../support/fixtures.js';
import { FIXTURES } from '../support/paths.js';

const SEEDS = Array.from({ length: 40 }, (_, i) => 100 + i);
const SIZE = 4;

/** Ways to make an image [1, SIZE, SIZE, channels] of others. */
const STEPS: Record<
  string,
  (net: Net, images: readonly TensorId[], pick: () => TensorId, count: number) => TensorId
> = {
  convolution: (net, _, pick, count) => convolution(net, pick(), count, 3),
  pointwise: (net, _, pick, count) => convolution(net, pick(), count, 1),
  depthwise: (net, _, pick) => {
    const x = pick();
    const channels = net.shape(x).at(-1)!;
    const filter = net.floats([1, 3, 3, 2 * channels]);
    return net.op('DEPTHWISE_CONV_2D', [x, filter, net.floats([2 * channels])], {
      padding: Padding.SAME,
      depthMultiplier: 2,
      strideH: 1,
      strideW: 1,
    });
  },
  residual: (net, _, pick) => {
    const x = pick();
    return net.op('ADD', [x, convolution(net, x, net.shape(x).at(-1)!, 3)]);
  },
  gate: (net, _, pick) => {
    const x = pick();
    const channels = net.shape(x).at(-1)!;
    const mean = net.op('MEAN', [x, net.ints(1, 2)], { keepDims: true });
    const gate = net.op('LOGISTIC', [convolution(net, mean, channels, 1)]);
    return net.op('MUL', [x, gate]);
  },
  scale: (net, _, pick) => {
    const x = pick();
    return net.op('MUL', [x, net.floats([net.shape(x).at(-1)!])]);
  },
  activation: (net, _, pick) => net.op('HARD_SWISH', [pick()]),
  pool: (net, _, pick) =>
    net.op('MAX_POOL_2D', [pick()], {
      padding: Padding.SAME,
      filterHeight: 2,
      filterWidth: 2,
      strideH: 1,
      strideW: 1,
    }),
  join: (net, _, pick) => net.op('CONCATENATION', [pick(), pick()], { axis: 3 }),
  halves: (net, _, pick, count) => {
    const whole = convolution(net, pick(), 2 * count, 1);
    const [a, b] = net.ops('SPLIT', [net.ints(3), whole], { numSplits: 2 });
    return net.op('MUL', [a!, net.op('LOGISTIC', [b!])]);
  },
  normalized: (net, _, pick) => net.op('SOFTMAX', [pick()], { beta: 1 }),
};

function convolution(net: Net, x: TensorId, count: number, window: number): TensorId {
  const filter = net.floats([count, window, window, net.shape(x).at(-1)!]);
  return net.op('CONV_2D', [x, filter, net.floats([count])], {
    padding: Padding.SAME,
    strideH: 1,
    strideW: 1,
    fusedActivationFunction: ActivationFunctionType.RELU6,
  });
}

/** A classifier of random steps that ends in flattened images, or in their means. */
function randomGraph(seed: number): Graph {
  const random = seededRandom(seed);
  const below = (limit: number) => Math.floor(random() * limit);
  return graphOf((net) => {
    const images = [convolution(net, net.input(1, SIZE, SIZE, 2), 3 + below(6), 3)];
    const pick = () => images[Math.max(0, images.length - 1 - below(3))]!;
    const names = Object.keys(STEPS);
    for (let step = 0; step < 6; step++) {
      const name = names[below(names.length)]!;
      images.push(STEPS[name]!(net, images, pick, 2 + below(6)));
    }
    const last = images.at(-1)!;
    const channels = net.shape(last).at(-1)!;
    const isFlat = random() < 0.5;
    const width = isFlat ? SIZE * SIZE * channels : channels;
    const rows = isFlat
      ? net.op('RESHAPE', [last, net.ints(1, width)], { newShape: [1, width] })
      : net.op('MEAN', [last, net.ints(1, 2)]);
    return net.op('FULLY_CONNECTED', [rows, net.floats([5, width]), net.floats([5])]);
  });
}

function programOf(graph: Graph): Program {
  const signature = { key: 'main', graph, inputNames: ['x'], outputNames: ['y'] };
  return { graphs: [graph], signatures: [signature], metadata: [], description: '' };
}

suite('channels', () => {
  for (const seed of SEEDS) {
    test(`random net of seed ${seed}: as the whole with zeros where the channels are read`, () => {
      const whole = programOf(randomGraph(seed));
      const shrunk = cloneProgram(whole);
      const layers = findLayers(shrunk);
      const map = new ChannelMap(shrunk, layers);
      const readers = layers.map((layer) => {
        const values = new Float64Array(layer.columns).fill(1);
        return new ChannelReader(map.ofLayer(layer), { kind: 'diagonal', values }, 1);
      });
      const total = readers.reduce((sum, { size }) => sum + size, 0);
      const gone = chooseChannels(map, readers, total / 2, undefined);
      removeChannels(shrunk, map, gone);
      const [graph] = shrunk.graphs;
      checkGraph(graph!);
      // The reader's weights are the whole layer's, with zeros for inputs that went.
      for (const [index, { sites }] of findLayers(whole).entries()) {
        const weights = Float32Array.from(readers[index]!.weights);
        for (const site of sites) setFloats(site.graph, site.weights, weights);
      }
      assertSame(whole.graphs[0]!, graph!);
      const left = findLayers(shrunk).reduce((sum, { weights }) => sum + weights.length, 0);
      assert.equal(
        left,
        readers.reduce((sum, { size }) => sum + size, 0),
      );
      assert.ok(gone.size === 0 || left < total, `${left} of ${total}`);
    });
  }

  const calibration = { data: `${FIXTURES}/calibration.npz` };
  for (const [net, quantize] of [
    ['cnn/save', 'int8'],
    ['mobilenet_v2/save', 'none'],
  ] as const) {
    test(`${net}, ${quantize}: smaller, and computes what the report says`, async () => {
      const prune = { sparsity: 0.3, pattern: 'channels' } as const;
      const [dense, pruned] = await Promise.all([
        convert(fixturePath(net), { quantize, ...(quantize === 'int8' && { calibration }) }),
        convert(fixturePath(net), { quantize, calibration, prune }),
      ]);
      const { pruning } = pruned.report;
      assert.ok(pruning && pruning.zeros >= 0.3 && pruning.zeros < 0.4, `${pruning?.zeros}`);
      assert.ok(pruning.error !== null && pruning.error < 0.1, `${pruning.error}`);
      assert.ok(pruned.bytes.length < 0.9 * dense.bytes.length, `${pruned.bytes.length}`);
      using model = await loadModel(pruned.bytes, { backend: 'wasm' });
      const [{ name, shape }] = model.inputs as [(typeof model.inputs)[number]];
      const data = Float32Array.from({ length: 64 }, (_, i) => ((37 * i) % 64) / 64);
      const given = { [name]: { dtype: 'float32', shape: [1, ...shape.slice(1)], data } } as const;
      const outputs = [await model.run(given), new ReferenceModel(read(pruned.bytes)).run(given)];
      const [ours, reference] = outputs.map(
        (named) => Object.values(named)[0]!.data as Float32Array,
      );
      ours!.forEach((value, i) => {
        assert.ok(Math.abs(value - reference![i]!) < 0.01, `${value}`);
      });
    });
  }

  test('without samples by magnitude', async () => {
    const prune = { sparsity: 0.2, pattern: 'channels' } as const;
    const { report } = await convert(fixturePath('cnn/save'), { prune });
    assert.ok(report.pruning && report.pruning.zeros >= 0.2);
    assert.ok(report.pruning.layers.every(({ method }) => method === 'magnitude'));
  });

  for (const [what, net, more, message] of [
    ['a net all of whose channels are bound', 'row_lstm/save', {}, /no channel .* can be removed/],
    ['channels uniformly', 'cnn/save', { uniform: true }, /not pruned uniformly/],
  ] as const) {
    test(`refuses ${what}`, async () => {
      const prune = { sparsity: 0.3, pattern: 'channels', ...more } as const;
      await assert.rejects(convert(fixturePath(net), { prune }), message);
    });
  }
});
