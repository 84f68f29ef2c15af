import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { type OpName, Padding, read, type TensorElements } from '@linnet/schema';
import {
  ChannelObserver,
  InputMoments,
  observe,
  ProbeGraph,
} from '../../../converter/dist/calibrate/index.js';
import { seededRandom } from '../../../converter/dist/verify/random-inputs.js';
import { file, graph, node, tensor } from '../runtime/models.js';

const RUNS = 3;

interface Window {
  readonly op: 'FULLY_CONNECTED' | 'CONV_2D' | 'DEPTHWISE_CONV_2D';
  /** NHWC; [rows, depth] of a fully connected op. */
  readonly input: readonly number[];
  readonly weights: readonly number[];
  readonly output: readonly number[];
  readonly strides?: readonly [number, number];
  readonly dilations?: readonly [number, number];
  readonly padding?: Padding;
  readonly depthMultiplier?: number;
}

const { SAME, VALID } = Padding;

const CASES: Readonly<Record<string, Window>> = {
  'fully connected': {
    op: 'FULLY_CONNECTED',
    input: [5, 7],
    weights: [4, 7],
    output: [5, 4],
  },
  pointwise: {
    op: 'CONV_2D',
    input: [2, 3, 4, 5],
    weights: [6, 1, 1, 5],
    output: [2, 3, 4, 6],
  },
  'pointwise with strides': {
    op: 'CONV_2D',
    input: [1, 5, 6, 3],
    weights: [2, 1, 1, 3],
    output: [1, 3, 3, 2],
    strides: [2, 2],
  },
  'same padding': {
    op: 'CONV_2D',
    input: [1, 6, 5, 2],
    weights: [4, 3, 3, 2],
    output: [1, 6, 5, 4],
    padding: SAME,
  },
  'strides and an even window': {
    op: 'CONV_2D',
    input: [2, 7, 8, 3],
    weights: [2, 2, 4, 3],
    output: [2, 3, 3, 2],
    strides: [2, 2],
    padding: VALID,
  },
  dilation: {
    op: 'CONV_2D',
    input: [1, 9, 9, 2],
    weights: [2, 3, 3, 2],
    output: [1, 5, 5, 2],
    dilations: [2, 2],
    padding: VALID,
  },
  groups: {
    op: 'CONV_2D',
    input: [1, 4, 4, 6],
    weights: [4, 3, 3, 3],
    output: [1, 4, 4, 4],
    padding: SAME,
  },
  depthwise: {
    op: 'DEPTHWISE_CONV_2D',
    input: [2, 5, 5, 3],
    weights: [1, 3, 3, 3],
    output: [2, 5, 5, 3],
    padding: SAME,
  },
  'depthwise with a multiplier and strides': {
    op: 'DEPTHWISE_CONV_2D',
    input: [1, 6, 7, 2],
    weights: [1, 3, 2, 6],
    output: [1, 3, 4, 6],
    strides: [2, 2],
    padding: SAME,
    depthMultiplier: 3,
  },
};

/** The op alone, with random weights and a ReLU6 that must not matter. */
function modelOf(window: Window): Uint8Array {
  const { op, input, weights, output, padding = SAME } = window;
  const [strideH, strideW] = window.strides ?? [1, 1];
  const [dilationHFactor, dilationWFactor] = window.dilations ?? [1, 1];
  const fusedActivationFunction = 3;
  const options =
    op === 'FULLY_CONNECTED'
      ? { fusedActivationFunction }
      : {
          fusedActivationFunction,
          strideH,
          strideW,
          dilationHFactor,
          dilationWFactor,
          padding,
          ...(window.depthMultiplier && { depthMultiplier: window.depthMultiplier }),
        };
  const size = weights.reduce((a, b) => a * b);
  return file([
    graph({
      tensors: [
        tensor('x', 'float32', input),
        tensor('w', 'float32', weights, new Float32Array(size).fill(0.5)),
        tensor('y', 'float32', output),
      ],
      operators: [node<OpName>(op, [0, 1], [2], options as never)],
      inputs: [0],
      outputs: [2],
    }),
  ]);
}

