/**
 * Elementwise functions of two tensors with broadcasting: y[i] = f(a[...], b[...]).
 *
 * y is row-major of shape dims[0 .. rank-1], rank >= 1; a and b are read through strides in
 * elements, 0 where they are broadcast; the last strides are 0 or 1. y may share a buffer with an
 * operand that is not broadcast. Semantics: TFLite's builtins of the same names.
 */
#include "fault.h"
#include "kernels.h"
#include "mathd.h"
#include "mathf.h"
#include "nd.h"
#include "types.h"

/** What the parameter blocks of all functions begin with. */
typedef binary_add_i32_params operands;

/** n elements y[i] = f(a[i * da], b[i * db]); da and db are 0 or 1. */
typedef void run_function(const void *params, const void *a, const void *b, void *y, int32_t da,
                          int32_t db, uint32_t n);

/**
 * Calls f for each run of elements along the last dimension of this thread's share. `size` and
 * `result_size` are the bytes of an operand's and of a result's element.
 */
static void for_each_run(const void *params, uint32_t size, uint32_t result_size, run_function *f,
                         uint32_t thread, uint32_t threads) {
  const operands *p = params;
  const uint32_t outer = p->rank - 1, width = p->dims[outer];
  const int32_t da = p->a_strides[outer], db = p->b_strides[outer];
  const span s = share(product(p->dims, p->rank), 16, thread, threads);
  uint32_t column = s.begin % width;
  cursor c = cursor_at(s.begin / width, p->dims, p->a_strides, p->b_strides, outer);
  for (uint32_t at = s.begin, n; at < s.end; at += n) {
    n = min_u32(width - column, s.end - at);
    const int32_t a = c.first + (int32_t)column * da, b = c.second + (int32_t)column * db;
    f(params, (const char *)p->a + (uint32_t)a * size, (const char *)p->b + (uint32_t)b * size,
      (char *)p->y + at * result_size, da, db, n);
    cursor_next(&c, p->dims, p->a_strides, p->b_strides, outer);
    column = 0;
  }
}

/** Defines kernel NAME by the body of its run function, in terms of p, a, b, y, da, db and n. */
#define KERNEL(NAME, A, Y, ...)                                                                   \
  static void run_##NAME(const void *params, const void *from_a, const void *from_b, void *to,    \
                         int32_t da, int32_t db, uint32_t n) {                                    \
    const NAME##_params *p = params;                                                              \
    const A *a = from_a, *b = from_b;                                                             \
    Y *y = to;                                                                                    \
    (void)p;                                                                                      \
    __VA_ARGS__                                                                                   \
  }                                                                                               \
  void NAME(const NAME##_params *p, uint32_t thread, uint32_t threads) {                          \
    for_each_run(p, sizeof(A), sizeof(Y), run_##NAME, thread, threads);                           \
  }

/** float32 in vectors, clamped to [low, high] (the fused activation). */
#define BINARY_F32(X)                                                                             \
  X(add, a + b)                                                                                   \
  X(sub, a - b)                                                                                   \
  X(mul, a * b)                                                                                   \
  X(div, a / b)                                                                                   \
  X(floor_div, (f32x4)wasm_f32x4_floor((v128_t)(a / b)))                                          \
  X(floor_mod, each_lane(a, b, floor_mod_f32))                                                    \
  X(pow, each_lane(a, b, pow_f32))                                                                \
  X(atan2, each_lane(a, b, atan2_f32))                                                            \
  X(maximum, max_f32x4(a, b))                                                                     \
  X(minimum, min_f32x4(a, b))                                                                     \
  X(squared_difference, (a - b) * (a - b))                                                        \
  X(prelu, select_f32x4(a < 0.0f, a * b, a))

INLINE f32x4 each_lane(f32x4 a, f32x4 b, float (*f)(float, float)) {
  return (f32x4){f(a[0], b[0]), f(a[1], b[1]), f(a[2], b[2]), f(a[3], b[3])};
}

/** A broadcast operand becomes four equal elements that are read again and again. */
#define DEFINE_F32(NAME, ...)                                                                     \
  INLINE f32x4 apply_##NAME(f32x4 a, f32x4 b, f32x4 low, f32x4 high) {                            \
    return clamp_f32x4(__VA_ARGS__, low, high);                                                   \
  }                                                                                               \
  KERNEL(binary_##NAME##_f32, float, float, {                                                     \
    const f32x4 low = splat_f32x4(p->low), high = splat_f32x4(p->high);                           \
    float repeated_a[4], repeated_b[4];                                                           \
    if (da == 0) {                                                                                \
      store_f32x4(repeated_a, splat_f32x4(*a));                                                   \
      a = repeated_a;                                                                             \
    }                                                                                             \
    if (db == 0) {                                                                                \
      store_f32x4(repeated_b, splat_f32x4(*b));                                                   \
      b = repeated_b;                                                                             \
    }                                                                                             \
    uint32_t i = 0;                                                                               \
    for (; i + 4 <= n; i += 4) {                                                                  \
      f32x4 va = load_f32x4(a + (int32_t)i * da), vb = load_f32x4(b + (int32_t)i * db);           \
      store_f32x4(y + i, apply_##NAME(va, vb, low, high));                                        \
    }                                                                                             \
    if (i < n) {                                                                                  \
      f32x4 va = load_partial_f32x4(a + (int32_t)i * da, n - i);                                  \
      f32x4 vb = load_partial_f32x4(b + (int32_t)i * db, n - i);                                  \
      store_partial_f32x4(y + i, apply_##NAME(va, vb, low, high), n - i);                         \
    }                                                                                             \
  })
BINARY_F32(DEFINE_F32)

/** Scalar loops: T the operands' type, R the result's; `a` and `b` the elements. */
#define DEFINE_SCALAR(NAME, T, R, ...)                                                            \
  KERNEL(binary_##NAME##_##T, T, R, {                                                             \
    const T *xs = a, *ys = b;                                                                     \
    for (uint32_t i = 0; i < n; i++) {                                                            \
      const T a = xs[(int32_t)i * da], b = ys[(int32_t)i * db];                                   \
      y[i] = __VA_ARGS__;                                                                         \
    }                                                                                             \
  })

