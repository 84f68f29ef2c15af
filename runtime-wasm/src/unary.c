/**
 * Elementwise functions of one tensor: y[i] = f(x[i]) for i < count. x and y may be one buffer.
 *
 * Semantics: TFLite's builtins of the same names. One row of a list per function.
 */
#include "kernels.h"
#include "mathd.h"
#include "mathf.h"
#include "types.h"

/** float32, four lanes at a time; `x` are the lanes, `p` the parameter block. */
#define UNARY_F32(X)                                                                              \
  X(abs, abs_f32x4(x))                                                                            \
  X(neg, -x)                                                                                      \
  X(square, x * x)                                                                                \
  X(sqrt, sqrt_f32x4(x))                                                                          \
  X(rsqrt, rsqrt_f32x4(x))                                                                        \
  X(exp, exp_f32x4(x))                                                                            \
  X(log, log_f32x4(x))                                                                            \
  X(tanh, tanh_f32x4(x))                                                                          \
  X(logistic, logistic_f32x4(x))                                                                  \
  X(swish, x * logistic_f32x4(x))                                                                 \
  X(ceil, (f32x4)wasm_f32x4_ceil((v128_t)x))                                                      \
  X(floor, (f32x4)wasm_f32x4_floor((v128_t)x))                                                    \
  X(round, round_f32x4(x))                                                                        \
  X(sign, sign(x))                                                                                \
  X(sign_bit, select_f32x4((i32x4)x < 0, splat_f32x4(1), splat_f32x4(0)))                         \
  X(clamp, clamp_f32x4(x, splat_f32x4(p->a), splat_f32x4(p->b)))                                  \
  X(leaky_relu, select_f32x4(x < 0.0f, x * p->a, x))                                              \
  X(elu, select_f32x4(x < 0.0f, expm1_nonpositive_f32x4(x), x))                                   \
  X(hard_swish, x * (clamp_f32x4(x + 3.0f, splat_f32x4(0), splat_f32x4(6)) / 6.0f))               \
  X(gelu, x * normal_distribution_f32x4(x))                                                       \
  X(gelu_tanh, 0.5f * x * (1.0f + tanh_f32x4(0.797884561f * (x + 0.044715f * x * x * x))))        \
  X(sin, each_lane(x, sin_f32))                                                                   \
  X(cos, each_lane(x, cos_f32))

INLINE f32x4 sign(f32x4 x) {
  return select_f32x4(x > 0.0f, splat_f32x4(1), select_f32x4(x < 0.0f, splat_f32x4(-1), x));
}

INLINE f32x4 each_lane(f32x4 x, float (*f)(float)) {
  return (f32x4){f(x[0]), f(x[1]), f(x[2]), f(x[3])};
}

#define DEFINE_F32(NAME, ...)                                                                     \
  void unary_##NAME##_f32(const unary_##NAME##_f32_params *p, uint32_t thread, uint32_t threads) {\
    span s = share(p->count, 4, thread, threads);                                                 \
    const float *in = p->x;                                                                       \
    float *out = p->y;                                                                            \
    uint32_t i = s.begin;                                                                         \
    for (; i + 4 <= s.end; i += 4) {                                                              \
      f32x4 x = load_f32x4(in + i);                                                               \
      store_f32x4(out + i, __VA_ARGS__);                                                          \
    }                                                                                             \
    if (i < s.end) {                                                                              \
      f32x4 x = load_partial_f32x4(in + i, s.end - i);                                            \
      store_partial_f32x4(out + i, __VA_ARGS__, s.end - i);                                       \
    }                                                                                             \
  }
UNARY_F32(DEFINE_F32)

/** int32 and int64, wrapping round; `x` is the element, `U` the unsigned type. */
#define UNARY_INTEGER(X, T, U)                                                                    \
  X(abs, T, x < 0 ? (T)(0 - (U)x) : x)                                                            \
  X(neg, T, (T)(0 - (U)x))                                                                        \
  X(square, T, (T)((U)x * (U)x))                                                                  \
  X(sign, T, (x > 0) - (x < 0))

#define DEFINE_INTEGER(NAME, T, ...)                                                              \
  void unary_##NAME##_##T(const unary_##NAME##_##T##_params *p, uint32_t thread,                  \
                          uint32_t threads) {                                                     \
    span s = share(p->count, 1, thread, threads);                                                 \
    for (uint32_t i = s.begin; i < s.end; i++) {                                                  \
      const T x = ((const T *)p->x)[i];                                                           \
      ((T *)p->y)[i] = __VA_ARGS__;                                                               \
    }                                                                                             \
  }
UNARY_INTEGER(DEFINE_INTEGER, i32, uint32_t)
UNARY_INTEGER(DEFINE_INTEGER, i64, uint64_t)

/**
 * y[i] = table[x[i]] for bytes: any function of an 8-bit tensor. `table` has 256 entries, indexed
 * by the bit pattern.
 */
void lookup_8(const lookup_8_params *p, uint32_t thread, uint32_t threads) {
  span s = share(p->count, 1, thread, threads);
  const uint8_t *x = p->x, *table = p->table;
  uint8_t *y = p->y;
  for (uint32_t i = s.begin; i < s.end; i++) y[i] = table[x[i]];
}

/**
 * FAKE_QUANT of float32: y = nearest of the `low + k * scale` that 2^bits levels represent, x being
 * clamped to [low, high] first. The planner has moved the range so that 0 is one of the levels.
 */
void fake_quant_f32(const fake_quant_f32_params *p, uint32_t thread, uint32_t threads) {
  span s = share(p->count, 1, thread, threads);
  const float *x = p->x;
  float *y = p->y;
  for (uint32_t i = s.begin; i < s.end; i++) {
    float clamped = x[i] < p->low ? p->low : x[i] > p->high ? p->high : x[i];
    y[i] = __builtin_rintf((clamped - p->low) / p->scale) * p->scale + p->low;
  }
}
