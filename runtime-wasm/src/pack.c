/** Packing of weights into panels: kernels/packing.ts. */
#include "convolution.h"
#include "kernels.h"
#include "simd.h"
#include "tiles_f32.h"

/** Walks the panels of all matrices; MATRICES of kernels/packing.ts. */
#define FOR_EACH_PANEL(p, panel)                                                      \
  uint32_t panels = divide_up((p)->columns, PANEL);                                   \
  span part = share((p)->items * panels, 1, thread, threads);                         \
  for (uint32_t panel = part.begin; panel < part.end; panel++)

/**
 * Four words of 32 bits from each of a panel's columns, `stride` bytes apart, to four rows of PANEL
 * words.
 */
INLINE void transpose_words(const uint8_t *from, size_t stride, i32x4 rows[4][PANEL / 4]) {
  for (uint32_t half = 0; half < PANEL / 4; half++, from += 4 * stride) {
    const v128_t a = wasm_v128_load(from), b = wasm_v128_load(from + stride);
    const v128_t c = wasm_v128_load(from + 2 * stride), d = wasm_v128_load(from + 3 * stride);
    const v128_t ab_low = wasm_i32x4_shuffle(a, b, 0, 4, 1, 5);
    const v128_t ab_high = wasm_i32x4_shuffle(a, b, 2, 6, 3, 7);
    const v128_t cd_low = wasm_i32x4_shuffle(c, d, 0, 4, 1, 5);
    const v128_t cd_high = wasm_i32x4_shuffle(c, d, 2, 6, 3, 7);
    rows[0][half] = (i32x4)wasm_i64x2_shuffle(ab_low, cd_low, 0, 2);
    rows[1][half] = (i32x4)wasm_i64x2_shuffle(ab_low, cd_low, 1, 3);
    rows[2][half] = (i32x4)wasm_i64x2_shuffle(ab_high, cd_high, 0, 2);
    rows[3][half] = (i32x4)wasm_i64x2_shuffle(ab_high, cd_high, 1, 3);
  }
}

/** The rows of a whole panel of which each column lies in one piece. */
static NOINLINE void pack_columns_f32(const float *from, uint32_t stride, uint32_t depth,
                                      float *to) {
  uint32_t k = 0;
  for (; k + 4 <= depth; k += 4, to += 4 * PANEL) {
    i32x4 rows[4][PANEL / 4];
    transpose_words((const uint8_t *)(from + k), sizeof(float) * stride, rows);
    for (uint32_t i = 0; i < 4; i++) {
      store_i32x4((int32_t *)to + i * PANEL, rows[i][0]);
      store_i32x4((int32_t *)to + i * PANEL + 4, rows[i][1]);
    }
  }
  for (; k < depth; k++, to += PANEL) {
    for (uint32_t n = 0; n < PANEL; n++) to[n] = from[k + (size_t)n * stride];
  }
}

void pack_panel_f32(const float *matrix, uint32_t depth_stride, uint32_t column_stride,
                    uint32_t depth, uint32_t columns, const float *bias, float *to) {
  for (uint32_t n = 0; n < PANEL; n++) to[n] = bias && n < columns ? bias[n] : 0.0f;
  to += PANEL;
  if (columns == PANEL && depth_stride == 1) {
    pack_columns_f32(matrix, column_stride, depth, to);
    return;
  }
  for (uint32_t k = 0; k < depth; k++, to += PANEL) {
    const float *from = matrix + k * depth_stride;
    if (columns == PANEL && column_stride == 1) {
      store_f32x4(to, load_f32x4(from));
      store_f32x4(to + 4, load_f32x4(from + 4));
    } else {
      for (uint32_t n = 0; n < PANEL; n++) to[n] = n < columns ? from[n * column_stride] : 0.0f;
    }
  }
}

void pack_f32(const pack_f32_params *p, uint32_t thread, uint32_t threads) {
  FOR_EACH_PANEL(p, panel) {
    const float *matrix = (const float *)p->input + panel / panels * p->item_stride;
    const float *bias = p->bias;
    if (bias) bias += panel / panels * p->bias_stride;
    const uint32_t column = panel % panels * PANEL;
    pack_panel_f32(matrix + column * p->column_stride, p->depth_stride, p->column_stride, p->depth,
                   min_u32(PANEL, p->columns - column), bias ? bias + column : 0,
                   (float *)p->weights + (size_t)panel * PANEL * (p->depth + 1));
  }
}

