/** Matrix products and convolutions in float32: conv_f32 of kernels/convolution.ts. */
#include "kernels.h"
#include "product_f32.h"
#include "tiles_f32.h"

/** Clamps the rows of a tile and stores their first `columns` (fewer than PANEL) elements. */
NOINLINE static void store_columns(const row_block *block, uint32_t at, uint32_t rows,
                                   const float *tile, uint32_t column, uint32_t columns) {
  for (uint32_t r = 0; r < rows; r++, tile += PANEL) {
    float *out = block->out[at + r] + column;
    for (uint32_t n = 0; n < columns; n++) {
      out[n] = tile[n] < block->low ? block->low : tile[n] > block->high ? block->high : tile[n];
    }
  }
}

/**
 * Clamps the sums of `rows` (a constant) rows and stores their first `columns` (1 to PANEL). What is
 * rare is done elsewhere: registers that this takes beside the sums, V8 spills in the loop before.
 */
INLINE void finish(uint32_t rows, const row_block *block, uint32_t at, const f32x4 sums[][2],
                   uint32_t column, uint32_t columns) {
  if (columns == PANEL) {
    const f32x4 low = splat_f32x4(block->low);
    const f32x4 high = splat_f32x4(block->high);
#pragma clang loop unroll(full)
    for (uint32_t r = 0; r < rows; r++) {
      float *out = block->out[at + r] + column;
      store_f32x4(out, clamp_f32x4(sums[r][0], low, high));
      store_f32x4(out + 4, clamp_f32x4(sums[r][1], low, high));
    }
    return;
  }
  float tile[TILE_ROWS_F32][PANEL];
#pragma clang loop unroll(full)
  for (uint32_t r = 0; r < rows; r++) {
    store_f32x4(tile[r], sums[r][0]);
    store_f32x4(tile[r] + 4, sums[r][1]);
  }
  store_columns(block, at, rows, tile[0], column, columns);
}

/**
 * The product of `rows` (a constant) rows from row `at` on with one panel: 6 rows take 12 registers
 * for sums, 2 for weights and 1 for the input, all but one that x86-64 has. Not unrolled over the depth, and
 * in a function of its own: loads of several steps would be gathered and sums spilled, here or by
 * engines, which unroll loops within loops.
 */
INLINE void multiply_tile(uint32_t rows, const row_block *block, uint32_t at, const float *panel,
                          uint32_t depth, uint32_t column, uint32_t columns) {
  f32x4 sums[TILE_ROWS_F32][2];
  const float *in[TILE_ROWS_F32];
  for (uint32_t r = 0; r < rows; r++) {
    sums[r][0] = load_f32x4(panel);
    sums[r][1] = load_f32x4(panel + 4);
    in[r] = block->in[at + r];
  }
  panel += PANEL;
#pragma clang loop unroll(disable)
  for (uint32_t k = 0; k < depth; k++, panel += PANEL) {
    f32x4 w0 = load_f32x4(panel);
    f32x4 w1 = load_f32x4(panel + 4);
    for (uint32_t r = 0; r < rows; r++) {
      f32x4 x = splat_f32x4(in[r][k]);
      sums[r][0] = madd_f32x4(x, w0, sums[r][0]);
      sums[r][1] = madd_f32x4(x, w1, sums[r][1]);
    }
  }
  finish(rows, block, at, sums, column, columns);
}

#define TILE_ARGUMENTS                                                                      \
  const row_block *block, uint32_t at, const float *panel, uint32_t depth, uint32_t column, \
      uint32_t columns

#define MULTIPLY_ROWS(rows)                                        \
  NOINLINE static void multiply_##rows##_rows(TILE_ARGUMENTS) {    \
    multiply_tile(rows, block, at, panel, depth, column, columns); \
  }
MULTIPLY_ROWS(6)
MULTIPLY_ROWS(5)
MULTIPLY_ROWS(4)
MULTIPLY_ROWS(3)
MULTIPLY_ROWS(2)

