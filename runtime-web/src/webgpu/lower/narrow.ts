/** Results that are found one by one but stored four to a word. */
import { count } from '../../lower/dims.js';
import type { Operand } from '../../plan/lowering.js';
import type { Emitter } from '../lowering.js';
import { elementOf, isWord, type StoredDType } from '../wgsl/storage.js';
import { emitElementwise } from './elementwise.js';

/**
 * Has `body` emit what writes an output: in place where its dtype has whole words or, `inFours`, it
 * writes whole fours of elements; else as words elsewhere, which are narrowed after.
 */
export function emitNarrowed(
  emit: Emitter,
  output: Operand,
  inFours: boolean,
  body: (output: Operand) => void,
): void {
  const dtype = output.type.dtype as StoredDType;
  if (inFours || isWord(dtype)) {
    body(output);
    return;
  }
  const { shape } = output.type;
  const wide: Operand = {
    type: { dtype: elementOf(dtype) === 'f32' ? 'float32' : 'int32', shape },
    ref: emit.scratch(4 * count(shape)),
    value: undefined,
  };
  body(wide);
  emitElementwise(emit, { label: 'narrow', operands: [wide], output, expression: 'a' });
}
