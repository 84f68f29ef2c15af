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

INLINE void interleave_bytes(uint8_t *to, const uint8_t *const rows[QUAD], const strip *s) {
  v128_t flip = problem_of(s)->flip;
  v128_t row[QUAD];
  for (uint32_t i = 0; i < QUAD; i++) row[i] = wasm_v128_xor(wasm_v128_load(rows[i]), flip);
  v128_t low01 = zip_low_i8x16(row[0], row[1]);
  v128_t low23 = zip_low_i8x16(row[2], row[3]);
  v128_t high01 = zip_high_i8x16(row[0], row[1]);
  v128_t high23 = zip_high_i8x16(row[2], row[3]);
  wasm_v128_store(to, zip_low_i16x8(low01, low23));
  wasm_v128_store(to + 16, zip_high_i16x8(low01, low23));
  wasm_v128_store(to + 32, zip_low_i16x8(high01, high23));
  wasm_v128_store(to + 48, zip_high_i16x8(high01, high23));
}

/** Stores the sums of the output at `element`; reals, if `is_hybrid` (a constant). */
INLINE void finish(const strip *s, uint32_t is_hybrid, uint32_t element,
                   const i32x4 sums[VECTORS]) {
  const sum_output *o = s->output;
  if (is_hybrid) {
    float scale = o->row_params[s->image].scale;
    store_real(o, element, s->channel, scale, sums[0], sums[1]);
    store_real(o, element + 8, s->channel + 8, scale, sums[2], sums[3]);
  } else {
    store_row(o, LIMITED, element, s->channel, sums);
  }
}

/**
 * Multiplies two outputs with windows `width` wide and 4 * `quads` high. What the weights' zero point
 * adds is taken off by masks where there are some.
 */
INLINE void multiply_pair(const strip *s, const output_pair *pair, uint32_t width, uint32_t quads,
                          const char *const masks[PAIR], uint32_t is_hybrid,
                          const i32x4 heads[VECTORS]) {
  uint32_t step = COLUMN_BYTES * quads * s->problem->dilation_w;
  i32x4 sums[PAIR][VECTORS];
  for (uint32_t o = 0; o < PAIR; o++) {
    for (uint32_t i = 0; i < VECTORS; i++) sums[o][i] = heads[i];
  }
  for (uint32_t kx = 0; kx < width; kx++) {
    for (uint32_t q = 0; q < quads; q++) {
      for (uint32_t i = 0; i < VECTORS; i++) {
        for (uint32_t o = 0; o < PAIR; o++) {
          v128_t taps = wasm_v128_load(pair->in[o] + kx * step + q * COLUMN_BYTES + 16 * i);
          v128_t w =
              wasm_v128_load(pair->weights[o] + (kx * quads + q) * COLUMN_BYTES + 16 * i);
          sums[o][i] = dot_i8x16(w, taps, sums[o][i]);
          if (masks) sums[o][i] = dot_i8x16(wasm_v128_load(masks[o] + 16 * q), taps, sums[o][i]);
        }
      }
    }
  }
#pragma clang loop unroll(full)
  for (uint32_t o = 0; o < PAIR; o++) finish(s, is_hybrid, pair->out[o], sums[o]);
}

/** Multiplies rows of the group, `row` alone or (`is_pair`, a constant) with the one below it. */
INLINE void multiply_rows(const strip *s, uint32_t row, uint32_t is_pair, uint32_t width,
                          uint32_t quads, uint32_t has_zero, uint32_t is_hybrid) {
  const depthwise_problem *p = s->problem;
  const char *first_mask = p->weights - (p->group_rows - row) * quads * sizeof(v128_t);
  const char *masks[PAIR] = {first_mask, first_mask + (is_pair ? quads * sizeof(v128_t) : 0)};
  i32x4 heads[VECTORS];
  for (uint32_t i = 0; i < VECTORS; i++) {
    heads[i] = load_i32x4(s->heads + 4 * i);
    if (is_hybrid) heads[i] *= splat_i32x4(problem_of(s)->is_flipped ? s->zero + 128 : s->zero);
  }
  for (uint32_t x = 0; x < s->outputs; x += is_pair ? 1 : PAIR) {
    output_pair pair = is_pair ? pair_of_rows(s, row, x, quads) : pair_of_columns(s, row, x, quads);
    multiply_pair(s, &pair, width, quads, has_zero ? masks : NULL, is_hybrid, heads);
  }
}

/** Multiplies one row of the group, or one and the next. */
typedef void (*row_kernel)(const strip *s, uint32_t row);

#define ROW_KERNEL(name, is_pair, width, quads, has_zero, is_hybrid)       \
  NOINLINE static void name(const strip *s, uint32_t row) {                \
    multiply_rows(s, row, is_pair, width, quads, has_zero, is_hybrid);     \
  }
ROW_KERNEL(multiply_two_3, 1, 3, 1, 0, 0)
ROW_KERNEL(multiply_two_3_less_zero, 1, 3, 1, 1, 0)
ROW_KERNEL(multiply_one_3, 0, 3, 1, 0, 0)
ROW_KERNEL(multiply_one_3_less_zero, 0, 3, 1, 1, 0)
ROW_KERNEL(multiply_one_3_hybrid, 0, 3, 1, 0, 1)
ROW_KERNEL(multiply_one, 0, s->problem->window_w, s->problem->quads, 0, 0)
ROW_KERNEL(multiply_one_less_zero, 0, s->problem->window_w, s->problem->quads, 1, 0)
ROW_KERNEL(multiply_one_hybrid, 0, s->problem->window_w, s->problem->quads, 0, 1)

/** By whether windows are 3 wide and up to 4 high, and by what becomes of the sums. */
static const row_kernel row_kernels[2][3] = {
    {multiply_one, multiply_one_less_zero, multiply_one_hybrid},
    {multiply_one_3, multiply_one_3_less_zero, multiply_one_3_hybrid},
};

static void multiply_strip(const strip *s) {
  const depthwise_problem *p = s->problem;
  uint32_t is_common = p->window_w == 3 && p->quads == 1;
  uint32_t form = p->row_params ? 2 : problem_of(s)->has_weight_zero;
  if (is_common && form < 2 && s->rows == 2) {
    (form ? multiply_two_3_less_zero : multiply_two_3)(s, 0);
    return;
  }
  for (uint32_t row = 0; row < s->rows; row++) row_kernels[is_common][form](s, row);
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
