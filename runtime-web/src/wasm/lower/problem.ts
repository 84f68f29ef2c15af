/** What the product kernels solve, and the arguments that describe it to them. */

import { MAX_COORDINATE } from '../../lower/window.js';
import type { Emitter } from '../lowering.js';
import { type Matrices, paddedColumns } from './packing.js';

/** A run of input pixels that neighbour in w, relative to the place of an output pixel. */
export type Run = readonly [d: number, h: number, w: number, pixels: number];

/** Where the parts of one item begin: elements of input and output, and which matrix it takes. */
export interface Item {
  readonly input: number;
  readonly matrix: number;
  readonly output: number;
}

/** PROBLEM in the declaration of the kernels says what the fields mean. */
export interface Problem {
  readonly items: readonly Item[];
  readonly runs: readonly Run[];
  readonly inSize: readonly [d: number, h: number, w: number];
  readonly inPixel: number;
  readonly channels: number;
  readonly grid: readonly [n: number, d: number, h: number, w: number];
  readonly strides: readonly [d: number, h: number, w: number];
  readonly outStart: number;
  readonly outStrides: readonly [n: number, d: number, h: number, w: number];
  readonly matrices: Matrices;
}

/**
 * The inputs of a product as rows that lie one after the other, [rows, depth]; rows of the output are
 * `pitch` elements apart.
 */
export function rowsProblem(rows: number, matrices: Matrices, pitch = matrices.columns): Problem {
  return {
    items: [{ input: 0, matrix: 0, output: 0 }],
    runs: [[0, 0, 0, 1]],
    inSize: [1, 1, 1],
    inPixel: matrices.depth,
    channels: matrices.depth,
    grid: [rows, 1, 1, 1],
    strides: [1, 1, 1],
    outStart: 0,
    outStrides: [pitch, 0, 0, 0],
    matrices,
  };
}

/**
 * What a thread works on at a time: bytes of patches, which should stay in its cache, and rows.
 * Gathered patches take memory of their own. Patches that lie in the input do not, but each block of
 * their rows writes its outputs panel by panel, which wants few rows, and takes all weights through the
 * cache, which wants many where weights are large. Short ones want many rows too, for little is done with
 * each panel.
 */
const BLOCKS = {
  gathered: { bytes: 256 * 1024, rows: 64 },
  short: { bytes: 256 * 1024, rows: 128 },
  direct: { bytes: 512 * 1024, rows: 64 },
  directOnLargeWeights: { bytes: 1024 * 1024, rows: 192 },
} as const;

/** Weights that are larger do not stay in a cache from one block to the next. */
const LARGE_WEIGHT_BYTES = 256 * 1024;

/** Longer patches are not short. */
const SHORT_PATCH_BYTES = 32;

/** Whether all coordinates that kernels compute stay small. */
export function isSmall({ runs, grid, strides, inSize }: Problem): boolean {
  return [0, 1, 2].every((axis) => {
    const reach = ((grid[axis + 1] as number) - 1) * (strides[axis] as number);
    const offset = runs.reduce(
      (most, run) => Math.max(most, Math.abs(run[axis] as number) + run[3]),
      0,
    );
    return Math.max(inSize[axis] as number, reach) + offset < MAX_COORDINATE;
  });
}

/** Whether patches are single pixels that are inside the image wherever the grid goes. */
export function isDirect({ runs, inSize, grid, strides }: Problem): boolean {
  const [run, ...others] = runs;
  if (run === undefined || others.length > 0 || run[3] !== 1) return false;
  return inSize.every((size, axis) => {
    const first = run[axis] as number;
    const last = ((grid[axis + 1] as number) - 1) * (strides[axis] as number) + first;
    return first >= 0 && last < size;
  });
}

