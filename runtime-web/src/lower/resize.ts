/** Where resampled images find their pixels, as TFLite computes it. */
import { roundHalfEven } from './quantization.js';

export interface Coordinates {
  readonly alignCorners: boolean;
  readonly halfPixelCenters: boolean;
}

/** Input elements per output element along a dimension, in float32. */
function scaleOf(size: number, outputs: number, { alignCorners }: Coordinates): number {
  return Math.fround(alignCorners && outputs > 1 ? (size - 1) / (outputs - 1) : size / outputs);
}

/** Which input element each output element is nearest to. Source: TFLite's RESIZE_NEAREST_NEIGHBOR. */
export function nearest(size: number, outputs: number, options: Coordinates): Int32Array {
  const scale = scaleOf(size, outputs, options);
  const offset = options.halfPixelCenters ? 0.5 : 0;
  return Int32Array.from({ length: outputs }, (_, i) => {
    const at = Math.fround((i + offset) * scale);
    const element = options.alignCorners ? Math.floor(at + 0.5) : Math.floor(at);
    return Math.max(0, Math.min(element, size - 1));
  });
}

/** Where each output element lies in the input, in elements. Source: TFLite's RESIZE_BILINEAR. */
export function positions(size: number, outputs: number, options: Coordinates): readonly number[] {
  const scale = scaleOf(size, outputs, options);
  return Array.from({ length: outputs }, (_, i) =>
    options.halfPixelCenters
      ? Math.fround(Math.fround((i + 0.5) * scale) - 0.5)
      : Math.fround(i * scale),
  );
}

/** Positions of int16 elements in 1 / 1024. Source: ComputeInterpolationValuesInteger of TFLite. */
export function finePositions(
  size: number,
  outputs: number,
  options: Coordinates,
): readonly number[] {
  const { alignCorners, halfPixelCenters } = options;
  const [from, to] = alignCorners && outputs > 1 ? [size - 1, outputs - 1] : [size, outputs];
  const scale = Math.floor((1024 * from + Math.floor(to / 2)) / to);
  const offset = halfPixelCenters ? Math.floor(scale / 2) - 512 : 0;
  return Array.from({ length: outputs }, (_, i) => (i * scale + offset) / 1024);
}

/** The two input elements round each position. */
export function neighbours(at: readonly number[], size: number): Int32Array {
  return Int32Array.from(
    at.flatMap((position) => [
      Math.min(Math.max(Math.floor(position), 0), size - 1),
      Math.min(Math.max(Math.ceil(position), 0), size - 1),
    ]),
  );
}

/** The share of the second neighbour at each position, in 1 / `all`; null: as reals. */
export function shares(at: readonly number[], all: number | null): Float32Array | Int32Array {
  const reals = Float32Array.from(at, (position) => position - Math.max(Math.floor(position), 0));
  return all === null ? reals : Int32Array.from(reals, (share) => roundHalfEven(all * share));
}

/** Tells apart how coordinates are computed. */
export function mode({ alignCorners, halfPixelCenters }: Coordinates): string {
  return `${alignCorners} ${halfPixelCenters}`;
}
