/**
 * Matrix products and convolutions of int16: conv_q16 of kernels/words.ts, pack_q16 of
 * kernels/packing.ts.
 *
 * Weights fit in a byte, or are cut into two planes that do, so that the sums of MAX_PAIRS pairs of
 * products fit in 32 bits. Longer sums are carried from one segment of the depth to the next in float64.
 */
#include "convolution.h"
#include "kernels.h"
#include "requantize_words.h"

/** Rows of a tile. */
#define ROWS TILE_ROWS
#define BLOCK_CAPACITY (MAX_BLOCK_ROWS + ROWS)
/** Bytes of the weights of a pair of depths in a panel, by the number of planes. */
#define PAIR_BYTES(planes) ((planes) == 1 ? 16u : 32u)
/** Biases that conv_q8's panels begin with. */
#define HEAD_BYTES(planes) ((planes) == 1 ? PANEL * 4u : 0u)

/** The sums of a segment, and those carried from the ones before. */
typedef struct {
  i32x4 sums[ROWS][2];
  f64x2 carried[ROWS][4];
} tile_sums;

/** sums[r] = `pairs` pairs of depths of row r times a panel, for `rows` (a constant) rows. */
INLINE void multiply_rows(const int16_t *const *in, const char *weights, uint32_t pairs,
                          uint32_t rows, uint32_t wide, i32x4 (*results)[2]) {
  i32x4 sums[ROWS][2] = {{{0}}};
  const int16_t *x[ROWS];
  for (uint32_t r = 0; r < rows; r++) x[r] = in[r];
#pragma clang loop unroll(disable)
  for (; pairs > 0; pairs--, weights += wide ? 32 : 16) {
    i16x8 w0 = wide ? load_i16x8((const int16_t *)weights) : widen_i8(weights);
    i16x8 w1 = wide ? load_i16x8((const int16_t *)weights + 8) : widen_i8(weights + 8);
    for (uint32_t r = 0; r < rows; r++) {
      i16x8 pair = splat_pair_i16x8(x[r]);
      x[r] += 2;
      sums[r][0] = dot_i16x8(pair, w0, sums[r][0]);
      sums[r][1] = dot_i16x8(pair, w1, sums[r][1]);
    }
  }
  for (uint32_t r = 0; r < rows; r++) {
    results[r][0] = sums[r][0];
    results[r][1] = sums[r][1];
  }
}

typedef void (*segment_kernel)(const int16_t *const *in, const char *weights, uint32_t pairs,
                               i32x4 (*sums)[2]);

#define SEGMENT_KERNEL(name, rows, wide)                                              \
  NOINLINE static void name(const int16_t *const *in, const char *weights,            \
                            uint32_t pairs, i32x4(*sums)[2]) {                        \
    multiply_rows(in, weights, pairs, rows, wide, sums);                              \
  }
SEGMENT_KERNEL(narrow_tile, ROWS, 0)
SEGMENT_KERNEL(narrow_row, 1, 0)
SEGMENT_KERNEL(wide_tile, ROWS, 1)
SEGMENT_KERNEL(wide_row, 1, 1)

/** What a tile of rows is multiplied with. */
typedef struct {
  const word_output *output;
  segment_kernel kernel;
  int16_t *to;
  uint32_t rows;
  uint32_t pairs;
  uint32_t planes;
} word_product;

/** Adds the sums of a segment, each counted `unit` times, to what is carried. */
static void carry(tile_sums *t, uint32_t rows, double unit) {
  for (uint32_t r = 0; r < rows; r++) {
    for (uint32_t i = 0; i < 2; i++) {
      t->carried[r][2 * i] += low_reals(t->sums[r][i]) * unit;
      t->carried[r][2 * i + 1] += high_reals(t->sums[r][i]) * unit;
    }
  }
}