/** Whether the rows of the input and of the output lie one after the other, a row for each. */
export function isRowByRow(problem: Problem): boolean {
  const { items, grid, strides, inSize, inPixel, outStart, outStrides, matrices } = problem;
  const { depth, columns, depthStride, columnStride, runs } = matrices;
  let step = columns;
  const inOrder = [3, 2, 1, 0].every((axis) => {
    const follows = grid[axis] === 1 || outStrides[axis] === step;
    step *= grid[axis] as number;
    return follows;
  });
  return (
    items.length === 1 &&
    runs === undefined &&
    isDirect(problem) &&
    inSize.every((size, axis) => size === grid[axis + 1] && (size === 1 || strides[axis] === 1)) &&
    inPixel === depth &&
    outStart === 0 &&
    inOrder &&
    depthStride === 1 &&
    columnStride === depth
  );
}

/** The fields of PROBLEM but for the operands and blocks; `key` is as in emit.constant. */
export function problemArguments(emit: Emitter, problem: Problem, key: string, matrixSize: number) {
  const { items, runs, inSize, inPixel, channels, grid, strides, outStart, outStrides } = problem;
  const { depth, columns } = problem.matrices;
  const itemTable = () =>
    items.flatMap(({ input, matrix, output }) => [
      input,
      matrix * matrixSize,
      output,
      matrix * paddedColumns(columns),
    ]);
  return {
    item_table: emit.constant(`items ${matrixSize} ${key}`, () => Int32Array.from(itemTable())),
    run_table:
      runs.length === 0 ? null : emit.constant(`runs ${key}`, () => Int32Array.from(runs.flat())),
    items: items.length,
    runs: runs.length,
    in_size: inSize,
    in_pixel: inPixel,
    channels,
    depth,
    columns,
    grid,
    strides,
    out_start: outStart,
    out_strides: outStrides,
  };
}

function blockLimits(patchBytes: number, columns: number, gathers: boolean) {
  if (patchBytes <= SHORT_PATCH_BYTES) return BLOCKS.short;
  if (gathers) return BLOCKS.gathered;
  return areLarge(patchBytes, columns) ? BLOCKS.directOnLargeWeights : BLOCKS.direct;
}

/** Whether weights, a patch's size in each column, are too large to stay in a cache. */
export function areLarge(patchBytes: number, columns: number): boolean {
  return columns * patchBytes > LARGE_WEIGHT_BYTES;
}

/** How many tiles of `tileRows` rows a thread works on at a time, if there are as many. */
export function tilesOfBlock(
  patchBytes: number,
  columns: number,
  gathers: boolean,
  tileRows: number,
): number {
  const most = blockLimits(patchBytes, columns, gathers);
  const fitting = Math.floor(most.bytes / Math.max(patchBytes, 1) / tileRows);
  return Math.min(Math.max(fitting, 1), Math.floor(most.rows / tileRows));
}

/**
 * Scratch for a problem's gathered patches, and for how many rows it is: whole tiles of `tileRows`. A
 * patch meets weights of its own size in each column.
 */
export function blockArguments(
  emit: Emitter,
  { matrices, grid }: Problem,
  patchBytes: number,
  gathers: boolean,
  tileRows: number,
) {
  const tiles = tilesOfBlock(patchBytes, matrices.columns, gathers, tileRows);
  // Larger blocks than there are rows are all the same.
  const all = Math.ceil(grid.reduce((product, size) => product * size, 1) / tileRows);
  const others = [Math.ceil(tiles / 2), 2 * tiles].filter(
    (other) => other !== tiles && Math.min(other, all) !== Math.min(tiles, all),
  );
  const candidates = [tiles, ...others].map((count) => `${tileRows * count} rows`);
  const preferred = candidates[0] as string;
  const rows = Number.parseInt(emit.choose({ decision: 'block', candidates, preferred }), 10);
  const bytes = threadBytes(rows * patchBytes);
  return {
    block_rows: rows,
    patch_bytes: bytes,
    patches: gathers && bytes > 0 ? emit.threadScratch(bytes) : null,
  };
}

/**
 * A page lies between what two threads write: what fetches ahead for one core would else take lines
 * from the other.
 */
const APART_BYTES = 4096;

/** The bytes of thread scratch that take `bytes` for each thread. */
export function threadBytes(bytes: number): number {
  return bytes === 0 ? 0 : Math.ceil(bytes / 64) * 64 + APART_BYTES;
}
