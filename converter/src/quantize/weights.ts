import type { AffineQuantization } from '@linnet/schema';
import { type QuantizedWeights, quantizeSymmetric, type WeightDType } from './affine.js';
import type { ActivationDType } from './ranges.js';

/** Biases stay this far from overflow, so that accumulators have room for the products. */
const BIAS_LIMIT = 2 ** 30;

/** A bias as the integers that accumulators start from. */
export interface QuantizedBias {
  readonly dtype: 'int32' | 'int64';
  readonly elements: Int32Array | BigInt64Array;
  readonly quantization: AffineQuantization;
}

/**
 * Symmetric weights with a scale per slice of `axis`. Where a bias would not fit 32 bits at
 * input scale times weight scale, the weight scale grows until it does.
 */
export function quantizeWeights(
  weights: Float32Array,
  shape: readonly number[],
  axis: number,
  bias: Float32Array | null,
  inputScale: number,
  dtype: WeightDType,
): QuantizedWeights {
  const least = bias?.map((value) => Math.abs(value) / (inputScale * BIAS_LIMIT));
  return quantizeSymmetric(weights, shape, axis, dtype, least);
}

/** A bias at input scale times weight scale: int32, or int64 beside int16 activations. */
export function quantizeBias(
  bias: Float32Array,
  inputScale: number,
  weights: AffineQuantization,
  activations: ActivationDType,
): QuantizedBias {
  const scale = weights.scale.map((value) => inputScale * value);
  const whole = Array.from(bias, (value, channel) =>
    Math.round(value / scale[scale.length === 1 ? 0 : channel]!),
  );
  const zeroPoint = new Int32Array(scale.length);
  const quantization = { kind: 'affine', scale, zeroPoint, axis: 0 } as const;
  return activations === 'int8'
    ? { dtype: 'int32', elements: Int32Array.from(whole), quantization }
    : { dtype: 'int64', elements: BigInt64Array.from(whole, BigInt), quantization };
}
