/**
 * The SIMD vocabulary of the kernels, over simd128 and relaxed SIMD: a kernel is written once and
 * compiled for both. Arithmetic is written with C's operators on the vector types.
 *
 * Loads and stores need no alignment. The two builds may differ in the last bit of a float result
 * (madd rounds once or twice); within a build a lane's result depends on its inputs alone.
 */
#ifndef LINNET_SIMD_H
#define LINNET_SIMD_H

#include <wasm_simd128.h>

#include "linnet.h"

typedef float f32x4 __attribute__((vector_size(16)));
typedef int32_t i32x4 __attribute__((vector_size(16)));
typedef int16_t i16x8 __attribute__((vector_size(16)));

INLINE f32x4 splat_f32x4(float x) { return (f32x4)wasm_f32x4_splat(x); }
INLINE f32x4 load_f32x4(const float *p) { return (f32x4)wasm_v128_load(p); }
INLINE void store_f32x4(float *p, f32x4 v) { wasm_v128_store(p, (v128_t)v); }
INLINE i32x4 load_i32x4(const int32_t *p) { return (i32x4)wasm_v128_load(p); }
INLINE void store_i32x4(int32_t *p, i32x4 v) { wasm_v128_store(p, (v128_t)v); }
INLINE i16x8 load_i16x8(const int16_t *p) { return (i16x8)wasm_v128_load(p); }
INLINE void store_i16x8(int16_t *p, i16x8 v) { wasm_v128_store(p, (v128_t)v); }
INLINE i32x4 splat_i32x4(int32_t x) { return (i32x4)wasm_i32x4_splat(x); }
INLINE i16x8 splat_i16x8(int16_t x) { return (i16x8)wasm_i16x8_splat(x); }

/** a * b + c. */
INLINE f32x4 madd_f32x4(f32x4 a, f32x4 b, f32x4 c) {
#ifdef __wasm_relaxed_simd__
  return (f32x4)wasm_f32x4_relaxed_madd((v128_t)a, (v128_t)b, (v128_t)c);
#else
  return a * b + c;
#endif
}

/** Lanes limited to low .. high; a NaN stays. Two instructions on x86. */
INLINE f32x4 clamp_f32x4(f32x4 x, f32x4 low, f32x4 high) {
  return (f32x4)wasm_f32x4_pmin(wasm_f32x4_pmax((v128_t)x, (v128_t)low), (v128_t)high);
}

/**
 * Adding 1.5 * 2^23 leaves no bits for a fraction: the sum's low bits are the addend rounded half
 * to even, for addends within 2^22 of 0. Larger ones give larger bits, which later steps saturate.
 */
#define ROUNDING_ADDEND 12582912.0f
#define ROUNDING_BITS 0x4b400000

/** The first `count` (0 to 3) lanes from memory, zeros in the others. */
INLINE f32x4 load_partial_f32x4(const float *p, uint32_t count) {
  v128_t v = wasm_f32x4_const_splat(0.0f);
  if (count >= 2) v = wasm_v128_load64_zero(p);
  if (count == 1) v = wasm_v128_load32_zero(p);
  if (count == 3) v = wasm_v128_load32_lane(p + 2, v, 2);
  return (f32x4)v;
}

/** Stores the first `count` (0 to 3) lanes. */
INLINE void store_partial_f32x4(float *p, f32x4 v, uint32_t count) {
  if (count >= 2) wasm_v128_store64_lane(p, (v128_t)v, 0);
  if (count == 1) wasm_v128_store32_lane(p, (v128_t)v, 0);
  if (count == 3) wasm_v128_store32_lane(p + 2, (v128_t)v, 2);
}

/** Loads or stores the first `lanes` (1 to 4) lanes. */
INLINE f32x4 load_lanes_f32x4(const float *p, uint32_t lanes) {
  return lanes == 4 ? load_f32x4(p) : load_partial_f32x4(p, lanes);
}
INLINE void store_lanes_f32x4(float *p, f32x4 v, uint32_t lanes) {
  if (lanes == 4) store_f32x4(p, v);
  else store_partial_f32x4(p, v, lanes);
}

/** Eight int8 widened. */
INLINE i16x8 widen_i8(const void *p) { return (i16x8)wasm_i16x8_load8x8(p); }
/** Eight uint8 widened. */
INLINE i16x8 widen_u8(const void *p) { return (i16x8)wasm_u16x8_load8x8(p); }
/** The two int16 at `p` in each 32-bit lane. */
INLINE i16x8 splat_pair_i16x8(const int16_t *p) { return (i16x8)wasm_v128_load32_splat(p); }

/**
 * Lets compilers know nothing of a value from here on. Offsets from a pointer then stay in the
 * instructions that use it, and what is computed before does not move behind what comes after.
 */
#define SETTLE(value) __asm__("" : "+r"(value))

/** The same for a vector, which compilers before clang 20 cannot hold in place. */
#if __clang_major__ >= 20
#define SETTLE_VECTOR(value) SETTLE(value)
#else
#define SETTLE_VECTOR(value) (void)(value)
#endif

/** The lower lanes of two vectors in turn. */
INLINE v128_t zip_low_i8x16(v128_t a, v128_t b) {
  return wasm_i8x16_shuffle(a, b, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
}
/** The upper lanes of two vectors in turn. */
INLINE v128_t zip_high_i8x16(v128_t a, v128_t b) {
  return wasm_i8x16_shuffle(a, b, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31);
}
/** The lower lanes of two vectors in turn. */
INLINE v128_t zip_low_i16x8(v128_t a, v128_t b) {
  return wasm_i16x8_shuffle(a, b, 0, 8, 1, 9, 2, 10, 3, 11);
}
/** The upper lanes of two vectors in turn. */
INLINE v128_t zip_high_i16x8(v128_t a, v128_t b) {
  return wasm_i16x8_shuffle(a, b, 4, 12, 5, 13, 6, 14, 7, 15);
}

/** sum + the sums of neighbouring products: lane i gets a[2i] b[2i] + a[2i + 1] b[2i + 1]. */
INLINE i32x4 dot_i16x8(i16x8 a, i16x8 b, i32x4 sum) {
  return (i32x4)wasm_i32x4_dot_i16x8((v128_t)a, (v128_t)b) + sum;
}

/**
 * sum + the sums of four neighbouring products of bytes: lane i gets a[4i] b[4i] + ... +
 * a[4i + 3] b[4i + 3]. `a` is int8. Builds with relaxed SIMD take `b` as the machine does, which the
 * host finds out before it lets a kernel do this; the others take it as int8.
 */
INLINE i32x4 dot_i8x16(v128_t a, v128_t b, i32x4 sum) {
#ifdef __wasm_relaxed_simd__
  return (i32x4)wasm_i32x4_relaxed_dot_i8x16_i7x16_add(a, b, (v128_t)sum);
#else
  v128_t low = wasm_i32x4_dot_i16x8(wasm_i16x8_extend_low_i8x16(a), wasm_i16x8_extend_low_i8x16(b));
  v128_t high =
      wasm_i32x4_dot_i16x8(wasm_i16x8_extend_high_i8x16(a), wasm_i16x8_extend_high_i8x16(b));
  return (i32x4)wasm_i32x4_shuffle(low, high, 0, 2, 4, 6) +
         (i32x4)wasm_i32x4_shuffle(low, high, 1, 3, 5, 7) + sum;
#endif
}

#endif
