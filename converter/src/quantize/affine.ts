import type { AffineQuantization } from '@linnet/schema';
import { float16ToNumber, numberToFloat16 } from '../reference/numbers.js';

/**
 * The types of weights, with the largest whole number of each: weights are symmetric, so that the
 * range is the same on both sides of zero.
 */
export const WEIGHT_LIMITS = { int8: 127, int4: 7 } as const;
export type WeightDType = keyof typeof WEIGHT_LIMITS;

/** Weights as whole numbers, one per element, with what they mean: real = scale * q. */
export interface QuantizedWeights {
  readonly elements: Int8Array;
  readonly quantization: AffineQuantization;
}

/** Weights in blocks along their last dimension, with a scale for each. */
export interface QuantizedBlocks {
  readonly elements: Int8Array;
  /** float16 bit patterns, [elements / block size]. */
  readonly scales: Uint16Array;
}

/**
 * Quantizes float weights symmetrically: the largest magnitude of the tensor, or of each slice along
 * `axis`, becomes the largest whole number. Weights that already are multiples of a step, as those of
 * models trained with fake quantization are, keep them. Source: TFLite quantization specification.
 *
 * @param least scales, one per slice, that those of the weights must not fall below
 */
export function quantizeSymmetric(
  weights: Float32Array,
  shape: readonly number[],
  axis: number | null,
  dtype: WeightDType = 'int8',
  least?: Float32Array,
): QuantizedWeights {
  const channels = axis === null ? 1 : shape[axis]!;
  const inner = axis === null ? weights.length : shape.slice(axis + 1).reduce((a, b) => a * b, 1);
  const slices = inner === 0 ? 0 : weights.length / inner;
  const largest = new Float32Array(channels);
  forEachSlice(slices, inner, channels, (channel, start, end) => {
    let max = largest[channel]!;
    for (let i = start; i < end; i++) max = Math.max(max, Math.abs(weights[i]!));
    largest[channel] = max;
  });
  const limit = WEIGHT_LIMITS[dtype];
  // Zeros have no scale of their own; any will do.
  const scale = largest.map((max, channel) => {
    const level = levelOnGrid(weights, { channel, channels, inner, slices }, max, limit);
    return Math.max(Math.fround(max / level), least?.[channel] ?? 0) || 1;
  });
  const elements = new Int8Array(weights.length);
  forEachSlice(slices, inner, channels, (channel, start, end) => {
    const by = scale[channel]!;
    for (let i = start; i < end; i++) {
      // Within the limit, as no magnitude is larger than so many scales.
      elements[i] = Math.round(weights[i]! / by);
    }
  });
  const zeroPoint = new Int32Array(channels);
  return { elements, quantization: { kind: 'affine', scale, zeroPoint, axis: axis ?? 0 } };
}

interface Channel {
  readonly channel: number;
  readonly channels: number;
  readonly inner: number;
  readonly slices: number;
}

/** How far from a whole number of steps float32 rounding leaves a weight. */
const ON_GRID = 1e-3;

/**
 * The whole number, up to `limit`, that the largest magnitude of a channel is of steps of which all
 * its weights are whole numbers; `limit` where there are no such steps.
 */
function levelOnGrid(
  weights: Float32Array,
  { channel, channels, inner, slices }: Channel,
  max: number,
  limit: number,
): number {
  const isOnGrid = (level: number): boolean => {
    for (let slice = channel; slice < slices; slice += channels) {
      for (let i = slice * inner; i < (slice + 1) * inner; i++) {
        const steps = (weights[i]! * level) / max;
        if (Math.abs(steps - Math.round(steps)) > ON_GRID) return false;
      }
    }
    return true;
  };
  for (let level = limit; level > 1; level--) if (isOnGrid(level)) return level;
  return limit;
}

/**
 * As quantizeSymmetric, with a scale for each block of `size` consecutive weights, which is rounded to
 * float16. Source: LiteRT's blockwise quantization.
 */
export function quantizeBlocks(
  weights: Float32Array,
  size: number,
  dtype: WeightDType,
): QuantizedBlocks {
  const limit = WEIGHT_LIMITS[dtype];
  const elements = new Int8Array(weights.length);
  const scales = new Uint16Array(weights.length / size);
  for (let block = 0; block < scales.length; block++) {
    const [start, end] = [block * size, (block + 1) * size];
    const largest = weights.subarray(start, end).reduce((max, w) => Math.max(max, Math.abs(w)), 0);
    scales[block] = numberToFloat16(largest / limit || 1);
    const by = float16ToNumber(scales[block]!);
    // A scale that was rounded down leaves the largest weight beyond the limit.
    for (let i = start; i < end && by > 0; i++) {
      elements[i] = Math.min(limit, Math.max(-limit, Math.round(weights[i]! / by)));
    }
  }
  return { elements, scales };
}

/** Whole numbers as a buffer holds them: int4 two to a byte, the first in the low bits. */
export function packWeights(elements: Int8Array, dtype: WeightDType): Uint8Array {
  if (dtype === 'int8')
    return new Uint8Array(elements.buffer, elements.byteOffset, elements.length);
  const packed = new Uint8Array(Math.ceil(elements.length / 2));
  elements.forEach((value, i) => {
    packed[i >> 1] = packed[i >> 1]! | ((value & 15) << (4 * (i & 1)));
  });
  return packed;
}

function forEachSlice(
  slices: number,
  inner: number,
  channels: number,
  visit: (channel: number, start: number, end: number) => void,
): void {
  for (let slice = 0; slice < slices; slice++) {
    visit(slice % channels, slice * inner, (slice + 1) * inner);
  }
}
