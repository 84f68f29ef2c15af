/**
 * Reductions of one dimension: x is [outer, length, inner], y is [outer, inner], row-major.
 *
 * Columns are taken 16 at a time; where inner is 1 the same 16 accumulators run along the row and
 * are combined in a fixed order at the end. Each result is made by one thread.
 */
#include "fixed_point.h"
#include "kernels.h"
#include "simd.h"
#include "types.h"

#define LANES 16

/**
 * Rows: name, element type of x, of the accumulators, of y; the accumulators' first value; what
 * joins `a` and `b`; and the result from the joined `a`. `p` is the parameter block.
 * Float sums and products are accumulated in float64, so they are right to float32's last bit.
 * Integers wrap round. A mean of integers is cut off towards zero.
 */
#define REDUCTIONS(X)                                                                             \
  X(reduce_sum_f32, f32, double, f32, 0, a + b, (f32)(a / p->divisor))                            \
  X(reduce_sum_i32, i32, i64, i32, 0, a + b, (i32)(a / p->divisor))                               \
  X(reduce_sum_i64, i64, i64, i64, 0, (i64)((uint64_t)a + (uint64_t)b), a / p->divisor)           \
  X(reduce_mean_qi8, i8, i32, i8, 0, a + b, (i8)mean_8(p, a))                                     \
  X(reduce_mean_qu8, u8, i32, u8, 0, a + b, (u8)mean_8((const void *)p, a))                       \
  X(reduce_mean_qi16, i16, i32, i16, 0, a + b, (i16)mean_16(p, a))                                \
  X(reduce_sum_qi8, i8, i32, i8, 0, a + b, (i8)rescaled_sum(p, a))                                \
  X(reduce_sum_qu8, u8, i32, u8, 0, a + b, (u8)rescaled_sum((const void *)p, a))                  \
  X(reduce_sum_qi16, i16, i32, i16, 0, a + b, (i16)rescaled_sum((const void *)p, a))              \
  X(reduce_prod_f32, f32, double, f32, 1, a * b, (f32)a)                                          \
  X(reduce_prod_i32, i32, uint32_t, i32, 1, a * b, (i32)a)                                        \
  X(reduce_prod_i64, i64, uint64_t, i64, 1, a * b, (i64)a)                                        \
  X(reduce_max_f32, f32, f32, f32, -__builtin_inff(), a > b || a != a ? a : b, a)                 \
  X(reduce_max_i8, i8, i8, i8, INT8_MIN, a > b ? a : b, a)                                        \
  X(reduce_max_u8, u8, u8, u8, 0, a > b ? a : b, a)                                               \
  X(reduce_max_i32, i32, i32, i32, INT32_MIN, a > b ? a : b, a)                                   \
  X(reduce_max_i64, i64, i64, i64, INT64_MIN, a > b ? a : b, a)                                   \
  X(reduce_min_f32, f32, f32, f32, __builtin_inff(), a < b || a != a ? a : b, a)                  \
  X(reduce_min_i8, i8, i8, i8, INT8_MAX, a < b ? a : b, a)                                        \
  X(reduce_min_u8, u8, u8, u8, UINT8_MAX, a < b ? a : b, a)                                       \
  X(reduce_min_i32, i32, i32, i32, INT32_MAX, a < b ? a : b, a)                                   \
  X(reduce_min_i64, i64, i64, i64, INT64_MAX, a < b ? a : b, a)                                   \
  X(reduce_any, u8, u8, u8, 0, a | (b != 0), a)                                                   \
  X(reduce_all, u8, u8, u8, 1, a & (b != 0), a)

/** zero + round((sum - offset) * scale), half to even, saturated to [low, high]. */
INLINE i32 mean_8(const reduce_mean_qi8_params *p, i32 sum) {
  f32 v = __builtin_rintf((f32)(sum - p->offset) * p->scale) + (f32)p->zero;
  return (i32)(v < (f32)p->low ? (f32)p->low : v > (f32)p->high ? (f32)p->high : v);
}

/** sum times the factor that `multiplier` and `shift` give, saturated. */
INLINE i32 mean_16(const reduce_mean_qi16_params *p, i32 sum) {
  return clamp_i32(multiply_fixed(sum, p->multiplier, p->shift), INT16_MIN, INT16_MAX);
}

/** zero + round(sum * scale + bias), half away from zero, saturated to [low, high]. */
INLINE i32 rescaled_sum(const reduce_sum_qi8_params *p, i32 sum) {
  const f32 real = (f32)sum * p->scale + p->bias;
  const f32 v = __builtin_truncf(real + __builtin_copysignf(0.5f, real)) + (f32)p->zero;
  return (i32)(v < (f32)p->low ? (f32)p->low : v > (f32)p->high ? (f32)p->high : v);
}

