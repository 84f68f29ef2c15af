/**
 * Matrix products and convolutions of 8-bit integers: conv_q8 of kernels/convolution.ts.
 *
 * Patches are gathered as int16 with the zero point taken off, so that padding is zero and one
 * microkernel serves signed and unsigned inputs; products of int16 pairs are summed exactly.
 */
#include "kernels.h"
#include "product_q8.h"
#include "simd.h"

/** Rows of a tile: TILE_ROWS of convolution.h. */
#define ROWS TILE_ROWS
#define STEP_BYTES(wide) ((wide) ? 32u : 16u)

/** The 8 weights of 4 columns from column 4 * `half` of a panel on. */
INLINE i16x8 load_weights(const char *weights, uint32_t half, uint32_t wide) {
  return wide ? load_i16x8((const int16_t *)weights + 8 * half) : widen_i8(weights + 8 * half);
}

/** The tiles of a block times one panel, whose weights are int8 or, if `wide`, int16. */
INLINE void multiply_tiles(const panel_product *p, uint32_t wide, sum_end end) {
  const row_block *b = p->block;
  for (uint32_t at = 0; at < b->rows; at += ROWS) {
    const char *weights = p->panel;
    i32x4 sums[ROWS][2];
    const int16_t *in[ROWS];
    for (uint32_t r = 0; r < ROWS; r++) {
      sums[r][0] = load_i32x4((const int32_t *)weights);
      sums[r][1] = load_i32x4((const int32_t *)weights + 4);
      in[r] = b->in[at + r];
    }
    weights += PANEL * sizeof(int32_t);
#pragma clang loop unroll(disable)
    for (uint32_t i = p->steps; i > 0; i--, weights += STEP_BYTES(wide)) {
      i16x8 w0 = load_weights(weights, 0, wide);
      i16x8 w1 = load_weights(weights, 1, wide);
      for (uint32_t r = 0; r < ROWS; r++) {
        i16x8 x = splat_pair_i16x8(in[r]);
        in[r] += 2;
        sums[r][0] = dot_i16x8(x, w0, sums[r][0]);
        sums[r][1] = dot_i16x8(x, w1, sums[r][1]);
      }
    }
    finish_tile(p, at, ROWS, end, (const i32x4(*)[2])sums);
  }
}

/** The first row of a block times `panels` (a constant) panels. */
INLINE void multiply_row(const panel_product *p, uint32_t panels, uint32_t wide) {
  const int16_t *in = p->block->in[0];
  i32x4 sums[2 * ROW_PANELS];
  const char *weights[ROW_PANELS];
  for (uint32_t i = 0; i < panels; i++) {
    const int32_t *biases = (const int32_t *)(p->panel + i * p->panel_bytes);
    sums[2 * i] = load_i32x4(biases);
    sums[2 * i + 1] = load_i32x4(biases + 4);
    weights[i] = (const char *)(biases + PANEL);
  }
#pragma clang loop unroll(disable)
  for (uint32_t k = 0; k < p->steps; k++, in += 2) {
    i16x8 x = splat_pair_i16x8(in);
    for (uint32_t i = 0; i < panels; i++) {
      sums[2 * i] = dot_i16x8(x, load_weights(weights[i], 0, wide), sums[2 * i]);
      sums[2 * i + 1] = dot_i16x8(x, load_weights(weights[i], 1, wide), sums[2 * i + 1]);
      weights[i] += STEP_BYTES(wide);
    }
  }
  finish_row(p, panels, sums);
}

NOINLINE static void narrow_row_panels(const panel_product *p) { multiply_row(p, ROW_PANELS, 0); }
NOINLINE static void narrow_row_panel(const panel_product *p) { multiply_row(p, 1, 0); }
NOINLINE static void wide_row_panels(const panel_product *p) { multiply_row(p, ROW_PANELS, 1); }
NOINLINE static void wide_row_panel(const panel_product *p) { multiply_row(p, 1, 1); }
NOINLINE static void narrow_saturated(const panel_product *p) {
  multiply_tiles(p, 0, SATURATED);
}
NOINLINE static void narrow_limited(const panel_product *p) { multiply_tiles(p, 0, LIMITED); }
NOINLINE static void narrow_real(const panel_product *p) { multiply_tiles(p, 0, REAL); }
NOINLINE static void wide_saturated(const panel_product *p) { multiply_tiles(p, 1, SATURATED); }
NOINLINE static void wide_limited(const panel_product *p) { multiply_tiles(p, 1, LIMITED); }
NOINLINE static void wide_real(const panel_product *p) { multiply_tiles(p, 1, REAL); }

