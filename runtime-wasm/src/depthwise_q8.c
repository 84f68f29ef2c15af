/**
 * Depthwise convolution of 8-bit integers: depthwise_q8 of kernels/convolution.ts.
 *
 * Two taps at a time: their values less the zero point are int16 that lie side by side, so that one
 * instruction multiplies both and adds the products.
 */
#include "depthwise_q8.h"
#include "kernels.h"
#include "simd.h"

#define LANES 8
/** Vectors of a block's sums. */
#define VECTORS 2

/** Interleaves the first two rows and the last two. */
INLINE void interleave_words(uint8_t *to, const uint8_t *const rows[QUAD], uint32_t count,
                             const strip *s, uint32_t is_unsigned) {
  v128_t zero = wasm_i16x8_splat((int16_t)s->zero);
  v128_t row[QUAD];
  for (uint32_t i = 0; i < QUAD; i++) {
    v128_t bytes = load_bytes(rows[i], count);
    row[i] = wasm_i16x8_sub(is_unsigned ? wasm_u16x8_extend_low_u8x16(bytes)
                                        : wasm_i16x8_extend_low_i8x16(bytes),
                            zero);
  }
  wasm_v128_store(to, zip_low_i16x8(row[0], row[1]));
  wasm_v128_store(to + 16, zip_high_i16x8(row[0], row[1]));
  wasm_v128_store(to + 32, zip_low_i16x8(row[2], row[3]));
  wasm_v128_store(to + 48, zip_high_i16x8(row[2], row[3]));
}

INLINE void interleave_i8(uint8_t *to, const uint8_t *const rows[QUAD], uint32_t count,
                          const strip *s) {
  interleave_words(to, rows, count, s, 0);
}

INLINE void interleave_u8(uint8_t *to, const uint8_t *const rows[QUAD], uint32_t count,
                          const strip *s) {
  interleave_words(to, rows, count, s, 1);
}

/** Stores the sums of an output of `sets` (a constant, 1 or 2) rows of the group from `first` on. */
INLINE void finish(const strip *s, uint32_t first, uint32_t sets, uint32_t at,
                   const i32x4 sums[2 * VECTORS]) {
  const sum_output *o = s->output;
  uint32_t count = min_u32(s->channels, LANES);
  if (o->row_params) {
    float scale = o->row_params[s->image].scale;
    for (uint32_t set = 0; set < sets; set++) {
      store_real(o, s->out[first + set] + at, count, s->channel, scale, sums[2 * set],
                 sums[2 * set + 1]);
    }
  } else if (sets == 2) {
    store_two_rows(o, s->out + first, at, count, s->channel, sums);
  } else {
    store_row(o, s->out[first] + at, count, s->channel, sums);
  }
}

/**
 * Multiplies `sets` (a constant, 1 or 2) rows of the group from `first` on, with windows `width` wide
 * and 4 * `quads` high.
 */
INLINE void multiply_rows(const strip *s, uint32_t first, uint32_t sets, uint32_t width,
                          uint32_t quads) {
  const depthwise_problem *p = s->problem;
  uint32_t column_bytes = COLUMN_BYTES * quads;
  const int32_t *biases = (const int32_t *)s->weights;
  const char *first_weights = (const char *)(biases + LANES) + first * s->row_bytes;
  for (uint32_t x = 0; x < s->outputs; x++) {
    const uint8_t *in = p->columns + x * p->stride_w * column_bytes;
    const char *weights = first_weights;
    i32x4 sums[2 * VECTORS];
    for (uint32_t i = 0; i < 2 * VECTORS; i++) sums[i] = load_i32x4(biases + 4 * (i % VECTORS));
    for (uint32_t kx = 0; kx < width; kx++, in += column_bytes * p->dilation_w) {
      for (uint32_t q = 0; q < quads; q++, weights += COLUMN_BYTES) {
        for (uint32_t i = 0; i < 4; i++) {
          i16x8 taps = load_i16x8((const int16_t *)(in + q * COLUMN_BYTES + 16 * i));
          for (uint32_t set = 0; set < sets; set++) {
            i16x8 w = load_i16x8((const int16_t *)(weights + set * s->row_bytes + 16 * i));
            sums[2 * set + i % 2] = dot_i16x8(taps, w, sums[2 * set + i % 2]);
          }
        }
      }
    }
    finish(s, first, sets, x * p->channels, sums);
  }
}

NOINLINE static void multiply_two_rows_3(const strip *s) { multiply_rows(s, 0, 2, 3, 1); }
NOINLINE static void multiply_row_3(const strip *s, uint32_t row) {
  multiply_rows(s, row, 1, 3, 1);
}
NOINLINE static void multiply_row(const strip *s, uint32_t row) {
  multiply_rows(s, row, 1, s->problem->window_w, s->problem->quads);
}

static void multiply_strip(const strip *s) {
  uint32_t is_common = s->problem->window_w == 3 && s->problem->quads == 1;
  if (is_common && s->rows == 2) {
    multiply_two_rows_3(s);
    return;
  }
  for (uint32_t row = 0; row < s->rows; row++) {
    if (is_common) multiply_row_3(s, row);
    else multiply_row(s, row);
  }
}

void depthwise_q8(const depthwise_q8_params *p, uint32_t thread, uint32_t threads) {
  depthwise_problem c = DEPTHWISE_PROBLEM(p, thread);
  sum_output o = SUM_OUTPUT(p);
  if (p->input_unsigned) convolve_strips(&c, &o, LANES, interleave_u8, multiply_strip, thread, threads);
  else convolve_strips(&c, &o, LANES, interleave_i8, multiply_strip, thread, threads);
}
