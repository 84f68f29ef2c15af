/** Ops that leave elements in their places. */
import type { OpName } from '@linnet/schema';
import { inputOf, outputOf } from '../../lower/operands.js';
import { storageBytes } from '../../model/storage.js';
import type { Operand } from '../../plan/lowering.js';
import { sameElements } from '../../plan/types.js';
import type { Lowering } from '../lowering.js';
import { array, u32 } from '../wgsl/kernel.js';
import { isStored } from '../wgsl/storage.js';

export type Ends = readonly [input: Operand, output: Operand];

/** Whether elements of the one are elements of the other, which shaders can move. */
export function canMove([input, output]: Ends): boolean {
  return (
    sameElements(input.type, output.type) &&
    isStored(input.type.dtype) &&
    !output.type.shape.includes(0)
  );
}

/** Ops that only give elements another shape; copied where the buffer cannot be shared. */
function reshape<N extends OpName>(): Lowering<N> {
  return {
    alias: true,
    supports: (site) => sameElements(inputOf(site, 0).type, outputOf(site).type),
    lower(site, emit) {
      const [input, output] = [inputOf(site, 0), outputOf(site)];
      const words = Math.ceil(storageBytes(output.type) / 16);
      emit.run({
        label: site.op,
        bindings: {
          input: array(input.ref, 'vec4<u32>', 'read'),
          output: array(output.ref, 'vec4<u32>', 'read_write'),
        },
        params: { words: u32(words) },
        grid: { invocations: words },
        body: 'if (index < params.words) { output[index] = input[index]; }',
      });
    },
  };
}

export const RESHAPE_LOWERINGS = {
  RESHAPE: reshape<'RESHAPE'>(),
  SQUEEZE: reshape<'SQUEEZE'>(),
  EXPAND_DIMS: reshape<'EXPAND_DIMS'>(),
} as const satisfies { readonly [N in OpName]?: Lowering<N> };
