/** Packing of matrices that are only known when the model runs, and of its activations. */
#include "convolution.h"
#include "kernels.h"
#include "requantize.h"
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

/** The scale and zero point of int8 for values from `low` to `high`, which include 0. */
static row_param fit_int8(double low, double high) {
  if (low == high) return (row_param){0, 1.0f};
  float scale = (float)((high - low) / 255.0);
  double from_low = -128.0 - low / scale;
  double from_high = 127.0 - high / scale;
  /* The end of the range that gives the smaller rounding error. */
  double zero = 128.0 - low / scale < 127.0 + high / scale ? from_low : from_high;
  zero = __builtin_rint(zero);
  return (row_param){(int32_t)(zero < -128.0 ? -128.0 : zero > 127.0 ? 127.0 : zero), scale};
}

/** x / scale rounded half to even, exactly: float32 quotients decide but near a half. */
INLINE i32x4 divide_rounded(f32x4 x, float scale) {
  f32x4 quotient = x / splat_f32x4(scale);
  f32x4 rounded = (f32x4)wasm_f32x4_nearest((v128_t)quotient);
  v128_t unsure = wasm_f32x4_gt(wasm_f32x4_abs((v128_t)(quotient - rounded)),
                                wasm_f32x4_const_splat(0.4999f));
  i32x4 result = (i32x4)wasm_i32x4_trunc_sat_f32x4((v128_t)rounded);
  if (wasm_v128_any_true(unsure)) {
    for (uint32_t lane = 0; lane < 4; lane++) {
      double exact = __builtin_rint((double)x[lane] / (double)scale);
      result[lane] = __builtin_wasm_trunc_saturate_s_i32_f64(exact);
    }
  }
  return result;
}

static void quantize_row(const float *from, int8_t *to, uint32_t count, row_param param) {
  v128_t zero = wasm_i32x4_splat(param.zero);
  for (uint32_t i = 0; i < count; i += 4) {
    uint32_t lanes = min_u32(4, count - i);
    f32x4 x = lanes == 4 ? load_f32x4(from + i) : load_partial_f32x4(from + i, lanes);
    v128_t q = wasm_i32x4_add((v128_t)divide_rounded(x, param.scale), zero);
    v128_t words = wasm_i16x8_narrow_i32x4(q, q);
    v128_t bytes = wasm_i8x16_narrow_i16x8(words, words);
    if (lanes == 4) {
      wasm_v128_store32_lane(to + i, bytes, 0);
    } else {
      uint32_t packed = (uint32_t)wasm_i32x4_extract_lane(bytes, 0);
      for (uint32_t k = 0; k < lanes; k++) to[i + k] = (int8_t)(packed >> (8 * k));
    }
  }
}

void quantize_rows(const quantize_rows_params *p, uint32_t thread, uint32_t threads) {
  span rows = share(p->rows, 1, thread, threads);
  for (uint32_t row = rows.begin; row < rows.end; row++) {
    const float *from = (const float *)p->input + (size_t)row * p->row_size;
    f32x4 least = splat_f32x4(0.0f);
    f32x4 most = least;
    for (uint32_t i = 0; i < p->row_size; i += 4) {
      uint32_t lanes = p->row_size - i;
      f32x4 x = lanes >= 4 ? load_f32x4(from + i) : load_partial_f32x4(from + i, lanes);
      least = (f32x4)wasm_f32x4_pmin((v128_t)least, (v128_t)x);
      most = (f32x4)wasm_f32x4_pmax((v128_t)most, (v128_t)x);
    }
    double low = 0.0;
    double high = 0.0;
    for (uint32_t lane = 0; lane < 4; lane++) {
      if (least[lane] < low) low = least[lane];
      if (most[lane] > high) high = most[lane];
    }
    row_param param = fit_int8(low, high);
    ((row_param *)p->row_params)[row] = param;
    quantize_row(from, (int8_t *)p->output + (size_t)row * p->row_size, p->row_size, param);
  }
}
