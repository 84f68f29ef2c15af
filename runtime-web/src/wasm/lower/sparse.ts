/** Emits products with weights that are zero to a great part, where passing over the zeros pays. */
import type { TypedArray } from '@linnet/schema';
import type { Numerics, Product } from '../../lower/numerics.js';
import type { Decision } from '../../plan/choice.js';
import type { ByteDot } from '../dot.js';
import type { Emitter } from '../lowering.js';
import { constantElements, headOf, type Matrices, paddedColumns } from './packing.js';
import { isRowByRow, type Problem, threadBytes } from './problem.js';
import { dotForm, requantization } from './product-q8.js';

/** Rows of the largest tile of sparse_f32, and of a tile of sparse_q8. */
const TILE_ROWS_F32 = 32;
const TILE_ROWS_Q8 = 16;

/** Bytes of a tile's lines that stay in a cache. */
const MAX_LINE_BYTES = 2 ** 20;
const MAX_DEPTH = 2 ** 16;

/** Columns that share their zeros. */
type Block = 1 | 4;

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

/**
 * Fitted to test/bench/sparse.mjs on layers of MobileNet v2 and BERT: sums of float32; of bytes, where the
 * machine's dot product is exact, which dense kernels gain most by; and of pairs, where it is not.
 */
const COSTS: Readonly<Record<'float32' | 'bytes' | 'pairs', Readonly<Record<Block, Cost>>>> = {
  float32: {
    1: { weight: 1.7, column: 8, depth: 5 },
    4: { weight: 1.2, column: 8, depth: 5 },
  },
  bytes: {
    1: { weight: 3.2, column: 35, depth: 12 },
    4: { weight: 2, column: 35, depth: 12 },
  },
  pairs: {
    1: { weight: 2, column: 20, depth: 5 },
    4: { weight: 1.5, column: 20, depth: 5 },
  },
};

/** What it must take at most of the dense kernels' time: the fit is not exact. */
const WORTHWHILE = 0.9;

/** Whether the product is emitted here. */
export function emitSparse(
  emit: Emitter,
  product: Product,
  numerics: Exclude<Numerics, { kind: 'words' }>,
  problem: Problem,
  dot: ByteDot,
): boolean {
  const { matrices, grid } = problem;
  const { depth, columns } = matrices;
  const isFloat = numerics.kind === 'float32';
  const wide = dot === 'none';
  const form = isFloat ? null : dotForm(wide ? 'signed' : dot, product, numerics);
  const values = constantElements(
    product.weights,
    numerics.kind === 'hybrid' ? null : product.bias,
  );
  if (values === null || !isRowByRow(problem) || depth === 0 || depth > MAX_DEPTH) return false;
  if (!isFloat && (form === null || form.packing.weightZero !== 0)) return false;
  const tileRows = isFloat ? TILE_ROWS_F32 : TILE_ROWS_Q8;
  const lineBytes = threadBytes((isFloat ? 4 : 1) * tileRows * depth);
  if (lineBytes > MAX_LINE_BYTES) return false;
  const shift = form?.packing.weightShift ?? 0;
  const rows = grid.reduce((product, size) => product * size, 1);
  const costs = COSTS[isFloat ? 'float32' : wide ? 'pairs' : 'bytes'];
  if (isDense(values.weights, shift)) return false;
  const decision = storageDecision(values.weights, shift, matrices, (entries, block) => {
    // Lanes that no row fills take as long.
    const lanes = isFloat ? (rows === 1 && block === 4 ? 1 : 4) : TILE_ROWS_Q8;
    const { weight, column, depth: line } = costs[block];
    const perRow = entries * block * weight + columns * column + depth * line;
    return (perRow * Math.ceil(rows / lanes) * lanes) / rows;
  });
  const storage = emit.choose(decision);
  if (storage === 'dense') return false;
  const block = BLOCKS[storage];
  const sparse = compress(values.weights, shift, matrices, block, isFloat ? 1 : 4);
  const key = `sparse ${block} ${isFloat ? 'f32' : shift} ${depth} ${columns}`;
  const call = {
    indices: emit.constant(`${key} indices`, () => sparse.indices),
    starts: emit.constant(`${key} starts`, () => sparse.starts),
    weights: emit.constant(`${key} weights`, () => sparse.weights),
    output: product.output.ref,
    lines: emit.threadScratch(lineBytes),
    line_bytes: lineBytes,
    rows,
    depth,
    columns,
    block,
    entries: sparse.indices.length,
  };
  if (numerics.kind === 'float32') {
    const { low, high } = product.activation;
    const bias = new Float32Array(Math.ceil(columns / 4) * 4);
    if (values.bias !== null) bias.set(values.bias as Float32Array);
    emit.call('sparse_f32', {
      ...call,
      input: product.input.ref,
      bias: emit.constant(`${key} bias`, () => bias),
      low,
      high,
    });
    return true;
  }
  const heads = new Int32Array(paddedColumns(columns));
  for (let column = 0; column < columns; column++) {
    let sum = 0;
    for (let k = 0; k < depth; k++) sum += (values.weights[column * depth + k] as number) - shift;
    const bias = values.bias === null ? 0 : (values.bias[column] as number);
    heads[column] = headOf(form!.packing, sum, depth, bias);
  }
  emit.call('sparse_q8', {
    ...call,
    ...requantization(emit, product, numerics, matrices),
    heads: emit.constant(`${key} heads ${form!.packing.inputZero}`, () => heads),
    wide: wide ? 1 : 0,
    flip: form!.block.flip,
  });
  return true;
}

/** Weights that are looked at first, and of them those that are not zero where no block pays by far. */
const SAMPLES = 1024;
const DENSE_SAMPLES = 0.9 * SAMPLES;

/** Whether weights have so few zeros that to find them all is not worth the time. */
function isDense(weights: TypedArray, zero: number): boolean {
  if (weights.length < SAMPLES) return false;
  // An odd step meets all residues of a power of two, in which zeros may have a pattern.
  const step = Math.floor(weights.length / SAMPLES) | 1;
  let others = 0;
  for (let i = 0; i < SAMPLES; i++) {
    if (weights[(i * step) % weights.length] !== zero) others++;
  }
  return others > DENSE_SAMPLES;
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
