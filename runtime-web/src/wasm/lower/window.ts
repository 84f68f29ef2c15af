import type { Axis } from '../../lower/window.js';

/** The fields of WINDOW in a kernel's declaration, but for the pointers. */
export function windowArguments(
  [images, , , channels]: readonly number[],
  rows: Axis,
  columns: Axis,
) {
  return {
    images: images as number,
    in_h: rows.input,
    in_w: columns.input,
    channels: channels as number,
    out_h: rows.output,
    out_w: columns.output,
    window_h: rows.window,
    window_w: columns.window,
    stride_h: rows.stride,
    stride_w: columns.stride,
    dilation_h: rows.dilation,
    dilation_w: columns.dilation,
    pad_top: rows.before,
    pad_left: columns.before,
  };
}
