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
INLINE void interleave_words(uint8_t *to, const uint8_t *const rows[QUAD], const strip *s,
                             uint32_t is_unsigned) {
  v128_t zero = wasm_i16x8_splat((int16_t)s->zero);
  v128_t row[QUAD];
  for (uint32_t i = 0; i < QUAD; i++) {
    row[i] = wasm_i16x8_sub((v128_t)(is_unsigned ? widen_u8(rows[i]) : widen_i8(rows[i])), zero);
  }
  wasm_v128_store(to, zip_low_i16x8(row[0], row[1]));
  wasm_v128_store(to + 16, zip_high_i16x8(row[0], row[1]));
  wasm_v128_store(to + 32, zip_low_i16x8(row[2], row[3]));
  wasm_v128_store(to + 48, zip_high_i16x8(row[2], row[3]));
}

INLINE void interleave_i8(uint8_t *to, const uint8_t *const rows[QUAD], const strip *s) {
  interleave_words(to, rows, s, 0);
}

INLINE void interleave_u8(uint8_t *to, const uint8_t *const rows[QUAD], const strip *s) {
  interleave_words(to, rows, s, 1);
}

/** Multiplies two outputs with windows `width` wide and 4 * `quads` high. */
INLINE void multiply_pair(const strip *s, const output_pair *pair, uint32_t width, uint32_t quads,
                          uint32_t is_hybrid) {
  uint32_t step = COLUMN_BYTES * quads * s->problem->dilation_w;
  i32x4 sums[PAIR * VECTORS];
  for (uint32_t i = 0; i < PAIR * VECTORS; i++) sums[i] = load_i32x4(s->heads + 4 * (i % VECTORS));
  for (uint32_t kx = 0; kx < width; kx++) {
    for (uint32_t q = 0; q < quads; q++) {
      for (uint32_t i = 0; i < 2 * VECTORS; i++) {
        for (uint32_t o = 0; o < PAIR; o++) {
          const uint8_t *taps = pair->in[o] + kx * step + q * COLUMN_BYTES + 16 * i;
          const char *w = pair->weights[o] + (kx * quads + q) * COLUMN_BYTES + 16 * i;
          i32x4 *sum = &sums[o * VECTORS + i % VECTORS];
          *sum = dot_i16x8(load_i16x8((const int16_t *)taps), load_i16x8((const int16_t *)w), *sum);
        }
      }
    }
  }
  const sum_output *output = s->output;
  if (is_hybrid) {
    float scale = output->row_params[s->image].scale;
#pragma clang loop unroll(full)
    for (uint32_t o = 0; o < PAIR; o++) {
      store_real(output, pair->out[o], s->channel, scale, sums[2 * o], sums[2 * o + 1]);
    }
  } else {
    store_two_rows(output, LIMITED, pair->out[0], pair->out[1], s->channel, sums);
  }
}

/** Multiplies rows of the group, `row` alone or (`is_pair`, a constant) with the one below it. */
INLINE void multiply_rows(const strip *s, uint32_t row, uint32_t is_pair, uint32_t width,
                          uint32_t quads, uint32_t is_hybrid) {
  for (uint32_t x = 0; x < s->outputs; x += is_pair ? 1 : PAIR) {
    output_pair pair = is_pair ? pair_of_rows(s, row, x, quads) : pair_of_columns(s, row, x, quads);
    multiply_pair(s, &pair, width, quads, is_hybrid);
  }
}

/** Multiplies one row of the group, or one and the next. */
typedef void (*row_kernel)(const strip *s, uint32_t row);

#define ROW_KERNEL(name, is_pair, width, quads, is_hybrid)       \
  NOINLINE static void name(const strip *s, uint32_t row) {      \
    multiply_rows(s, row, is_pair, width, quads, is_hybrid);     \
  }
ROW_KERNEL(multiply_two_3, 1, 3, 1, 0)
ROW_KERNEL(multiply_one_3, 0, 3, 1, 0)
ROW_KERNEL(multiply_one_3_hybrid, 0, 3, 1, 1)
ROW_KERNEL(multiply_one, 0, s->problem->window_w, s->problem->quads, 0)
ROW_KERNEL(multiply_one_hybrid, 0, s->problem->window_w, s->problem->quads, 1)

/** By whether windows are 3 wide and up to 4 high, and whether results are real. */
static const row_kernel row_kernels[2][2] = {
    {multiply_one, multiply_one_hybrid},
    {multiply_one_3, multiply_one_3_hybrid},
};

static void multiply_strip(const strip *s) {
  const depthwise_problem *p = s->problem;
  uint32_t is_common = p->window_w == 3 && p->quads == 1;
  uint32_t is_hybrid = p->row_params != NULL;
  if (is_common && !is_hybrid && s->rows == 2) {
    multiply_two_3(s, 0);
    return;
  }
  for (uint32_t row = 0; row < s->rows; row++) row_kernels[is_common][is_hybrid](s, row);
}

void depthwise_q8(const depthwise_q8_params *p, uint32_t thread, uint32_t threads) {
  depthwise_problem c = DEPTHWISE_PROBLEM(p, thread);
  sum_output o = SUM_OUTPUT(p);
  if (p->input_unsigned) convolve_strips(&c, &o, LANES, interleave_u8, multiply_strip, thread, threads);
  else convolve_strips(&c, &o, LANES, interleave_i8, multiply_strip, thread, threads);
}
