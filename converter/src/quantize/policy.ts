import type { OpName } from '@linnet/schema';

/** How the weights of one op are quantized while its activations stay float32. */
export interface WeightPolicy {
  /** Indices of the inputs that may hold weights. */
  readonly weights: readonly number[];
  /** The dimension with a scale per slice; null for one scale. */
  readonly axis: number | null;
  /**
   * What reads the int8 weights: `hybrid` kernels, which quantize activations as they run, or
   * `move` for ops that only move them, after which a DEQUANTIZE makes floats of what is left.
   */
  readonly kernel: 'hybrid' | 'move';
  /** The op has the option asymmetric_quantize_inputs, which makes hybrid kernels more exact. */
  readonly asymmetric?: true;
  /** All weights are quantized or none. */
  readonly allOrNone?: true;
}

const LSTM_WEIGHTS = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 16];

/**
 * Dynamic range quantization: what the hybrid kernels of stock LiteRT read. Other ops keep float32
 * weights. Source: LiteRT's dynamic range op specification and its kernels' checks.
 */
export const DYNAMIC_RANGE = {
  CONV_2D: { weights: [1], axis: 0, kernel: 'hybrid' },
  DEPTHWISE_CONV_2D: { weights: [1], axis: 3, kernel: 'hybrid' },
  TRANSPOSE_CONV: { weights: [1], axis: 0, kernel: 'hybrid' },
  FULLY_CONNECTED: { weights: [1], axis: 0, kernel: 'hybrid', asymmetric: true },
  BATCH_MATMUL: { weights: [1], axis: null, kernel: 'hybrid', asymmetric: true },
  EMBEDDING_LOOKUP: { weights: [1], axis: 0, kernel: 'hybrid' },
  GATHER: { weights: [0], axis: null, kernel: 'move' },
  LSTM: { weights: LSTM_WEIGHTS, axis: null, kernel: 'hybrid', asymmetric: true, allOrNone: true },
  UNIDIRECTIONAL_SEQUENCE_LSTM: {
    weights: LSTM_WEIGHTS,
    axis: null,
    kernel: 'hybrid',
    asymmetric: true,
    allOrNone: true,
  },
  UNIDIRECTIONAL_SEQUENCE_RNN: {
    weights: [1, 2],
    axis: null,
    kernel: 'hybrid',
    asymmetric: true,
    allOrNone: true,
  },
  SVDF: { weights: [1, 2], axis: null, kernel: 'hybrid', asymmetric: true, allOrNone: true },
} as const satisfies { readonly [N in OpName]?: WeightPolicy };

export type DynamicRangeOp = keyof typeof DYNAMIC_RANGE;

/** Smaller weights stay float32: the kernels' extra work would outweigh them. Source: LiteRT. */
export const MIN_ELEMENTS = 1024;
