/** Ops that leave elements, or at least bytes, in their places. */
import type { OpName } from '@linnet/schema';
import { count } from '../../lower/dims.js';
import { canMove, inputOf, outputOf } from '../../lower/operands.js';
import { elementBytes } from '../../model/storage.js';
import type { Lowering } from '../lowering.js';
import { emitCopy } from './dims.js';
import { emitMove } from './operands.js';

/** Ops that only give elements another shape; copied where the buffer cannot be shared. */
function reshape<N extends OpName>(): Lowering<N> {
  return {
    alias: true,
    supports: (site) => canMove(inputOf(site, 0).type, outputOf(site).type),
    lower: (site, emit) => emitMove(emit, inputOf(site, 0), outputOf(site)),
  };
}

/** The same bytes as elements of another dtype. */
const bitcast: Lowering<'BITCAST'> = {
  supports: () => true,
  lower(site, emit) {
    const [source, target] = [inputOf(site, 0), outputOf(site)];
    const bytes = [elementBytes(target.type.dtype) * count(target.type.shape)];
    emitCopy(emit, 1, bytes, { ref: source.ref, strides: [1] }, { ref: target.ref, strides: [1] });
  },
};

export const RESHAPE_LOWERINGS = {
  RESHAPE: reshape<'RESHAPE'>(),
  SQUEEZE: reshape<'SQUEEZE'>(),
  EXPAND_DIMS: reshape<'EXPAND_DIMS'>(),
  BITCAST: bitcast,
} as const satisfies { readonly [N in OpName]?: Lowering<N> };
