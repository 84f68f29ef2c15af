/**
 * Attention on every build, alone and on three threads, against float64: heads that lie one after the
 * other or side by side, aligned and prime sizes, every mask.
 */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { KernelCallArguments } from '@linnet/runtime-wasm';
import { BUILDS, type Build } from '@linnet/runtime-wasm/build';
import type { TypedArray } from '@linnet/schema';
import { type KernelHost, openKernels, whyNotRunnable } from './harness.js';
import { Random } from './random.js';

const SEED = 7;

interface Sizes {
  readonly rows: number;
  readonly columns: number;
  readonly depth: number;
  readonly valueDepth: number;
}

const SIZES: readonly Sizes[] = [
  { rows: 1, columns: 1, depth: 1, valueDepth: 1 },
  { rows: 1, columns: 37, depth: 16, valueDepth: 8 },
  { rows: 5, columns: 8, depth: 8, valueDepth: 16 },
  { rows: 7, columns: 9, depth: 5, valueDepth: 3 },
  { rows: 24, columns: 32, depth: 16, valueDepth: 16 },
  { rows: 37, columns: 41, depth: 13, valueDepth: 11 },
];

const MASKS = ['none', 'added', 'added to all rows alike', 'kept'] as const;
type Mask = (typeof MASKS)[number];

const ITEMS = 3;
const SCALE = 0.4;
const OTHERWISE = -1e9;

/** Heads [items, rows, depth] or, side by side, [rows, items, depth]: elements from one to the next. */
const layout = (sideBySide: boolean, rows: number, depth: number) =>
  sideBySide ? { item: depth, row: ITEMS * depth } : { item: rows * depth, row: depth };

interface Problem extends Sizes {
  readonly mask: Mask;
  readonly sideBySide: boolean;
  readonly queries: Float32Array;
  readonly keys: Float32Array;
  readonly values: Float32Array;
  readonly added: Float32Array;
  readonly kept: Uint8Array;
}

function problemOf(sizes: Sizes, mask: Mask, sideBySide: boolean): Problem {
  const random = new Random(SEED);
  const { rows, columns, depth, valueDepth } = sizes;
  const floats = (length: number) => Float32Array.from({ length }, () => 2 * random.next() - 1);
  return {
    ...sizes,
    mask,
    sideBySide,
    queries: floats(ITEMS * rows * depth),
    keys: floats(ITEMS * columns * depth),
    values: floats(ITEMS * columns * valueDepth),
    added: floats(rows * columns)
      .map((x) => (x > 0.5 ? -Infinity : x))
      .fill(0, 0, 1),
    kept: Uint8Array.from({ length: rows * columns }, (_, i) => (i % 3 === 1 ? 0 : 1)),
  };
}

/** How far a row of the mask is from the next, in elements. */
const maskStride = ({ mask, columns }: Problem) =>
  mask === 'added to all rows alike' || mask === 'none' ? 0 : columns;

function expected(problem: Problem): Float64Array {
  const { rows, columns, depth, valueDepth, mask, sideBySide, added, kept } = problem;
  const queryAt = layout(sideBySide, rows, depth);
  const keyAt = layout(sideBySide, columns, depth);
  const valueAt = layout(sideBySide, columns, valueDepth);
  const outAt = layout(sideBySide, rows, valueDepth);
  const output = new Float64Array(ITEMS * rows * valueDepth);
  const range = (length: number) => Array.from({ length }, (_, i) => i);
  for (const item of range(ITEMS)) {
    for (const row of range(rows)) {
      const scores = range(columns).map((column) => {
        const product = range(depth).reduce((sum, k) => {
          const q = problem.queries[item * queryAt.item + row * queryAt.row + k] as number;
          return sum + q * (problem.keys[item * keyAt.item + column * keyAt.row + k] as number);
        }, 0);
        const at = row * maskStride(problem) + column;
        if (mask === 'kept') return kept[at] ? SCALE * product : OTHERWISE;
        return SCALE * product + (mask === 'none' ? 0 : (added[at] as number));
      });
      const largest = Math.max(...scores);
      const weights = scores.map((score) => Math.exp(score - largest));
      const total = weights.reduce((sum, weight) => sum + weight, 0);
      for (const n of range(valueDepth)) {
        output[item * outAt.item + row * outAt.row + n] = weights.reduce(
          (sum, weight, column) =>
            sum +
            (weight / total) *
              (problem.values[item * valueAt.item + column * valueAt.row + n] as number),
          0,
        );
      }
    }
  }
  return output;
}

