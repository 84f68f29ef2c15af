/**
 * Depthwise convolution of 8-bit integers by dot products of four bytes: depthwise_q8_dot of
 * kernels/convolution.ts.
 */
#include "depthwise_q8.h"
#include "kernels.h"
#include "simd.h"

#define LANES 16
/** Vectors of a block's sums. */
#define VECTORS 4

/** What the kernels' own callbacks need to know. */
typedef struct {
  depthwise_problem problem;
  v128_t flip;
  uint32_t is_flipped;
  uint32_t has_weight_zero;
} dot_problem;

INLINE const dot_problem *problem_of(const strip *s) { return (const dot_problem *)s->problem; }

INLINE void interleave_bytes(uint8_t *to, const uint8_t *const rows[QUAD], uint32_t count,
                             const strip *s) {
  v128_t flip = problem_of(s)->flip;
  v128_t row[QUAD];
  for (uint32_t i = 0; i < QUAD; i++) row[i] = wasm_v128_xor(load_bytes(rows[i], count), flip);
  v128_t low01 = zip_low_i8x16(row[0], row[1]);
  v128_t low23 = zip_low_i8x16(row[2], row[3]);
  v128_t high01 = zip_high_i8x16(row[0], row[1]);
  v128_t high23 = zip_high_i8x16(row[2], row[3]);
  wasm_v128_store(to, zip_low_i16x8(low01, low23));
  wasm_v128_store(to + 16, zip_high_i16x8(low01, low23));
  wasm_v128_store(to + 32, zip_low_i16x8(high01, high23));
  wasm_v128_store(to + 48, zip_high_i16x8(high01, high23));
}

INLINE void finish(const strip *s, uint32_t element, const i32x4 sums[VECTORS]) {
  const sum_output *o = s->output;
  uint32_t count = min_u32(s->channels, LANES);
  if (o->row_params) {
    float scale = o->row_params[s->image].scale;
    store_real(o, element, min_u32(count, 8), s->channel, scale, sums[0], sums[1]);
    if (count <= 8) return;
    store_real(o, element + 8, count - 8, s->channel + 8, scale, sums[2], sums[3]);
  } else {
    store_row(o, element, count, s->channel, sums);
  }
}

/**
 * Multiplies `sets` (a constant) rows of the group from `first` on, with windows `width` wide and
 * 4 * `quads` high; with `has_zero` (a constant) what the weights' zero point adds is taken off.
 */
INLINE void multiply_rows(const strip *s, uint32_t first, uint32_t sets, uint32_t width,
                          uint32_t quads, uint32_t has_zero) {
  const depthwise_problem *p = s->problem;
  uint32_t column_bytes = COLUMN_BYTES * quads;
  const char *masks = p->weights - (p->group_rows - first) * quads * sizeof(v128_t);
  i32x4 heads[VECTORS];
  for (uint32_t i = 0; i < VECTORS; i++) {
    heads[i] = load_i32x4((const int32_t *)s->weights + 4 * i);
    if (p->row_params) heads[i] *= splat_i32x4(problem_of(s)->is_flipped ? s->zero + 128 : s->zero);
  }
  const char *first_weights = s->weights + COLUMN_BYTES + first * s->row_bytes;
  for (uint32_t x = 0; x < s->outputs; x++) {
    const uint8_t *in = p->columns + x * p->stride_w * column_bytes;
    const char *weights = first_weights;
    i32x4 sums[MAX_GROUP_ROWS][VECTORS];
    for (uint32_t set = 0; set < sets; set++) {
      for (uint32_t i = 0; i < VECTORS; i++) sums[set][i] = has_zero ? splat_i32x4(0) : heads[i];
    }
    i32x4 plain[VECTORS];
    for (uint32_t i = 0; i < VECTORS; i++) plain[i] = splat_i32x4(0);
    for (uint32_t kx = 0; kx < width; kx++, in += column_bytes * p->dilation_w) {
      for (uint32_t q = 0; q < quads; q++, weights += COLUMN_BYTES) {
        for (uint32_t i = 0; i < VECTORS; i++) {
          v128_t taps = wasm_v128_load(in + q * COLUMN_BYTES + 16 * i);
          for (uint32_t set = 0; set < sets; set++) {
            v128_t w = wasm_v128_load(weights + set * s->row_bytes + 16 * i);
            sums[set][i] = dot_i8x16(w, taps, sums[set][i]);
          }
          if (has_zero) plain[i] = dot_i8x16(wasm_v128_load(masks + 16 * q), taps, plain[i]);
        }
      }
    }
#pragma clang loop unroll(full)
    for (uint32_t set = 0; set < sets; set++) {
      for (uint32_t i = 0; has_zero && i < VECTORS; i++) sums[set][i] += heads[i] - plain[i];
      finish(s, s->out[first + set] + x * p->channels, sums[set]);
    }
  }
}

NOINLINE static void multiply_two_rows_3(const strip *s) { multiply_rows(s, 0, 2, 3, 1, 0); }
NOINLINE static void multiply_row_3(const strip *s, uint32_t row) {
  multiply_rows(s, row, 1, 3, 1, 0);
}
NOINLINE static void multiply_row_3_less_zero(const strip *s, uint32_t row) {
  multiply_rows(s, row, 1, 3, 1, 1);
}
NOINLINE static void multiply_row(const strip *s, uint32_t row) {
  multiply_rows(s, row, 1, s->problem->window_w, s->problem->quads, 0);
}
NOINLINE static void multiply_row_less_zero(const strip *s, uint32_t row) {
  multiply_rows(s, row, 1, s->problem->window_w, s->problem->quads, 1);
}

static void multiply_strip(const strip *s) {
  const depthwise_problem *p = s->problem;
  uint32_t is_common = p->window_w == 3 && p->quads == 1;
  uint32_t has_zero = problem_of(s)->has_weight_zero;
  if (is_common && !has_zero && s->rows == 2) {
    multiply_two_rows_3(s);
    return;
  }
  for (uint32_t row = 0; row < s->rows; row++) {
    if (is_common && has_zero) multiply_row_3_less_zero(s, row);
    else if (is_common) multiply_row_3(s, row);
    else if (has_zero) multiply_row_less_zero(s, row);
    else multiply_row(s, row);
  }
}

void depthwise_q8_dot(const depthwise_q8_dot_params *p, uint32_t thread, uint32_t threads) {
  dot_problem problem = {
      .problem = DEPTHWISE_PROBLEM(p, thread),
      .flip = wasm_i8x16_splat((int8_t)p->flip),
      .is_flipped = p->flip != 0,
      .has_weight_zero = p->weight_zero != 0,
  };
  /* The masks of the group's rows come before the blocks. */
  problem.problem.weights += p->group_rows * p->quads * sizeof(v128_t);
  sum_output output = SUM_OUTPUT(p);
  convolve_strips(&problem.problem, &output, LANES, interleave_bytes, multiply_strip, thread,
                  threads);
}
