import { ActivationFunctionType, LinnetError, type TensorType } from '@linnet/schema';
import { clamp, roundHalfEven } from './numbers.js';
import { affine, integerRange } from './values.js';

type Range = readonly [low: number, high: number];

/** The activations that clamp, by the range of reals that they let through. */
const CLAMPS: { readonly [A in ActivationFunctionType]?: Range } = {
  [ActivationFunctionType.NONE]: [-Infinity, Infinity],
  [ActivationFunctionType.RELU]: [0, Infinity],
  [ActivationFunctionType.RELU_N1_TO_1]: [-1, 1],
  [ActivationFunctionType.RELU6]: [0, 6],
};

/** A fused activation as a function on reals. */
export function activationOf(activation: ActivationFunctionType): (x: number) => number {
  const range = CLAMPS[activation];
  if (range) return (x) => clamp(x, ...range);
  if (activation === ActivationFunctionType.TANH) return Math.tanh;
  if (activation === ActivationFunctionType.SIGN_BIT) return (x) => (x < 0 ? 1 : 0);
  throw new LinnetError('INVALID_MODEL', `There is no fused activation number ${activation}.`);
}

/** A fused activation as a range of reals; throws UNSUPPORTED for one that does not clamp. */
export function clampRange(activation: ActivationFunctionType): Range {
  const range = CLAMPS[activation];
  if (range) return range;
  throw new LinnetError(
    'UNSUPPORTED',
    `Activation ${ActivationFunctionType[activation] ?? activation} cannot be fused into an integer op.`,
  );
}

/** The stored integers that an activation lets through, for a quantized output. */
export function quantizedRange(activation: ActivationFunctionType, type: TensorType): Range {
  const [low, high] = clampRange(activation);
  const [min, max] = integerRange(type.dtype);
  const scale = affine(type)?.scale[0] ?? 1;
  const zeroPoint = affine(type)?.zeroPoint[0] ?? 0;
  const stored = (real: number) => clamp(roundHalfEven(real / scale) + zeroPoint, min, max);
  return [stored(low), stored(high)];
}