/** Integers wrap round; a division by zero is a fault. U is the unsigned type of the same width. */
#define BINARY_INTEGER(X, T, U, BITS)                                                             \
  X(add, T, T, (T)((U)a + (U)b))                                                                  \
  X(sub, T, T, (T)((U)a - (U)b))                                                                  \
  X(mul, T, T, (T)((U)a * (U)b))                                                                  \
  X(div, T, T, divide_##T(a, b))                                                                  \
  X(floor_div, T, T, floor_div_##T(a, b))                                                         \
  X(floor_mod, T, T, floor_mod_##T(a, b))                                                         \
  X(pow, T, T, power_##T(a, b))                                                                   \
  X(maximum, T, T, a > b ? a : b)                                                                 \
  X(minimum, T, T, a < b ? a : b)                                                                 \
  X(squared_difference, T, T, (T)(((U)a - (U)b) * ((U)a - (U)b)))                                 \
  X(bitwise_xor, T, T, a ^ b)                                                                     \
  X(right_shift, T, T, a >> (b < 0 ? 0 : b >= BITS ? BITS - 1 : b))

/** A negative exponent is a fault. */
#define INTEGER_HELPERS(T, U)                                                                     \
  INLINE T divide_##T(T a, T b) {                                                                 \
    if (b == 0) return report_fault(FAULT_DIVISION, 0, 0), 0;                                     \
    return b == -1 ? (T)(0 - (U)a) : a / b;                                                       \
  }                                                                                               \
  INLINE T floor_mod_##T(T a, T b) {                                                              \
    if (b == 0) return report_fault(FAULT_DIVISION, 0, 0), 0;                                     \
    T r = b == -1 ? 0 : a % b;                                                                    \
    return r != 0 && (r < 0) != (b < 0) ? r + b : r;                                              \
  }                                                                                               \
  INLINE T floor_div_##T(T a, T b) {                                                              \
    const T quotient = divide_##T(a, b);                                                          \
    return quotient - (b > 0 ? a < quotient * b : b < -1 && a > quotient * b);                    \
  }                                                                                               \
  INLINE T power_##T(T base, T exponent) {                                                        \
    if (exponent < 0) return report_fault(FAULT_EXPONENT, exponent, 0), 0;                        \
    U result = 1;                                                                                 \
    for (U square = (U)base; exponent; exponent >>= 1, square *= square) {                        \
      if (exponent & 1) result *= square;                                                         \
    }                                                                                             \
    return (T)result;                                                                             \
  }
INTEGER_HELPERS(i32, uint32_t)
INTEGER_HELPERS(i64, uint64_t)
BINARY_INTEGER(DEFINE_SCALAR, i32, uint32_t, 32)
BINARY_INTEGER(DEFINE_SCALAR, i64, uint64_t, 64)

/** Comparisons give bool bytes. */
#define COMPARE(X, T)                                                                             \
  X(equal, T, u8, a == b)                                                                         \
  X(not_equal, T, u8, a != b)                                                                     \
  X(greater, T, u8, a > b)                                                                        \
  X(greater_equal, T, u8, a >= b)                                                                 \
  X(less, T, u8, a < b)                                                                           \
  X(less_equal, T, u8, a <= b)
