import type { DType } from './dtype.js';

/**
 * Affine quantization of a tensor: real = scale * (q - zeroPoint).
 *
 * `scale` and `zeroPoint` hold one element (per tensor) or one per slice of dimension `axis`
 * (per channel). Source: TFLite quantization specification.
 */
export interface AffineQuantization {
  readonly kind: 'affine';
  readonly scale: Float32Array;
  /** Same length as `scale`. */
  readonly zeroPoint: Int32Array;
  readonly axis: number;
  /** Recorded value ranges; absent in most files. */
  readonly min?: Float32Array;
  readonly max?: Float32Array;
}

/** Weights quantized in blocks along their last dimension; scales live in another tensor. */
export interface BlockwiseQuantization {
  readonly kind: 'blockwise';
  /** Index, in the same subgraph, of the tensor that holds the scales (float16 or float32). */
  readonly scales: number;
  /** Index of the zero-point tensor, or -1. */
  readonly zeroPoints: number;
  readonly blockSize: number;
}

export type Quantization = AffineQuantization | BlockwiseQuantization;

/** A dimension that is not known until the model runs. */
export const UNKNOWN_DIM = -1;

/** Everything about a tensor but its contents. */
export interface TensorType {
  readonly dtype: DType;
  /** Row-major; UNKNOWN_DIM where a dimension is not known yet. The rank is always known. */
  readonly shape: readonly number[];
  readonly quantization?: Quantization;
}

/** More dimensions than any op has use for. */
export const MAX_RANK = 32;

/** 2^40: beyond any memory, and far below where a product of sizes stops being exact. */
export const MAX_ELEMENTS = 2 ** 40;

/** Why a tensor of this shape cannot exist, or undefined when it can. */
export function shapeProblem(shape: readonly number[]): string | undefined {
  if (shape.length > MAX_RANK) return `it has ${shape.length} dimensions; ${MAX_RANK} is the limit`;
  let elements = 1;
  for (const dim of shape) {
    if (!Number.isInteger(dim) || dim < UNKNOWN_DIM) return `[${shape}] has a negative dimension`;
    elements *= Math.max(dim, 1);
    if (elements > MAX_ELEMENTS) return `[${shape}] has more elements than any memory can hold`;
  }
  return undefined;
}

/** Number of elements, or undefined when a dimension is unknown. */
export function elementCount(shape: readonly number[]): number | undefined {
  let count = 1;
  for (const dim of shape) {
    if (dim === UNKNOWN_DIM) return undefined;
    count *= dim;
  }
  return count;
}

export function isStatic(shape: readonly number[]): boolean {
  return !shape.includes(UNKNOWN_DIM);
}

/** `2x3xint8`-style text for messages; unknown dimensions print as `?`. */
export function formatType(type: TensorType): string {
  const dims = type.shape.map((dim) => (dim === UNKNOWN_DIM ? '?' : String(dim)));
  return `${type.dtype}[${dims.join(',')}]`;
}
