/** Tensors of one value. */
import type { OpName } from '@linnet/schema';
import { inputOf, outputOf } from '../../lower/operands.js';
import type { Lowering } from '../lowering.js';
import { elementOf, type StoredDType } from '../wgsl/storage.js';
import { emitElementwise } from './elementwise.js';
import { storedZero } from './movement.js';
import { canMove } from './reshape.js';

/** Inputs: the shape, and the value. */
const fill: Lowering<'FILL'> = {
  supports: (site) => canMove([inputOf(site, 1), outputOf(site)]),
  lower: (site, emit) =>
    emitElementwise(emit, {
      label: 'FILL',
      operands: [inputOf(site, 1)],
      output: outputOf(site),
      expression: 'a',
    }),
};

const zerosLike: Lowering<'ZEROS_LIKE'> = {
  supports: (site) =>
    canMove([outputOf(site), outputOf(site)]) && storedZero(outputOf(site).type) === 0,
  lower(site, emit) {
    const output = outputOf(site);
    const expression = `vec4<${elementOf(output.type.dtype as StoredDType)}>()`;
    emitElementwise(emit, { label: 'ZEROS_LIKE', operands: [], output, expression });
  },
};

export const FILL_LOWERINGS = {
  FILL: fill,
  ZEROS_LIKE: zerosLike,
} as const satisfies { readonly [N in OpName]?: Lowering<N> };
