/** Products of single rows with packed float32 weights: the speed is that of reading these. */
#ifndef LINNET_PRODUCT_F32_H
#define LINNET_PRODUCT_F32_H

#include "convolution.h"
#include "simd.h"

/** Panels whose sums together hide the latency of additions and leave registers for the weights. */
#define ROW_PANELS 4

/** Elements of a panel of conv_f32's weights: 8 biases, then `depth` rows of 8 weights. */
INLINE uint32_t panel_size_f32(uint32_t depth) { return (depth + 1) * PANEL; }

/** One of four lanes, a constant, in all. */
INLINE f32x4 splat_lane_f32x4(f32x4 x, uint32_t lane) {
  switch (lane) {
    case 0: return __builtin_shufflevector(x, x, 0, 0, 0, 0);
    case 1: return __builtin_shufflevector(x, x, 1, 1, 1, 1);
    case 2: return __builtin_shufflevector(x, x, 2, 2, 2, 2);
    default: return __builtin_shufflevector(x, x, 3, 3, 3, 3);
  }
}

/**
 * Adds the products of a row's depths, but for the last `depth` % 4, with `panels` (a constant)
 * panels. Only one loop: engines spill the sums in the first of two.
 */
INLINE void add_quads(uint32_t panels, const float *x, const float *weights, uint32_t depth,
                      float *sums) {
  f32x4 total[ROW_PANELS][2];
  const float *panel[ROW_PANELS];
  for (uint32_t p = 0; p < panels; p++) {
    panel[p] = weights + p * panel_size_f32(depth) + PANEL;
    total[p][0] = load_f32x4(sums + p * PANEL);
    total[p][1] = load_f32x4(sums + p * PANEL + 4);
  }
  for (; depth >= 4; depth -= 4) {
    const f32x4 values = load_f32x4(x);
#pragma clang loop unroll(full)
    for (uint32_t k = 0; k < 4; k++) {
      const f32x4 value = splat_lane_f32x4(values, k);
      for (uint32_t p = 0; p < panels; p++) {
        const float *w = panel[p] + k * PANEL;
        total[p][0] = madd_f32x4(value, load_f32x4(w), total[p][0]);
        total[p][1] = madd_f32x4(value, load_f32x4(w + 4), total[p][1]);
      }
    }
    for (uint32_t p = 0; p < panels; p++) panel[p] = advance(panel[p], 4 * PANEL);
    x = advance(x, 4);
  }
  for (uint32_t p = 0; p < panels; p++) {
    store_f32x4(sums + p * PANEL, total[p][0]);
    store_f32x4(sums + p * PANEL + 4, total[p][1]);
  }
}

NOINLINE static void add_quads_4(const float *x, const float *weights, uint32_t depth,
                                float *sums) {
  add_quads(ROW_PANELS, x, weights, depth, sums);
}
NOINLINE static void add_quads_2(const float *x, const float *weights, uint32_t depth,
                                float *sums) {
  add_quads(2, x, weights, depth, sums);
}
NOINLINE static void add_quads_1(const float *x, const float *weights, uint32_t depth,
                                float *sums) {
  add_quads(1, x, weights, depth, sums);
}

/** How many of `left` panels to take at a time. */
INLINE uint32_t row_panels(uint32_t left) {
  return left >= ROW_PANELS ? ROW_PANELS : left >= 2 ? 2 : 1;
}

/**
 * sums += x W for the columns of `panels` (as row_panels gives) panels of conv_f32's weights that
 * lie one after the other, without their biases. Every sum is made in the order of the depths.
 */
INLINE void add_product(uint32_t panels, const float *x, const float *weights, uint32_t depth,
                        float *sums) {
  (panels == ROW_PANELS ? add_quads_4 : panels == 2 ? add_quads_2 : add_quads_1)(x, weights, depth, sums);
  for (uint32_t k = depth & ~3u; k < depth; k++) {
    const f32x4 value = splat_f32x4(x[k]);
    for (uint32_t p = 0; p < panels; p++) {
      const float *w = weights + p * panel_size_f32(depth) + (k + 1) * PANEL;
      float *to = sums + p * PANEL;
      store_f32x4(to, madd_f32x4(value, load_f32x4(w), load_f32x4(to)));
      store_f32x4(to + 4, madd_f32x4(value, load_f32x4(w + 4), load_f32x4(to + 4)));
    }
  }
}

#endif
