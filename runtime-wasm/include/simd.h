/**
 * The SIMD vocabulary of the kernels, over simd128 and relaxed SIMD: a kernel is written once and
 * compiled for both. Vectors are 128 bits; the name's prefix says how the lanes are meant.
 *
 * Loads and stores need no alignment. The two builds may differ in the last bit of a float result
 * (madd rounds once or twice); within a build every engine and every number of threads agree on
 * one machine.
 */
#ifndef LINNET_SIMD_H
#define LINNET_SIMD_H

#include <wasm_simd128.h>

#include "linnet.h"

typedef v128_t vf32;
typedef v128_t vi32;
typedef v128_t vi16;
typedef v128_t vi8;

INLINE vf32 vf32_load(const float *p) { return wasm_v128_load(p); }
INLINE void vf32_store(float *p, vf32 v) { wasm_v128_store(p, v); }
INLINE vf32 vf32_splat(float x) { return wasm_f32x4_splat(x); }
INLINE vf32 vf32_load_splat(const float *p) { return wasm_v128_load32_splat(p); }
INLINE vf32 vf32_zero(void) { return wasm_f32x4_const_splat(0.0f); }

INLINE vf32 vf32_add(vf32 a, vf32 b) { return wasm_f32x4_add(a, b); }
INLINE vf32 vf32_sub(vf32 a, vf32 b) { return wasm_f32x4_sub(a, b); }
INLINE vf32 vf32_mul(vf32 a, vf32 b) { return wasm_f32x4_mul(a, b); }
INLINE vf32 vf32_div(vf32 a, vf32 b) { return wasm_f32x4_div(a, b); }

/** a * b + c. */
INLINE vf32 vf32_madd(vf32 a, vf32 b, vf32 c) {
#ifdef __wasm_relaxed_simd__
  return wasm_f32x4_relaxed_madd(a, b, c);
#else
  return wasm_f32x4_add(wasm_f32x4_mul(a, b), c);
#endif
}

/** x < limit ? limit : x, lane by lane: a NaN in `x` stays. One instruction on x86. */
INLINE vf32 vf32_max(vf32 x, vf32 limit) { return wasm_f32x4_pmax(x, limit); }
/** limit < x ? limit : x, lane by lane: a NaN in `x` stays. One instruction on x86. */
INLINE vf32 vf32_min(vf32 x, vf32 limit) { return wasm_f32x4_pmin(x, limit); }
INLINE vf32 vf32_clamp(vf32 x, vf32 low, vf32 high) { return vf32_min(vf32_max(x, low), high); }

/** The first `count` (1 to 3) lanes from memory, zeros in the others. */
INLINE vf32 vf32_load_partial(const float *p, uint32_t count) {
  if (count == 1) return wasm_v128_load32_zero(p);
  vf32 v = wasm_v128_load64_zero(p);
  return count == 2 ? v : wasm_v128_load32_lane(p + 2, v, 2);
}

/** Stores the first `count` (1 to 3) lanes. */
INLINE void vf32_store_partial(float *p, vf32 v, uint32_t count) {
  if (count == 1) {
    wasm_v128_store32_lane(p, v, 0);
    return;
  }
  wasm_v128_store64_lane(p, v, 0);
  if (count == 3) wasm_v128_store32_lane(p + 2, v, 2);
}

INLINE float vf32_sum(vf32 v) {
  vf32 pairs = wasm_f32x4_add(v, wasm_i32x4_shuffle(v, v, 2, 3, 0, 1));
  return wasm_f32x4_extract_lane(pairs, 0) + wasm_f32x4_extract_lane(pairs, 1);
}

/** Eight int8 or uint8 as int16. */
INLINE vi16 vi16_load_i8(const int8_t *p) { return wasm_i16x8_load8x8(p); }
INLINE vi16 vi16_load_u8(const uint8_t *p) { return wasm_u16x8_load8x8(p); }
/** Sums of neighbouring products of int16, added to int32 sums. */
INLINE vi32 vi32_dot_i16(vi16 a, vi16 b, vi32 sum) {
  return wasm_i32x4_add(wasm_i32x4_dot_i16x8(a, b), sum);
}

#endif
