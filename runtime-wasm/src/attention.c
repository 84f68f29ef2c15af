/** Attention in float32, the scores of a few rows at a time: kernels/attention.ts. */
#include "kernels.h"
#include "mathf.h"
#include "product_f32.h"
#include "tiles_f32.h"

/** Where the parts of an item begin. */
typedef struct {
  uint32_t queries, keys, values, output, mask;
} attention_item;

/** A thread's working space. */
typedef struct {
  /** The keys of an item as panels of their rows, and its values as panels of their columns. */
  float *keys, *values;
  /** [block_rows, pitch] */
  float *scores;
} workspace;

static uint32_t padded(uint32_t columns) { return divide_up(columns, PANEL) * PANEL; }

static workspace workspace_of(const attention_f32_params *p, uint32_t thread) {
  float *keys = (float *)((char *)p->work + (size_t)thread * p->work_bytes);
  float *values = keys + (size_t)divide_up(p->columns, PANEL) * panel_size_f32(p->depth);
  float *scores = values + (size_t)divide_up(p->value_depth, PANEL) * panel_size_f32(p->columns);
  return (workspace){keys, values, scores};
}

/** Packs the `count` columns of a matrix. */
static void pack_columns(const float *matrix, uint32_t depth_stride, uint32_t column_stride,
                         uint32_t depth, uint32_t count, float *to) {
  for (uint32_t n = 0; n < count; n += PANEL, to += panel_size_f32(depth)) {
    pack_panel_f32(matrix + n * column_stride, depth_stride, column_stride, depth,
                   min_u32(PANEL, count - n), 0, to);
  }
}

/** -1 in each of the first `lanes` (1 to 4) lanes whose byte is not 0. */
INLINE i32x4 lanes_of(const uint8_t *bytes, uint32_t lanes) {
  uint32_t word = 0;
  for (uint32_t l = 0; l < lanes; l++) word |= (uint32_t)bytes[l] << 8 * l;
  const v128_t v = lanes == 4 ? wasm_v128_load32_zero(bytes) : wasm_u32x4_splat(word);
  return (i32x4)wasm_u32x4_extend_low_u16x8(wasm_u16x8_extend_low_u8x16(v)) != 0;
}

/** A row's products become its scores: scaled and masked. */
static void mask_row(const attention_f32_params *p, uint32_t mask, float *scores) {
  const f32x4 scale = splat_f32x4(p->scale), otherwise = splat_f32x4(p->otherwise);
  const float *added = p->mask ? (const float *)p->mask + mask : 0;
  const uint8_t *kept = p->kept ? (const uint8_t *)p->kept + mask : 0;
  for (uint32_t n = 0; n < p->columns; n += 4) {
    const uint32_t lanes = min_u32(p->columns - n, 4);
    const f32x4 products = load_f32x4(scores + n);
    f32x4 masked;
    if (added) {
      masked = madd_f32x4(products, scale, load_lanes_f32x4(added + n, lanes));
    } else {
      masked = select_f32x4(lanes_of(kept + n, lanes), products * scale, otherwise);
    }
    store_f32x4(scores + n, masked);
  }
}

INLINE f32x4 larger_f32x4(f32x4 a, f32x4 b) {
  return (f32x4)wasm_f32x4_pmax((v128_t)a, (v128_t)b);
}

/** The largest of `count` (a multiple of 8) numbers, anything where there is a NaN. */
static float largest_of(const float *x, uint32_t count) {
  f32x4 a = load_f32x4(x), b = load_f32x4(x + 4);
  for (uint32_t i = 8; i < count; i += 8) {
    a = larger_f32x4(a, load_f32x4(x + i));
    b = larger_f32x4(b, load_f32x4(x + i + 4));
  }
  a = larger_f32x4(a, b);
  float largest = a[0];
  for (uint32_t l = 1; l < 4; l++) largest = a[l] > largest ? a[l] : largest;
  return largest;
}

