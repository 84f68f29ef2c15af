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

NOINLINE static void interleave_bytes(uint8_t *to, uint32_t column_bytes,
                                      const uint8_t *const rows[QUAD],
                                      const uint32_t advance[QUAD], uint32_t count,
                                      const strip *s) {
  const v128_t flip = problem_of(s)->flip;
  const uint8_t *at[QUAD] = {rows[0], rows[1], rows[2], rows[3]};
  const uint32_t step[QUAD] = {advance[0], advance[1], advance[2], advance[3]};
  for (; count > 0; count--, to += column_bytes) {
    SETTLE(to);
    v128_t row[QUAD];
    for (uint32_t i = 0; i < QUAD; i++) {
      row[i] = wasm_v128_xor(wasm_v128_load(at[i]), flip);
      at[i] += step[i];
    }
    v128_t low01 = zip_low_i8x16(row[0], row[1]);
    v128_t low23 = zip_low_i8x16(row[2], row[3]);
    v128_t high01 = zip_high_i8x16(row[0], row[1]);
    v128_t high23 = zip_high_i8x16(row[2], row[3]);
    wasm_v128_store(to, zip_low_i16x8(low01, low23));
    wasm_v128_store(to + 16, zip_high_i16x8(low01, low23));
    wasm_v128_store(to + 32, zip_low_i16x8(high01, high23));
    wasm_v128_store(to + 48, zip_high_i16x8(high01, high23));
  }
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
INLINE void multiply_pair(const strip *s, const output_pair *pair, const char *weights,
                          uint32_t width, uint32_t quads, const char *masks, uint32_t is_hybrid,
                          const i32x4 heads[VECTORS]) {
  uint32_t step = COLUMN_BYTES * quads * s->problem->dilation_w;
  i32x4 sums[PAIR][VECTORS];
  for (uint32_t o = 0; o < PAIR; o++) {
    for (uint32_t i = 0; i < VECTORS; i++) sums[o][i] = heads[i];
  }
  for (uint32_t kx = 0; kx < width; kx++) {
    for (uint32_t q = 0; q < quads; q++) {
      for (uint32_t i = 0; i < VECTORS; i++) {
        v128_t w = wasm_v128_load(weights + (kx * quads + q) * COLUMN_BYTES + 16 * i);
        for (uint32_t o = 0; o < PAIR; o++) {
          v128_t taps = wasm_v128_load(pair->in[o] + kx * step + q * COLUMN_BYTES + 16 * i);
          sums[o][i] = dot_i8x16(w, taps, sums[o][i]);
          if (masks) sums[o][i] = dot_i8x16(wasm_v128_load(masks + 16 * q), taps, sums[o][i]);
        }
      }
    }
  }
#pragma clang loop unroll(full)
  for (uint32_t o = 0; o < PAIR; o++) finish(s, is_hybrid, pair->out[o], sums[o]);
}

/** The weights of row `row` of the group. */
INLINE const char *row_weights(const strip *s, uint32_t row) {
  return s->weights + row * s->row_bytes;
}

/** The masks of row `row` of the group, which come before the blocks. */
INLINE const char *row_masks(const strip *s, uint32_t row) {
  const depthwise_problem *p = s->problem;
  return p->weights - (p->group_rows - row) * p->quads * sizeof(v128_t);
}

/** Multiplies a row with any window. */
INLINE void multiply_any(const strip *s, uint32_t row, uint32_t has_zero, uint32_t is_hybrid) {
  const depthwise_problem *p = s->problem;
  i32x4 heads[VECTORS];
  for (uint32_t i = 0; i < VECTORS; i++) {
    heads[i] = load_i32x4(s->heads + 4 * i);
    if (is_hybrid) heads[i] *= splat_i32x4(problem_of(s)->is_flipped ? s->zero + 128 : s->zero);
  }
  for (uint32_t x = 0; x < s->outputs; x += PAIR) {
    output_pair pair = pair_at(s, row, x, p->quads);
    multiply_pair(s, &pair, row_weights(s, row), p->window_w, p->quads,
                  has_zero ? row_masks(s, row) : NULL, is_hybrid, heads);
  }
}

/** Taps of a column of a common window, and columns. */
#define COMMON 3
/** Vectors whose weights stay in registers. */
#define HALF (VECTORS / 2)

/**
 * Multiplies a row of at least two outputs with a window 3 wide and up to 4 high, half of the block's
 * channels at a time.
 */
INLINE void multiply_common(const strip *s, uint32_t row, uint32_t has_zero, sum_end end) {
  const depthwise_problem *p = s->problem;
  const sum_output output = *s->output;
  const uint32_t column = COLUMN_BYTES * p->dilation_w;
  const uint32_t step = COLUMN_BYTES * p->stride_w;
  const uint32_t channels = p->channels;
  v128_t mask = has_zero ? wasm_v128_load(row_masks(s, row)) : wasm_i32x4_const_splat(0);
  for (uint32_t i = 0; i < VECTORS; i += HALF) {
    const char *weights = row_weights(s, row) + 16 * i;
    v128_t w[HALF][COMMON];
    i32x4 heads[HALF];
    f32x4 scales[HALF];
    for (uint32_t v = 0; v < HALF; v++) {
      heads[v] = load_i32x4(s->heads + 4 * (i + v));
      scales[v] = load_f32x4(output.scales + s->channel + 4 * (i + v));
      for (uint32_t kx = 0; kx < COMMON; kx++) {
        w[v][kx] = wasm_v128_load(weights + kx * COLUMN_BYTES + 16 * v);
      }
    }
    const uint8_t *in = p->columns + 16 * i;
    uint8_t *out = (uint8_t *)output.output + s->out[row] + 4 * i;
    for (uint32_t left = s->outputs; left > 0; left -= PAIR) {
      /* The last pair overlaps the one before it. */
      if (left == 1) {
        in -= step;
        out -= channels;
        left = PAIR;
      }
      i32x4 sums[PAIR * HALF];
      for (uint32_t o = 0; o < PAIR; o++) {
        const uint8_t *taps = in + o * step;
        i32x4 *sum = &sums[o * HALF];
        for (uint32_t v = 0; v < HALF; v++) sum[v] = heads[v];
        for (uint32_t kx = 0; kx < COMMON; kx++, taps += column) {
          SETTLE(taps);
          for (uint32_t v = 0; v < HALF; v++) {
            v128_t x = wasm_v128_load(taps + 16 * v);
            sum[v] = dot_i8x16(w[v][kx], x, sum[v]);
            if (has_zero) sum[v] = dot_i8x16(mask, x, sum[v]);
          }
        }
      }
      v128_t bytes =
          requantize_sums(&output, end, sums, scales[0], scales[1], scales[0], scales[1]);
      wasm_v128_store64_lane(out, bytes, 0);
      wasm_v128_store64_lane(out + channels, bytes, 1);
      in += PAIR * step;
      out += PAIR * channels;
    }
  }
}

/** Multiplies one row of the group. */
typedef void (*row_kernel)(const strip *s, uint32_t row);

NOINLINE static void any(const strip *s, uint32_t row) { multiply_any(s, row, 0, 0); }
NOINLINE static void any_less_zero(const strip *s, uint32_t row) { multiply_any(s, row, 1, 0); }
NOINLINE static void any_real(const strip *s, uint32_t row) { multiply_any(s, row, 0, 1); }
NOINLINE static void common(const strip *s, uint32_t row) {
  multiply_common(s, row, 0, SATURATED);
}
NOINLINE static void common_less_zero(const strip *s, uint32_t row) {
  multiply_common(s, row, 1, SATURATED);
}
NOINLINE static void common_limited(const strip *s, uint32_t row) {
  multiply_common(s, row, 0, LIMITED);
}

/** By whether windows are common ones, whether weights have a zero point, and sum_end. */
static const row_kernel row_kernels[2][2][3] = {
    {{any, any, any_real}, {any_less_zero, any_less_zero, any_real}},
    {{common, common_limited, any_real}, {common_less_zero, any_less_zero, any_real}},
};

static void multiply_strip(const strip *s) {
  const depthwise_problem *p = s->problem;
  uint32_t is_common = p->window_w == COMMON && p->quads == 1 && s->outputs >= PAIR;
  row_kernel kernel = row_kernels[is_common][problem_of(s)->has_weight_zero][s->output->end];
  for (uint32_t row = 0; row < s->rows; row++) kernel(s, row);
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
