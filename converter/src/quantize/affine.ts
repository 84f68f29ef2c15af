import type { AffineQuantization } from '@linnet/schema';

/** Weights as int8 with what they mean: real = scale * q. */
export interface QuantizedWeights {
  readonly elements: Int8Array;
  readonly quantization: AffineQuantization;
}

/** Weights use -127..127, so that the range is the same on both sides of zero. */
const LIMIT = 127;

/**
 * Quantizes float weights to int8, symmetrically: the largest magnitude of the tensor, or of each
 * slice along `axis`, becomes 127. Source: TFLite quantization specification.
 *
 * @param least scales, one per slice, that those of the weights must not fall below
 */
export function quantizeSymmetric(
  weights: Float32Array,
  shape: readonly number[],
  axis: number | null,
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
  // Zeros have no scale of their own; any will do.
  const scale = largest.map(
    (max, channel) => Math.max(Math.fround(max / LIMIT), least?.[channel] ?? 0) || 1,
  );
  const elements = new Int8Array(weights.length);
  forEachSlice(slices, inner, channels, (channel, start, end) => {
    const by = scale[channel]!;
    for (let i = start; i < end; i++) {
      // Within the limit, as no magnitude is larger than 127 scales.
      elements[i] = Math.round(weights[i]! / by);
    }
  });
  const zeroPoint = new Int32Array(channels);
  return { elements, quantization: { kind: 'affine', scale, zeroPoint, axis: axis ?? 0 } };
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
