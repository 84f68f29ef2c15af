/**
 * From int32 sums to outputs, for kernels on 8-bit integers: scaled in float32 and rounded half to
 * even, or made real for hybrid ops.
 */
#ifndef LINNET_REQUANTIZE_H
#define LINNET_REQUANTIZE_H

#include "simd.h"

/** How sums become 8-bit integers: clamp(round(sum * scale), low, high) + zero. */
typedef struct {
  /** Bounds of the output minus its zero point. */
  float low;
  float high;
  int32_t zero;
  uint32_t is_unsigned;
} requantization;

/** The zero point and scale of values that were quantized at run time. */
typedef struct {
  int32_t zero;
  float scale;
} row_param;

/**
 * Adding 1.5 * 2^23 leaves no bits for a fraction: the sum's low bits are the addend rounded half
 * to even, for addends within 2^22 of 0.
 */
#define ROUNDING_ADDEND 12582912.0f
#define ROUNDING_BITS 0x4b400000

/** Bounds are integers, so that limiting before rounding gives the same. */
INLINE i32x4 requantize_i32x4(i32x4 sums, f32x4 scales, const requantization *q) {
  f32x4 real = (f32x4)wasm_f32x4_convert_i32x4((v128_t)sums) * scales;
  f32x4 bounded = clamp_f32x4(real, splat_f32x4(q->low), splat_f32x4(q->high));
  return (i32x4)(bounded + ROUNDING_ADDEND) + (q->zero - ROUNDING_BITS);
}

/** Requantizes eight sums and stores the first `count` (1 to 8) results. */
INLINE void store_requantized(uint8_t *out, i32x4 first, i32x4 second, const float *scales,
                              const requantization *q, uint32_t count) {
  v128_t words = wasm_i16x8_narrow_i32x4(
      (v128_t)requantize_i32x4(first, load_f32x4(scales), q),
      (v128_t)requantize_i32x4(second, load_f32x4(scales + 4), q));
  v128_t bytes = q->is_unsigned ? wasm_u8x16_narrow_i16x8(words, words)
                                : wasm_i8x16_narrow_i16x8(words, words);
  if (count == 8) {
    wasm_v128_store64_lane(out, bytes, 0);
  } else {
    uint64_t lanes = (uint64_t)wasm_i64x2_extract_lane(bytes, 0);
    for (uint32_t i = 0; i < count; i++) out[i] = (uint8_t)(lanes >> (8 * i));
  }
}

/** sum * (scale * scales) + bias, clamped; stores the first `count` (1 to 8) results. */
INLINE void store_real(float *out, i32x4 first, i32x4 second, const float *scales,
                       const float *bias, float scale, float low, float high, uint32_t count) {
  f32x4 factor = splat_f32x4(scale);
  f32x4 a = (f32x4)wasm_f32x4_convert_i32x4((v128_t)first) * (factor * load_f32x4(scales)) +
            load_f32x4(bias);
  f32x4 b = (f32x4)wasm_f32x4_convert_i32x4((v128_t)second) * (factor * load_f32x4(scales + 4)) +
            load_f32x4(bias + 4);
  a = clamp_f32x4(a, splat_f32x4(low), splat_f32x4(high));
  b = clamp_f32x4(b, splat_f32x4(low), splat_f32x4(high));
  if (count >= 4) {
    store_f32x4(out, a);
    if (count == 8) store_f32x4(out + 4, b);
    else store_partial_f32x4(out + 4, b, count - 4);
  } else {
    store_partial_f32x4(out, a, count);
  }
}

#endif