function run(host: KernelHost, problem: Problem): Float32Array {
  const { rows, columns, depth, valueDepth, mask, sideBySide } = problem;
  const queryAt = layout(sideBySide, rows, depth);
  const keyAt = layout(sideBySide, columns, depth);
  const valueAt = layout(sideBySide, columns, valueDepth);
  const outAt = layout(sideBySide, rows, valueDepth);
  const padded = (count: number) => Math.ceil(count / 8) * 8;
  const [blockRows, pitch] = [12, padded(columns)];
  const packed = padded(columns) * (depth + 1) + padded(valueDepth) * (columns + 1);
  const workBytes = 4 * (packed + blockRows * pitch);
  const output = new Float32Array(ITEMS * rows * valueDepth);
  const items = Array.from({ length: ITEMS }, (_, item) => [
    item * queryAt.item,
    item * keyAt.item,
    item * valueAt.item,
    item * outAt.item,
    0,
  ]);
  const args: KernelCallArguments<'attention_f32', TypedArray> = {
    queries: problem.queries,
    keys: problem.keys,
    values: problem.values,
    mask: mask.startsWith('added') ? problem.added : null,
    kept: mask === 'kept' ? problem.kept : null,
    output,
    work: new Uint8Array(workBytes * host.threads),
    item_table: Int32Array.from(items.flat()),
    items: ITEMS,
    rows,
    columns,
    depth,
    value_depth: valueDepth,
    query_stride: queryAt.row,
    key_strides: [keyAt.row, 1],
    value_strides: [valueAt.row, 1],
    output_stride: outAt.row,
    mask_stride: maskStride(problem),
    pitch,
    block_rows: blockRows,
    work_bytes: workBytes,
    scale: SCALE,
    otherwise: OTHERWISE,
  };
  host.call('attention_f32', args);
  return output;
}

for (const build of Object.keys(BUILDS) as Build[]) {
  const reason = await whyNotRunnable(build);
  describe(`attention on ${build}`, { skip: reason ?? false }, () => {
    const hosts: KernelHost[] = [];
    before(async () => {
      hosts.push(await openKernels(build));
      if (BUILDS[build].shared) hosts.push(await openKernels(build, 3));
    });
    after(() => Promise.all(hosts.map((host) => host.close())));

    for (const mask of MASKS) {
      it(`mask: ${mask}`, () => {
        for (const sizes of SIZES) {
          for (const sideBySide of [false, true]) {
            const problem = problemOf(sizes, mask, sideBySide);
            const what = `${JSON.stringify(sizes)}, side by side: ${sideBySide}, seed ${SEED}`;
            const exact = expected(problem);
            const [alone, ...others] = hosts.map((host) => run(host, problem));
            alone?.forEach((value, i) => {
              const error = Math.abs(value - (exact[i] as number));
              assert.ok(error < 1e-6, `${i}: ${value}, not ${exact[i]}; ${what}`);
            });
            for (const other of others) assert.deepEqual(other, alone, what);
          }
        }
      });
    }

    it('a row with a NaN is all NaN, and others are as they were', () => {
      const sizes = { rows: 7, columns: 9, depth: 5, valueDepth: 3 };
      const problem = problemOf(sizes, 'none', false);
      const [host] = hosts as [KernelHost];
      const clean = run(host, problem);
      problem.queries[2 * 5 + 1] = NaN;
      const dirty = run(host, problem);
      assert.ok(dirty.subarray(6, 9).every(Number.isNaN));
      assert.deepEqual(dirty.subarray(9), clean.subarray(9));
      assert.deepEqual(dirty.subarray(0, 6), clean.subarray(0, 6));
    });
  });
}
