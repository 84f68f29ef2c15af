import { LinnetError } from './errors.js';
import { Padding } from './generated/enums/padding.js';
import { UNKNOWN_DIM } from './tensor-type.js';

/** How a window slides along one dimension of an input. */
export interface WindowSpan {
  /** Number of window positions: the size of the output. */
  readonly output: number;
  /** Padding in front of the first element and behind the last; 0 while `output` is unknown. */
  readonly before: number;
  readonly after: number;
}

/** One spatial dimension of a convolution or pooling. */
export interface WindowDim {
  readonly size: number;
  readonly window: number;
  readonly stride: number;
  /** Distance between the elements that a window looks at; 1 for pooling. */
  readonly dilation: number;
}

/**
 * Where the windows of a convolution or pooling lie along one dimension.
 *
 * With SAME there is one window per `stride` elements, and the padding that this takes is split
 * evenly, the odd element behind; with VALID windows lie inside the input. Source: TensorFlow's
 * GetWindowedOutputSize.
 */
export function windowSpan(
  { size, window, stride, dilation }: WindowDim,
  padding: Padding,
): WindowSpan {
  if (window <= 0 || stride <= 0 || dilation <= 0) {
    throw new LinnetError(
      'INVALID_MODEL',
      `A window has size ${window}, stride ${stride} and dilation ${dilation}; expected positive numbers.`,
    );
  }
  if (size === UNKNOWN_DIM) return { output: UNKNOWN_DIM, before: 0, after: 0 };
  const extent = (window - 1) * dilation + 1;
  if (padding === Padding.VALID) {
    return { output: Math.max(0, Math.floor((size - extent) / stride) + 1), before: 0, after: 0 };
  }
  const output = Math.ceil(size / stride);
  const total = Math.max(0, (output - 1) * stride + extent - size);
  const before = Math.floor(total / 2);
  return { output, before, after: total - before };
}
