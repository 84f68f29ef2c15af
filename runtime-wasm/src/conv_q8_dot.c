/**
 * Matrix products and convolutions of 8-bit integers by dot products of four bytes: conv_q8_dot of
 * kernels/convolution.ts.
 *
 * Activations stay bytes, zero points included; what the zero points add to a sum is known from the
 * weights and from the sums of patches, and is taken off where a sum begins.
 */
#include "convolution.h"
#include "kernels.h"
#include "requantize.h"
#include "simd.h"

/** As DOT_TILE_ROWS of lower/product.ts: as many rows as leave registers for weights. */
#define ROWS 6
#define QUAD 4

typedef struct {
  const uint8_t *in[MAX_BLOCK_ROWS];
  /** Element of the output where a row's first column goes. */
  uint32_t out[MAX_BLOCK_ROWS];
  /** Image of a row. */
  uint32_t image[MAX_BLOCK_ROWS];
  /** What a row's sums begin with: see begin_sums. */
  int32_t term[MAX_BLOCK_ROWS];
} row_block;

typedef int32_t tile_sums[ROWS][PANEL];

/** A panel's heads, less the row's term; or, where panels hold terms' weights, times it. */
INLINE i32x4 begin_sums(i32x4 heads, int32_t term, uint32_t is_factor) {
  return is_factor ? heads * splat_i32x4(term) : heads - splat_i32x4(term);
}

/** Sums of `rows` (a constant) rows with one panel of `quads` times 4 depths. */
INLINE void multiply_tile(uint32_t rows, const row_block *block, uint32_t at, uint32_t is_factor,
                          const int32_t *panel, uint32_t quads, tile_sums result) {
  i32x4 sums[ROWS][2];
  const uint8_t *in[ROWS];
  for (uint32_t r = 0; r < rows; r++) {
    sums[r][0] = begin_sums(load_i32x4(panel), block->term[at + r], is_factor);
    sums[r][1] = begin_sums(load_i32x4(panel + 4), block->term[at + r], is_factor);
    in[r] = block->in[at + r];
  }
  const char *weights = (const char *)(panel + PANEL);
#pragma clang loop unroll(disable)
  for (; quads > 0; quads--, weights += PANEL * QUAD) {
    v128_t w0 = wasm_v128_load(weights);
    v128_t w1 = wasm_v128_load(weights + 16);
    for (uint32_t r = 0; r < rows; r++) {
      v128_t x = wasm_v128_load32_splat(in[r]);
      in[r] += QUAD;
      sums[r][0] = dot_i8x16(w0, x, sums[r][0]);
      sums[r][1] = dot_i8x16(w1, x, sums[r][1]);
    }
  }
  for (uint32_t r = 0; r < rows; r++) {
    store_i32x4(result[r], sums[r][0]);
    store_i32x4(result[r] + 4, sums[r][1]);
  }
}

typedef void (*tile_kernel)(const row_block *block, uint32_t at, uint32_t is_factor,
                            const int32_t *panel, uint32_t quads, tile_sums result);

#define TILE_KERNEL(name, rows)                                                                \
  NOINLINE static void name(const row_block *block, uint32_t at, uint32_t is_factor,           \
                            const int32_t *panel, uint32_t quads, tile_sums result) {          \
    multiply_tile(rows, block, at, is_factor, panel, quads, result);                           \
  }
TILE_KERNEL(multiply_1_row, 1)
TILE_KERNEL(multiply_2_rows, 2)
TILE_KERNEL(multiply_3_rows, 3)
TILE_KERNEL(multiply_4_rows, 4)
TILE_KERNEL(multiply_5_rows, 5)
TILE_KERNEL(multiply_6_rows, 6)

/** By rows - 1. */
static const tile_kernel tile_kernels[ROWS] = {multiply_1_row,  multiply_2_rows, multiply_3_rows,
                                               multiply_4_rows, multiply_5_rows, multiply_6_rows};

/** Copies `count` bytes with the bits of `flip` inverted; from 8 bytes on by overlapping vectors. */
INLINE void copy_bytes(uint8_t *to, const uint8_t *from, uint32_t count, v128_t flip) {
  if (count >= 16) {
    for (uint32_t i = 0; i < count - 16; i += 16) {
      wasm_v128_store(to + i, wasm_v128_xor(wasm_v128_load(from + i), flip));
    }
    wasm_v128_store(to + count - 16, wasm_v128_xor(wasm_v128_load(from + count - 16), flip));
  } else if (count >= 8) {
    v128_t last = wasm_v128_xor(wasm_v128_load64_zero(from + count - 8), flip);
    wasm_v128_store64_lane(to, wasm_v128_xor(wasm_v128_load64_zero(from), flip), 0);
    wasm_v128_store64_lane(to + count - 8, last, 0);
  } else {
    uint8_t bits = (uint8_t)wasm_u8x16_extract_lane(flip, 0);
    for (uint32_t i = 0; i < count; i++) to[i] = from[i] ^ bits;
  }
}

static void copy_plain(void *patch, uint32_t to, const void *input, uint32_t from, uint32_t count,
                       int32_t zero_point) {
  (void)zero_point;
  copy_bytes((uint8_t *)patch + to, (const uint8_t *)input + from, count,
             wasm_i8x16_const_splat(0));
}

