/** Kernels share their work so that the number of threads does not show in a single bit. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { FAULTS, type KernelCallArguments, type KernelName } from '@linnet/runtime-wasm';
import type { TypedArray } from '@linnet/schema';
import { PLAIN_LSTM } from '../../../runtime-web/dist/wasm/lower/lstm.js';
import { type KernelHost, openKernels } from './harness.js';
import { Random } from './random.js';

/** A field of eight numbers. */
function eight(...values: readonly number[]): readonly number[] {
  return [...values, ...new Array<number>(8 - values.length).fill(0)];
}

/** The same numbers each time, up to half of `scale` either side of 0. */
function floats(count: number, scale = 4): Float32Array {
  const random = new Random(count);
  return Float32Array.from({ length: count }, () => (random.next() - 0.5) * scale);
}

const bytes = (count: number) => Int8Array.from(floats(count, 250));
const words = (count: number) => Int32Array.from(floats(count, 2000));

interface Subject {
  readonly kernel: KernelName;
  readonly args: () => Readonly<Record<string, TypedArray | number | readonly number[] | null>>;
}

/** Checks the fields of a subject against its kernel's declaration. */
function subject<K extends KernelName>(
  kernel: K,
  args: () => KernelCallArguments<K, TypedArray>,
): Subject {
  return { kernel, args: args as Subject['args'] };
}

const N = 4099;
const ROWS = 37;
const COLUMNS = 101;

const elementwise = () => ({ rank: 1, dims: eight(N), a_strides: eight(1), b_strides: eight(1) });
const matrix = () => ({
  rank: 2,
  dims: eight(ROWS, COLUMNS),
  a_strides: eight(COLUMNS, 1),
  b_strides: eight(0, 1),
});
const limits = { low: -128, high: 127 };
const axis = { outer: 7, length: 29, inner: 23 };

/** Enough multiplications a step for three threads. */
const SEQUENCE = { batch: 5, time: 6, batch_step: 6, time_step: 1, activation: 4 } as const;

/** A matrix [depth, columns] in panels of 8 columns. */
function panels(depth: number, columns: number, scale = 0.2): Float32Array {
  return floats(Math.ceil(columns / 8) * 8 * (depth + 1), scale);
}

const sequence = (gates: number, columns: number, units = columns) => ({
  ...SEQUENCE,
  sums: floats(SEQUENCE.batch * SEQUENCE.time * gates * Math.ceil(columns / 8) * 8),
  output: new Float32Array(SEQUENCE.batch * SEQUENCE.time * units),
  units,
});

const lstm = (gates: number, cells: number, units = cells) => ({
  ...sequence(gates, cells, units),
  recurrent: panels(units, gates * Math.ceil(cells / 8) * 8),
  hidden: floats(SEQUENCE.batch * units),
  cell: floats(SEQUENCE.batch * cells),
  ...PLAIN_LSTM,
  gates,
  cells,
  cell_clip: 0,
});

