/** Functions of whole rows: x and y are [rows, depth], row-major, and may be the same buffer. */
#include "fixed_point.h"
#include "interpolate.h"
#include "kernels.h"
#include "mathd.h"
#include "mathf.h"
#include "types.h"

static float row_max(const float *x, uint32_t n) {
  float largest = x[0];
  uint32_t i = 0;
  if (n >= 4) {
    /* Where there is a NaN all else does not matter: the row becomes NaN. */
    f32x4 lanes = load_f32x4(x);
    for (i = 4; i + 4 <= n; i += 4) {
      lanes = (f32x4)wasm_f32x4_pmax((v128_t)lanes, wasm_v128_load(x + i));
    }
    largest = lanes[0];
    for (uint32_t l = 1; l < 4; l++) largest = lanes[l] > largest ? lanes[l] : largest;
  }
  for (; i < n; i++) largest = x[i] > largest ? x[i] : largest;
  return largest;
}

/** sums + the four lanes of v, in float64. */
INLINE void add_lanes(v128_t sums[2], f32x4 v) {
  const v128_t upper = wasm_i32x4_shuffle((v128_t)v, (v128_t)v, 2, 3, 0, 1);
  sums[0] = wasm_f64x2_add(sums[0], wasm_f64x2_promote_low_f32x4((v128_t)v));
  sums[1] = wasm_f64x2_add(sums[1], wasm_f64x2_promote_low_f32x4(upper));
}

/** The sum of e^((x[i] - shift) * beta), accumulated in float64; y gets the terms unless null. */
static double sum_of_exponentials(const float *x, float *y, uint32_t n, float shift, float beta) {
  v128_t sums[2] = {wasm_f64x2_splat(0), wasm_f64x2_splat(0)};
  uint32_t i = 0;
  for (; i + 4 <= n; i += 4) {
    const f32x4 v = exp_f32x4((load_f32x4(x + i) - shift) * beta);
    add_lanes(sums, v);
    if (y) store_f32x4(y + i, v);
  }
  if (i < n) {
    const i32x4 lanes = (i32x4){0, 1, 2, 3} < (int32_t)(n - i);
    const f32x4 v = exp_f32x4((load_partial_f32x4(x + i, n - i) - shift) * beta);
    add_lanes(sums, select_f32x4(lanes, v, splat_f32x4(0)));
    if (y) store_partial_f32x4(y + i, v, n - i);
  }
  const v128_t both = wasm_f64x2_add(sums[0], sums[1]);
  return wasm_f64x2_extract_lane(both, 0) + wasm_f64x2_extract_lane(both, 1);
}

/** y = e^(beta x) / sum over the row of e^(beta x), beta >= 0. Source: TFLite's SOFTMAX. */
void softmax_f32(const softmax_f32_params *p, uint32_t thread, uint32_t threads) {
  const span s = share(p->rows, 1, thread, threads);
  for (uint32_t row = s.begin; row < s.end; row++) {
    const float *x = (const float *)p->x + row * p->depth;
    float *y = (float *)p->y + row * p->depth;
    const float shift = row_max(x, p->depth);
    const float factor = (float)(1 / sum_of_exponentials(x, y, p->depth, shift, p->beta));
    uint32_t i = 0;
    for (; i + 4 <= p->depth; i += 4) store_f32x4(y + i, load_f32x4(y + i) * factor);
    for (; i < p->depth; i++) y[i] *= factor;
  }
}

/** y = x - ln(sum over the row of e^x). Source: TFLite's LOG_SOFTMAX. */
void log_softmax_f32(const log_softmax_f32_params *p, uint32_t thread, uint32_t threads) {
  const span s = share(p->rows, 1, thread, threads);
  for (uint32_t row = s.begin; row < s.end; row++) {
    const float *x = (const float *)p->x + row * p->depth;
    float *y = (float *)p->y + row * p->depth;
    const float shift = row_max(x, p->depth);
    const float sum = (float)sum_of_exponentials(x, 0, p->depth, shift, 1);
    const float log_sum = log_f32x4(splat_f32x4(sum))[0];
    for (uint32_t i = 0; i < p->depth; i++) y[i] = (x[i] - shift) - log_sum;
  }
}

