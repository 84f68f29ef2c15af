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
    /* Several of each, so that comparisons do not wait for each other. */
    f32x4 some_least[4] = {{0}};
    f32x4 some_most[4] = {{0}};
    uint32_t i = 0;
    for (; i + 16 <= at.count; i += 16) {
      for (uint32_t k = 0; k < 4; k++) {
        f32x4 x = load_f32x4(from + i + 4 * k);
        some_least[k] = (f32x4)wasm_f32x4_pmin((v128_t)some_least[k], (v128_t)x);
        some_most[k] = (f32x4)wasm_f32x4_pmax((v128_t)some_most[k], (v128_t)x);
      }
    }
    f32x4 least = some_least[0];
    f32x4 most = some_most[0];
    for (uint32_t k = 1; k < 4; k++) {
      least = (f32x4)wasm_f32x4_pmin((v128_t)least, (v128_t)some_least[k]);
      most = (f32x4)wasm_f32x4_pmax((v128_t)most, (v128_t)some_most[k]);
    }
    for (; i < at.count; i += 4) {
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

/** Ranges, halved, below this have a denormal scale, which GPUs may take for 0. */
#define LEAST_RANGE (127.5f * 0x1p-126f)

/**
 * The scale and zero point of int8 for values from `low` to `high`, which include 0. The scale is made by
 * float32 operations, which any device can repeat to the bit; halves keep the difference finite.
 */
static row_param fit_int8(float low, float high) {
  float range = 0.5f * high - 0.5f * low;
  if (range < LEAST_RANGE) return (row_param){0, 1.0f};
  double scale = range / 127.5f;
  double from_low = -128.0 - low / scale;
  double from_high = 127.0 - high / scale;
  /* The end of the range that gives the smaller rounding error. */
  double zero = 128.0 - low / scale < 127.0 + high / scale ? from_low : from_high;
  zero = __builtin_rint(zero);
  return (row_param){(int32_t)(zero < -128.0 ? -128.0 : zero > 127.0 ? 127.0 : zero), (float)scale};
}

/** x / scale in float64, rounded half to even, plus the zero point, as int8; NaN gives the zero point. */
static int8_t quantize_exactly(float x, row_param param) {
  double quotient = __builtin_rint((double)x / (double)param.scale);
  int32_t q = __builtin_wasm_trunc_saturate_s_i32_f64(quotient);
  return (int8_t)max_i32(-128, min_i32(127, q + param.zero));
}

/**
 * Sixteen x / scale rounded half to even, plus the zero point, as int8; float32 quotients decide but
 * near a half, where `unsure` gets a bit.
 */
INLINE v128_t quantize_sixteen(const float *x, f32x4 scale, i32x4 zero, v128_t *unsure) {
  v128_t words[4];
  v128_t doubt = wasm_i32x4_const_splat(0);
  for (uint32_t k = 0; k < 4; k++) {
    f32x4 quotient = load_f32x4(x + 4 * k) / scale;
    f32x4 shifted = quotient + ROUNDING_ADDEND;
    v128_t off = wasm_f32x4_abs((v128_t)(quotient - (shifted - ROUNDING_ADDEND)));
    /* Not less: NaN is unsure too. */
    doubt = wasm_v128_or(doubt, wasm_v128_not(wasm_f32x4_lt(off, wasm_f32x4_const_splat(0.4999f))));
    words[k] = (v128_t)((i32x4)shifted + zero);
  }
  *unsure = doubt;
  return wasm_i8x16_narrow_i16x8(wasm_i16x8_narrow_i32x4(words[0], words[1]),
                                 wasm_i16x8_narrow_i32x4(words[2], words[3]));
}

static void quantize_row(const float *from, int8_t *to, uint32_t count, row_param param) {
  f32x4 scale = splat_f32x4(param.scale);
  i32x4 zero = splat_i32x4(param.zero - ROUNDING_BITS);
  uint32_t i = 0;
  for (; i + 16 <= count; i += 16) {
    v128_t unsure;
    v128_t bytes = quantize_sixteen(from + i, scale, zero, &unsure);
    wasm_v128_store(to + i, bytes);
    if (!wasm_v128_any_true(unsure)) continue;
    for (uint32_t k = i; k < i + 16; k++) to[k] = quantize_exactly(from[k], param);
  }
  for (; i < count; i++) to[i] = quantize_exactly(from[i], param);
}

/** The parameters of a row, from the ranges of its chunks. */
static row_param fit_row(const float *ranges, uint32_t chunks) {
  float low = 0.0f;
  float high = 0.0f;
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
