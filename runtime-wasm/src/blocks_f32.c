/** Products of float32 with int4 weights that have a scale for each block: kernels/blocks.ts. */
#include "kernels.h"
#include "product_f32.h"

/** Depths whose int4 weights make a word. */
#define WORD_DEPTHS 8

/** Panels whose sums are made together: they share the inputs. */
#define PAIR 2

/** What an int4 in the top bits of a word is larger by. */
#define TOP_BITS 0x1p28f

/** The int4 of depth `k` (a constant) of each word, times TOP_BITS. */
INLINE f32x4 weights_at(v128_t words, uint32_t k) {
  const v128_t raised = k < 7 ? wasm_i32x4_shl(words, 28 - 4 * k) : words;
  const v128_t top = k > 0 ? wasm_v128_and(raised, wasm_i32x4_const_splat(-0x10000000)) : raised;
  return (f32x4)wasm_f32x4_convert_i32x4(top);
}

void expand_blocks(const expand_blocks_params *p, uint32_t thread, uint32_t threads) {
  const span part = share(divide_up(p->columns, PANEL), 1, thread, threads);
  const uint32_t block_words = p->block_size / WORD_DEPTHS;
  for (uint32_t i = part.begin; i < part.end; i++) {
    const float *scales =
        (const float *)p->scales + (size_t)i * panel_size_f32(p->depth / p->block_size);
    const float *words = (const float *)p->words + (size_t)i * panel_size_f32(p->depth / WORD_DEPTHS);
    float *to = (float *)p->output + (size_t)i * panel_size_f32(p->depth);
    for (uint32_t half = 0; half < PANEL; half += 4) {
      float *out = to + half;
      store_f32x4(out, load_f32x4(scales + half));
      uint32_t word = 0;
      for (uint32_t k = 0; k < p->depth; k += p->block_size) {
        const float *row = scales + (1 + k / p->block_size) * PANEL + half;
        const f32x4 scale = load_f32x4(row);
        for (const uint32_t end = word + block_words; word < end; word++) {
          const v128_t bits = wasm_v128_load(words + (1 + word) * PANEL + half);
#pragma clang loop unroll(full)
          for (uint32_t j = 0; j < WORD_DEPTHS; j++) {
            out += PANEL;
            store_f32x4(out, weights_at(bits, j) * splat_f32x4(1.0f / TOP_BITS) * scale);
          }
        }
      }
    }
  }
}

/**
 * The product of a row with `panels` (a constant) panels. The row is made smaller by what weights are
 * larger by: sums cannot overflow where those of the weights themselves would not.
 */
INLINE void multiply_panels(uint32_t panels, const float *x, const float *words, const float *scales,
                            uint32_t depth, uint32_t block_size, float *sums) {
  const uint32_t word_step = panel_size_f32(depth / WORD_DEPTHS);
  const uint32_t scale_step = panel_size_f32(depth / block_size);
  f32x4 total[PAIR][2];
  for (uint32_t p = 0; p < panels; p++) {
    total[p][0] = load_f32x4(scales + p * scale_step);
    total[p][1] = load_f32x4(scales + p * scale_step + 4);
  }
  for (const float *end = x + depth; x < end;) {
    f32x4 sum[PAIR][2];
    for (uint32_t p = 0; p < panels; p++) sum[p][0] = sum[p][1] = splat_f32x4(0.0f);
#pragma clang loop unroll(disable)
    for (const float *block = x + block_size; x < block; x = advance(x, WORD_DEPTHS)) {
      words = advance(words, PANEL);
      v128_t bits[PAIR][2];
      for (uint32_t p = 0; p < panels; p++) {
        bits[p][0] = wasm_v128_load(words + p * word_step);
        bits[p][1] = wasm_v128_load(words + p * word_step + 4);
      }
#pragma clang loop unroll(full)
      for (uint32_t k = 0; k < WORD_DEPTHS; k += 4) {
        const f32x4 values = load_f32x4(x + k) * splat_f32x4(1.0f / TOP_BITS);
#pragma clang loop unroll(full)
        for (uint32_t j = 0; j < 4; j++) {
          const f32x4 value = splat_lane_f32x4(values, j);
          for (uint32_t p = 0; p < panels; p++) {
            sum[p][0] = madd_f32x4(value, weights_at(bits[p][0], k + j), sum[p][0]);
            sum[p][1] = madd_f32x4(value, weights_at(bits[p][1], k + j), sum[p][1]);
          }
        }
      }
    }
    scales = advance(scales, PANEL);
    for (uint32_t p = 0; p < panels; p++) {
      const float *scale = scales + p * scale_step;
      total[p][0] = madd_f32x4(sum[p][0], load_f32x4(scale), total[p][0]);
      total[p][1] = madd_f32x4(sum[p][1], load_f32x4(scale + 4), total[p][1]);
    }
  }
  for (uint32_t p = 0; p < panels; p++) {
    store_f32x4(sums + p * PANEL, total[p][0]);
    store_f32x4(sums + p * PANEL + 4, total[p][1]);
  }
}

#define MULTIPLY_PANELS(panels)                                                               \
  NOINLINE static void multiply_##panels##_panels(const float *x, const float *words,         \
                                                  const float *scales, uint32_t depth,        \
                                                  uint32_t block_size, float *sums) {         \
    multiply_panels(panels, x, words, scales, depth, block_size, sums);                       \
  }
MULTIPLY_PANELS(1)
MULTIPLY_PANELS(2)

void product_blocks(const product_blocks_params *p, uint32_t thread, uint32_t threads) {
  const span part = share(divide_up(p->columns, PANEL), 1, thread, threads);
  const f32x4 low = splat_f32x4(p->low), high = splat_f32x4(p->high);
  for (uint32_t i = part.begin; i < part.end;) {
    const uint32_t count = min_u32(part.end - i, PAIR);
    const float *words = (const float *)p->words + (size_t)i * panel_size_f32(p->depth / WORD_DEPTHS);
    const float *scales =
        (const float *)p->scales + (size_t)i * panel_size_f32(p->depth / p->block_size);
    const uint32_t column = i * PANEL;
    const uint32_t columns = min_u32(count * PANEL, p->columns - column);
    for (uint32_t row = 0; row < p->rows; row++) {
      const float *x = (const float *)p->input + (size_t)row * p->depth;
      float *out = (float *)p->output + (size_t)row * p->columns + column;
      float sums[PAIR * PANEL];
      (count == PAIR ? multiply_2_panels : multiply_1_panels)(x, words, scales, p->depth,
                                                              p->block_size, sums);
      for (uint32_t n = 0; n < columns; n += 4) {
        store_lanes_f32x4(out + n, clamp_f32x4(load_f32x4(sums + n), low, high),
                          min_u32(columns - n, 4));
      }
    }
    i += count;
  }
}
