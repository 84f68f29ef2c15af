/** Geometry of ops that slide a window over an image. */
import { Padding } from '@linnet/schema';

/** One spatial dimension of a sliding window. */
export interface Axis {
  readonly input: number;
  readonly output: number;
  readonly kernel: number;
  readonly stride: number;
  readonly dilation: number;
  /** Zeros before the first input element. */
  readonly before: number;
}

/**
 * A dimension whose output size is known. SAME padding is what the last window lacks, the smaller
 * half of it before the input.
 */
export function windowAxis(
  input: number,
  output: number,
  kernel: number,
  stride: number,
  dilation: number,
  padding: Padding,
): Axis {
  const extent = (kernel - 1) * dilation + 1;
  const lack = Math.max((output - 1) * stride + extent - input, 0);
  const before = padding === Padding.SAME ? Math.floor(lack / 2) : 0;
  return { input, output, kernel, stride, dilation, before };
}

/** Calls visit(tap, input position) for the taps of window `at` that fall inside the input. */
export function forEachTap(
  axis: Axis,
  at: number,
  visit: (tap: number, position: number) => void,
): void {
  for (let tap = 0; tap < axis.kernel; tap++) {
    const position = at * axis.stride - axis.before + tap * axis.dilation;
    if (position >= 0 && position < axis.input) visit(tap, position);
  }
}
