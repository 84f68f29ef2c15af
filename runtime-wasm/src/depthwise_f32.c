/** Depthwise convolution in float32: depthwise_f32 of kernels/convolution.ts. */
#include "kernels.h"
#include "simd.h"
#include "window.h"

/** Neighbouring outputs that share the loads of weights. */
#define TILE_PIXELS 4

/** Loads or stores the first `lanes` (a constant where it is 4) lanes. */
INLINE f32x4 load_lanes(const float *from, uint32_t lanes) {
  return lanes == 4 ? load_f32x4(from) : load_partial_f32x4(from, lanes);
}
INLINE void store_lanes(float *to, f32x4 v, uint32_t lanes) {
  if (lanes == 4) store_f32x4(to, v);
  else store_partial_f32x4(to, v, lanes);
}

/**
 * `lanes` channels from `c` on of `pixels` (a constant) outputs whose windows are cut alike. Taps
 * per row and strides that are constants let neighbours share the loads of what both see.
 */
INLINE void sum_lanes(const depthwise_f32_params *p, uint32_t pixels, const float *image,
                      window_cut rows, window_cut columns, uint32_t taps, uint32_t dilation,
                      uint32_t stride, float *out, uint32_t c, uint32_t lanes) {
  f32x4 sums[TILE_PIXELS];
  f32x4 bias = p->bias ? load_lanes((const float *)p->bias + c, lanes) : splat_f32x4(0.0f);
  for (uint32_t i = 0; i < pixels; i++) sums[i] = bias;
  uint32_t channels = p->channels;
  for (uint32_t ky = rows.taps.begin; ky < rows.taps.end; ky++) {
    uint32_t y = (uint32_t)rows.origin + ky * p->dilation_h;
    uint32_t x = (uint32_t)columns.origin + columns.taps.begin * dilation;
    const float *in = image + (y * p->in_w + x) * channels + c;
    const float *weights =
        (const float *)p->weights + (ky * p->window_w + columns.taps.begin) * channels + c;
    for (uint32_t kx = 0; kx < taps; kx++) {
      f32x4 w = load_lanes(weights + kx * channels, lanes);
      for (uint32_t i = 0; i < pixels; i++) {
        const float *pixel = in + (i * stride + kx * dilation) * channels;
        sums[i] = madd_f32x4(load_lanes(pixel, lanes), w, sums[i]);
      }
    }
  }
  f32x4 low = splat_f32x4(p->low);
  f32x4 high = splat_f32x4(p->high);
  for (uint32_t i = 0; i < pixels; i++) {
    store_lanes(out + i * channels + c, clamp_f32x4(sums[i], low, high), lanes);
  }
}

/** All channels of `pixels` outputs. */
INLINE void sum_pixels(const depthwise_f32_params *p, uint32_t pixels, const float *image,
                       window_cut rows, window_cut columns, uint32_t taps, uint32_t dilation,
                       uint32_t stride, float *out) {
  uint32_t c = 0;
  for (; c + 4 <= p->channels; c += 4) {
    sum_lanes(p, pixels, image, rows, columns, taps, dilation, stride, out, c, 4);
  }
  uint32_t rest = p->channels - c;
  if (rest > 0) {
    sum_lanes(p, pixels, image, rows, columns, taps, dilation, stride, out, c, rest);
  }
}

typedef void (*pixels_kernel)(const depthwise_f32_params *p, const float *image, window_cut rows,
                              window_cut columns, float *out);

#define PIXELS_KERNEL(name, pixels, taps, dilation, stride)                                    \
  NOINLINE static void name(const depthwise_f32_params *p, const float *image, window_cut rows, \
                            window_cut columns, float *out) {                                  \
    sum_pixels(p, pixels, image, rows, columns, taps, dilation, stride, out);                  \
  }
PIXELS_KERNEL(sum_pixel, 1, columns.taps.end - columns.taps.begin, p->dilation_w, p->stride_w)
PIXELS_KERNEL(sum_tile, TILE_PIXELS, p->window_w, p->dilation_w, p->stride_w)
PIXELS_KERNEL(sum_tile_3, TILE_PIXELS, 3, 1, 1)
PIXELS_KERNEL(sum_tile_3_stride_2, TILE_PIXELS, 3, 1, 2)
PIXELS_KERNEL(sum_tile_5, TILE_PIXELS, 5, 1, 1)
PIXELS_KERNEL(sum_tile_5_stride_2, TILE_PIXELS, 5, 1, 2)

/** The kernel for tiles whose windows are inside the image. */
static pixels_kernel tile_kernel_for(const depthwise_f32_params *p) {
  if (p->dilation_w == 1 && p->window_w == 3 && p->stride_w == 1) return sum_tile_3;
  if (p->dilation_w == 1 && p->window_w == 3 && p->stride_w == 2) return sum_tile_3_stride_2;
  if (p->dilation_w == 1 && p->window_w == 5 && p->stride_w == 1) return sum_tile_5;
  if (p->dilation_w == 1 && p->window_w == 5 && p->stride_w == 2) return sum_tile_5_stride_2;
  return sum_tile;
}

void depthwise_f32(const depthwise_f32_params *p, uint32_t thread, uint32_t threads) {
  pixels_kernel tile = tile_kernel_for(p);
  span rows_of_output = share(p->images * p->out_h, 1, thread, threads);
  for (uint32_t row = rows_of_output.begin; row < rows_of_output.end; row++) {
    const float *image = (const float *)p->input + row / p->out_h * p->in_h * p->in_w * p->channels;
    float *out = (float *)p->output + row * p->out_w * p->channels;
    window_cut rows = CUT_ROWS(p, row % p->out_h);
    for (uint32_t x = 0; x < p->out_w;) {
      window_cut columns = CUT_COLUMNS(p, x);
      uint32_t whole = columns.taps.begin == 0 && x + TILE_PIXELS <= p->out_w &&
                       CUT_COLUMNS(p, x + TILE_PIXELS - 1).taps.end == p->window_w;
      (whole ? tile : sum_pixel)(p, image, rows, columns, out + x * p->channels);
      x += whole ? TILE_PIXELS : 1;
    }
  }
}