static void copy_flipped(void *patch, uint32_t to, const void *input, uint32_t from,
                         uint32_t count, int32_t zero_point) {
  (void)zero_point;
  copy_bytes((uint8_t *)patch + to, (const uint8_t *)input + from, count,
             wasm_i8x16_const_splat(-128));
}

static void fill_bytes(void *patch, uint32_t to, uint32_t count, int32_t zero_point) {
  uint8_t *target = (uint8_t *)patch + to;
  for (uint32_t i = 0; i < count; i++) target[i] = (uint8_t)zero_point;
}

/** The sum of a patch's bytes, as the dot product takes them; `quads` times 4 bytes. */
INLINE int32_t sum_patch(const uint8_t *patch, uint32_t quads) {
  v128_t ones = wasm_i8x16_const_splat(1);
  i32x4 sums = splat_i32x4(0);
  for (; quads >= 4; quads -= 4, patch += 16) {
    sums = dot_i8x16(ones, wasm_v128_load(patch), sums);
  }
  for (; quads > 0; quads--, patch += 4) {
    sums = dot_i8x16(ones, wasm_v128_load32_zero(patch), sums);
  }
  return sums[0] + sums[1] + sums[2] + sums[3];
}

/** Finds or gathers the patches of `rows` rows from `first_row` of an item on. */
NOINLINE static void prepare_rows(const conv_q8_dot_params *p, const conv_problem *c,
                                  const conv_item *item, uint8_t *patches, uint32_t first_row,
                                  uint32_t rows, row_block *block) {
  const uint8_t *input = (const uint8_t *)p->input + item->input;
  const row_param *params = p->row_params;
  uint32_t quads = divide_up(c->depth, QUAD);
  grid_point at = point_of_row(c, first_row);
  for (uint32_t r = 0; r < rows; r++, next_point(c, &at)) {
    int32_t zero = params ? params[at.n].zero : p->input_zero;
    if (p->direct) {
      const patch_run *run = c->run;
      block->in[r] =
          input + input_element(c, at.n, at.d * c->stride_d + (uint32_t)run->offset[0],
                                at.h * c->stride_h + (uint32_t)run->offset[1],
                                at.w * c->stride_w + (uint32_t)run->offset[2]);
    } else {
      uint8_t *patch = patches + r * quads * QUAD;
      int32_t pad = p->flip ? zero ^ 0x80 : zero;
      if (p->flip) gather_patch(c, input, at, patch, pad, copy_flipped, fill_bytes);
      else gather_patch(c, input, at, patch, pad, copy_plain, fill_bytes);
      fill_bytes(patch, c->depth, quads * QUAD - c->depth, 0);
      block->in[r] = patch;
    }
    block->out[r] = item->output + output_element(c, at);
    block->image[r] = at.n;
    if (params) block->term[r] = p->flip ? zero + 128 : zero;
    else block->term[r] = p->weight_zero ? p->weight_zero * sum_patch(block->in[r], quads) : 0;
  }
}

/** Stores the outputs of a tile; store_sums in requantize.h. */
NOINLINE static void finish_tile(const sum_output *output, const row_block *block, uint32_t at,
                                 uint32_t rows, uint32_t column, uint32_t columns,
                                 uint32_t first_scale, tile_sums sums) {
  store_sums(output, rows, block->out + at, block->image + at, column, columns, first_scale, sums);
}

void conv_q8_dot(const conv_q8_dot_params *p, uint32_t thread, uint32_t threads) {
  conv_problem c = CONV_PROBLEM(p);
  conv_share part = share_problem(&c, ROWS, thread, threads);
  uint8_t *patches = (uint8_t *)p->patches + (size_t)thread * p->patch_bytes;
  uint32_t rows_of_item = item_rows(&c);
  uint32_t tiles_of_item = divide_up(rows_of_item, ROWS);
  uint32_t block_tiles = c.block_rows / ROWS;
  uint32_t quads = divide_up(c.depth, QUAD);
  uint32_t panel_bytes = PANEL * (sizeof(int32_t) + quads * QUAD);
  uint32_t is_factor = p->row_params != NULL;
  sum_output output = SUM_OUTPUT(p);
  row_block block;
  tile_sums sums;
  if (part.panels.begin == part.panels.end) return;

  for (uint32_t tile = part.tiles.begin; tile < part.tiles.end;) {
    const conv_item *item = &c.item[tile / tiles_of_item];
    uint32_t tile_of_item = tile % tiles_of_item;
    uint32_t tiles = min_u32(part.tiles.end - tile, tiles_of_item - tile_of_item);
    tiles = min_u32(tiles, block_tiles);
    uint32_t first_row = tile_of_item * ROWS;
    uint32_t rows = min_u32(tiles * ROWS, rows_of_item - first_row);
    prepare_rows(p, &c, item, patches, first_row, rows, &block);
    for (uint32_t i = part.panels.begin; i < part.panels.end; i++) {
      const int32_t *panel = (const int32_t *)((const char *)p->weights + item->weights +
                                               (size_t)i * panel_bytes);
      uint32_t column = i * PANEL;
      uint32_t columns = min_u32(PANEL, c.columns - column);
      for (uint32_t r = 0; r < rows; r += ROWS) {
        uint32_t tile_rows = min_u32(ROWS, rows - r);
        tile_kernels[tile_rows - 1](&block, r, is_factor, panel, quads, sums);
        finish_tile(&output, &block, r, tile_rows, column, columns, item->scales, sums);
      }
    }
    tile += tiles;
  }
}
