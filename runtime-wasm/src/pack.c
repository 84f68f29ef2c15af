/** Packing of matrices that are only known when the model runs: kernels/convolution.ts. */
#include "convolution.h"
#include "kernels.h"
#include "simd.h"

/** Walks the panels of all matrices; MATRICES of kernels/convolution.ts. */
#define FOR_EACH_PANEL(p, panel)                                                      \
  uint32_t panels = divide_up((p)->columns, PANEL);                                   \
  span part = share((p)->items * panels, 1, thread, threads);                         \
  for (uint32_t panel = part.begin; panel < part.end; panel++)

void pack_f32(const pack_f32_params *p, uint32_t thread, uint32_t threads) {
  FOR_EACH_PANEL(p, panel) {
    const float *matrix = (const float *)p->input + panel / panels * p->item_stride;
    const float *bias = p->bias;
    if (bias) bias += panel / panels * p->bias_stride;
    float *to = (float *)p->weights + (size_t)panel * PANEL * (p->depth + 1);
    uint32_t column = panel % panels * PANEL;
    uint32_t columns = min_u32(PANEL, p->columns - column);
    for (uint32_t n = 0; n < PANEL; n++) to[n] = bias && n < columns ? bias[column + n] : 0.0f;
    to += PANEL;
    for (uint32_t k = 0; k < p->depth; k++, to += PANEL) {
      const float *from = matrix + k * p->depth_stride + column * p->column_stride;
      if (columns == PANEL && p->column_stride == 1) {
        store_f32x4(to, load_f32x4(from));
        store_f32x4(to + 4, load_f32x4(from + 4));
      } else {
        for (uint32_t n = 0; n < PANEL; n++) {
          to[n] = n < columns ? from[n * p->column_stride] : 0.0f;
        }
      }
    }
  }
}

void pack_q8(const pack_q8_params *p, uint32_t thread, uint32_t threads) {
  uint32_t pairs = divide_up(p->depth, 2);
  FOR_EACH_PANEL(p, panel) {
    const uint8_t *matrix = (const uint8_t *)p->input + panel / panels * p->item_stride;
    const int32_t *bias = p->bias;
    if (bias) bias += panel / panels * p->bias_stride;
    int32_t *to = (int32_t *)p->weights + (size_t)panel * PANEL * (pairs + 1);
    uint32_t column = panel % panels * PANEL;
    uint32_t columns = min_u32(PANEL, p->columns - column);
    for (uint32_t n = 0; n < PANEL; n++) to[n] = bias && n < columns ? bias[column + n] : 0;
    int16_t *words = (int16_t *)(to + PANEL);
    for (uint32_t k = 0; k < 2 * pairs; k++) {
      const uint8_t *from = matrix + k * p->depth_stride + column * p->column_stride;
      int16_t *pair = words + k / 2 * 2 * PANEL + k % 2;
      for (uint32_t n = 0; n < PANEL; n++) {
        int32_t value = 0;
        if (k < p->depth && n < columns) {
          uint8_t byte = from[n * p->column_stride];
          value = (p->is_unsigned ? byte : (int8_t)byte) - p->zero;
        }
        pair[2 * n] = (int16_t)value;
      }
    }
  }
}
