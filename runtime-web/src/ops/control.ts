import { CONTROL_OPS } from '@linnet/schema/ops/control';
import { checkCallees } from '../model/callees.js';
import { inlineComposites } from '../model/inline.js';
import { carryOut } from '../run/host-ops.js';
import type { OpFamily } from './family.js';

export { RUNTIME } from '../runtime.js';

/** Control flow and variables, which the host carries out between programs. */
export const family: OpFamily<'control'> = {
  records: CONTROL_OPS,
  lowerings: () => ({
    VAR_HANDLE: 'structural',
    READ_VARIABLE: 'structural',
    ASSIGN_VARIABLE: 'structural',
    CALL_ONCE: 'structural',
    IF: 'structural',
    WHILE: 'structural',
    STABLEHLO_COMPOSITE: 'structural',
  }),
  control: { carryOut, checkCallees, inlineComposites },
};