/** Rows [groups][inner] of X, gathered one by one. */
function rowsOf(window: Window, x: Float32Array): number[][][] {
  const { op, input, weights, output, padding = SAME } = window;
  if (op === 'FULLY_CONNECTED') {
    const depth = input[1] as number;
    return Array.from({ length: x.length / depth }, (_, row) => [
      Array.from(x.subarray(row * depth, (row + 1) * depth)),
    ]);
  }
  const [batch, height, width, channels] = input as [number, number, number, number];
  const [, windowH, windowW, depth] = weights as [number, number, number, number];
  const [, rows, columns] = output as [number, number, number];
  const [strideH, strideW] = window.strides ?? [1, 1];
  const [dilationH, dilationW] = window.dilations ?? [1, 1];
  const before = (out: number, stride: number, span: number, dilation: number, size: number) =>
    padding === VALID
      ? 0
      : Math.floor(Math.max(0, (out - 1) * stride + (span - 1) * dilation + 1 - size) / 2);
  const top = before(rows, strideH, windowH, dilationH, height);
  const left = before(columns, strideW, windowW, dilationW, width);
  const at = (n: number, y: number, xx: number, c: number) =>
    y < 0 || y >= height || xx < 0 || xx >= width
      ? 0
      : (x[((n * height + y) * width + xx) * channels + c] as number);
  const perGroup = op === 'CONV_2D' ? depth : 1;
  const result: number[][][] = [];
  for (let n = 0; n < batch; n++) {
    for (let oy = 0; oy < rows; oy++) {
      for (let ox = 0; ox < columns; ox++) {
        result.push(
          Array.from({ length: channels / perGroup }, (_, group) => {
            const patch: number[] = [];
            for (let ky = 0; ky < windowH; ky++) {
              for (let kx = 0; kx < windowW; kx++) {
                for (let c = 0; c < perGroup; c++) {
                  const y = oy * strideH - top + ky * dilationH;
                  const xx = ox * strideW - left + kx * dilationW;
                  patch.push(at(n, y, xx, group * perGroup + c));
                }
              }
            }
            return patch;
          }),
        );
      }
    }
  }
  return result;
}

function randomInputs(shape: readonly number[]): Float32Array[] {
  const random = seededRandom(11);
  const size = shape.reduce((a, b) => a * b);
  return Array.from({ length: RUNS }, () =>
    Float32Array.from({ length: size }, () => 2 * random() - 1),
  );
}

function samples(shape: readonly number[], inputs: readonly Float32Array[]) {
  return inputs.map((data) => ({
    x: { dtype: 'float32' as const, shape, data: data as TensorElements },
  }));
}

function assertClose(actual: Float64Array, wanted: readonly number[]): void {
  assert.equal(actual.length, wanted.length);
  wanted.forEach((value, i) => {
    assert.ok(Math.abs((actual[i] as number) - value) < 1e-4, `${i}: ${actual[i]}, not ${value}`);
  });
}

