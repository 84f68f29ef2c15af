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
INLINE void interleave_words(uint8_t *to, uint32_t column_bytes, const uint8_t *const rows[QUAD],
                             const uint32_t advance[QUAD], uint32_t count, const strip *s,
                             uint32_t is_unsigned) {
  const v128_t zero = wasm_i16x8_splat((int16_t)s->zero);
  const uint8_t *at[QUAD] = {rows[0], rows[1], rows[2], rows[3]};
  const uint32_t step[QUAD] = {advance[0], advance[1], advance[2], advance[3]};
  for (; count > 0; count--, to += column_bytes) {
    SETTLE(to);
    v128_t row[QUAD];
    for (uint32_t i = 0; i < QUAD; i++) {
      row[i] = wasm_i16x8_sub((v128_t)(is_unsigned ? widen_u8(at[i]) : widen_i8(at[i])), zero);
      at[i] += step[i];
    }
    wasm_v128_store(to, zip_low_i16x8(row[0], row[1]));
    wasm_v128_store(to + 16, zip_high_i16x8(row[0], row[1]));
    wasm_v128_store(to + 32, zip_low_i16x8(row[2], row[3]));
    wasm_v128_store(to + 48, zip_high_i16x8(row[2], row[3]));
  }
}

NOINLINE static void interleave_i8(uint8_t *to, uint32_t column_bytes,
                                   const uint8_t *const rows[QUAD], const uint32_t advance[QUAD],
                                   uint32_t count, const strip *s) {
  interleave_words(to, column_bytes, rows, advance, count, s, 0);
}

NOINLINE static void interleave_u8(uint8_t *to, uint32_t column_bytes,
                                   const uint8_t *const rows[QUAD], const uint32_t advance[QUAD],
                                   uint32_t count, const strip *s) {
  interleave_words(to, column_bytes, rows, advance, count, s, 1);
}

/** Multiplies two outputs with windows `width` wide and 4 * `quads` high; `end` is a constant. */
INLINE void multiply_pair(const strip *s, const output_pair *pair, const char *weights,
                          uint32_t width, uint32_t quads, sum_end end) {
  uint32_t step = COLUMN_BYTES * quads * s->problem->dilation_w;
  i32x4 sums[PAIR * VECTORS];
  for (uint32_t i = 0; i < PAIR * VECTORS; i++) sums[i] = load_i32x4(s->heads + 4 * (i % VECTORS));
  for (uint32_t kx = 0; kx < width; kx++) {
    for (uint32_t q = 0; q < quads; q++) {
      for (uint32_t i = 0; i < 2 * VECTORS; i++) {
        const char *at = weights + (kx * quads + q) * COLUMN_BYTES + 16 * i;
        i16x8 w = load_i16x8((const int16_t *)at);
        for (uint32_t o = 0; o < PAIR; o++) {
          const uint8_t *taps = pair->in[o] + kx * step + q * COLUMN_BYTES + 16 * i;
          i32x4 *sum = &sums[o * VECTORS + i % VECTORS];
          *sum = dot_i16x8(load_i16x8((const int16_t *)taps), w, *sum);
        }
      }
      for (uint32_t i = 0; i < PAIR * VECTORS; i++) SETTLE_VECTOR(sums[i]);
    }
  }
  const sum_output *output = s->output;
  if (end == REAL) {
    float scale = output->row_params[s->image].scale;
#pragma clang loop unroll(full)
    for (uint32_t o = 0; o < PAIR; o++) {
      store_real(output, pair->out[o], s->channel, scale, sums[2 * o], sums[2 * o + 1]);
    }
  } else {
    store_two_rows(output, end, pair->out[0], pair->out[1], s->channel, sums);
  }
}

/** Multiplies a row of the group. */
INLINE void multiply_row(const strip *s, uint32_t row, uint32_t width, uint32_t quads,
                         sum_end end) {
  for (uint32_t x = 0; x < s->outputs; x += PAIR) {
    output_pair pair = pair_at(s, row, x, quads);
    multiply_pair(s, &pair, s->weights + row * s->row_bytes, width, quads, end);
  }
}

/** Multiplies one row of the group. */
typedef void (*row_kernel)(const strip *s, uint32_t row);

#define ROW_KERNEL(name, width, quads, end)                                                      \
  NOINLINE static void name(const strip *s, uint32_t row) { multiply_row(s, row, width, quads, end); }
ROW_KERNEL(common, 3, 1, SATURATED)
ROW_KERNEL(common_limited, 3, 1, LIMITED)
ROW_KERNEL(common_real, 3, 1, REAL)
ROW_KERNEL(any, s->problem->window_w, s->problem->quads, LIMITED)
ROW_KERNEL(any_real, s->problem->window_w, s->problem->quads, REAL)

/** By whether windows are 3 wide and up to 4 high, and by sum_end. */
static const row_kernel row_kernels[2][3] = {
    {any, any, any_real},
    {common, common_limited, common_real},
};

static void multiply_strip(const strip *s) {
  const depthwise_problem *p = s->problem;
  row_kernel kernel = row_kernels[p->window_w == 3 && p->quads == 1][s->output->end];
  for (uint32_t row = 0; row < s->rows; row++) kernel(s, row);
}

void depthwise_q8(const depthwise_q8_params *p, uint32_t thread, uint32_t threads) {
  depthwise_problem c = DEPTHWISE_PROBLEM(p, thread);
  sum_output o = SUM_OUTPUT(p);
  if (p->input_unsigned) convolve_strips(&c, &o, LANES, interleave_u8, multiply_strip, thread, threads);
  else convolve_strips(&c, &o, LANES, interleave_i8, multiply_strip, thread, threads);
}
