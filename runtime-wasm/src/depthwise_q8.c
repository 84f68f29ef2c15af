/**
 * Depthwise convolution of 8-bit integers: depthwise_q8 of kernels/convolution.ts.
 *
 * Two taps at a time: their values are interleaved channel by channel, so that one instruction
 * multiplies both and adds the products.
 */
#include "kernels.h"
#include "requantize.h"
#include "simd.h"
#include "window.h"

#define BLOCK 8

/** `count` (1 to 8) values of a tap less the zero point; zeros for a tap outside the image. */
INLINE i16x8 load_tap(const uint8_t *tap, uint32_t c, uint32_t count, uint32_t is_unsigned,
                      i16x8 zero) {
  if (tap == NULL) return splat_i16x8(0);
  if (count == BLOCK) return (is_unsigned ? widen_u8(tap + c) : widen_i8(tap + c)) - zero;
  uint8_t bytes[BLOCK] = {0};
  for (uint32_t i = 0; i < count; i++) bytes[i] = tap[c + i];
  return (is_unsigned ? widen_u8(bytes) : widen_i8(bytes)) - zero;
}

/** Sums of `count` channels from `c` on over the taps. */
INLINE void sum_block(const uint8_t *const *taps, uint32_t pairs, const int32_t *weights,
                      uint32_t c, uint32_t count, uint32_t is_unsigned, i16x8 zero,
                      i32x4 sums[2]) {
  sums[0] = load_i32x4(weights);
  sums[1] = load_i32x4(weights + 4);
  const int16_t *w = (const int16_t *)(weights + BLOCK);
  for (uint32_t i = 0; i < pairs; i++, w += 2 * BLOCK) {
    v128_t a = (v128_t)load_tap(taps[2 * i], c, count, is_unsigned, zero);
    v128_t b = (v128_t)load_tap(taps[2 * i + 1], c, count, is_unsigned, zero);
    v128_t low = wasm_i16x8_shuffle(a, b, 0, 8, 1, 9, 2, 10, 3, 11);
    v128_t high = wasm_i16x8_shuffle(a, b, 4, 12, 5, 13, 6, 14, 7, 15);
    sums[0] = dot_i16x8((i16x8)low, load_i16x8(w), sums[0]);
    sums[1] = dot_i16x8((i16x8)high, load_i16x8(w + BLOCK), sums[1]);
  }
}

/** Fills in where the taps of a window lie; NULL for those outside and for the odd one. */
INLINE void find_taps(const depthwise_q8_params *p, const uint8_t *image, window_cut rows,
                      window_cut columns, const uint8_t **taps) {
  const uint8_t **tap = taps;
  for (uint32_t ky = 0; ky < p->window_h; ky++) {
    uint32_t y = (uint32_t)rows.origin + ky * p->dilation_h;
    for (uint32_t kx = 0; kx < p->window_w; kx++) {
      uint32_t x = (uint32_t)columns.origin + kx * p->dilation_w;
      /* A negative coordinate is a large one as unsigned. */
      *tap++ = y < p->in_h && x < p->in_w ? image + (y * p->in_w + x) * p->channels : NULL;
    }
  }
  *tap = NULL;
}

NOINLINE static void compute_pixel(const depthwise_q8_params *p, const uint8_t *const *taps,
                                   const sum_output *output, uint32_t image, uint32_t out) {
  uint32_t pairs = divide_up(p->window_h * p->window_w, 2);
  uint32_t block_words = BLOCK + pairs * BLOCK;
  const row_param *params = output->row_params;
  i16x8 zero = splat_i16x8((int16_t)(params ? params[image].zero : p->input_zero));
  const int32_t *weights = p->weights;
  for (uint32_t c = 0; c < p->channels; c += BLOCK, weights += block_words) {
    uint32_t count = min_u32(BLOCK, p->channels - c);
    i32x4 sums[2];
    if (count < BLOCK) sum_block(taps, pairs, weights, c, count, p->input_unsigned, zero, sums);
    else if (p->input_unsigned) sum_block(taps, pairs, weights, c, BLOCK, 1, zero, sums);
    else sum_block(taps, pairs, weights, c, BLOCK, 0, zero, sums);
    if (params) {
      store_real(output, out + c, count, c, params[image].scale, sums[0], sums[1]);
    } else {
      const i32x4 twice[4] = {sums[0], sums[1], sums[0], sums[1]};
      store_row(output, out + c, count, c, twice);
    }
  }
}

void depthwise_q8(const depthwise_q8_params *p, uint32_t thread, uint32_t threads) {
  const uint8_t **taps = (const uint8_t **)((char *)p->taps + (size_t)thread * p->tap_bytes);
  sum_output output = SUM_OUTPUT(p);
  span rows_of_output = share(p->images * p->out_h, 1, thread, threads);
  for (uint32_t row = rows_of_output.begin; row < rows_of_output.end; row++) {
    uint32_t image = row / p->out_h;
    const uint8_t *in = (const uint8_t *)p->input + image * p->in_h * p->in_w * p->channels;
    window_cut rows = CUT_ROWS(p, row % p->out_h);
    for (uint32_t x = 0; x < p->out_w; x++) {
      find_taps(p, in, rows, CUT_COLUMNS(p, x), taps);
      compute_pixel(p, taps, &output, image, (row * p->out_w + x) * p->channels);
    }
  }
}