static void copy_floats(void *patch, uint32_t to, const void *input, uint32_t from, uint32_t count,
                        int32_t zero_point) {
  (void)zero_point;
  float *target = (float *)patch + to;
  const float *source = (const float *)input + from;
  if (count < 4) {
    store_partial_f32x4(target, load_partial_f32x4(source, count), count);
    return;
  }
  for (uint32_t i = 0; i + 4 <= count; i += 4) store_f32x4(target + i, load_f32x4(source + i));
  store_f32x4(target + count - 4, load_f32x4(source + count - 4));
}

static void clear_floats(void *patch, uint32_t to, uint32_t count, int32_t zero_point) {
  (void)zero_point;
  float *target = (float *)patch + to;
  for (uint32_t i = 0; i < count; i++) target[i] = 0.0f;
}

/**
 * Gathers the patches of `rows` rows that neighbour in w, all of whose pixels are inside the image;
 * `pixel` is the place of the first.
 */
static void gather_inside(const conv_problem *c, const float *pixel, uint32_t rows,
                          float *patches) {
  const uint32_t step = c->stride_w * c->in_pixel;
  for (uint32_t r = 0; r < c->runs; r++) {
    const patch_run *run = &c->run[r];
    const float *from = pixel + run_element(c, run);
    const uint32_t count = run->pixels * c->channels;
    for (uint32_t i = 0; i < rows; i++) {
      copy_floats(patches + i * c->depth, 0, from + i * step, 0, count, 0);
    }
    patches += count;
  }
}

/** Gathers the patches of `rows` rows that neighbour in w from `at` on. */
static void gather_rows(const conv_problem *c, const patch_reach *reach, const float *input,
                        grid_point at, uint32_t rows, float *patches) {
  const span inside = columns_inside(c, reach, at);
  for (const uint32_t end = at.w + rows; at.w < end;) {
    uint32_t count = 1;
    if (at.w >= inside.begin && at.w < inside.end) {
      count = min_u32(inside.end, end) - at.w;
      const uint32_t element = input_element(c, at.n, at.d * c->stride_d, at.h * c->stride_h,
                                             at.w * c->stride_w);
      gather_inside(c, input + element, count, patches);
    } else {
      gather_patch(c, input, at, patches, 0, copy_floats, clear_floats);
    }
    at.w += count;
    patches += count * c->depth;
  }
}

/** Finds or gathers the patches of `rows` rows from `first_row` of an item on. */
NOINLINE static void prepare_rows(const conv_problem *c, const patch_reach *reach,
                                  const float *input, float *output, float *patches,
                                  uint32_t first_row, uint32_t rows, uint32_t direct,
                                  row_block *block) {
  grid_point at = point_of_row(c, first_row);
  for (uint32_t r = 0; r < rows;) {
    const uint32_t neighbours = min_u32(rows - r, c->grid_w - at.w);
    if (!direct) gather_rows(c, reach, input, at, neighbours, patches + r * c->depth);
    const float *in = direct ? input + first_element(c, at) : patches + r * c->depth;
    const uint32_t step = direct ? c->stride_w * c->in_pixel : c->depth;
    float *out = output + output_element(c, at);
    for (uint32_t i = 0; i < neighbours; i++) {
      block->in[r + i] = in + i * step;
      block->out[r + i] = out + i * c->out_strides[3];
    }
    r += neighbours;
    at.w += neighbours - 1;
    next_point(c, &at);
  }
}

typedef void (*tile_kernel)(TILE_ARGUMENTS);

/** By rows of the tile, less two. */
static const tile_kernel tile_kernels[] = {multiply_2_rows, multiply_3_rows, multiply_4_rows,
                                           multiply_5_rows, multiply_6_rows};

void multiply_rows_f32(const row_block *block, uint32_t rows, const float *panel, uint32_t depth,
                       uint32_t column, uint32_t columns) {
  const uint32_t rest = rows % TILE_ROWS_F32;
  /* 1 or 2 rows would leave most multipliers idle: with the 6 before they are two tiles. */
  const uint32_t is_evened = (rest == 1 || rest == 2) && rows > TILE_ROWS_F32;
  const uint32_t full = rows - rest - (is_evened ? TILE_ROWS_F32 : 0);
  uint32_t r = 0;
  for (; r < full; r += TILE_ROWS_F32) multiply_6_rows(block, r, panel, depth, column, columns);
  for (uint32_t n; r < rows; r += n) {
    n = rows - r > TILE_ROWS_F32 ? 4 : rows - r;
    tile_kernels[n - 2](block, r, panel, depth, column, columns);
  }
}

