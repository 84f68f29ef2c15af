import type { AffineQuantization, DType, TensorType } from '@linnet/schema';

/** The quantized integers that kernels take, with their ranges. */
export const QUANTIZED = {
  int8: { kernel: 'i8', low: -128, high: 127 },
  uint8: { kernel: 'u8', low: 0, high: 255 },
  int16: { kernel: 'i16', low: -32768, high: 32767 },
} as const satisfies { readonly [D in DType]?: object };

export type QuantizedDType = keyof typeof QUANTIZED;

export function isQuantizedDType(dtype: DType): dtype is QuantizedDType {
  return dtype in QUANTIZED;
}

/** A tensor quantized as a whole: real = scale * (q - zero), q between low and high. */
export interface PerTensor {
  readonly dtype: QuantizedDType;
  readonly scale: number;
  readonly zero: number;
  readonly low: number;
  readonly high: number;
}

/** The quantization of an integer tensor, unless it has none or differs from channel to channel. */
export function perTensor({ dtype, quantization }: TensorType): PerTensor | null {
  if (!isQuantizedDType(dtype) || quantization?.kind !== 'affine') return null;
  const [scale] = quantization.scale;
  const [zero] = quantization.zeroPoint;
  if (quantization.scale.length !== 1 || scale === undefined || zero === undefined) return null;
  if (!(scale > 0 && scale < Infinity)) return null;
  return { dtype, scale, zero, low: QUANTIZED[dtype].low, high: QUANTIZED[dtype].high };
}

/** The quantized form of a real number: half to even, saturated. */
export function quantize(real: number, { scale, zero, low, high }: PerTensor): number {
  const q = roundHalfEven(real / scale) + zero;
  return Number.isNaN(q) ? low : Math.min(Math.max(q, low), high);
}

export function roundHalfEven(x: number): number {
  const rounded = Math.round(x);
  return rounded - x === 0.5 && rounded % 2 !== 0 ? rounded - 1 : rounded;
}

/** How a tensor quantized along an axis falls into runs of one channel. */
export function channelLayout(
  shape: readonly number[],
  { scale, axis }: AffineQuantization,
): { readonly channels: number; readonly inner: number } {
  const total = shape.reduce((product, dim) => product * dim, 1);
  if (scale.length === 1) return { channels: 1, inner: total };
  const inner = shape.slice(axis + 1).reduce((product, dim) => product * dim, 1);
  return { channels: scale.length, inner };
}
