import type { AffineQuantization } from '@linnet/schema';
import type { Range } from '../calibrate/range.js';

/** Integers that activations are stored as. */
export type ActivationDType = 'int8' | 'int16';

/** Whole numbers of each type; int16 is symmetric, so that its zero point is 0. */
export const LIMITS = {
  int8: { low: -128, high: 127 },
  int16: { low: -32767, high: 32767 },
} as const satisfies Record<ActivationDType, { low: number; high: number }>;

/** One scale and zero point for a whole tensor. */
export function perTensor(scale: number, zeroPoint: number): AffineQuantization {
  return {
    kind: 'affine',
    scale: Float32Array.of(scale),
    zeroPoint: Int32Array.of(zeroPoint),
    axis: 0,
  };
}

/**
 * How values of a range are stored: int8 over the range widened to hold 0, which is a whole number
 * then; int16, and int8 where `symmetric`, with zero point 0. A tensor of zeros gets a range up to 1: a coarse scale would make stock
 * kernels end the process where it is added to finer ones. Source: TFLite quantization specification.
 */
export function quantizationOf(
  range: Range,
  dtype: ActivationDType,
  symmetric = dtype === 'int16',
): AffineQuantization {
  const [min, max] = [Math.min(range.min, 0), Math.max(range.max, 0)];
  const { low, high } = LIMITS[dtype];
  if (symmetric) {
    return perTensor(Math.fround((Math.max(-min, max) || 1) / high), 0);
  }
  const scale = Math.fround((max - min || 1) / (high - low));
  const zeroPoint = Math.round(low - min / scale);
  return perTensor(scale, Math.min(high, Math.max(low, zeroPoint)));
}

/** The reals that a quantization can store. */
export function rangeStored(
  { scale, zeroPoint }: AffineQuantization,
  dtype: ActivationDType,
): Range {
  const { low, high } = LIMITS[dtype];
  return { min: (low - zeroPoint[0]!) * scale[0]!, max: (high - zeroPoint[0]!) * scale[0]! };
}

/** The smallest range that holds both. */
export function joined(a: Range, b: Range): Range {
  return { min: Math.min(a.min, b.min), max: Math.max(a.max, b.max) };
}

/** The smallest range that holds all elements; of zero where there are none. */
export function rangeOf(elements: Float32Array): Range {
  let [min, max] = [0, 0];
  for (const value of elements) {
    if (value < min) min = value;
    if (value > max) max = value;
  }
  return { min, max };
}

/** Elements stored with one scale: rounded to the nearest, saturated. */
export function quantizeElements(
  elements: Float32Array,
  { scale, zeroPoint }: AffineQuantization,
  dtype: ActivationDType,
): Int8Array | Int16Array {
  const { low, high } = LIMITS[dtype];
  const [by, zero] = [scale[0]!, zeroPoint[0]!];
  const stored =
    dtype === 'int8' ? new Int8Array(elements.length) : new Int16Array(elements.length);
  elements.forEach((value, index) => {
    stored[index] = Math.min(high, Math.max(low, Math.round(value / by) + zero));
  });
  return stored;
}
