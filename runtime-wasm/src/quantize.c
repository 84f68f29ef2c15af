/** Quantization of activations when the model runs: kernels/convolution.ts. */
#include "kernels.h"
#include "requantize.h"
#include "simd.h"

/** A stretch of a row. */
typedef struct {
  uint32_t row;
  uint32_t begin;
  uint32_t count;
} row_chunk;

INLINE row_chunk chunk_at(uint32_t index, uint32_t row_size, uint32_t chunk, uint32_t chunks) {
  uint32_t begin = index % chunks * chunk;
  return (row_chunk){index / chunks, begin, min_u32(chunk, row_size - begin)};
}

void measure_rows(const measure_rows_params *p, uint32_t thread, uint32_t threads) {
  uint32_t chunks = max_u32(1, divide_up(p->row_size, p->chunk));
  span part = share(p->rows * chunks, 1, thread, threads);
  for (uint32_t index = part.begin; index < part.end; index++) {
    row_chunk at = chunk_at(index, p->row_size, p->chunk, chunks);
    const float *from = (const float *)p->input + (size_t)at.row * p->row_size + at.begin;
    f32x4 least = splat_f32x4(0.0f);
    f32x4 most = least;
    for (uint32_t i = 0; i < at.count; i += 4) {
      uint32_t lanes = at.count - i;
      f32x4 x = lanes >= 4 ? load_f32x4(from + i) : load_partial_f32x4(from + i, lanes);
      least = (f32x4)wasm_f32x4_pmin((v128_t)least, (v128_t)x);
      most = (f32x4)wasm_f32x4_pmax((v128_t)most, (v128_t)x);
    }
    float *range = (float *)p->ranges + 2 * (size_t)index;
    range[0] = range[1] = 0.0f;
    for (uint32_t lane = 0; lane < 4; lane++) {
      if (least[lane] < range[0]) range[0] = least[lane];
      if (most[lane] > range[1]) range[1] = most[lane];
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

/** The parameters of a row, from the ranges of its chunks. */
static row_param fit_row(const float *ranges, uint32_t chunks) {
  double low = 0.0;
  double high = 0.0;
  for (uint32_t i = 0; i < chunks; i++) {
    if (ranges[2 * i] < low) low = ranges[2 * i];
    if (ranges[2 * i + 1] > high) high = ranges[2 * i + 1];
  }
  return fit_int8(low, high);
}

void quantize_rows(const quantize_rows_params *p, uint32_t thread, uint32_t threads) {
  uint32_t chunks = max_u32(1, divide_up(p->row_size, p->chunk));
  span part = share(p->rows * chunks, 1, thread, threads);
  for (uint32_t index = part.begin; index < part.end; index++) {
    row_chunk at = chunk_at(index, p->row_size, p->chunk, chunks);
    row_param param = fit_row((const float *)p->ranges + 2 * (size_t)at.row * chunks, chunks);
    if (at.begin == 0) ((row_param *)p->row_params)[at.row] = param;
    size_t first = (size_t)at.row * p->row_size + at.begin;
    quantize_row((const float *)p->input + first, (int8_t *)p->output + first, at.count, param);
  }
}
