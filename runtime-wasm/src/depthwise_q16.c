/**
 * Depthwise convolution of int16: depthwise_q16 of kernels/words.ts. Taps inside the image are taken two
 * at a time, whose products one instruction adds up.
 */
#include "kernels.h"
#include "requantize_words.h"
#include "window.h"

/** Channels of a block. */
#define LANES 8
/** The most taps that sums of 32 bits hold. */
#define MAX_TAPS (2 * MAX_PAIRS)

/** The taps of one window that are inside the image. */
typedef struct {
  /** The tap's pixel. */
  const int16_t *pixel[MAX_TAPS];
  /** The element of the tap's weights in a block. */
  uint32_t weights[MAX_TAPS];
  uint32_t count;
} window_taps;

static const int16_t zeros[LANES];

INLINE void find_taps(const depthwise_q16_params *p, uint32_t image, window_cut rows,
                      window_cut columns, window_taps *taps) {
  taps->count = 0;
  for (uint32_t i = rows.taps.begin; i < rows.taps.end; i++) {
    uint32_t row = image * p->in_h + (uint32_t)rows.origin + i * p->dilation_h;
    for (uint32_t j = columns.taps.begin; j < columns.taps.end; j++) {
      uint32_t pixel = row * p->in_w + (uint32_t)columns.origin + j * p->dilation_w;
      taps->pixel[taps->count] = (const int16_t *)p->input + pixel * p->channels;
      taps->weights[taps->count++] = (i * p->window_w + j) * LANES;
    }
  }
}

/** Adds what eight channels make of two taps. */
INLINE void add_taps(i16x8 x0, i16x8 x1, i16x8 w0, i16x8 w1, i32x4 sums[2]) {
  sums[0] = dot_i16x8((i16x8)zip_low_i16x8((v128_t)x0, (v128_t)x1),
                      (i16x8)zip_low_i16x8((v128_t)w0, (v128_t)w1), sums[0]);
  sums[1] = dot_i16x8((i16x8)zip_high_i16x8((v128_t)x0, (v128_t)x1),
                      (i16x8)zip_high_i16x8((v128_t)w0, (v128_t)w1), sums[1]);
}

/** Eight channels of one window from `channel` on. */
INLINE v128_t convolve(const word_output *o, const window_taps *taps, const int16_t *weights,
                       uint32_t channel) {
  i32x4 sums[2] = {{0}};
  uint32_t i = 0;
  for (; i + 2 <= taps->count; i += 2) {
    add_taps(load_i16x8(taps->pixel[i] + channel), load_i16x8(taps->pixel[i + 1] + channel),
             load_i16x8(weights + taps->weights[i]), load_i16x8(weights + taps->weights[i + 1]),
             sums);
  }
  if (i < taps->count) {
    add_taps(load_i16x8(taps->pixel[i] + channel), load_i16x8(zeros),
             load_i16x8(weights + taps->weights[i]), load_i16x8(zeros), sums);
  }
  const f64x2 reals[4] = {low_reals(sums[0]), high_reals(sums[0]), low_reals(sums[1]),
                          high_reals(sums[1])};
  return requantize_words(o, reals, channel);
}

/** All channels of one window. */
NOINLINE static void convolve_channels(const depthwise_q16_params *p, const word_output *o,
                                       const window_taps *taps, int16_t *out) {
  const int16_t *weights = p->weights;
  uint32_t block = p->window_h * p->window_w * LANES;
  for (uint32_t at = 0; at < p->channels; at += LANES, weights += block) {
    uint32_t channel = min_u32(at, p->channels - LANES);
    wasm_v128_store(out + channel, convolve(o, taps, weights, channel));
  }
}

void depthwise_q16(const depthwise_q16_params *p, uint32_t thread, uint32_t threads) {
  word_output output = WORD_OUTPUT(p);
  window_taps taps;
  span part = share(p->images * p->out_h, 1, thread, threads);
  for (uint32_t row = part.begin; row < part.end; row++) {
    window_cut rows = CUT_ROWS(p, row % p->out_h);
    for (uint32_t x = 0; x < p->out_w; x++) {
      find_taps(p, row / p->out_h, rows, CUT_COLUMNS(p, x), &taps);
      int16_t *out = (int16_t *)p->output + (row * p->out_w + x) * p->channels;
      convolve_channels(p, &output, &taps, out);
    }
  }
}
