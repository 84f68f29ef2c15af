/**
 * Elementwise functions of two tensors with broadcasting (binary.h): y[i] = f(a[...], b[...]).
 * Semantics: TFLite's builtins of the same names.
 */
#include "binary.h"
#include "fault.h"
#include "mathd.h"
#include "mathf.h"

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