const SUBJECTS: readonly Subject[] = [
  subject('unary_gelu_f32', () => ({ x: floats(N), y: new Float32Array(N), count: N, a: 0, b: 0 })),
  subject('unary_sin_f32', () => ({ x: floats(N), y: new Float32Array(N), count: N, a: 0, b: 0 })),
  subject('lookup_8', () => ({
    x: bytes(N),
    y: new Uint8Array(N),
    table: bytes(256),
    count: N,
  })),
  subject('binary_div_f32', () => ({
    ...elementwise(),
    a: floats(N),
    b: floats(N, 2),
    y: new Float32Array(N),
    low: -1,
    high: 6,
  })),
  subject('binary_add_f32', () => ({
    ...matrix(),
    a: floats(ROWS * COLUMNS),
    b: floats(COLUMNS),
    y: new Float32Array(ROWS * COLUMNS),
    low: -Infinity,
    high: Infinity,
  })),
  subject('binary_add_qi8', () => ({
    ...matrix(),
    ...limits,
    a: bytes(ROWS * COLUMNS),
    b: bytes(COLUMNS),
    y: new Int8Array(ROWS * COLUMNS),
    a_multiplier: 775946,
    b_multiplier: 1279263,
    bias: 2 ** 20,
    shift: 21,
    y_zero: 11,
  })),
  subject('binary_less_i32', () => ({
    ...elementwise(),
    a: words(N),
    b: words(N).reverse(),
    y: new Uint8Array(N),
  })),
  subject('cast', () => ({ x: floats(N), y: new Uint16Array(N), count: N, from: 0, to: 1 })),
  subject('quantize_i8', () => ({
    ...limits,
    x: floats(N),
    y: new Int8Array(N),
    count: N,
    scale: floats(7, 0.1).map(Math.abs),
    zero: words(7).map((zero) => zero % 100),
    channels: 7,
    inner: 13,
  })),
  subject('dequantize_i8', () => ({
    x: bytes(N),
    y: new Float32Array(N),
    count: N,
    scale: floats(7, 0.1).map(Math.abs),
    zero: words(7),
    channels: 7,
    inner: 1,
  })),
  subject('strided_copy', () => ({
    x: floats(ROWS * COLUMNS),
    y: new Float32Array(ROWS * COLUMNS),
    size: 4,
    rank: 2,
    dims: eight(ROWS, COLUMNS),
    x_strides: eight(1, ROWS),
    y_strides: eight(COLUMNS, 1),
  })),
  subject('strided_copy', () => ({
    x: bytes(N),
    y: new Int8Array(N),
    size: 1,
    rank: 1,
    dims: eight(N),
    x_strides: eight(1),
    y_strides: eight(1),
  })),
  subject('select', () => ({
    ...matrix(),
    condition: bytes(ROWS).map((value) => (value > 0 ? 1 : 0)),
    condition_strides: eight(1, 0),
    a: words(ROWS * COLUMNS),
    b: words(COLUMNS),
    y: new Int32Array(ROWS * COLUMNS),
    size: 4,
  })),
  subject('reduce_sum_f32', () => ({
    ...axis,
    x: floats(7 * 29 * 23),
    y: new Float32Array(7 * 23),
    divisor: 29,
  })),
  subject('reduce_sum_f32', () => ({
    x: floats(ROWS * COLUMNS),
    y: new Float32Array(ROWS),
    outer: ROWS,
    length: COLUMNS,
    inner: 1,
    divisor: 1,
  })),
  subject('arg_max_f32', () => ({
    ...axis,
    x: floats(7 * 29 * 23),
    y: new BigInt64Array(7 * 23),
    wide: 1,
  })),
  subject('cumsum_f32', () => ({
    ...axis,
    x: floats(7 * 29 * 23),
    y: new Float32Array(7 * 29 * 23),
    exclusive: 0,
    reverse: 1,
  })),
  subject('softmax_f32', () => ({
    x: floats(ROWS * COLUMNS),
    y: new Float32Array(ROWS * COLUMNS),
    rows: ROWS,
    depth: COLUMNS,
    beta: 1,
  })),
  subject('layer_normalize_f32', () => ({
    x: floats(ROWS * COLUMNS),
    y: new Float32Array(ROWS * COLUMNS),
    rows: ROWS,
    depth: COLUMNS,
    gamma: floats(COLUMNS),
    beta: floats(COLUMNS),
    epsilon: 1e-3,
  })),
  subject('gather', () => ({
    x: floats(50 * 3),
    indices: words(N).map((index) => Math.abs(index) % 50),
    y: new Float32Array(3 * N),
    slice_bytes: 12,
    batch: 1,
    outer: 1,
    length: 50,
    count: N,
    wide: 0,
  })),
  subject('scatter_add_f32', () => ({
    indices: words(N).map((index) => Math.abs(index) % 13),
    updates: floats(3 * N),
    y: new Float32Array(13 * 3),
    rows: N,
    depth: 1,
    dims: eight(13),
    inner: 3,
    wide: 0,
    segments: 0,
  })),
  subject('top_k_f32', () => ({
    x: floats(ROWS * COLUMNS),
    values: new Float32Array(ROWS * 5),
    indices: new Int32Array(ROWS * 5),
    rows: ROWS,
    length: COLUMNS,
    k: 5,
  })),
  subject('svdf_f32', () => ({
    input: floats(5 * 11),
    weights: floats(14 * 11),
    time_weights: floats(14 * 9),
    bias: floats(7),
    state: floats(5 * 14 * 9),
    output: new Float32Array(5 * 7),
    batch: 5,
    features: 11,
    units: 7,
    rank: 2,
    memory: 9,
    activation: 1,
  })),
  subject('rnn_f32', () => ({
    ...sequence(1, 150),
    recurrent: panels(150, 150),
    state: floats(SEQUENCE.batch * 150),
  })),
  subject('lstm_f32', () => lstm(4, 113)),
  subject('lstm_f32', () => ({
    ...lstm(3, 131, 101),
    forget_peephole: floats(131),
    output_peephole: floats(131),
    cell_norm: floats(131),
    forget_norm: floats(131),
    output_norm: floats(131),
    forget_bias: floats(131),
    projection: panels(131, 101),
    shown: new Float32Array(SEQUENCE.batch * 131),
    projected: new Float32Array(SEQUENCE.batch * 104),
  })),
];

describe('kernels on several threads', () => {
  const hosts: KernelHost[] = [];
  before(async () => {
    for (const threads of [1, 2, 3]) hosts.push(await openKernels('simd-threads', threads));
  });
  after(() => Promise.all(hosts.map((host) => host.close())));

  for (const { kernel, args } of SUBJECTS) {
    test(`${kernel} gives the same bits on 1, 2 and 3 threads`, () => {
      const [one, two, three] = hosts.map((host) => {
        const block = args();
        host.call(kernel, block as KernelCallArguments<typeof kernel, TypedArray>);
        return Object.values(block).filter((value) => ArrayBuffer.isView(value));
      });
      assert.deepEqual(two, one);
      assert.deepEqual(three, one);
    });
  }

  test('what several threads report is one fault, after which they go on', () => {
    const reverse = (extra: number) => ({
      x: new Int32Array(4 * ROWS),
      lengths: Int32Array.from({ length: ROWS }, (_, i) => (extra && i % 2 ? 4 + i : 4)),
      y: new Int32Array(4 * ROWS),
      size: 4,
      outer: 1,
      first: ROWS,
      middle: 1,
      second: 4,
      inner: 1,
      batch_first: 1,
      wide: 0,
    });
    const report = { kind: FAULTS.length, value: 5n, bound: 4n };
    for (const host of hosts) {
      for (let round = 0; round < 50; round++) {
        assert.throws(() => host.call('reverse_sequence', reverse(1)), report);
        host.call('reverse_sequence', reverse(0));
      }
    }
  });
});