/**
 * SOFTMAX of 8-bit elements. table[d] is e^(-beta * scale of x * d), float32[256];
 * y = clamp(zero + round(softmax / scale of y), low, high). The sum runs in float32 from left to right,
 * as TFLite's kernel has it.
 */
#define DEFINE_QUANTIZED_SOFTMAX(NAME, T)                                                         \
  void NAME(const NAME##_params *p, uint32_t thread, uint32_t threads) {                          \
    const span s = share(p->rows, 1, thread, threads);                                            \
    const float *table = p->table;                                                                \
    for (uint32_t row = s.begin; row < s.end; row++) {                                            \
      const T *x = (const T *)p->x + row * p->depth;                                              \
      T *y = (T *)p->y + row * p->depth;                                                          \
      int32_t largest = x[0];                                                                     \
      for (uint32_t i = 1; i < p->depth; i++) largest = max_i32(largest, x[i]);                   \
      float sum = 0;                                                                              \
      for (uint32_t i = 0; i < p->depth; i++) sum += table[largest - x[i]];                       \
      const float factor = 1.0f / (sum * p->scale);                                               \
      for (uint32_t i = 0; i < p->depth; i++) {                                                   \
        const int32_t q = (int32_t)(table[largest - x[i]] * factor + 0.5f) + p->zero;            \
        y[i] = (T)max_i32(p->low, min_i32(p->high, q));                                           \
      }                                                                                           \
    }                                                                                             \
  }
DEFINE_QUANTIZED_SOFTMAX(softmax_qi8, i8)
DEFINE_QUANTIZED_SOFTMAX(softmax_qu8, u8)

/**
 * SOFTMAX of int16 elements in TFLite's fixed-point form. x - max, times the factor given by
 * `multiplier` and `shift`, indexes `exponentials`, int16[513] over -10 to 0; `reciprocals`, int16[513], is
 * 1 / (1 + v) for v from 0 to 1. Results are in 1 / 32768.
 */
void softmax_qi16(const softmax_qi16_params *p, uint32_t thread, uint32_t threads) {
  const span s = share(p->rows, 1, thread, threads);
  for (uint32_t row = s.begin; row < s.end; row++) {
    const i16 *x = (const i16 *)p->x + row * p->depth;
    i16 *y = (i16 *)p->y + row * p->depth;
    i32 largest = x[0];
    for (uint32_t i = 1; i < p->depth; i++) largest = max_i32(largest, x[i]);
    i32 sum = 0;
    for (uint32_t i = 0; i < p->depth; i++) {
      const i32 distance = multiply_fixed(x[i] - largest, p->multiplier, p->shift);
      y[i] = interpolate(p->exponentials, (i16)clamp_i32(distance + 32767, -32768, 32767));
      sum += y[i];
    }
    const i32 zeros = __builtin_clz((u32)sum);
    const i32 mantissa = (i32)((((i64)sum << (zeros - 1)) + (1 << 13)) >> 14);
    const i32 argument = clamp_i32(mantissa - (1 << 15) - (1 << 16), -32768, 32767);
    const i32 reciprocal = interpolate(p->reciprocals, (i16)argument);
    const i32 shift = 31 - zeros;
    for (uint32_t i = 0; i < p->depth; i++) {
      const i32 q = (i32)(((i64)y[i] * reciprocal + (1 << (shift - 1))) >> shift);
      y[i] = (i16)clamp_i32(q, 0, 32767);
    }
  }
}