/** Stores up to `columns` of a row's eight results. */
INLINE void store_words(int16_t *to, v128_t words, uint32_t columns) {
  if (columns >= PANEL) {
    wasm_v128_store(to, words);
    return;
  }
  int16_t results[PANEL];
  wasm_v128_store(results, words);
  for (uint32_t n = 0; n < columns; n++) to[n] = results[n];
}

/** Finishes a tile: `scale` is the place of its first column among the factors. */
NOINLINE static void finish_tile(const word_product *p, const tile_sums *t, uint32_t is_carried,
                                 const uint32_t *out, uint32_t scale, uint32_t columns) {
  for (uint32_t r = 0; r < p->rows; r++) {
    f64x2 sums[4];
    for (uint32_t i = 0; i < 2; i++) {
      sums[2 * i] = low_reals(t->sums[r][i]);
      sums[2 * i + 1] = high_reals(t->sums[r][i]);
    }
    if (is_carried) {
      for (uint32_t i = 0; i < 4; i++) sums[i] += t->carried[r][i];
    }
    store_words(p->to + out[r], requantize_words(p->output, sums, scale), columns);
  }
}

/** A tile times one panel; `out` are the elements where its rows go. */
static void multiply_tile(const word_product *p, const int16_t *const *in, const char *weights,
                          const uint32_t *out, uint32_t scale, uint32_t columns) {
  tile_sums t;
  const int16_t *rest[ROWS];
  uint32_t pair_bytes = PAIR_BYTES(p->planes);
  uint32_t is_carried = p->planes > 1 || p->pairs > MAX_PAIRS;
  if (is_carried) __builtin_memset(t.carried, 0, sizeof t.carried);
  for (uint32_t plane = 1; plane <= p->planes; plane++) {
    for (uint32_t r = 0; r < p->rows; r++) rest[r] = in[r];
    uint32_t is_last = plane == p->planes;
    for (uint32_t left = p->pairs;;) {
      uint32_t pairs = min_u32(left, MAX_PAIRS);
      p->kernel(rest, weights, pairs, t.sums);
      weights += pairs * pair_bytes;
      left -= pairs;
      if (left == 0 && is_last) break;
      carry(&t, p->rows, is_last ? 1 : 256);
      if (left == 0) break;
      for (uint32_t r = 0; r < p->rows; r++) rest[r] += 2 * pairs;
    }
  }
  finish_tile(p, &t, is_carried, out, scale, columns);
}

static void copy_words(void *patch, uint32_t to, const void *input, uint32_t from, uint32_t count,
                       int32_t zero_point) {
  (void)zero_point;
  __builtin_memcpy((int16_t *)patch + to, (const int16_t *)input + from, count * sizeof(int16_t));
}

static void clear_words(void *patch, uint32_t to, uint32_t count, int32_t zero_point) {
  (void)zero_point;
  __builtin_memset((int16_t *)patch + to, 0, count * sizeof(int16_t));
}

/** The patches of a block of rows, and the elements where they go. */
typedef struct {
  const int16_t *in[BLOCK_CAPACITY];
  uint32_t out[BLOCK_CAPACITY];
} word_block;

/** Finds or gathers the patches of `rows` rows from `first_row` of an item on; fills the last tile. */
NOINLINE static void prepare_rows(const conv_q16_params *p, const conv_problem *c,
                                  const conv_item *item, int16_t *patches, uint32_t first_row,
                                  uint32_t rows, word_block *block) {
  const int16_t *input = (const int16_t *)p->input + item->input;
  uint32_t patch_size = (c->depth + 1) & ~1u;
  grid_point at = point_of_row(c, first_row);
  for (uint32_t r = 0; r < rows; r++, next_point(c, &at)) {
    block->out[r] = item->output + output_element(c, at);
    if (p->direct) {
      block->in[r] = input + first_element(c, at);
      continue;
    }
    int16_t *patch = patches + r * patch_size;
    gather_patch(c, input, at, patch, 0, copy_words, clear_words);
    if (patch_size != c->depth) patch[c->depth] = 0;
    block->in[r] = patch;
  }
  for (uint32_t r = rows; r % ROWS != 0; r++) {
    block->in[r] = block->in[rows - 1];
    block->out[r] = block->out[rows - 1];
  }
}