void pack_q8(const pack_q8_params *p, uint32_t thread, uint32_t threads) {
  const uint32_t depths = divide_up(p->depth, 2) * 2;
  const size_t panel_bytes = PANEL * (sizeof(int32_t) + depths * (p->wide ? 2u : 1u));
  FOR_EACH_PANEL(p, panel) {
    const uint32_t item = panel / panels;
    const uint8_t *matrix = (const uint8_t *)p->input + item * p->item_stride;
    const int32_t *bias = p->bias, *zeros = p->zeros;
    if (bias) bias += item * p->bias_stride;
    if (zeros) zeros += item * p->bias_stride;
    int32_t *to = (int32_t *)((uint8_t *)p->weights + panel * panel_bytes);
    uint32_t column = panel % panels * PANEL;
    uint32_t columns = min_u32(PANEL, p->columns - column);
    for (uint32_t n = 0; n < PANEL; n++) to[n] = bias && n < columns ? bias[column + n] : 0;
    to += PANEL;
    for (uint32_t k = 0; k < depths; k++) {
      const uint8_t *from = matrix + k * p->depth_stride + column * p->column_stride;
      const uint32_t pair = k / 2 * 2 * PANEL + k % 2;
      for (uint32_t n = 0; n < PANEL; n++) {
        int32_t value = 0;
        if (k < p->depth && n < columns) {
          uint8_t byte = from[n * p->column_stride];
          value = (p->is_unsigned ? byte : (int8_t)byte) - (zeros ? zeros[column + n] : p->zero);
        }
        if (p->wide) ((int16_t *)to)[pair + 2 * n] = (int16_t)value;
        else ((int8_t *)to)[pair + 2 * n] = (int8_t)value;
      }
    }
  }
}

/** Four int8 in each lane of `bytes` added to the lane of `sums`. */
INLINE i32x4 add_bytes(i32x4 sums, v128_t bytes) {
  return sums + (i32x4)wasm_i32x4_extadd_pairwise_i16x8(wasm_i16x8_extadd_pairwise_i8x16(bytes));
}

/**
 * The quads of the first depths of a whole panel of which each column lies in one piece, and the sums
 * of the columns' weights; how many depths.
 */
static NOINLINE uint32_t pack_columns_q8(const uint8_t *from, uint32_t stride, uint32_t depth,
                                         uint8_t flip, int8_t *to, int32_t sums[PANEL]) {
  const v128_t flips = wasm_u8x16_splat(flip);
  i32x4 low = splat_i32x4(0), high = splat_i32x4(0);
  uint32_t k = 0;
  for (; k + 16 <= depth; k += 16, to += 16 * PANEL) {
    i32x4 rows[4][PANEL / 4];
    transpose_words(from + k, stride, rows);
    for (uint32_t i = 0; i < 4; i++) {
      const v128_t a = (v128_t)rows[i][0] ^ flips, b = (v128_t)rows[i][1] ^ flips;
      low = add_bytes(low, a);
      high = add_bytes(high, b);
      wasm_v128_store(to + i * 4 * PANEL, a);
      wasm_v128_store(to + i * 4 * PANEL + 16, b);
    }
  }
  store_i32x4(sums, low);
  store_i32x4(sums + 4, high);
  return k;
}

void pack_q8_dot(const pack_q8_dot_params *p, uint32_t thread, uint32_t threads) {
  const uint32_t depths = divide_up(p->depth, 4) * 4;
  const size_t panel_bytes = PANEL * (sizeof(int32_t) + depths);
  const uint8_t flip = p->is_unsigned ? 0x80 : 0;
  FOR_EACH_PANEL(p, panel) {
    const uint32_t item = panel / panels;
    const uint32_t column = panel % panels * PANEL;
    const uint32_t columns = min_u32(PANEL, p->columns - column);
    const uint8_t *matrix =
        (const uint8_t *)p->input + item * p->item_stride + column * p->column_stride;
    const int32_t *bias = p->bias;
    if (bias) bias += item * p->bias_stride + column;
    int32_t *heads = (int32_t *)((uint8_t *)p->weights + panel * panel_bytes);
    int8_t *to = (int8_t *)(heads + PANEL);
    int32_t sums[PANEL] = {0};
    uint32_t k = 0;
    if (columns == PANEL && p->depth_stride == 1) {
      k = pack_columns_q8(matrix, p->column_stride, p->depth, flip, to, sums);
    }
    for (; k < depths; k++) {
      const uint8_t *from = matrix + k * p->depth_stride;
      int8_t *quad = to + k / 4 * 4 * PANEL + k % 4;
      for (uint32_t n = 0; n < PANEL; n++) {
        const int is_inside = k < p->depth && n < columns;
        const int8_t weight = is_inside ? (int8_t)(from[n * p->column_stride] ^ flip) : 0;
        quad[4 * n] = weight;
        sums[n] += weight;
      }
    }
    for (uint32_t n = 0; n < PANEL; n++) {
      const int32_t excess = sums[n] - (int32_t)p->depth * p->weight_zero;
      const int32_t head = (bias && n < columns ? bias[n] : 0) - p->input_zero * excess;
      heads[n] = n >= columns ? 0 : p->by_row ? -sums[n] : head;
    }
  }
}
