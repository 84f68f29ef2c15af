/** Windows that slide over channels-last images. */
import { type Padding, windowSpan } from '@linnet/schema';
import type { Fused } from '../plan/lowering.js';

/** One spatial dimension of a sliding window. */
export interface Axis {
  readonly input: number;
  readonly output: number;
  readonly window: number;
  readonly stride: number;
  readonly dilation: number;
  /** Padding before the first element. */
  readonly before: number;
}

/** A dimension without extent, for ops that have fewer than three. */
export const FLAT: Axis = { input: 1, output: 1, window: 1, stride: 1, dilation: 1, before: 0 };

/** The dimension that a window of an op slides along; `padded` is what replaces its own padding. */
export function windowAxis(axis: Omit<Axis, 'before'>, padding: Padding, padded?: number): Axis {
  const { input: size, window, stride, dilation } = axis;
  return {
    ...axis,
    before: padded ?? windowSpan({ size, window, stride, dilation }, padding).before,
  };
}

interface WindowOptions {
  readonly padding: Padding;
  readonly strideH: number;
  readonly strideW: number;
  readonly dilationHFactor?: number;
  readonly dilationWFactor?: number;
}

/** The two dimensions of a window of [height, width] over NHWC images. */
export function imageAxes(
  input: readonly number[],
  output: readonly number[],
  window: readonly [height: number, width: number],
  options: WindowOptions,
  padded?: Fused['padding'],
): readonly [rows: Axis, columns: Axis] {
  const { padding, strideH, strideW, dilationHFactor = 1, dilationWFactor = 1 } = options;
  const axis = (at: 0 | 1, stride: number, dilation: number, before: number | undefined) =>
    windowAxis(
      {
        input: input[at + 1] as number,
        output: output[at + 1] as number,
        window: window[at],
        stride,
        dilation,
      },
      padding,
      before,
    );
  return [
    axis(0, strideH, dilationHFactor, padded?.top),
    axis(1, strideW, dilationWFactor, padded?.left),
  ];
}

/** Coordinates that kernels compute in int32 stay below this. */
export const MAX_COORDINATE = 2 ** 30;

/** Whether kernels can compute all coordinates of a window. */
export function isSmallWindow(axes: readonly Axis[]): boolean {
  return axes.every(
    ({ input, output, window, stride, dilation, before }) =>
      input + output * stride + window * dilation + before < MAX_COORDINATE,
  );
}
