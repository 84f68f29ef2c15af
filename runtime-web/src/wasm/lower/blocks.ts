/** Emits float32 products with int4 weights that have a scale for each block: kernels/blocks.ts. */
import type { TypedArray } from '@linnet/schema';
import type { Product } from '../../lower/numerics.js';
import { elementsOf } from '../../model/storage.js';
import type { Emitter } from '../lowering.js';
import { advance } from './dims.js';
import { itemSizeF32, PANEL, packF32, rowsOf } from './packing.js';
import { isRowByRow, type Problem } from './problem.js';
import { emitProductF32 } from './product-f32.js';

/** Depths whose int4 weights make a word. */
const WORD_DEPTHS = 8;

/** With more rows, it is sooner done to expand weights once for all of them than for each in registers. */
const FEW_ROWS = 2;

/** Bytes of expanded weights, which stay in a cache until they are multiplied with. */
const EXPANDED_BYTES = 512 * 1024;

/** Whether the product, of float32, is emitted here; `key` tells it apart from others with the same constants. */
export function emitBlocks(
  emit: Emitter,
  { input, weights, bias, output, activation }: Product,
  problem: Problem,
  key: string,
): boolean {
  const { blocks } = weights;
  const { depth, columns } = problem.matrices;
  const fits =
    blocks?.dtype === 'int4' &&
    blocks.zeroPoints === null &&
    blocks.size % WORD_DEPTHS === 0 &&
    (bias === null || bias.value !== undefined) &&
    isRowByRow(problem);
  if (!fits) return false;
  const pack = (values: TypedArray, biases: TypedArray | null) => {
    const matrices = rowsOf(columns, values.length / columns);
    const known = { weights: values, bias: biases };
    return packF32(
      emit,
      `${biases ? 'scales' : 'words'} ${JSON.stringify(matrices)}`,
      [known],
      matrices,
    );
  };
  const call = {
    words: pack(elementsOf('int32', blocks.packed), null),
    scales: pack(blocks.scales, bias?.value ?? new Float32Array(columns)),
    depth,
    columns,
    block_size: blocks.size,
  };
  const rows = problem.grid.reduce((product, size) => product * size, 1);
  const where = emit.choose({
    decision: 'int4',
    candidates: ['expand in registers', 'expand in memory'],
    preferred: rows <= FEW_ROWS ? 'expand in registers' : 'expand in memory',
  });
  if (where === 'expand in registers') {
    const operands = { input: input.ref, output: output.ref };
    emit.call('product_blocks', { ...call, ...operands, ...activation, rows });
    return true;
  }
  const most = Math.max(1, Math.floor(EXPANDED_BYTES / (4 * depth) / PANEL)) * PANEL;
  const expanded = emit.scratch(4 * itemSizeF32(rowsOf(Math.min(most, columns), depth)));
  for (let column = 0; column < columns; column += most) {
    const matrices = { ...problem.matrices, columns: Math.min(most, columns - column) };
    const from = (rowsOfPanel: number) => 4 * itemSizeF32(rowsOf(column, rowsOfPanel));
    emit.call('expand_blocks', {
      ...call,
      words: advance(call.words, from(depth / WORD_DEPTHS)),
      scales: advance(call.scales, from(depth / blocks.size)),
      columns: matrices.columns,
      output: expanded,
    });
    const part = { ...problem, outStart: column, matrices };
    const operands = { input: input.ref, weights: expanded, output: output.ref };
    emitProductF32(emit, operands, part, activation, key);
  }
  return true;
}
