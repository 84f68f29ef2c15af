/**
 * Elementwise arithmetic on quantized integers, with broadcasting (binary.h). 8-bit sums and products
 * round as XNNPACK's do, the others as TFLite's own kernels: files give the same numbers as there.
 */
#include "binary.h"
#include "fixed_point.h"
#include "simd.h"

INLINE i32x4 load4_i8(const i8 *x) {
  return (i32x4)wasm_i32x4_extend_low_i16x8(
      wasm_i16x8_extend_low_i8x16(wasm_v128_load32_zero(x)));
}
INLINE i32x4 load4_u8(const u8 *x) {
  return (i32x4)wasm_u32x4_extend_low_u16x8(
      wasm_u16x8_extend_low_u8x16(wasm_v128_load32_zero(x)));
}
INLINE void store4_i8(i8 *y, v128_t q) {
  v128_t narrow = wasm_i16x8_narrow_i32x4(q, q);
  wasm_v128_store32_lane(y, wasm_i8x16_narrow_i16x8(narrow, narrow), 0);
}
INLINE void store4_u8(u8 *y, v128_t q) {
  v128_t narrow = wasm_i16x8_narrow_i32x4(q, q);
  wasm_v128_store32_lane(y, wasm_u8x16_narrow_i16x8(narrow, narrow), 0);
}

INLINE i32x4 clamp_i32x4(i32x4 x, i32 low, i32 high) {
  v128_t bounded = wasm_i32x4_max((v128_t)x, wasm_i32x4_splat(low));
  return (i32x4)wasm_i32x4_min(bounded, wasm_i32x4_splat(high));
}

/** y = clamp(((a * a_multiplier + b * b_multiplier + bias) >> shift) + y_zero, low, high). */
INLINE i32x4 add_8(const binary_add_qi8_params *p, i32x4 a, i32x4 b) {
  const i32x4 sum = a * p->a_multiplier + b * p->b_multiplier + p->bias;
  return clamp_i32x4((i32x4)wasm_i32x4_shr((v128_t)sum, p->shift) + p->y_zero, p->low, p->high);
}

/** y = clamp(round((a - a_zero) * (b - b_zero) * scale) + y_zero, low, high), half to even. */
INLINE i32x4 mul_8(const binary_mul_qi8_params *p, i32x4 a, i32x4 b) {
  const i32x4 product = (a - p->a_zero) * (b - p->b_zero);
  const f32x4 real = (f32x4)wasm_f32x4_convert_i32x4((v128_t)product) * p->scale;
  const f32x4 low = splat_f32x4((f32)(p->low - p->y_zero));
  const f32x4 high = splat_f32x4((f32)(p->high - p->y_zero));
  const v128_t rounded = wasm_f32x4_nearest((v128_t)clamp_f32x4(real, low, high));
  return (i32x4)wasm_i32x4_trunc_sat_f32x4(rounded) + p->y_zero;
}

/** The kernel of four results at a time; a broadcast operand becomes four equal elements. */
#define DEFINE_8(NAME, T, F)                                                                      \
  KERNEL(NAME, T, T, {                                                                            \
    const NAME##_params block = *p; /* for y might alias p */                                     \
    T last_a[4] = {*a, *a, *a, *a}, last_b[4] = {*b, *b, *b, *b};                                 \
    if (da == 0) a = last_a;                                                                      \
    if (db == 0) b = last_b;                                                                      \
    uint32_t i = 0;                                                                               \
    for (; i + 4 <= n; i += 4) {                                                                  \
      i32x4 va = load4_##T(a + (int32_t)i * da), vb = load4_##T(b + (int32_t)i * db);             \
      store4_##T(y + i, (v128_t)F((const void *)&block, va, vb));                                 \
    }                                                                                             \
    if (i == n) return;                                                                           \
    for (uint32_t l = 0; i + l < n; l++) {                                                        \
      last_a[l] = a[(int32_t)(da ? i + l : l)];                                                   \
      last_b[l] = b[(int32_t)(db ? i + l : l)];                                                   \
    }                                                                                             \
    i32x4 q = F((const void *)&block, load4_##T(last_a), load4_##T(last_b));                      \
    for (uint32_t l = 0; i + l < n; l++) y[i + l] = (T)q[l];                                      \
  })
DEFINE_8(binary_add_qi8, i8, add_8)
DEFINE_8(binary_add_qu8, u8, add_8)
DEFINE_8(binary_mul_qi8, i8, mul_8)
DEFINE_8(binary_mul_qu8, u8, mul_8)

/** An operand, less its zero point, on the scale that both are brought to. */
INLINE i32 scaled_a(const binary_add_qi16_params *p, i32 a) {
  const i32 shifted = (i32)((uint32_t)(a - p->a_zero) << p->left_shift);
  return multiply_fixed(shifted, p->a_multiplier, p->a_shift);
}
INLINE i32 scaled_b(const binary_add_qi16_params *p, i32 b) {
  const i32 shifted = (i32)((uint32_t)(b - p->b_zero) << p->left_shift);
  return multiply_fixed(shifted, p->b_multiplier, p->b_shift);
}

INLINE i32 finish(const binary_add_qi16_params *p, i32 v) {
  return clamp_i32(multiply_fixed(v, p->y_multiplier, p->y_shift) + p->y_zero, p->low, p->high);
}

INLINE i32 square(i32 v) { return (i32)((uint32_t)v * (uint32_t)v); }

/** Rows: function, type, and the value in terms of a and b that is left to bring to y's scale. */
#define FIXED_POINT(X)                                                                            \
  X(add, i16, scaled_a(p, a) + scaled_b(p, b))                                                    \
  X(sub, i16, scaled_a(p, a) - scaled_b(p, b))                                                    \
  X(mul, i16, (a - p->a_zero) * (b - p->b_zero))                                                  \
  X(squared_difference, i8, square(scaled_a(p, a) - scaled_b(p, b)))

#define DEFINE_FIXED_POINT(NAME, T, ...)                                                          \
  KERNEL(binary_##NAME##_q##T, T, T, {                                                            \
    const binary_add_qi16_params block = *(const binary_add_qi16_params *)params;                 \
    const T *xs = a, *ys = b;                                                                     \
    for (uint32_t i = 0; i < n; i++) {                                                            \
      const binary_add_qi16_params *p = &block;                                                   \
      const i32 a = xs[(int32_t)i * da], b = ys[(int32_t)i * db];                                 \
      y[i] = (T)finish(p, __VA_ARGS__);                                                           \
    }                                                                                             \
  })
FIXED_POINT(DEFINE_FIXED_POINT)
