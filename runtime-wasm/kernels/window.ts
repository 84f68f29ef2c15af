/**
 * A window that slides over the images of an NHWC tensor: output pixel (y, x) sees the input pixels
 * (y * stride_h - pad_top + i * dilation_h, x * stride_w - pad_left + j * dilation_w) for i below
 * window_h and j below window_w, those outside the image left out.
 */
export const WINDOW = {
  input: 'in',
  output: 'out',
  images: 'u32',
  in_h: 'u32',
  in_w: 'u32',
  channels: 'u32',
  out_h: 'u32',
  out_w: 'u32',
  window_h: 'u32',
  window_w: 'u32',
  stride_h: 'u32',
  stride_w: 'u32',
  dilation_h: 'u32',
  dilation_w: 'u32',
  pad_top: 'u32',
  pad_left: 'u32',
} as const;
