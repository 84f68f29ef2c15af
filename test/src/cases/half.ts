import type { OpName } from '@linnet/schema';
import { Operand } from './operand.js';
import type { CaseSpec } from './spec.js';

/** Ops whose inference admits float32 but not float16, as stock TFLite's does. */
const WITHOUT_HALF: readonly OpName[] = ['ATAN2'];

/**
 * An op's first float32 case in float16, which every kernel of the runtime expands to float32 and
 * which stock TFLite has no arithmetic for; null for ops without such a case.
 */
export function halfCase(op: OpName, specs: readonly CaseSpec<OpName>[]): CaseSpec<OpName> | null {
  const isFloat = (operand: Operand | null) => operand?.type.dtype === 'float32';
  const first = specs.find(
    ({ model, inputs, outputs }) => !model && isFloat(outputs[0]!) && inputs.some(isFloat),
  );
  if (!first || WITHOUT_HALF.includes(op)) return null;
  return {
    ...first,
    name: 'float16',
    inputs: first.inputs.map((operand) => operand && halved(operand)),
    outputs: first.outputs.map(halved),
    notStock: 'stock TFLite has no float16 arithmetic',
  };
}

function halved(operand: Operand): Operand {
  const { type, contents, role } = operand;
  return type.dtype === 'float32'
    ? new Operand({ ...type, dtype: 'float16' }, contents, role)
    : operand;
}
