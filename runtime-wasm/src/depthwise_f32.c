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

/** `lanes` channels from `c` on of `pixels` (a constant) outputs whose windows are cut alike. */
INLINE void sum_lanes(const depthwise_f32_params *p, uint32_t pixels, const float *image,
                      window_cut rows, window_cut columns, float *out, uint32_t c,
                      uint32_t lanes) {
  f32x4 sums[TILE_PIXELS];
  f32x4 bias = p->bias ? load_lanes((const float *)p->bias + c, lanes) : splat_f32x4(0.0f);
  for (uint32_t i = 0; i < pixels; i++) sums[i] = bias;
  uint32_t step = p->dilation_w * p->channels;
  uint32_t pixel_step = p->stride_w * p->channels;
  for (uint32_t ky = rows.taps.begin; ky < rows.taps.end; ky++) {
    uint32_t y = (uint32_t)rows.origin + ky * p->dilation_h;
    uint32_t x = (uint32_t)columns.origin + columns.taps.begin * p->dilation_w;
    const float *in = image + (y * p->in_w + x) * p->channels + c;
    const float *weights = (const float *)p->weights +
                           (ky * p->window_w + columns.taps.begin) * p->channels + c;
#pragma clang loop unroll(disable)
    for (uint32_t kx = columns.taps.begin; kx < columns.taps.end; kx++) {
      f32x4 w = load_lanes(weights, lanes);
      for (uint32_t i = 0; i < pixels; i++) {
        sums[i] = madd_f32x4(load_lanes(in + i * pixel_step, lanes), w, sums[i]);
      }
      in += step;
      weights += p->channels;
    }
  }
  f32x4 low = splat_f32x4(p->low);
  f32x4 high = splat_f32x4(p->high);
  for (uint32_t i = 0; i < pixels; i++) {
    store_lanes(out + i * p->channels + c, clamp_f32x4(sums[i], low, high), lanes);
  }
}

NOINLINE static void sum_tile(const depthwise_f32_params *p, const float *image, window_cut rows,
                              window_cut columns, float *out) {
  uint32_t c = 0;
  for (; c + 4 <= p->channels; c += 4) {
    sum_lanes(p, TILE_PIXELS, image, rows, columns, out, c, 4);
  }
  if (c < p->channels) {
    sum_lanes(p, TILE_PIXELS, image, rows, columns, out, c, p->channels - c);
  }
}

NOINLINE static void sum_pixel(const depthwise_f32_params *p, const float *image, window_cut rows,
                               window_cut columns, float *out) {
  uint32_t c = 0;
  for (; c + 4 <= p->channels; c += 4) sum_lanes(p, 1, image, rows, columns, out, c, 4);
  if (c < p->channels) sum_lanes(p, 1, image, rows, columns, out, c, p->channels - c);
}

void depthwise_f32(const depthwise_f32_params *p, uint32_t thread, uint32_t threads) {
  span rows_of_output = share(p->images * p->out_h, 1, thread, threads);
  for (uint32_t row = rows_of_output.begin; row < rows_of_output.end; row++) {
    const float *image = (const float *)p->input + row / p->out_h * p->in_h * p->in_w * p->channels;
    float *out = (float *)p->output + row * p->out_w * p->channels;
    window_cut rows = CUT_ROWS(p, row % p->out_h);
    for (uint32_t x = 0; x < p->out_w;) {
      window_cut columns = CUT_COLUMNS(p, x);
      uint32_t whole = columns.taps.begin == 0 && x + TILE_PIXELS <= p->out_w &&
                       CUT_COLUMNS(p, x + TILE_PIXELS - 1).taps.end == p->window_w;
      if (whole) sum_tile(p, image, rows, columns, out + x * p->channels);
      else sum_pixel(p, image, rows, columns, out + x * p->channels);
      x += whole ? TILE_PIXELS : 1;
    }
  }
}