void conv_q16(const conv_q16_params *p, uint32_t thread, uint32_t threads) {
  conv_problem c = CONV_PROBLEM(p);
  word_output output = WORD_OUTPUT(p);
  word_block block;
  int16_t *patches = (int16_t *)((char *)p->patches + (size_t)thread * p->patch_bytes);
  uint32_t pairs = divide_up(c.depth, 2);
  uint32_t panel_bytes =
      HEAD_BYTES(p->planes) + p->planes * pairs * PAIR_BYTES(p->planes);
  conv_share part = share_problem(&c, ROWS, thread, threads);
  if (part.panels.begin == part.panels.end) return;
  uint32_t rows_of_item = item_rows(&c);
  uint32_t tiles_of_item = divide_up(rows_of_item, ROWS);
  uint32_t is_row = rows_of_item == 1;
  word_product product = {
      .output = &output,
      .kernel = p->planes == 1 ? is_row ? narrow_row : narrow_tile : is_row ? wide_row : wide_tile,
      .to = p->output,
      .rows = is_row ? 1 : ROWS,
      .pairs = pairs,
      .planes = p->planes,
  };
  for (uint32_t tile = part.tiles.begin; tile < part.tiles.end;) {
    const conv_item *item = &c.item[tile / tiles_of_item];
    uint32_t tile_of_item = tile % tiles_of_item;
    uint32_t tiles = min_u32(part.tiles.end - tile, tiles_of_item - tile_of_item);
    tiles = min_u32(tiles, c.block_rows / ROWS);
    uint32_t first_row = tile_of_item * ROWS;
    uint32_t rows = min_u32(tiles * ROWS, rows_of_item - first_row);
    prepare_rows(p, &c, item, patches, first_row, rows, &block);
    for (uint32_t panel = part.panels.begin; panel < part.panels.end; panel++) {
      const char *weights = (const char *)p->weights + item->weights + (size_t)panel * panel_bytes;
      uint32_t column = panel * PANEL;
      product.to = (int16_t *)p->output + column;
      for (uint32_t r = 0; r < rows; r += ROWS) {
        multiply_tile(&product, block.in + r, weights + HEAD_BYTES(p->planes), block.out + r,
                      item->scales + column, c.columns - column);
      }
    }
    tile += tiles;
  }
}

void pack_q16(const pack_q16_params *p, uint32_t thread, uint32_t threads) {
  uint32_t pairs = divide_up(p->depth, 2);
  uint32_t plane = pairs * 2 * PANEL;
  uint32_t panels = divide_up(p->columns, PANEL);
  span part = share(p->items * panels, 1, thread, threads);
  for (uint32_t panel = part.begin; panel < part.end; panel++) {
    const int16_t *matrix = (const int16_t *)p->input + panel / panels * p->item_stride;
    int16_t *to = (int16_t *)p->weights + (size_t)panel * 2 * plane;
    uint32_t column = panel % panels * PANEL;
    uint32_t columns = min_u32(PANEL, p->columns - column);
    for (uint32_t k = 0; k < 2 * pairs; k++) {
      const int16_t *from = matrix + k * p->depth_stride + column * p->column_stride;
      int16_t *pair = to + k / 2 * 2 * PANEL + k % 2;
      for (uint32_t n = 0; n < PANEL; n++) {
        int32_t value = k < p->depth && n < columns ? from[n * p->column_stride] : 0;
        int32_t low = (int8_t)value;
        pair[2 * n] = (int16_t)((value - low) >> 8);
        pair[plane + 2 * n] = (int16_t)low;
      }
    }
  }
}
