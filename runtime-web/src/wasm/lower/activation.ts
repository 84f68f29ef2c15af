import { ActivationFunctionType } from '@linnet/schema';
import { activationRange } from '../../lower/activation.js';
import { count } from '../../lower/dims.js';
import type { Operand } from '../../plan/lowering.js';
import type { Emitter } from '../lowering.js';

/** Emits the activation of float32 elements in place. */
export function emitActivation(
  emit: Emitter,
  { type, ref }: Operand,
  activation: ActivationFunctionType,
): void {
  if (activation === ActivationFunctionType.NONE) return;
  const { low, high } = activationRange(activation) ?? { low: 0, high: 0 };
  const block = { x: ref, y: ref, count: count(type.shape), a: low, b: high };
  if (activation === ActivationFunctionType.TANH) emit.call('unary_tanh_f32', block);
  else if (activation === ActivationFunctionType.SIGN_BIT) emit.call('unary_sign_bit_f32', block);
  else emit.call('unary_clamp_f32', block);
}
