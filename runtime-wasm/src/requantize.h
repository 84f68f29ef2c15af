/**
 * From int32 sums to outputs, for kernels on 8-bit integers: scaled in float32 and rounded half to
 * even, or made real for hybrid ops. REQUANTIZATION of kernels/convolution.ts.
 */
#ifndef LINNET_REQUANTIZE_H
#define LINNET_REQUANTIZE_H

#include "simd.h"

/** The zero point and scale of values that were quantized at run time. */
typedef struct {
  int32_t zero;
  float scale;
} row_param;

/** What becomes of sums; its fields are those of REQUANTIZATION. */
typedef struct {
  void *output;
  const float *scales;
  const float *bias;
  const row_param *row_params;
  /** Bounds of the output; of 8-bit ones, less the zero point. */
  float low;
  float high;
  int32_t zero;
  uint32_t is_unsigned;
} sum_output;

/** The sums' way out that a parameter block with the fields of REQUANTIZATION describes. */
#define SUM_OUTPUT(p)                                       \
  ((sum_output){                                            \
      .output = (p)->output,                                \
      .scales = (p)->scales,                                \
      .bias = (p)->bias,                                    \
      .row_params = (p)->row_params,                        \
      .low = (p)->low,                                      \
      .high = (p)->high,                                    \
      .zero = (p)->output_zero,                             \
      .is_unsigned = (p)->output_unsigned,                  \
  })

/**
 * Adding 1.5 * 2^23 leaves no bits for a fraction: the sum's low bits are the addend rounded half
 * to even, for addends within 2^22 of 0. Larger ones give larger bits, which later steps saturate.
 */
#define ROUNDING_ADDEND 12582912.0f
#define ROUNDING_BITS 0x4b400000

/** round(sums * scales) limited to at least `low`, plus an integer. */
INLINE i32x4 requantize_i32x4(i32x4 sums, f32x4 scales, f32x4 low, i32x4 addend) {
  f32x4 real = (f32x4)wasm_f32x4_convert_i32x4((v128_t)sums) * scales;
  f32x4 bounded = (f32x4)wasm_f32x4_pmax((v128_t)real, (v128_t)low);
  return (i32x4)(bounded + ROUNDING_ADDEND) + addend;
}

/** Eight sums as 8-bit integers, in both halves of the result. */
INLINE v128_t requantize_eight(i32x4 first, i32x4 second, f32x4 scales0, f32x4 scales1,
                               const sum_output *o) {
  f32x4 low = splat_f32x4(o->low);
  i32x4 addend = splat_i32x4(o->zero - ROUNDING_BITS);
  v128_t words =
      wasm_i16x8_narrow_i32x4((v128_t)requantize_i32x4(first, scales0, low, addend),
                              (v128_t)requantize_i32x4(second, scales1, low, addend));
  /* Both limits are integers, so that limiting after rounding gives the same. */
  v128_t bounded = wasm_i16x8_min(words, wasm_i16x8_splat((int16_t)((int32_t)o->high + o->zero)));
  return o->is_unsigned ? wasm_u8x16_narrow_i16x8(bounded, bounded)
                        : wasm_i8x16_narrow_i16x8(bounded, bounded);
}

/** Stores the first `count` (1 to 8) bytes. */
INLINE void store_bytes(uint8_t *out, v128_t bytes, uint32_t count) {
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

/**
 * Turns sums into outputs, `count` (1 to 8) of each of `rows` rows.
 *
 * - `elements`: per row, the element of the output where its column 0 goes.
 * - `images`: per row, its index in row_params; not read without them.
 * - `column`: that of the first sums.
 * - `first_scale`: the place of column 0 in scales and bias.
 * - `sums`: per row 8 sums.
 */
INLINE void store_sums(const sum_output *o, uint32_t rows, const uint32_t *elements,
                       const uint32_t *images, uint32_t column, uint32_t count,
                       uint32_t first_scale, const int32_t (*sums)[8]) {
  const float *scales = o->scales + first_scale + column;
  if (o->row_params) {
    for (uint32_t r = 0; r < rows; r++) {
      store_real((float *)o->output + elements[r] + column, load_i32x4(sums[r]),
                 load_i32x4(sums[r] + 4), scales, o->bias + first_scale + column,
                 o->row_params[images[r]].scale, o->low, o->high, count);
    }
    return;
  }
  f32x4 scales0 = load_f32x4(scales);
  f32x4 scales1 = load_f32x4(scales + 4);
  for (uint32_t r = 0; r < rows; r++) {
    v128_t bytes =
        requantize_eight(load_i32x4(sums[r]), load_i32x4(sums[r] + 4), scales0, scales1, o);
    store_bytes((uint8_t *)o->output + elements[r] + column, bytes, count);
  }
}

#endif
