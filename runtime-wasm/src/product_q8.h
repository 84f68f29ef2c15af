/**
 * How kernels of 8-bit integers walk through a problem: blocks of rows, for each block all panels of
 * weights, for each panel tiles of rows. conv_q8.c and conv_q8_dot.c bring what multiplies.
 */
#ifndef LINNET_PRODUCT_Q8_H
#define LINNET_PRODUCT_Q8_H

#include "convolution.h"
#include "requantize.h"

/** Room for whole tiles. */
#define BLOCK_CAPACITY (MAX_BLOCK_ROWS + 8)

/** Panels that a single row is multiplied with at a time, so that its sums do not wait for each other. */
#define ROW_PANELS 4

typedef struct {
  const void *in[BLOCK_CAPACITY];
  /** Element of the output where a row's first column goes. */
  uint32_t out[BLOCK_CAPACITY];
  /** Image of a row. */
  uint32_t image[BLOCK_CAPACITY];
  /** What a kernel of dot products must know of a row: see begin_sums in conv_q8_dot.c. */
  int32_t term[BLOCK_CAPACITY];
  uint32_t rows;
} row_block;

/** The product of a block's rows with one panel. */
typedef struct {
  const row_block *block;
  const sum_output *output;
  const char *panel;
  uint32_t panel_bytes;
  /** Steps of a kernel's loop over the depth. */
  uint32_t steps;
  /** The panel's first column. */
  uint32_t column;
  /** The place of column 0 in scales and bias. */
  uint32_t first_scale;
} panel_product;

/** Finds or gathers the patches of `rows` rows from `first_row` of an item on. */
typedef void (*rows_prepare)(const void *params, const conv_problem *c, const conv_item *item,
                             void *patches, uint32_t first_row, uint32_t rows, row_block *block);

/** Multiplies with whole panels. */
typedef void (*panel_kernel)(const panel_product *p);

/** What multiplies a block: all its tiles with one panel, or its only row with ROW_PANELS or one. */
typedef struct {
  uint32_t tile_rows;
  panel_kernel tiles;
  panel_kernel row_panels;
  panel_kernel row_panel;
} multiplier;

/** Notes where the results of `rows` rows from `at` on go. */
INLINE void place_rows(row_block *block, const conv_problem *c, const conv_item *item,
                       grid_point at, uint32_t rows) {
  for (uint32_t r = 0; r < rows;) {
    uint32_t out = item->output + output_element(c, at);
    uint32_t end = r + min_u32(rows - r, c->grid_w - at.w);
    at.w += end - r - 1;
    for (; r < end; r++, out += c->out_strides[3]) {
      block->out[r] = out;
      block->image[r] = at.n;
    }
    next_point(c, &at);
  }
}

/** Lets the last tile repeat the last row, so that all tiles are whole. */
INLINE void complete_tile(row_block *block, uint32_t rows, uint32_t tile_rows) {
  block->rows = divide_up(rows, tile_rows) * tile_rows;
  for (uint32_t r = rows; r < block->rows; r++) {
    block->in[r] = block->in[rows - 1];
    block->out[r] = block->out[rows - 1];
    block->image[r] = block->image[rows - 1];
    block->term[r] = block->term[rows - 1];
  }
}

/** Multiplies `rows` rows with `panels` panels and stores only the first `columns` columns. */
NOINLINE static void multiply_partly(panel_kernel kernel, const panel_product *p, uint32_t rows,
                                     uint32_t panels, uint32_t columns) {
  const row_block *block = p->block;
  uint32_t size = p->output->row_params ? sizeof(float) : 1;
  uint32_t width = panels * PANEL;
  float results[BLOCK_CAPACITY * PANEL];
  row_block apart = *block;
  sum_output output = *p->output;
  output.output = results;
  for (uint32_t r = 0; r < rows; r++) apart.out[r] = r * width - p->column;
  panel_product product = *p;
  product.block = &apart;
  product.output = &output;
  kernel(&product);
  for (uint32_t r = 0; r < rows; r++) {
    char *to = (char *)p->output->output + (size_t)(block->out[r] + p->column) * size;
    __builtin_memcpy(to, (char *)results + r * width * size, columns * size);
  }
}

/** Brings bytes into the caches: lines come faster all at once than between multiplications. */
INLINE void fetch(const char *bytes, uint32_t size) {
  for (uint32_t i = 0; i < size; i += 64) {
    const char line = bytes[i];
    __asm__ volatile("" : : "r"(line));
  }
}