/** The product of row `at` with some panels: the speed is that of reading them. */
static void multiply_1_row(const conv_problem *c, const row_block *block, uint32_t at,
                           const float *weights, span panels) {
  const f32x4 low = splat_f32x4(block->low), high = splat_f32x4(block->high);
  for (uint32_t i = panels.begin; i < panels.end;) {
    const uint32_t count = row_panels(panels.end - i), size = panel_size_f32(c->depth);
    const float *panel = weights + (size_t)i * size;
    float sums[ROW_PANELS * PANEL];
    for (uint32_t n = 0; n < count * PANEL; n += 4) {
      store_f32x4(sums + n, load_f32x4(panel + n / PANEL * size + n % PANEL));
    }
    add_product(count, block->in[at], panel, c->depth, sums);
    const uint32_t column = i * PANEL, columns = min_u32(count * PANEL, c->columns - column);
    for (uint32_t n = 0; n < columns; n += 4) {
      store_lanes_f32x4(block->out[at] + column + n,
                        clamp_f32x4(load_f32x4(sums + n), low, high), min_u32(columns - n, 4));
    }
    i += count;
  }
}

/** Weights of more bytes do not stay in a cache from one block of rows, or one run, to the next. */
#define LARGE_WEIGHTS (256 * 1024)

/** Brings a panel into the caches: lines come faster all at once than between multiplications. */
static void fetch_panel(const float *panel, uint32_t size) {
  for (uint32_t i = 0; i < size; i += 64 / sizeof(float)) {
    const float line = panel[i];
    __asm__ volatile("" : : "r"(line));
  }
}

void conv_f32(const conv_f32_params *p, uint32_t thread, uint32_t threads) {
  conv_problem c = CONV_PROBLEM(p);
  conv_share part = share_problem(&c, TILE_ROWS_F32, thread, threads);
  if (part.panels.begin == part.panels.end) return;
  float *patches = (float *)((char *)p->patches + (size_t)thread * p->patch_bytes);
  patch_reach reach = reach_of(&c);
  uint32_t rows_of_item = item_rows(&c);
  uint32_t tiles_of_item = divide_up(rows_of_item, TILE_ROWS_F32);
  uint32_t panel_size = panel_size_f32(c.depth);
  const uint64_t weight_bytes = (uint64_t)panel_size * divide_up(c.columns, PANEL) * sizeof(float);
  const int is_large = weight_bytes > LARGE_WEIGHTS;
  row_block block;
  block.low = p->low;
  block.high = p->high;

  for (uint32_t tile = part.tiles.begin; tile < part.tiles.end;) {
    const conv_item *item = &c.item[tile / tiles_of_item];
    uint32_t tile_of_item = tile % tiles_of_item;
    uint32_t tiles = min_u32(part.tiles.end - tile, tiles_of_item - tile_of_item);
    /* Every block takes all weights through the caches: the last one is not to be a small one. */
    tiles = divide_up(tiles, divide_up(tiles, c.block_rows / TILE_ROWS_F32));
    uint32_t first_row = tile_of_item * TILE_ROWS_F32;
    uint32_t rows = min_u32(tiles * TILE_ROWS_F32, rows_of_item - first_row);
    prepare_rows(&c, &reach, (const float *)p->input + item->input,
                 (float *)p->output + item->output, patches, first_row, rows, p->direct, &block);
    const float *weights = (const float *)p->weights + item->weights;
    const uint32_t alone = rows % TILE_ROWS_F32 == 1;
    if (alone) multiply_1_row(&c, &block, rows - 1, weights, part.panels);
    for (uint32_t i = part.panels.begin; i < part.panels.end && rows > 1; i++) {
      const float *panel = weights + (size_t)i * panel_size;
      if (is_large) fetch_panel(panel, panel_size);
      const uint32_t column = i * PANEL;
      multiply_rows_f32(&block, rows - alone, panel, c.depth, column,
                        min_u32(PANEL, c.columns - column));
    }
    tile += tiles;
  }
}
