/** The activations that nodes carry. */
import { ActivationFunctionType } from '@linnet/schema';
import type { Fused } from '../plan/lowering.js';
import { type PerTensor, quantize } from './quantization.js';

/** The activations that limit a value to a range. */
const RANGES: {
  readonly [A in ActivationFunctionType]?: { readonly low: number; readonly high: number };
} = {
  [ActivationFunctionType.NONE]: { low: -Infinity, high: Infinity },
  [ActivationFunctionType.RELU]: { low: 0, high: Infinity },
  [ActivationFunctionType.RELU6]: { low: 0, high: 6 },
  [ActivationFunctionType.RELU_N1_TO_1]: { low: -1, high: 1 },
};

/** A range of reals or, of a quantized tensor, of its integers. */
export interface Range {
  readonly low: number;
  readonly high: number;
}

/** The activation of a node: what fusion has given it, or its own. */
export function activationOf(site: {
  readonly fused: Fused;
  readonly options: unknown;
}): ActivationFunctionType {
  const own = (site.options as { fusedActivationFunction?: ActivationFunctionType })
    .fusedActivationFunction;
  return site.fused.activation ?? own ?? ActivationFunctionType.NONE;
}

/** The range that an activation limits reals to; null where it is not of that kind. */
export function activationRange(activation: ActivationFunctionType): Range | null {
  return RANGES[activation] ?? null;
}

/** The range of integers of a quantized tensor that an activation leaves. */
export function quantizedRange({ low, high }: Range, type: PerTensor): Range {
  return { low: quantize(low, type), high: quantize(high, type) };
}