/** By wide_weights and sum_end. */
static const multiplier multipliers[2][3] = {
    {{ROWS, narrow_saturated, narrow_row_panels, narrow_row_panel},
     {ROWS, narrow_limited, narrow_row_panels, narrow_row_panel},
     {ROWS, narrow_real, narrow_row_panels, narrow_row_panel}},
    {{ROWS, wide_saturated, wide_row_panels, wide_row_panel},
     {ROWS, wide_limited, wide_row_panels, wide_row_panel},
     {ROWS, wide_real, wide_row_panels, wide_row_panel}},
};

INLINE void copy_widened(void *patch, uint32_t to, const void *input, uint32_t from,
                         uint32_t count, int32_t zero_point, uint32_t is_unsigned) {
  int16_t *target = (int16_t *)patch + to;
  const uint8_t *source = (const uint8_t *)input + from;
  i16x8 zero = splat_i16x8((int16_t)zero_point);
  for (; count >= 8; count -= 8, target += 8, source += 8) {
    store_i16x8(target, (is_unsigned ? widen_u8(source) : widen_i8(source)) - zero);
  }
  for (; count > 0; count--, target++, source++) {
    *target = (int16_t)((is_unsigned ? *source : (int8_t)*source) - zero_point);
  }
}

static void copy_i8(void *patch, uint32_t to, const void *input, uint32_t from, uint32_t count,
                    int32_t zero_point) {
  copy_widened(patch, to, input, from, count, zero_point, 0);
}

static void copy_u8(void *patch, uint32_t to, const void *input, uint32_t from, uint32_t count,
                    int32_t zero_point) {
  copy_widened(patch, to, input, from, count, zero_point, 1);
}

static void clear_words(void *patch, uint32_t to, uint32_t count, int32_t zero_point) {
  (void)zero_point;
  int16_t *target = (int16_t *)patch + to;
  for (uint32_t i = 0; i < count; i++) target[i] = 0;
}

/** Gathers the patches of `rows` rows from `first_row` of an item on. */
NOINLINE static void prepare_rows(const void *params, const conv_problem *c, const conv_item *item,
                                  void *patches, uint32_t first_row, uint32_t rows,
                                  row_block *block) {
  const conv_q8_params *p = params;
  const uint8_t *input = (const uint8_t *)p->input + item->input;
  const row_param *row_params = p->row_params;
  uint32_t patch_size = (c->depth + 1) & ~1u;
  grid_point at = point_of_row(c, first_row);
  for (uint32_t r = 0; r < rows; r++, next_point(c, &at)) {
    int16_t *patch = (int16_t *)patches + r * patch_size;
    int32_t zero = row_params ? row_params[at.n].zero : p->input_zero;
    if (p->input_unsigned) gather_patch(c, input, at, patch, zero, copy_u8, clear_words);
    else gather_patch(c, input, at, patch, zero, copy_i8, clear_words);
    if (patch_size != c->depth) patch[c->depth] = 0;
    block->in[r] = patch;
    block->out[r] = item->output + output_element(c, at);
    block->image[r] = at.n;
  }
}

void conv_q8(const conv_q8_params *p, uint32_t thread, uint32_t threads) {
  conv_problem c = CONV_PROBLEM(p);
  sum_output output = SUM_OUTPUT(p);
  char *patches = (char *)p->patches + (size_t)thread * p->patch_bytes;
  const multiplier *m = &multipliers[p->wide_weights != 0][output.end];
  multiply_problem(&c, &output, m, p->weights, divide_up(c.depth, 2),
                   STEP_BYTES(p->wide_weights), patches, p, prepare_rows, thread, threads);
}
