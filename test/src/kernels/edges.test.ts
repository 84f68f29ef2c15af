/** Arguments at which kernels could trap, overflow, or leave their buffers. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { FAULTS } from '@linnet/runtime-wasm';
import { completeOptions, dtypeCode, Padding } from '@linnet/schema';
import { type KernelHost, openKernels } from './harness.js';
import { runLowered } from './lowered.js';
import { Random } from './random.js';

/** A field of eight numbers. */
function eight(...values: readonly number[]): readonly number[] {
  return [...values, ...new Array<number>(8 - values.length).fill(0)];
}

let host: KernelHost;

describe('kernels at the edges', () => {
  before(async () => {
    host = await openKernels('simd');
  });
  after(() => host.close());

  test('integer arithmetic never traps', () => {
    const low = -(2 ** 31);
    const binary = (
      name: 'div' | 'floor_div' | 'floor_mod' | 'pow' | 'right_shift' | 'add',
      a: readonly number[],
      b: readonly number[],
    ) => {
      const y = new Int32Array(a.length);
      const strides = { a_strides: eight(1), b_strides: eight(1) };
      const shape = { rank: 1, dims: eight(a.length), ...strides };
      host.call(`binary_${name}_i32`, {
        a: Int32Array.from(a),
        b: Int32Array.from(b),
        y,
        ...shape,
      });
      return Array.from(y);
    };
    assert.deepEqual(binary('div', [7, -7, low], [2, 2, -1]), [3, -3, low]);
    assert.deepEqual(binary('floor_div', [7, -7, low, 7, -7], [2, 2, -1, -2, -2]), [
      ...[3, -4, low, -4, 3],
    ]);
    assert.deepEqual(binary('floor_mod', [7, -7, low, 7], [2, 2, -1, -2]), [1, 1, 0, -1]);
    const wrapped = Number(BigInt.asIntN(32, 3n ** 40n));
    assert.deepEqual(binary('pow', [2, -1, 3, 0], [0, 3, 40, 0]), [1, -1, wrapped, 1]);
    assert.deepEqual(binary('right_shift', [-8, -8, 8], [99, -1, 2]), [-1, -8, 2]);
    assert.deepEqual(binary('add', [2 ** 31 - 1], [1]), [low]);
  });

  test('casts from reals saturate, casts from integers keep the low bits', () => {
    const cast = <T extends Int8Array | Uint8Array | Int32Array | BigInt64Array | BigUint64Array>(
      x: Float32Array | Int32Array,
      y: T,
      to: Parameters<typeof dtypeCode>[0],
    ): T => {
      const from = dtypeCode(x instanceof Float32Array ? 'float32' : 'int32');
      host.call('cast', { x, y, count: x.length, from, to: dtypeCode(to) });
      return y;
    };
    const reals = Float32Array.of(NaN, Infinity, -Infinity, 1e20, -1e20, 2.9, -2.9);
    assert.deepEqual([...cast(reals, new Int8Array(7), 'int8')], [0, 127, -128, 127, -128, 2, -2]);
    assert.deepEqual([...cast(reals, new Uint8Array(7), 'uint8')], [0, 255, 0, 255, 0, 2, 0]);
    const [least, most] = [-(2 ** 31), 2 ** 31 - 1];
    assert.deepEqual(
      [...cast(reals, new Int32Array(7), 'int32')],
      [0, most, least, most, least, 2, -2],
    );
    const [least64, most64] = [-(2n ** 63n), 2n ** 63n - 1n];
    assert.deepEqual(
      [...cast(reals, new BigInt64Array(7), 'int64')],
      [0n, most64, least64, most64, least64, 2n, -2n],
    );
    const all = 2n ** 64n - 1n;
    assert.deepEqual(
      [...cast(reals, new BigUint64Array(7), 'uint64')],
      [0n, all, 0n, all, 0n, 2n, 0n],
    );
    assert.deepEqual(
      [...cast(Int32Array.of(300, -1, 128), new Int8Array(3), 'int8')],
      [44, -1, -128],
    );
    assert.deepEqual([...cast(Int32Array.of(256, 0, -5), new Uint8Array(3), 'bool')], [1, 0, 1]);
  });

  test('float16 goes to float32 and back unchanged, and rounds half to even', () => {
    const patterns = Uint16Array.from({ length: 65536 }, (_, i) => i).filter(
      (bits) => (bits & 0x7c00) !== 0x7c00 || (bits & 0x3ff) === 0,
    );
    const floats = new Float32Array(patterns.length);
    host.call('cast_f16_f32', { x: patterns, y: floats, count: patterns.length });
    const back = new Uint16Array(patterns.length);
    const codes = { from: dtypeCode('float32'), to: dtypeCode('float16') };
    host.call('cast', { x: floats, y: back, count: patterns.length, ...codes });
    assert.deepEqual(back, patterns);
    assert.equal(floats[patterns.indexOf(1)], 2 ** -24);
    assert.equal(floats[patterns.indexOf(0x7bff)], 65504);

    const finite = floats.slice(0, patterns.indexOf(0x7c00));
    const halfway = finite.slice(0, -1).map((x, i) => (x + (finite[i + 1] as number)) / 2);
    const rounded = new Uint16Array(halfway.length);
    host.call('cast', { x: halfway, y: rounded, count: halfway.length, ...codes });
    assert.deepEqual(
      rounded,
      rounded.map((_, i) => i + (i % 2)),
    );
  });

  test('of several indices outside, the smallest is reported', () => {
    const report = { kind: FAULTS.index, value: -1n, bound: 3n };
    const gather = () =>
      host.call('gather', {
        x: Float32Array.of(1, 2, 3),
        indices: BigInt64Array.of(0n, 3n, -1n, 2n, 2n ** 40n),
        y: new Float32Array(5),
        slice_bytes: 4,
        batch: 1,
        outer: 1,
        length: 3,
        count: 5,
        wide: 1,
      });
    assert.throws(gather, report);
    // The report of one program does not last into the next.
    const sums = new Float32Array(3);
    const scatter = (index: number) =>
      host.call('scatter_add_f32', {
        indices: Int32Array.of(1, -1, index, 1),
        updates: Float32Array.of(1, 2, 4, 8),
        y: sums,
        rows: 4,
        depth: 1,
        dims: eight(3),
        inner: 1,
        wide: 0,
        segments: 1,
      });
    scatter(0);
    assert.deepEqual([...sums], [4, 9, 0]);
    assert.throws(() => scatter(3), { kind: FAULTS.segment, value: 3n, bound: 3n });
  });

  test('positions given at run time are limited to the tensor', () => {
    const y = new Int32Array(12);
    host.call('update_slice', {
      start: Int32Array.of(-5, 1e9),
      update: Int32Array.of(1, 2),
      y,
      size: 4,
      rank: 2,
      dims: eight(3, 4),
      update_dims: eight(1, 2),
      wide: 0,
    });
    assert.deepEqual([...y], [0, 0, 1, 2, 0, 0, 0, 0, 0, 0, 0, 0]);
    const reversed = new Int32Array(6);
    host.call('reverse_sequence', {
      x: Int32Array.of(1, 2, 3, 4, 5, 6),
      lengths: Int32Array.of(3, 0),
      y: reversed,
      size: 4,
      outer: 1,
      first: 2,
      middle: 1,
      second: 3,
      inner: 1,
      batch_first: 1,
      wide: 0,
    });
    assert.deepEqual([...reversed], [3, 2, 1, 4, 5, 6]);
  });

  test('top_k orders equal elements by position, for any k', () => {
    const random = new Random(7);
    for (const [length, k] of [
      [1, 1],
      [17, 17],
      [101, 5],
      [64, 32],
    ] as const) {
      const x = Int32Array.from({ length }, () => random.integer(0, 9));
      const [values, indices] = [new Int32Array(k), new Int32Array(k)];
      host.call('top_k_i32', { x, values, indices, rows: 1, length, k });
      const order = Array.from(x.keys()).sort((a, b) => x[b]! - x[a]! || a - b);
      assert.deepEqual([...indices], order.slice(0, k));
      assert.deepEqual(
        [...values],
        order.slice(0, k).map((index) => x[index]),
      );
    }
  });

  test('softmax of large logits, and of rows of any length, sums to 1', () => {
    for (const depth of [1, 2, 3, 4, 5, 7, 8, 101]) {
      const x = Float32Array.from({ length: 3 * depth }, (_, i) => ((i * 37) % 11) * 1e3);
      const y = new Float32Array(3 * depth);
      host.call('softmax_f32', { x, y, rows: 3, depth, beta: 1 });
      for (let row = 0; row < 3; row++) {
        const sum = y.subarray(row * depth, (row + 1) * depth).reduce((a, b) => a + b, 0);
        assert.ok(Math.abs(sum - 1) < 1e-6, `depth ${depth}: ${sum}`);
      }
    }
  });

  test('layer normalization of rows of any length far from 0 has mean 0 and variance 1', () => {
    for (const depth of [2, 3, 4, 5, 7, 8, 101]) {
      const x = Float32Array.from({ length: 3 * depth }, (_, i) => 1e4 + ((i * 37) % 11));
      const y = new Float32Array(3 * depth);
      const block = { x, y, rows: 3, depth, gamma: null, beta: null, epsilon: 0 };
      host.call('layer_normalize_f32', block);
      for (let row = 0; row < 3; row++) {
        const normal = [...y.subarray(row * depth, (row + 1) * depth)];
        const [sum, squares] = [1, 2].map((power) => normal.reduce((a, b) => a + b ** power, 0));
        assert.ok(Math.abs((sum as number) / depth) < 1e-3, `depth ${depth}: mean ${sum}`);
        assert.ok(Math.abs((squares as number) / depth - 1) < 1e-3, `depth ${depth}: ${squares}`);
      }
    }
  });

  test('reductions of nothing give the neutral element', () => {
    const empty = { x: new Float32Array(0), outer: 2, length: 0, inner: 1 };
    const y = new Float32Array(2);
    host.call('reduce_sum_f32', { ...empty, y, divisor: 1 });
    assert.deepEqual([...y], [0, 0]);
    host.call('reduce_prod_f32', { ...empty, y });
    assert.deepEqual([...y], [1, 1]);
    host.call('reduce_max_f32', { ...empty, y });
    assert.deepEqual([...y], [-Infinity, -Infinity]);
  });

  test('copies exchange dimensions of any size, in elements of any size', () => {
    for (const [rows, columns] of [
      [1, 5],
      [16, 16],
      [17, 31],
      [33, 3],
    ] as const) {
      for (const ArrayOf of [Uint8Array, Uint16Array, Uint32Array, Float64Array]) {
        const size = rows * columns;
        const x = new ArrayOf(Array.from({ length: size }, (_, i) => i % 251));
        const y = new ArrayOf(size);
        host.call('strided_copy', {
          x,
          y,
          size: ArrayOf.BYTES_PER_ELEMENT,
          rank: 2,
          dims: eight(columns, rows),
          x_strides: eight(1, columns),
          y_strides: eight(rows, 1),
        });
        const expected = Array.from(
          { length: size },
          (_, i) => x[(i % rows) * columns + Math.floor(i / rows)],
        );
        assert.deepEqual([...y], expected);
      }
    }
  });

  test('non-maximum suppression keeps the best of overlapping boxes and fills up with zeros', () => {
    const boxes = Float32Array.of(0, 0, 1, 1, 1, 1, 0, 0.05, 5, 5, 6, 6, 0, 0, 1, 1);
    const indices = new Int32Array(5);
    const selected = new Int32Array(1);
    host.call('non_max_suppression', {
      boxes,
      scores: Float32Array.of(0.5, 0.9, 0.3, 0.9),
      iou_threshold: Float32Array.of(0.5),
      score_threshold: Float32Array.of(0.1),
      sigma: null,
      indices,
      selected_scores: null,
      selected,
      candidates: new Uint8Array(4 * 12),
      count: 4,
      limit: 5,
    });
    assert.deepEqual([...indices, ...selected], [1, 2, 0, 0, 0, 2]);
  });

  test('depthwise convolution gives the same where it fetches ahead in large images', () => {
    const [height, width, channels] = [36, 61, 128];
    const reals = (shape: readonly number[], isConstant: boolean) => {
      const random = new Random(shape.length);
      const length = shape.reduce((product, size) => product * size, 1);
      const elements = Float32Array.from({ length }, () => random.next() - 0.5);
      return { type: { dtype: 'float32', shape } as const, elements, isConstant };
    };
    const image = reals([1, height, width, channels], false);
    const weights = reals([1, 3, 3, channels], true);
    for (const stride of [1, 2]) {
      const given = { padding: Padding.VALID, strideH: stride, strideW: stride };
      const outputs = (rows: number) => {
        const shape = [1, rows, width, channels];
        const elements = image.elements.subarray(0, rows * width * channels);
        const size = [rows, width].map((extent) => Math.floor((extent - 3) / stride) + 1);
        return runLowered(host, {
          op: 'DEPTHWISE_CONV_2D',
          options: completeOptions('DEPTHWISE_CONV_2D', given),
          inputs: [{ ...image, type: { ...image.type, shape }, elements }, weights, null],
          output: { dtype: 'float32', shape: [1, ...size, channels] },
        });
      };
      const [all, some] = [outputs(height), outputs(height / 2)];
      assert.ok(all && some && image.elements.byteLength > 2 ** 20);
      assert.deepEqual(all.subarray(0, some.length), some);
    }
  });
});