#define DEFINE_REDUCTION(NAME, T, A, R, FIRST, JOIN, RESULT)                                      \
  INLINE A join_##NAME(A a, A b) { return JOIN; }                                                 \
  INLINE R result_##NAME(const NAME##_params *p, A a) {                                           \
    (void)p;                                                                                      \
    return RESULT;                                                                                \
  }                                                                                               \
  static void NAME##_rows(const NAME##_params *p, uint32_t thread, uint32_t threads) {            \
    const span s = share(p->outer, 1, thread, threads);                                           \
    for (uint32_t row = s.begin; row < s.end; row++) {                                            \
      const T *x = (const T *)p->x + row * p->length;                                             \
      A sums[LANES];                                                                              \
      for (uint32_t l = 0; l < LANES; l++) sums[l] = FIRST;                                       \
      uint32_t i = 0;                                                                             \
      for (; i + LANES <= p->length; i += LANES) {                                                \
        for (uint32_t l = 0; l < LANES; l++) sums[l] = join_##NAME(sums[l], (A)x[i + l]);         \
      }                                                                                           \
      for (uint32_t l = 0; i < p->length; i++, l++) sums[l] = join_##NAME(sums[l], (A)x[i]);      \
      for (uint32_t half = LANES / 2; half > 0; half /= 2) {                                      \
        for (uint32_t l = 0; l < half; l++) sums[l] = join_##NAME(sums[l], sums[l + half]);       \
      }                                                                                           \
      ((R *)p->y)[row] = result_##NAME(p, sums[0]);                                               \
    }                                                                                             \
  }                                                                                               \
  static void NAME##_columns(const NAME##_params *p, uint32_t thread, uint32_t threads) {         \
    const uint32_t blocks = divide_up(p->inner, LANES);                                           \
    const span s = share(p->outer * blocks, 1, thread, threads);                                  \
    for (uint32_t at = s.begin; at < s.end; at++) {                                               \
      const uint32_t outer = at / blocks, column = at % blocks * LANES;                           \
      const uint32_t n = min_u32(LANES, p->inner - column);                                       \
      const T *x = (const T *)p->x + outer * p->length * p->inner + column;                       \
      R *y = (R *)p->y + outer * p->inner + column;                                               \
      A sums[LANES];                                                                              \
      for (uint32_t l = 0; l < LANES; l++) sums[l] = FIRST;                                       \
      for (uint32_t i = 0; i < p->length; i++, x += p->inner) {                                   \
        if (n == LANES) {                                                                         \
          for (uint32_t l = 0; l < LANES; l++) sums[l] = join_##NAME(sums[l], (A)x[l]);           \
        } else {                                                                                  \
          for (uint32_t l = 0; l < n; l++) sums[l] = join_##NAME(sums[l], (A)x[l]);               \
        }                                                                                         \
      }                                                                                           \
      for (uint32_t l = 0; l < n; l++) y[l] = result_##NAME(p, sums[l]);                          \
    }                                                                                             \
  }                                                                                               \
  void NAME(const NAME##_params *p, uint32_t thread, uint32_t threads) {                          \
    if (p->inner == 1) NAME##_rows(p, thread, threads);                                           \
    else NAME##_columns(p, thread, threads);                                                      \
  }
REDUCTIONS(DEFINE_REDUCTION)

/**
 * The index along `length` of the first largest (smallest) element; int64 where `wide`, else int32.
 * Source: TFLite's ARG_MAX and ARG_MIN.
 */
#define DEFINE_ARG(NAME, T, BETTER)                                                               \
  void NAME(const NAME##_params *p, uint32_t thread, uint32_t threads) {                          \
    const uint32_t blocks = divide_up(p->inner, LANES);                                           \
    const span s = share(p->outer * blocks, 1, thread, threads);                                  \
    for (uint32_t at = s.begin; at < s.end; at++) {                                               \
      const uint32_t outer = at / blocks, column = at % blocks * LANES;                           \
      const uint32_t n = min_u32(LANES, p->inner - column), to = outer * p->inner + column;       \
      const T *x = (const T *)p->x + outer * p->length * p->inner + column;                       \
      T best[LANES];                                                                              \
      uint32_t index[LANES];                                                                      \
      for (uint32_t l = 0; l < n; l++) {                                                          \
        best[l] = x[l];                                                                           \
        index[l] = 0;                                                                             \
      }                                                                                           \
      for (uint32_t i = 1; i < p->length; i++) {                                                  \
        x += p->inner;                                                                            \
        for (uint32_t l = 0; l < n; l++) {                                                        \
          if (x[l] BETTER best[l]) {                                                              \
            best[l] = x[l];                                                                       \
            index[l] = i;                                                                         \
          }                                                                                       \
        }                                                                                         \
      }                                                                                           \
      for (uint32_t l = 0; l < n; l++) {                                                          \
        if (p->wide) ((i64 *)p->y)[to + l] = index[l];                                            \
        else ((i32 *)p->y)[to + l] = (i32)index[l];                                               \
      }                                                                                           \
    }                                                                                             \
  }
