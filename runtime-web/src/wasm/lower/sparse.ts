/** Products with weights that are zero to a great part, where passing over the zeros pays. */
import type { TypedArray } from '@linnet/schema';
import type { Product } from '../../lower/numerics.js';
import { isDense } from '../../model/zeros.js';
import type { Decision } from '../../plan/choice.js';
import type { Emitter } from '../lowering.js';
import type { KnownWeights, Matrices } from './packing.js';
import { isRowByRow, type Problem, threadBytes } from './problem.js';

/** Bytes of a tile's lines that stay in a cache. */
const MAX_LINE_BYTES = 2 ** 20;
const MAX_DEPTH = 2 ** 16;

/** Columns that share their zeros. */
export type Block = 1 | 4;

/** How weights are stored: all, or those of blocks of columns that are not all zero. */
type Storage = 'dense' | 'by column' | 'by 4 columns';

const BLOCKS = { 'by column': 1, 'by 4 columns': 4 } as const;

/** What a row takes, where a weight of the dense kernels takes 1. */
interface Cost {
  /** A weight that is stored. */
  readonly weight: number;
  /** A column, for what becomes of its sum. */
  readonly column: number;
  /** A depth, for making lines of rows. */
  readonly depth: number;
}

/** Fitted to test/bench/sparse.mjs on layers of MobileNet v2 and BERT. */
export type Costs = Readonly<Record<Block, Cost>>;

/** What sparse kernels of one arithmetic have that others have not. */
export interface SparseArithmetic {
  /** Names it in keys of constants. */
  readonly name: string;
  /** What stands for zero among weights as they are stored in the model. */
  readonly zero: number;
  /** Rows of the largest tile, and bytes of their elements. */
  readonly tileRows: number;
  readonly elementBytes: 1 | 4;
  /** Entries of a block come in groups of so many. */
  readonly multiple: 1 | 4;
  readonly costs: Costs;
  /** Rows that are computed at a time: lanes that no row fills take as long. */
  lanes(rows: number, block: Block): number;
}

/** What it must take at most of the dense kernels' time: the fit is not exact. */
const WORTHWHILE = 0.9;

/** What calls of all sparse kernels have in common; null where the product should be dense. */
export function sparseArguments(
  emit: Emitter,
  values: KnownWeights | null,
  { output }: Product,
  problem: Problem,
  { name, zero, tileRows, elementBytes, multiple, costs, lanes }: SparseArithmetic,
) {
  const { matrices, grid } = problem;
  const { depth, columns } = matrices;
  if (values === null || !isRowByRow(problem) || depth === 0 || depth > MAX_DEPTH) return null;
  const lineBytes = threadBytes(elementBytes * tileRows * depth);
  if (lineBytes > MAX_LINE_BYTES || isDense(values.weights, zero)) return null;
  const rows = grid.reduce((product, size) => product * size, 1);
  const decision = storageDecision(values.weights, zero, matrices, (entries, block) => {
    const atOnce = lanes(rows, block);
    const { weight, column, depth: line } = costs[block];
    const perRow = entries * block * weight + columns * column + depth * line;
    return (perRow * Math.ceil(rows / atOnce) * atOnce) / rows;
  });
  const storage = emit.choose(decision);
  if (storage === 'dense') return null;
  const block = BLOCKS[storage];
  const sparse = compress(values.weights, zero, matrices, block, multiple);
  const key = `sparse ${block} ${name} ${depth} ${columns}`;
  return {
    key,
    values,
    call: {
      indices: emit.constant(`${key} indices`, () => sparse.indices),
      starts: emit.constant(`${key} starts`, () => sparse.starts),
      weights: emit.constant(`${key} weights`, () => sparse.weights),
      output: output.ref,
      lines: emit.threadScratch(lineBytes),
      line_bytes: lineBytes,
      rows,
      depth,
      columns,
      block,
      entries: sparse.indices.length,
    },
  };
}

/** The storage with which a product is cheapest by `cost`; dense where others are hardly cheaper. */
function storageDecision(
  weights: TypedArray,
  zero: number,
  { depth, columns }: Matrices,
  cost: (entries: number, block: Block) => number,
): Decision<Storage> {
  let preferred: Storage = 'dense';
  let least = WORTHWHILE * depth * columns;
  let given = '';
  for (const storage of ['by column', 'by 4 columns'] as const) {
    const block = BLOCKS[storage];
    let entries = 0;
    forEachEntry(weights, zero, depth, columns, block, () => entries++);
    const share = Math.round((100 * entries * block) / (depth * columns));
    given += ` ${share}% stored ${storage}`;
    const taken = cost(entries, block);
    if (taken >= least) continue;
    [preferred, least] = [storage, taken];
  }
  const candidates = ['dense', 'by column', 'by 4 columns'] as const;
  return { decision: 'zeros', candidates, preferred, given };
}

/** Calls visit(block, depth) for each entry: a depth at which a block of columns is not all zero. */
function forEachEntry(
  weights: TypedArray,
  zero: number,
  depth: number,
  columns: number,
  block: Block,
  visit: (block: number, k: number) => void,
): void {
  for (let column = 0; column < columns; column += block) {
    const end = Math.min(column + block, columns);
    for (let k = 0; k < depth; k++) {
      for (let c = column; c < end; c++) {
        if (weights[c * depth + k] === zero) continue;
        visit(column / block, k);
        break;
      }
    }
  }
}

/** Weights [columns, depth] as kernels/sparse.ts has them; entries of a block in groups of `multiple`. */
function compress(
  weights: TypedArray,
  zero: number,
  { depth, columns }: Matrices,
  block: Block,
  multiple: 1 | 4,
) {
  const blocks = Math.ceil(columns / block);
  const depths: number[][] = Array.from({ length: blocks }, () => []);
  forEachEntry(weights, zero, depth, columns, block, (at, k) => depths[at]!.push(k));
  const padded = depths.map((own) => Math.ceil(own.length / multiple) * multiple);
  const starts = new Uint32Array(blocks + 1);
  for (const [at, count] of padded.entries()) starts[at + 1] = starts[at]! + count;
  const entries = starts[blocks] as number;
  const indices = new Uint16Array(entries);
  const packed =
    multiple === 1 ? new Float32Array(entries * block) : new Int8Array(entries * block);
  for (const [at, own] of depths.entries()) {
    const start = starts[at] as number;
    for (const [entry, k] of own.entries()) {
      indices[start + entry] = k;
      for (let c = 0; c < Math.min(block, columns - at * block); c++) {
        // Column by column within a group of entries.
        const place =
          Math.floor(entry / multiple) * multiple * block + c * multiple + (entry % multiple);
        packed[start * block + place] = (weights[(at * block + c) * depth + k] as number) - zero;
      }
    }
  }
  return { starts, indices, weights: packed };
}
