/** Quantization of activations as the model runs: WebGPU's results are WASM's, bit by bit. */
import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import { type AffineQuantization, Padding } from '@linnet/schema';
import { Random } from '../kernels/random.js';
import { file, graph, node, tensor } from '../runtime/models.js';
import type { Elements } from '../support/outputs.js';
import { openReference, openWasm } from '../support/runs.js';
import { Chromium } from './chromium.js';
import { pack, unpack } from './parcel.js';

type Shape = readonly [rows: number, depth: number];

const int8 = (values: Iterable<number>) => Int8Array.from(values);

function affine(scale: Float32Array): AffineQuantization {
  return { kind: 'affine', scale, zeroPoint: new Int32Array(scale.length), axis: 0 };
}

/** y = x w + b, each row of x quantized on its own; w is [units, depth]. */
function product(
  [rows, depth]: Shape,
  weights: Int8Array,
  scales: Float32Array,
  bias: Float32Array,
): Uint8Array {
  const units = weights.length / depth;
  return file([
    graph({
      tensors: [
        tensor('x', 'float32', [rows, depth]),
        { ...tensor('w', 'int8', [units, depth], weights), quantization: affine(scales) },
        tensor('b', 'float32', [units], bias),
        tensor('y', 'float32', [rows, units]),
      ],
      operators: [node('FULLY_CONNECTED', [0, 1, 2], [3], { asymmetricQuantizeInputs: true })],
      inputs: [0],
      outputs: [3],
    }),
  ]);
}

/** y = the bytes of x, times their scale, with `rows` images that are quantized each on its own. */
function identity([rows, depth]: Shape, channels: number): Uint8Array {
  const width = depth / channels;
  const weights = int8(
    Array.from({ length: channels ** 2 }, (_, i) => (i % (channels + 1) === 0 ? 1 : 0)),
  );
  return file([
    graph({
      tensors: [
        tensor('x', 'float32', [rows, 1, width, channels]),
        {
          ...tensor('w', 'int8', [channels, 1, 1, channels], weights),
          quantization: affine(new Float32Array(channels).fill(1)),
        },
        tensor('b', 'float32', [channels], new Float32Array(channels)),
        tensor('y', 'float32', [rows, 1, width, channels]),
      ],
      operators: [
        node('CONV_2D', [0, 1, 2], [3], { padding: Padding.VALID, strideH: 1, strideW: 1 }),
      ],
      inputs: [0],
      outputs: [3],
    }),
  ]);
}

/** The float32 next to x, away from 0 or towards it. */
function beside(x: number, away: boolean): number {
  const bits = new Int32Array(Float32Array.of(x).buffer);
  bits[0] = (bits[0] as number) + (away ? 1 : -1);
  return new Float32Array(bits.buffer)[0] as number;
}

/**
 * A row whose scale is a float32 of few bits, so that the middles of two integers are float32, too: some
 * elements are such, some beside one, some anywhere.
 */
function tiedRow(random: Random, depth: number): Float32Array {
  const scale = (2 * random.integer(0, 2 ** 13) + 1) * 2 ** random.integer(-40, 10);
  const below = random.integer(0, 255);
  const ends = [-below * scale, (255 - below) * scale];
  return Float32Array.from({ length: depth }, (_, at) => {
    if (at < 2) return ends[at] as number;
    const tie = (random.integer(-below, 254 - below) + 0.5) * scale;
    const kind = random.integer(0, 3);
    if (kind === 3) return random.next() * 255 * scale - below * scale;
    return kind === 0 ? tie : beside(tie, kind === 1);
  });
}

/** A row of any range, on both sides of 0 or on one. */
function anyRow(random: Random, depth: number): Float32Array {
  const size = 2 ** random.integer(-100, 100) * (1 + random.next());
  const shift = random.pick([0, 0.3, 0.5, 1]);
  return Float32Array.from({ length: depth }, () => (random.next() - shift) * size);
}

/** Rows of all kinds; of many, the first is zeros. */
function rowsOf(random: Random, [rows, depth]: Shape): Elements {
  const data = new Float32Array(rows * depth);
  for (let row = 0; row < rows; row++) {
    const make = row % 2 === 0 ? tiedRow : anyRow;
    if (row > 0 || rows < 3) data.set(make(random, depth), row * depth);
  }
  return { dtype: 'float32', shape: [rows, depth], data };
}

const bits = ({ data }: Elements) => new Uint32Array((data as Float32Array).slice().buffer);

suite('quantized rows on WebGPU', () => {
  const seed = Number(process.env.LINNET_SEED ?? 1);
  let chromium: Chromium;
  before(async () => {
    chromium = await Chromium.start({ isolated: false, webgpu: true });
  });
  after(() => chromium?.close());

  async function onDevice(model: Uint8Array, x: Elements): Promise<Elements> {
    const { info, outputs } = await chromium.call('run', {
      url: chromium.addFile(model),
      inputs: [pack(x)],
      signature: null,
      options: { backend: 'webgpu' },
      runs: 1,
    });
    assert.equal(info.fallback, null);
    return unpack(Object.values(outputs)[0] as never);
  }

  async function onHost(model: Uint8Array, x: Elements): Promise<Elements> {
    const wasm = await openWasm(model);
    const { y } = await wasm.run({ x });
    wasm.dispose();
    return y as Elements;
  }

  for (const features of ['all', 'no'] as const) {
    suite(`on a device with ${features} features`, () => {
      before(async () => {
        await chromium.reload();
        if (features === 'no') await chromium.call('hideFeatures');
      });

      // Of the second, loads are one by one and fours lie in two rows; rows of the third have several parts.
      const shapes: readonly (readonly [Shape, channels: number])[] = [
        [[96, 64], 8],
        [[64, 21], 3],
        [[2, 12800], 8],
      ];
      for (const [shape, channels] of shapes) {
        test(`bytes of ${shape.join(' by ')}, ties and all; seed ${seed}`, async () => {
          const model = identity(shape, channels);
          const flat = rowsOf(new Random(seed), shape);
          const [rows, depth] = shape;
          const x = { ...flat, shape: [rows, 1, depth / channels, channels] };
          const expected = bits(await onHost(model, x));
          assert.deepEqual(bits(await onDevice(model, x)), expected);
          const { y } = await openReference(model).run({ x });
          assert.deepEqual(bits(y as Elements), expected);
        });
      }

      test(`products with a bias; seed ${seed}`, async () => {
        const random = new Random(seed);
        const shape = [33, 128] as const;
        const units = 21;
        const weights = int8(
          Array.from({ length: units * shape[1] }, () => random.integer(-127, 127)),
        );
        const reals = () => Float32Array.from({ length: units }, () => random.next() + 0.1);
        const model = product(shape, weights, reals(), reals());
        const x = rowsOf(random, shape);
        assert.deepEqual(bits(await onDevice(model, x)), bits(await onHost(model, x)));
      });
    });
  }
});