COMPARE(DEFINE_SCALAR, f32)
COMPARE(DEFINE_SCALAR, i32)
COMPARE(DEFINE_SCALAR, i64)

#define LOGICAL(X)                                                                                \
  X(logical_and, u8, u8, (a && b))                                                                \
  X(logical_or, u8, u8, (a || b))
LOGICAL(DEFINE_SCALAR)

INLINE f32x4 load4_i8(const i8 *x) {
  v128_t v = wasm_i32x4_extend_low_i16x8(wasm_i16x8_extend_low_i8x16(wasm_v128_load32_zero(x)));
  return (f32x4)wasm_f32x4_convert_i32x4(v);
}
INLINE f32x4 load4_u8(const u8 *x) {
  v128_t v = wasm_u32x4_extend_low_u16x8(wasm_u16x8_extend_low_u8x16(wasm_v128_load32_zero(x)));
  return (f32x4)wasm_f32x4_convert_i32x4(v);
}
INLINE f32x4 load4_i16(const i16 *x) {
  return (f32x4)wasm_f32x4_convert_i32x4(wasm_i32x4_load16x4(x));
}
INLINE void store4_i16(i16 *y, v128_t q) {
  wasm_v128_store64_lane(y, wasm_i16x8_narrow_i32x4(q, q), 0);
}
INLINE void store4_i8(i8 *y, v128_t q) {
  v128_t narrow = wasm_i16x8_narrow_i32x4(q, q);
  wasm_v128_store32_lane(y, wasm_i8x16_narrow_i16x8(narrow, narrow), 0);
}
INLINE void store4_u8(u8 *y, v128_t q) {
  v128_t narrow = wasm_i16x8_narrow_i32x4(q, q);
  wasm_v128_store32_lane(y, wasm_u8x16_narrow_i16x8(narrow, narrow), 0);
}

/**
 * Quantized functions on reals: with ra = a - a_zero and rb = b - b_zero,
 *   add: v = ra * a_scale + rb * b_scale;  mul: v = ra * rb * a_scale;
 *   y = clamp(round(v) + y_zero, low, high), rounding half to even, all in float32.
 * The scales are those of the operands divided by the result's; SUB is add with a negative b_scale.
 */
#define QUANTIZED(X, T)                                                                           \
  X(add, T, ra * splat_f32x4(p->a_scale) + rb * splat_f32x4(p->b_scale))                          \
  X(mul, T, ra * rb * splat_f32x4(p->a_scale))

#define DEFINE_QUANTIZED(NAME, T, ...)                                                            \
  INLINE i32x4 quantized_##NAME##_##T(const binary_##NAME##_q##T##_params *p, f32x4 a, f32x4 b) { \
    const f32x4 ra = a - (float)p->a_zero, rb = b - (float)p->b_zero;                             \
    const f32x4 low = splat_f32x4((float)(p->low - p->y_zero));                                   \
    const f32x4 high = splat_f32x4((float)(p->high - p->y_zero));                                 \
    return round_to_i32x4(clamp_f32x4(__VA_ARGS__, low, high)) + p->y_zero;                       \
  }                                                                                               \
  KERNEL(binary_##NAME##_q##T, T, T, {                                                            \
    const binary_##NAME##_q##T##_params block = *p; /* for y might alias p */                     \
    T last_a[4] = {*a, *a, *a, *a}, last_b[4] = {*b, *b, *b, *b};                                 \
    if (da == 0) a = last_a;                                                                      \
    if (db == 0) b = last_b;                                                                      \
    uint32_t i = 0;                                                                               \
    for (; i + 4 <= n; i += 4) {                                                                  \
      f32x4 va = load4_##T(a + (int32_t)i * da), vb = load4_##T(b + (int32_t)i * db);             \
      store4_##T(y + i, (v128_t)quantized_##NAME##_##T(&block, va, vb));                          \
    }                                                                                             \
    if (i == n) return;                                                                           \
    for (uint32_t l = 0; i + l < n; l++) {                                                        \
      last_a[l] = a[(int32_t)(da ? i + l : l)];                                                   \
      last_b[l] = b[(int32_t)(db ? i + l : l)];                                                   \
    }                                                                                             \
    i32x4 q = quantized_##NAME##_##T(&block, load4_##T(last_a), load4_##T(last_b));               \
    for (uint32_t l = 0; i + l < n; l++) y[i + l] = (T)q[l];                                      \
  })
QUANTIZED(DEFINE_QUANTIZED, i8)
QUANTIZED(DEFINE_QUANTIZED, u8)
QUANTIZED(DEFINE_QUANTIZED, i16)