/** Multiplies a block with the panels of a span. */
INLINE void multiply_block(const multiplier *m, panel_product *p, const conv_problem *c,
                           const char *weights, span panels, uint32_t is_row) {
  for (uint32_t i = panels.begin; i < panels.end;) {
    uint32_t count = is_row && panels.end - i >= ROW_PANELS ? ROW_PANELS : 1;
    panel_kernel kernel = !is_row ? m->tiles : count > 1 ? m->row_panels : m->row_panel;
    p->panel = weights + (size_t)i * p->panel_bytes;
    p->column = i * PANEL;
    if (!is_row) fetch(p->panel, p->panel_bytes);
    uint32_t columns = c->columns - p->column;
    if (columns >= count * PANEL) kernel(p);
    else multiply_partly(kernel, p, is_row ? 1 : p->block->rows, count, columns);
    i += count;
  }
}

/**
 * A thread's part of a problem. A panel's bytes are those of 8 int32 and `steps` times
 * `step_bytes`; `patches` is the thread's own.
 */
INLINE void multiply_problem(const conv_problem *c, const sum_output *output, const multiplier *m,
                             const void *weights, uint32_t steps, uint32_t step_bytes,
                             void *patches, const void *params, rows_prepare prepare,
                             uint32_t thread, uint32_t threads) {
  conv_share part = share_problem(c, m->tile_rows, thread, threads);
  uint32_t rows_of_item = item_rows(c);
  uint32_t tiles_of_item = divide_up(rows_of_item, m->tile_rows);
  uint32_t block_tiles = c->block_rows / m->tile_rows;
  row_block block;
  panel_product product = {
      .block = &block,
      .output = output,
      .panel_bytes = PANEL * sizeof(int32_t) + steps * step_bytes,
      .steps = steps,
  };
  if (part.panels.begin == part.panels.end) return;

  for (uint32_t tile = part.tiles.begin; tile < part.tiles.end;) {
    const conv_item *item = &c->item[tile / tiles_of_item];
    uint32_t tile_of_item = tile % tiles_of_item;
    uint32_t tiles = min_u32(part.tiles.end - tile, tiles_of_item - tile_of_item);
    tiles = min_u32(tiles, block_tiles);
    uint32_t first_row = tile_of_item * m->tile_rows;
    uint32_t rows = min_u32(tiles * m->tile_rows, rows_of_item - first_row);
    if (tiles > 1 && rows % m->tile_rows == 1) {
      /* The last tile has one row, which is quicker as a block of its own. */
      tiles--;
      rows--;
    }
    prepare(params, c, item, patches, first_row, rows, &block);
    complete_tile(&block, rows, m->tile_rows);
    product.first_scale = item->scales;
    multiply_block(m, &product, c, (const char *)weights + item->weights, part.panels, rows == 1);
    tile += tiles;
  }
}

/** Stores the sums of a block's only row with `panels` (a constant) panels. */
INLINE void finish_row(const panel_product *p, uint32_t panels, const i32x4 *sums) {
  const row_block *b = p->block;
  const sum_output *o = p->output;
  uint32_t element = b->out[0] + p->column;
  uint32_t scale = p->first_scale + p->column;
  if (o->row_params) {
#pragma clang loop unroll(full)
    for (uint32_t i = 0; i < panels; i++) {
      store_real(o, element + PANEL * i, scale + PANEL * i, o->row_params[b->image[0]].scale,
                 sums[2 * i], sums[2 * i + 1]);
    }
  } else if (panels == 1) {
    const i32x4 twice[4] = {sums[0], sums[1], sums[0], sums[1]};
    store_two_rows(o, LIMITED, element, element, scale, twice);
  } else {
#pragma clang loop unroll(full)
    for (uint32_t i = 0; i < panels; i += 2) {
      store_row(o, LIMITED, element + PANEL * i, scale + PANEL * i, sums + 2 * i);
    }
  }
}

/**
 * Stores the sums of the `rows` (a constant, even) rows from `at` on with the panel; `end` is a constant.
 */
INLINE void finish_tile(const panel_product *p, uint32_t at, uint32_t rows, sum_end end,
                        const i32x4 (*sums)[2]) {
  const uint32_t *out = p->block->out + at;
  const uint32_t *image = p->block->image + at;
  /* A copy from the panel's first column on, for stores might change what it is copied from. */
  sum_output o = *p->output;
  const uint32_t scale = p->first_scale + p->column;
  if (end == REAL) {
#pragma clang loop unroll(full)
    for (uint32_t r = 0; r < rows; r++) {
      store_real(&o, out[r] + p->column, scale, o.row_params[image[r]].scale, sums[r][0],
                 sums[r][1]);
    }
    return;
  }
  o.output = (uint8_t *)o.output + p->column;
  o.scales += scale;
#pragma clang loop unroll(full)
  for (uint32_t r = 0; r < rows; r += 2) {
    const i32x4 two[4] = {sums[r][0], sums[r][1], sums[r + 1][0], sums[r + 1][1]};
    store_two_rows(&o, end, out[r], out[r + 1], 0, two);
  }
}

#endif
