/** Geometry of sliding windows, per spatial dimension. */

/**
 * Zeros that SAME padding puts before and after a dimension.
 *
 * @param extent Reach of the dilated window: (kernel - 1) * dilation + 1.
 */
export function samePadding(
  size: number,
  stride: number,
  extent: number,
): readonly [before: number, after: number] {
  const total = Math.max((Math.ceil(size / stride) - 1) * stride + extent - size, 0);
  const before = Math.floor(total / 2);
  return [before, total - before];
}