DEFINE_ARG(arg_max_f32, f32, >)
DEFINE_ARG(arg_max_i32, i32, >)
DEFINE_ARG(arg_max_i64, i64, >)
DEFINE_ARG(arg_min_f32, f32, <)
DEFINE_ARG(arg_min_i32, i32, <)
DEFINE_ARG(arg_min_i64, i64, <)

/** The index of the first byte of `count` (at least LANES) that equals `value`, which there is one of. */
INLINE uint32_t find_byte(const uint8_t *x, uint32_t count, uint8_t value) {
  const v128_t wanted = wasm_i8x16_splat((int8_t)value);
  for (uint32_t i = 0;; i = min_u32(i + LANES, count - LANES)) {
    const uint32_t found = wasm_i8x16_bitmask(wasm_i8x16_eq(wasm_v128_load(x + i), wanted));
    if (found != 0) return i + (uint32_t)__builtin_ctz(found);
  }
}

/**
 * The index of the first largest byte of each of `outer` rows of `length` bytes, as uint8 after the
 * bits of `flip` are inverted; int64 where `wide`, else int32. Source: TFLite's ARG_MAX and ARG_MIN.
 */
void arg_most_8(const arg_most_8_params *p, uint32_t thread, uint32_t threads) {
  const span s = share(p->outer, 1, thread, threads);
  const v128_t flip = wasm_i8x16_splat((int8_t)p->flip);
  for (uint32_t row = s.begin; row < s.end; row++) {
    const uint8_t *x = (const uint8_t *)p->x + row * p->length;
    uint32_t index = 0;
    if (p->length >= LANES) {
      v128_t most = wasm_i8x16_const_splat(0);
      for (uint32_t i = 0; i < p->length; i += LANES) {
        const uint32_t at = min_u32(i, p->length - LANES);
        most = wasm_u8x16_max(most, wasm_v128_xor(wasm_v128_load(x + at), flip));
      }
      most = wasm_u8x16_max(most, wasm_i64x2_shuffle(most, most, 1, 0));
      most = wasm_u8x16_max(most, wasm_i32x4_shuffle(most, most, 1, 0, 0, 0));
      most = wasm_u8x16_max(most, wasm_u16x8_shr(most, 8));
      most = wasm_u8x16_max(most, wasm_u32x4_shr(most, 16));
      index = find_byte(x, p->length, wasm_u8x16_extract_lane(most, 0) ^ (uint8_t)p->flip);
    } else {
      for (uint32_t i = 1; i < p->length; i++) {
        if ((x[i] ^ (uint8_t)p->flip) > (x[index] ^ (uint8_t)p->flip)) index = i;
      }
    }
    if (p->wide) ((int64_t *)p->y)[row] = index;
    else ((int32_t *)p->y)[row] = (int32_t)index;
  }
}

/**
 * Running sums along `length`, from the end where `reverse`; without the element itself where
 * `exclusive`. x and y are [outer, length, inner]. Source: TFLite's CUMSUM.
 */
#define DEFINE_CUMSUM(NAME, T, A)                                                                 \
  void NAME(const NAME##_params *p, uint32_t thread, uint32_t threads) {                          \
    const span s = share(p->outer * p->inner, 1, thread, threads);                                \
    for (uint32_t at = s.begin; at < s.end; at++) {                                               \
      const uint32_t first = at / p->inner * p->length * p->inner + at % p->inner;                \
      A sum = 0;                                                                                  \
      for (uint32_t k = 0; k < p->length; k++) {                                                  \
        const uint32_t i = first + (p->reverse ? p->length - 1 - k : k) * p->inner;               \
        const A with = sum + (A)((const T *)p->x)[i];                                             \
        ((T *)p->y)[i] = (T)(p->exclusive ? sum : with);                                          \
        sum = with;                                                                               \
      }                                                                                           \
    }                                                                                             \
  }
DEFINE_CUMSUM(cumsum_f32, f32, double)
DEFINE_CUMSUM(cumsum_i32, i32, uint32_t)
DEFINE_CUMSUM(cumsum_i64, i64, uint64_t)
