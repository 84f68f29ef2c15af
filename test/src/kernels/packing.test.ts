/** Packed weights on every build, alone and on three threads, byte for byte as kernels/convolution.ts says. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { BUILDS, type Build } from '@linnet/runtime-wasm/build';
import type { TypedArray } from '@linnet/schema';
import {
  type Matrices,
  PART_BYTES,
  packF32,
  packWinograd,
} from '../../../runtime-web/dist/wasm/lower/packing.js';
import { packDot, packQ8 } from '../../../runtime-web/dist/wasm/lower/packing-q8.js';
import type { Emitter } from '../../../runtime-web/dist/wasm/lowering.js';
import { type KernelHost, openKernels, whyNotRunnable } from './harness.js';
import { compute } from './lowered.js';
import { Random } from './random.js';

const SEED = 7;

/** Columns one after the other, as in fully connected layers and convolutions. */
const inOrder = (items: number, depth: number, columns: number): Matrices => ({
  items,
  depth,
  columns,
  itemStride: depth * columns,
  depthStride: 1,
  columnStride: depth,
  biasStride: columns,
});

const CASES: Readonly<Record<string, Matrices>> = {
  'whole panels': inOrder(1, 32, 16),
  'prime sizes': inOrder(1, 37, 13),
  groups: inOrder(5, 18, 6),
  'one column': inOrder(3, 9, 1),
  'a part of many groups': inOrder(3, 1031, 171),
  'parts of one item': inOrder(1, 2053, 541),
  'depths one after the other': {
    ...inOrder(1, 9, 40),
    depthStride: 40,
    columnStride: 1,
  },
  'groups side by side': { ...inOrder(7, 9, 3), itemStride: 3, depthStride: 21, columnStride: 1 },
  'runs of depths': { ...inOrder(1, 10, 11), columnStride: 24, runs: [14, 2] },
};

/** Elements that a tensor of these matrices has. */
const sizeOf = ({ items, depth, columns, columnStride }: Matrices) =>
  items * columns * Math.max(depth, columnStride);

/** Where element (k, n) of an item lies. */
function elementAt(matrices: Matrices, item: number, k: number, n: number): number {
  const { depth, itemStride, depthStride, columnStride, runs } = matrices;
  const first = item * itemStride + n * columnStride;
  if (runs === undefined) return first + k * depthStride;
  const length = depth / runs.length;
  return first + runs[Math.floor(k / length)]! + (k % length);
}

interface Layout {
  readonly Weights: new (length: number) => TypedArray;
  /** Depths that lie side by side in a column. */
  readonly group: number;
  weight(element: number, column: number): number;
  head(bias: number, sum: number): number;
}

/** Panels of 8 columns in plain loops. */
function expectedPanels(
  weights: TypedArray,
  bias: TypedArray | null,
  matrices: Matrices,
  { Weights, group, weight, head }: Layout,
): Uint8Array {
  const { items, depth, columns } = matrices;
  const parts: TypedArray[] = [];
  for (let item = 0; item < items; item++) {
    for (let column = 0; column < columns; column += 8) {
      const packed = new Weights(Math.ceil(depth / group) * group * 8);
      const isFloat = weights instanceof Float32Array;
      const heads = isFloat ? new Float32Array(8) : new Int32Array(8);
      for (let n = 0; n < Math.min(8, columns - column); n++) {
        const at = item * columns + column + n;
        let sum = 0;
        for (let k = 0; k < depth; k++) {
          const value = weight(weights[elementAt(matrices, item, k, column + n)] as number, at);
          packed[Math.floor(k / group) * group * 8 + n * group + (k % group)] = value;
          sum += value;
        }
        heads[n] = head((bias?.[at] as number | undefined) ?? 0, sum);
      }
      parts.push(heads, packed);
    }
  }
  return Buffer.concat(parts.map((part) => new Uint8Array(part.buffer)));
}

/** How weights are evaluated at the points of a tile's side: 0, points in pairs, infinity. */
const POINTS: Readonly<Record<number, readonly (readonly [number, number, number])[]>> = {
  2: [
    [1, 0, 0],
    [1 / 2, 1 / 2, 1 / 2],
    [1 / 2, -1 / 2, 1 / 2],
    [0, 0, 1],
  ],
  4: [
    [1, 0, 0],
    [-2 / 3, -Math.SQRT2 / 3, -1 / 3],
    [-2 / 3, Math.SQRT2 / 3, -1 / 3],
    [1 / 6, Math.SQRT2 / 6, 1 / 3],
    [1 / 6, -Math.SQRT2 / 6, 1 / 3],
    [0, 0, 1],
  ],
};

