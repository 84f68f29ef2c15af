/** Emits sums of products in float32. */
import type { Range } from '../../lower/activation.js';
import type { Product } from '../../lower/numerics.js';
import type { BufferRef } from '../../plan/lowering.js';
import type { Emitter } from '../lowering.js';
import { constantElements, itemSizeF32, type Matrices, packArguments, packF32 } from './packing.js';
import { blockArguments, isDirect, type Problem, problemArguments } from './problem.js';

/** Rows of conv_f32's tiles. */
export const TILE_ROWS = 6;

/** Emits a float32 problem whose weights are packed; `key` tells it apart from others. */
export function emitProductF32(
  emit: Emitter,
  operands: Readonly<Record<'input' | 'weights' | 'output', BufferRef>>,
  problem: Problem,
  activation: Range,
  key: string,
): void {
  const direct = isDirect(problem);
  const { depth } = problem.matrices;
  emit.call('conv_f32', {
    ...problemArguments(emit, problem, key, itemSizeF32(problem.matrices)),
    ...blockArguments(emit, problem, 4 * depth, !direct, TILE_ROWS),
    ...operands,
    ...activation,
    direct: direct ? 1 : 0,
  });
}

/** Weights and biases packed as conv_f32 wants them: once, or on each run where they may change. */
export function emitWeightsF32(
  emit: Emitter,
  { weights, bias }: Product,
  matrices: Matrices,
): BufferRef {
  const values = constantElements(weights, bias);
  if (values !== null) {
    const key = `weights f32 ${JSON.stringify(matrices)}`;
    return packF32(emit, key, [values], matrices);
  }
  const packed = emit.scratch(4 * matrices.items * itemSizeF32(matrices));
  emit.call('pack_f32', { ...packArguments(weights, bias, matrices), weights: packed });
  return packed;
}