suite('InputMoments', () => {
  for (const [name, window] of Object.entries(CASES)) {
    test(`of ${name}`, async () => {
      const inputs = randomInputs(window.input);
      const graph = new ProbeGraph(read(modelOf(window)));
      const moments = new InputMoments(0, { gramLimit: 64 });
      await observe(graph, samples(window.input, inputs), [moments]);

      const rows = inputs.flatMap((x) => rowsOf(window, x));
      const [groups, inner] = [rows[0]?.length as number, rows[0]?.[0]?.length as number];
      assert.deepEqual([moments.groups, moments.inner, moments.rows], [groups, inner, rows.length]);
      const value = (row: number[][], g: number, i: number) => row[g]?.[i] as number;
      const sums: number[] = [];
      const squares: number[] = [];
      const gram: number[] = [];
      for (let g = 0; g < groups; g++) {
        for (let i = 0; i < inner; i++) {
          sums.push(rows.reduce((sum, row) => sum + value(row, g, i), 0));
          squares.push(rows.reduce((sum, row) => sum + value(row, g, i) ** 2, 0));
          for (let j = 0; j < inner; j++) {
            gram.push(rows.reduce((sum, row) => sum + value(row, g, i) * value(row, g, j), 0));
          }
        }
      }
      assertClose(moments.sum, sums);
      assertClose(moments.squares, squares);
      assertClose(moments.gram as Float64Array, gram);
    });
  }

  test('keeps only the diagonal beyond the limit', async () => {
    const window = CASES['same padding'] as Window;
    const moments = new InputMoments(0, { gramLimit: 17 });
    const inputs = randomInputs(window.input);
    await observe(new ProbeGraph(read(modelOf(window))), samples(window.input, inputs), [moments]);
    assert.equal(moments.gram, null);
    assert.ok(moments.squares.every((square) => square > 0));
  });

  test('takes rows at equal distances where there are many', async () => {
    const window: Window = {
      op: 'FULLY_CONNECTED',
      input: [1000, 3],
      weights: [2, 3],
      output: [1000, 2],
    };
    const inputs = randomInputs(window.input);
    const moments = new InputMoments(0, { gramLimit: 8 });
    await observe(new ProbeGraph(read(modelOf(window))), samples(window.input, inputs), [moments]);
    assert.equal(moments.rows, RUNS * 250);
    const taken = inputs.flatMap((x) => rowsOf(window, x).filter((_, row) => row % 4 === 0));
    const total = taken.reduce((sum, row) => sum + (row[0]?.[2] as number), 0);
    assert.ok(Math.abs((moments.sum[2] as number) - total) < 1e-3);
  });

  test('refuses nodes without weights', async () => {
    const bytes = file([
      graph({
        tensors: [tensor('x', 'float32', [2]), tensor('y', 'float32', [2])],
        operators: [node('RELU', [0], [1])],
        inputs: [0],
        outputs: [1],
      }),
    ]);
    const graphOf = new ProbeGraph(read(bytes));
    assert.equal(InputMoments.applies(graphOf, 0), false);
    const observer = new InputMoments(0, { gramLimit: 1 });
    await assert.rejects(observe(graphOf, [], [observer]), /node 0 has no weights/);
  });
});

suite('ChannelObserver', () => {
  test('has the extremes and the mean of each channel', async () => {
    const window = CASES.pointwise as Window;
    const inputs = randomInputs(window.input);
    const observer = new ChannelObserver(0);
    await observe(new ProbeGraph(read(modelOf(window))), samples(window.input, inputs), [observer]);
    for (let channel = 0; channel < 5; channel++) {
      const values = inputs.flatMap((x) => Array.from(x).filter((_, i) => i % 5 === channel));
      assert.equal(observer.min[channel], Math.min(...values));
      assert.equal(observer.max[channel], Math.max(...values));
      const mean = values.reduce((a, b) => a + b) / values.length;
      assert.ok(Math.abs((observer.mean[channel] as number) - mean) < 1e-6);
    }
  });

  test('of a vector has every element for a channel', async () => {
    const bytes = file([
      graph({
        tensors: [tensor('x', 'float32', [3]), tensor('y', 'float32', [3])],
        operators: [node('RELU', [0], [1])],
        inputs: [0],
        outputs: [1],
      }),
    ]);
    const observer = new ChannelObserver(1);
    const inputs = [Float32Array.of(-1, 2, 3), Float32Array.of(1, 0, 5)];
    await observe(new ProbeGraph(read(bytes)), samples([3], inputs), [observer]);
    assert.deepEqual(observer.min, Float32Array.of(0, 0, 3));
    assert.deepEqual(observer.max, Float32Array.of(1, 2, 5));
    assert.deepEqual(observer.mean, Float64Array.of(0.5, 1, 4));
  });
});