/** x = e^((x - shift) scale) for `count` (a multiple of 8) numbers; gives their sum, in float64. */
static double exponentials(float *x, uint32_t count, float shift, float scale) {
  v128_t sums[2] = {wasm_f64x2_splat(0), wasm_f64x2_splat(0)};
  for (uint32_t i = 0; i < count; i += 8) {
    const f32x4 a = exp_nonpositive_f32x4((load_f32x4(x + i) - shift) * scale);
    const f32x4 b = exp_nonpositive_f32x4((load_f32x4(x + i + 4) - shift) * scale);
    store_f32x4(x + i, a);
    store_f32x4(x + i + 4, b);
    const v128_t both = (v128_t)(a + b);
    sums[0] = wasm_f64x2_add(sums[0], wasm_f64x2_promote_low_f32x4(both));
    sums[1] = wasm_f64x2_add(sums[1], wasm_f64x2_promote_low_f32x4(
                                          wasm_i32x4_shuffle(both, both, 2, 3, 0, 1)));
  }
  const v128_t sum = wasm_f64x2_add(sums[0], sums[1]);
  return wasm_f64x2_extract_lane(sum, 0) + wasm_f64x2_extract_lane(sum, 1);
}

/** A row of products becomes what values are weighted with, but for a factor, which it gives. */
static float weigh(const attention_f32_params *p, uint32_t mask, float *scores) {
  const uint32_t count = padded(p->columns);
  const int is_masked = p->mask || p->kept;
  if (is_masked) mask_row(p, mask, scores);
  for (uint32_t n = p->columns; n < count; n++) scores[n] = -__builtin_inff();
  const float shift = largest_of(scores, count);
  return (float)(1 / exponentials(scores, count, shift, is_masked ? 1 : p->scale));
}

/** Some rows of an item whose keys and values are packed. */
static void attend(const attention_f32_params *p, const attention_item *item, const workspace *w,
                   uint32_t first, uint32_t rows) {
  row_block block;
  block.low = -__builtin_inff();
  block.high = __builtin_inff();
  /* A row alone is computed twice. */
  const uint32_t computed = max_u32(rows, 2);
  for (uint32_t r = 0; r < computed; r++) {
    const uint32_t row = first + min_u32(r, rows - 1);
    block.in[r] = (const float *)p->queries + item->queries + row * p->query_stride;
    block.out[r] = w->scores + r * p->pitch;
  }
  const float *panel = w->keys;
  for (uint32_t n = 0; n < p->columns; n += PANEL, panel += panel_size_f32(p->depth)) {
    multiply_rows_f32(&block, computed, panel, p->depth, n, PANEL);
  }
  float factors[MAX_BLOCK_ROWS];
  for (uint32_t r = 0; r < computed; r++) {
    const uint32_t row = first + min_u32(r, rows - 1);
    factors[r] = weigh(p, item->mask + row * p->mask_stride, block.out[r]);
    block.in[r] = block.out[r];
    block.out[r] = (float *)p->output + item->output + row * p->output_stride;
  }
  panel = w->values;
  for (uint32_t n = 0; n < p->value_depth; n += PANEL, panel += panel_size_f32(p->columns)) {
    multiply_rows_f32(&block, computed, panel, p->columns, n, min_u32(PANEL, p->value_depth - n));
  }
  for (uint32_t r = 0; r < rows; r++) {
    float *out = block.out[r];
    for (uint32_t n = 0; n < p->value_depth; n += 4) {
      const uint32_t lanes = min_u32(p->value_depth - n, 4);
      store_lanes_f32x4(out + n, load_lanes_f32x4(out + n, lanes) * factors[r], lanes);
    }
  }
}

void attention_f32(const attention_f32_params *p, uint32_t thread, uint32_t threads) {
  const uint32_t tiles_of_item = divide_up(p->rows, TILE_ROWS_F32);
  const span part = share(p->items * tiles_of_item, 1, thread, threads);
  const workspace w = workspace_of(p, thread);
  for (uint32_t tile = part.begin; tile < part.end;) {
    const attention_item *item = (const attention_item *)p->item_table + tile / tiles_of_item;
    const uint32_t begin = tile % tiles_of_item;
    const uint32_t end = min_u32(begin + part.end - tile, tiles_of_item);
    pack_columns((const float *)p->keys + item->keys, p->key_strides[1], p->key_strides[0], p->depth,
                 p->columns, w.keys);
    pack_columns((const float *)p->values + item->values, p->value_strides[0], p->value_strides[1],
                 p->columns, p->value_depth, w.values);
    const uint32_t last = min_u32(end * TILE_ROWS_F32, p->rows);
    for (uint32_t row = begin * TILE_ROWS_F32; row < last;) {
      const uint32_t rows = min_u32(last - row, p->block_rows);
      attend(p, item, &w, row, rows);
      row += rows;
    }
    tile += end - begin;
  }
}
