/** Ops that leave elements, or at least bytes, in their places. */
import type { OpName } from '@linnet/schema';
import { canMove, inputOf, outputOf } from '../../lower/operands.js';
import type { Lowering } from '../lowering.js';
import { emitMove } from './operands.js';

/** Ops that only give elements another shape; copied where the buffer cannot be shared. */
function reshape<N extends OpName>(): Lowering<N> {
  return {
    alias: true,
    supports: (site) => canMove(inputOf(site, 0).type, outputOf(site).type),
    lower: (site, emit) => emitMove(emit, inputOf(site, 0), outputOf(site)),
  };
}

export const RESHAPE_LOWERINGS = {
  RESHAPE: reshape<'RESHAPE'>(),
  SQUEEZE: reshape<'SQUEEZE'>(),
  EXPAND_DIMS: reshape<'EXPAND_DIMS'>(),
} as const satisfies { readonly [N in OpName]?: Lowering<N> };