/** The sum of (x[i] - shift)^`power` (1 or 2), in float64. */
INLINE double sum_of_powers(uint32_t power, const float *x, uint32_t n, float shift) {
  v128_t sums[2] = {wasm_f64x2_splat(0), wasm_f64x2_splat(0)};
  uint32_t i = 0;
  for (; i + 4 <= n; i += 4) {
    const f32x4 v = load_f32x4(x + i) - shift;
    add_lanes(sums, power == 1 ? v : v * v);
  }
  const v128_t both = wasm_f64x2_add(sums[0], sums[1]);
  double sum = wasm_f64x2_extract_lane(both, 0) + wasm_f64x2_extract_lane(both, 1);
  for (; i < n; i++) {
    const float v = x[i] - shift;
    sum += (double)(power == 1 ? v : v * v);
  }
  return sum;
}

/**
 * y = (x - mean) / sqrt(variance + epsilon) * gamma + beta, with the moments of each row; gamma and beta
 * are [depth], or null for 1 and 0. Each moment is a sum in float64, rounded to float32; variances are means of
 * squared differences, which do not cancel.
 */
void layer_normalize_f32(const layer_normalize_f32_params *p, uint32_t thread, uint32_t threads) {
  const span s = share(p->rows, 1, thread, threads);
  const float *gamma = p->gamma, *beta = p->beta;
  for (uint32_t row = s.begin; row < s.end; row++) {
    const float *x = (const float *)p->x + row * p->depth;
    float *y = (float *)p->y + row * p->depth;
    const double count = p->depth;
    const float mean = (float)(sum_of_powers(1, x, p->depth, 0) / count);
    const float variance = (float)(sum_of_powers(2, x, p->depth, mean) / count);
    const float factor = 1 / __builtin_sqrtf(variance + p->epsilon);
    for (uint32_t i = 0; i < p->depth; i += 4) {
      const uint32_t lanes = min_u32(p->depth - i, 4);
      f32x4 v = (load_lanes_f32x4(x + i, lanes) - mean) * factor;
      if (gamma) v = v * load_lanes_f32x4(gamma + i, lanes);
      if (beta) v = v + load_lanes_f32x4(beta + i, lanes);
      store_lanes_f32x4(y + i, v, lanes);
    }
  }
}

/** y = x / max(sqrt(sum over the row of x^2), 1e-6). Source: TFLite's L2_NORMALIZATION. */
void l2_normalize_f32(const l2_normalize_f32_params *p, uint32_t thread, uint32_t threads) {
  const span s = share(p->rows, 1, thread, threads);
  for (uint32_t row = s.begin; row < s.end; row++) {
    const float *x = (const float *)p->x + row * p->depth;
    float *y = (float *)p->y + row * p->depth;
    double sums[4] = {0, 0, 0, 0};
    for (uint32_t i = 0; i < p->depth; i++) sums[i % 4] += (double)x[i] * (double)x[i];
    const double norm = __builtin_sqrt((sums[0] + sums[1]) + (sums[2] + sums[3]));
    const float factor = (float)(1 / (norm > 1e-6 ? norm : 1e-6));
    for (uint32_t i = 0; i < p->depth; i++) y[i] = x[i] * factor;
  }
}

/**
 * y[i] = x[i] / (bias + alpha * sum of x[j]^2 for |j - i| <= radius)^beta along the row. x and y
 * are different buffers. Source: TFLite's LOCAL_RESPONSE_NORMALIZATION.
 */
void local_response_normalize_f32(const local_response_normalize_f32_params *p, uint32_t thread,
                                  uint32_t threads) {
  const span s = share(p->rows, 1, thread, threads);
  for (uint32_t row = s.begin; row < s.end; row++) {
    const float *x = (const float *)p->x + row * p->depth;
    float *y = (float *)p->y + row * p->depth;
    for (uint32_t i = 0; i < p->depth; i++) {
      const uint32_t first = i > p->radius ? i - p->radius : 0;
      const uint32_t last = p->radius < p->depth - i ? i + p->radius + 1 : p->depth;
      double sum = 0;
      for (uint32_t j = first; j < last; j++) sum += (double)x[j] * (double)x[j];
      y[i] = x[i] * pow_f32((float)((double)p->bias + (double)p->alpha * sum), -p->beta);
    }
  }
}
