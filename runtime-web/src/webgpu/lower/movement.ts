/** Ops that give elements another place or shape. */
import type { OpName } from '@linnet/schema';
import { inputOf, outputOf } from '../../lower/operands.js';
import { storageBytes } from '../../model/storage.js';
import { sameElements } from '../../plan/types.js';
import type { Lowering } from '../lowering.js';
import { array, u32 } from '../wgsl/kernel.js';

/** Ops that only give elements another shape; copied where the buffer cannot be shared. */
function reshape<N extends OpName>(): Lowering<N> {
  return {
    alias: true,
    supports: (site) => sameElements(inputOf(site, 0).type, outputOf(site).type),
    lower(site, emit) {
      const [from, to] = [inputOf(site, 0), outputOf(site)];
      const words = Math.ceil(storageBytes(to.type) / 16);
      emit.run({
        label: site.op,
        bindings: {
          from: array(from.ref, 'vec4<u32>', 'read'),
          to: array(to.ref, 'vec4<u32>', 'read_write'),
        },
        params: { words: u32(words) },
        grid: { invocations: words },
        body: 'if (index < params.words) { to[index] = from[index]; }',
      });
    },
  };
}

export const MOVEMENT_LOWERINGS = {
  RESHAPE: reshape<'RESHAPE'>(),
  SQUEEZE: reshape<'SQUEEZE'>(),
  EXPAND_DIMS: reshape<'EXPAND_DIMS'>(),
} as const satisfies { readonly [N in OpName]?: Lowering<N> };