for (const build of Object.keys(BUILDS) as Build[]) {
  const reason = await whyNotRunnable(build);
  describe(`packing on ${build}`, { skip: reason ?? false }, () => {
    const hosts: KernelHost[] = [];
    before(async () => {
      hosts.push(await openKernels(build));
      if (BUILDS[build].shared) hosts.push(await openKernels(build, 3));
    });
    after(() => Promise.all(hosts.map((host) => host.close())));

    /** What is emitted, computed on each host. */
    function packed(emit: (emitter: Pick<Emitter, 'computed'>) => void): readonly Uint8Array[] {
      return hosts.map((host) => {
        let constant = new Uint8Array();
        emit({
          computed: (_, bytes, kernel, calls) => {
            constant = compute(host, bytes, kernel, calls()) as Uint8Array<ArrayBuffer>;
            return { buffer: 0, offset: 0 };
          },
        });
        return constant;
      });
    }

    for (const [name, matrices] of Object.entries(CASES)) {
      const random = new Random(SEED);
      const { depth } = matrices;
      const integers = (count: number, low: number, high: number) =>
        Array.from({ length: count }, () => random.integer(low, high));
      const biases = matrices.items * matrices.columns;

      it(`float32, ${name}`, () => {
        const weights = Float32Array.from(integers(sizeOf(matrices), -1000, 1000));
        const bias = name === 'groups' ? null : Float32Array.from(integers(biases, -9, 9));
        const expected = expectedPanels(weights, bias, matrices, {
          Weights: Float32Array,
          group: 1,
          weight: (element) => element,
          head: (value) => value,
        });
        for (const found of packed((emit) => packF32(emit, '', [{ weights, bias }], matrices))) {
          assert.deepEqual(Buffer.from(found), expected);
        }
      });

      for (const wide of [true, false]) {
        it(`${wide ? 'uint8 as int16' : 'int8'}, ${name}`, () => {
          const [ArrayOf, low] = wide ? ([Uint8Array, 0] as const) : ([Int8Array, -128] as const);
          const weights = ArrayOf.from(integers(sizeOf(matrices), low, low + 255));
          const bias = Int32Array.from(integers(biases, -1e6, 1e6));
          const zeros = Int32Array.from(wide ? integers(biases, 0, 255) : [0]);
          const expected = expectedPanels(weights, bias, matrices, {
            Weights: wide ? Int16Array : Int8Array,
            group: 2,
            weight: (element, column) => element - (wide ? zeros[column]! : 0),
            head: (value) => value,
          });
          for (const found of packed((emit) =>
            packQ8(emit, '', { weights, bias }, zeros, matrices, wide),
          )) {
            assert.deepEqual(Buffer.from(found), expected);
          }
        });
      }

      for (const inputZero of [-3, null]) {
        it(`${inputZero === null ? 'int8 by row' : 'uint8'} for dot products, ${name}`, () => {
          const isUnsigned = inputZero !== null;
          const [ArrayOf, low] = isUnsigned
            ? ([Uint8Array, 0] as const)
            : ([Int8Array, -128] as const);
          const weights = ArrayOf.from(integers(sizeOf(matrices), low, low + 255));
          const bias = isUnsigned ? Int32Array.from(integers(biases, -1e6, 1e6)) : null;
          const weightZero = isUnsigned ? 5 : 0;
          const packing = { weightZero, weightShift: isUnsigned ? 128 : 0, inputZero };
          const expected = expectedPanels(weights, bias, matrices, {
            Weights: Int8Array,
            group: 4,
            weight: (element) => element - packing.weightShift,
            head: (value, sum) =>
              inputZero === null ? -sum : value - inputZero * (sum - depth * weightZero),
          });
          for (const found of packed((emit) =>
            packDot(emit, '', { weights, bias }, packing, matrices),
          )) {
            assert.deepEqual(Buffer.from(found), expected);
          }
        });
      }
    }

    for (const side of [2, 4]) {
      for (const [channels, columns] of [
        [8, 16],
        [5, 11],
        [97, 311],
      ] as const) {
        it(`windows of ${channels} x ${columns} at the points of tiles of ${side}`, () => {
          const random = new Random(SEED);
          const weights = Float32Array.from(
            { length: 9 * channels * columns },
            () => 2 * random.next() - 1,
          );
          const matrices = inOrder((side + 2) ** 2, channels, columns);
          const expected = atPoints(weights, channels, columns, side);
          const panels = expectedPanels(expected, null, matrices, {
            Weights: Float32Array,
            group: 1,
            weight: (element) => element,
            head: () => 0,
          });
          const meant = new Float32Array(panels.buffer, panels.byteOffset, panels.length / 4);
          for (const found of packed((emit) => packWinograd(emit, '', weights, side, matrices))) {
            const got = new Float32Array(found.buffer);
            assert.equal(got.length, meant.length);
            // Sums in float64, in another order, are rounded to float32 once.
            const off = got.findIndex((value, i) => !(Math.abs(value - meant[i]!) <= 2 ** -23));
            assert.equal(off, -1);
          }
        });
      }
    }
  });
}

/** Windows OHWI at all points: [points, columns, channels]. */
function atPoints(weights: Float32Array, channels: number, columns: number, side: number) {
  const points = POINTS[side]!;
  return Float32Array.from({ length: points.length ** 2 * channels * columns }, (_, i) => {
    const [c, n] = [i % channels, Math.floor(i / channels) % columns];
    const point = Math.floor(i / (channels * columns));
    const [row, column] = [
      points[Math.floor(point / points.length)]!,
      points[point % points.length]!,
    ];
    let sum = 0;
    row.forEach((a, y) => {
      column.forEach((b, x) => {
        sum += a * b * weights[(n * 9 + y * 3 + x) * channels + c]!;
      });
    });
    return sum;
  });
}

it('calls pack a bounded amount of weights', () => {
  for (const matrices of Object.values(CASES)) {
    const weights = new Float32Array(sizeOf(matrices));
    const panel = 4 * matrices.depth * 8;
    packF32(
      {
        computed: (_key, _bytes, _kernel, calls) => {
          for (const { input } of calls() as Iterable<{ input: Float32Array }>) {
            assert.ok(input.byteLength <= Math.max(PART_BYTES, panel));
          }
          return { buffer: 0, offset: 0 };
        },
      },
      '',
      [{ weights, bias: null }],
      matrices,
    );
  }
});
