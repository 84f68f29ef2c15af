/**
 * Matrix products and convolutions of 8-bit integers: conv_q8 of kernels/convolution.ts.
 *
 * Patches are gathered as int16 with the zero point taken off, so that padding is zero and one
 * microkernel serves signed and unsigned inputs; products of int16 pairs are summed exactly.
 */
#include "convolution.h"
#include "kernels.h"
#include "requantize.h"
#include "simd.h"

typedef struct {
  const int16_t *in[MAX_BLOCK_ROWS];
  /** Element of the output where a row's first column goes. */
  uint32_t out[MAX_BLOCK_ROWS];
  /** Image of a row. */
  uint32_t image[MAX_BLOCK_ROWS];
} row_block;

typedef int32_t tile_sums[TILE_ROWS][PANEL];

/**
 * Sums of `rows` (a constant) rows with one panel, whose weights are int8 or, if `wide` (a
 * constant), int16. `pairs` is half the depth, rounded up.
 */
INLINE void multiply_tile(uint32_t rows, uint32_t wide, const int16_t *const *patch,
                          const int32_t *panel, uint32_t pairs, tile_sums result) {
  i32x4 sums[TILE_ROWS][2];
  const int16_t *in[TILE_ROWS];
  for (uint32_t r = 0; r < rows; r++) {
    sums[r][0] = load_i32x4(panel);
    sums[r][1] = load_i32x4(panel + 4);
    in[r] = patch[r];
  }
  const char *weights = (const char *)(panel + PANEL);
#pragma clang loop unroll(disable)
  for (; pairs > 0; pairs--) {
    i16x8 w0 = wide ? load_i16x8((const int16_t *)weights) : widen_i8(weights);
    i16x8 w1 = wide ? load_i16x8((const int16_t *)weights + 8) : widen_i8(weights + 8);
    weights += wide ? 32 : 16;
    for (uint32_t r = 0; r < rows; r++) {
      i16x8 x = splat_pair_i16x8(in[r]);
      in[r] += 2;
      sums[r][0] = dot_i16x8(x, w0, sums[r][0]);
      sums[r][1] = dot_i16x8(x, w1, sums[r][1]);
    }
  }
  for (uint32_t r = 0; r < rows; r++) {
    store_i32x4(result[r], sums[r][0]);
    store_i32x4(result[r] + 4, sums[r][1]);
  }
}

typedef void (*tile_kernel)(const int16_t *const *patch, const int32_t *panel, uint32_t pairs,
                            tile_sums result);

#define TILE_KERNEL(name, rows, wide)                                                      \
  NOINLINE static void name(const int16_t *const *patch, const int32_t *panel,             \
                            uint32_t pairs, tile_sums result) {                            \
    multiply_tile(rows, wide, patch, panel, pairs, result);                                \
  }
TILE_KERNEL(multiply_1_row, 1, 0)
TILE_KERNEL(multiply_2_rows, 2, 0)
TILE_KERNEL(multiply_3_rows, 3, 0)
TILE_KERNEL(multiply_4_rows, 4, 0)
TILE_KERNEL(multiply_1_row_wide, 1, 1)
TILE_KERNEL(multiply_2_rows_wide, 2, 1)
TILE_KERNEL(multiply_3_rows_wide, 3, 1)
TILE_KERNEL(multiply_4_rows_wide, 4, 1)

/** By wide_weights and rows - 1. */
static const tile_kernel tile_kernels[2][TILE_ROWS] = {
    {multiply_1_row, multiply_2_rows, multiply_3_rows, multiply_4_rows},
    {multiply_1_row_wide, multiply_2_rows_wide, multiply_3_rows_wide, multiply_4_rows_wide},
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
NOINLINE static void prepare_rows(const conv_q8_params *p, const conv_problem *c,
                                  const conv_item *item, int16_t *patches, uint32_t first_row,
                                  uint32_t rows, row_block *block) {
  const uint8_t *input = (const uint8_t *)p->input + item->input;
  const row_param *params = p->row_params;
  uint32_t patch_size = (c->depth + 1) & ~1u;
  grid_point at = point_of_row(c, first_row);
  for (uint32_t r = 0; r < rows; r++, next_point(c, &at)) {
    int16_t *patch = patches + r * patch_size;
    int32_t zero = params ? params[at.n].zero : p->input_zero;
    if (p->input_unsigned) gather_patch(c, input, at, patch, zero, copy_u8, clear_words);
    else gather_patch(c, input, at, patch, zero, copy_i8, clear_words);
    if (patch_size != c->depth) patch[c->depth] = 0;
    block->in[r] = patch;
    block->out[r] = item->output + output_element(c, at);
    block->image[r] = at.n;
  }
}

/** Stores the outputs of a tile; store_sums in requantize.h. */
NOINLINE static void finish_tile(const sum_output *output, const row_block *block, uint32_t at,
                                 uint32_t rows, uint32_t column, uint32_t columns,
                                 uint32_t first_scale, tile_sums sums) {
  store_sums(output, rows, block->out + at, block->image + at, column, columns, first_scale, sums);
}

void conv_q8(const conv_q8_params *p, uint32_t thread, uint32_t threads) {
  conv_problem c = CONV_PROBLEM(p);
  conv_share part = share_problem(&c, TILE_ROWS, thread, threads);
  int16_t *patches = (int16_t *)((char *)p->patches + (size_t)thread * p->patch_bytes);
  const tile_kernel *kernels = tile_kernels[p->wide_weights != 0];
  uint32_t rows_of_item = item_rows(&c);
  uint32_t tiles_of_item = divide_up(rows_of_item, TILE_ROWS);
  uint32_t block_tiles = c.block_rows / TILE_ROWS;
  uint32_t pairs = divide_up(c.depth, 2);
  uint32_t panel_bytes = PANEL * (sizeof(int32_t) + pairs * (p->wide_weights ? 4 : 2));
  sum_output output = SUM_OUTPUT(p);
  row_block block;
  tile_sums sums;
  if (part.panels.begin == part.panels.end) return;

  for (uint32_t tile = part.tiles.begin; tile < part.tiles.end;) {
    const conv_item *item = &c.item[tile / tiles_of_item];
    uint32_t tile_of_item = tile % tiles_of_item;
    uint32_t tiles = min_u32(part.tiles.end - tile, tiles_of_item - tile_of_item);
    tiles = min_u32(tiles, block_tiles);
    uint32_t first_row = tile_of_item * TILE_ROWS;
    uint32_t rows = min_u32(tiles * TILE_ROWS, rows_of_item - first_row);
    prepare_rows(p, &c, item, patches, first_row, rows, &block);
    for (uint32_t i = part.panels.begin; i < part.panels.end; i++) {
      const int32_t *panel = (const int32_t *)((const char *)p->weights + item->weights +
                                               (size_t)i * panel_bytes);
      uint32_t column = i * PANEL;
      uint32_t columns = min_u32(PANEL, c.columns - column);
      for (uint32_t r = 0; r < rows; r += TILE_ROWS) {
        uint32_t tile_rows = min_u32(TILE_ROWS, rows - r);
        kernels[tile_rows - 1](block.in + r, panel, pairs, sums);
        finish_tile(&output, &block, r, tile_rows, column, columns, item->scales, sums);
      }
    }
    tile += tiles;
  }
}
