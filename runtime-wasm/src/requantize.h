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

/** How sums end. */
typedef enum {
  /** As bytes; the output holds all of its type, and no sum * scale reaches 2^22. */
  SATURATED,
  /** As bytes within the output's bounds. */
  LIMITED,
  /** As reals. */
  REAL,
} sum_end;

/**
 * What becomes of sums. Bytes are made as int8 and have their top bit inverted where they are
 * unsigned. Vectors are kept in memory because engines make constants anew at each use.
 */
typedef struct {
  void *output;
  const float *scales;
  const float *bias;
  const row_param *row_params;
  /** How sums end: bytes LIMITED where the planner has not said that they need not be. */
  sum_end end;
  /** Bounds of the output; of 8-bit ones, low less the zero point. */
  f32x4 low;
  f32x4 high;
  f32x4 rounding;
  i32x4 addend;
  /** The highest int8, 16 times. */
  v128_t most;
  /** The bits to invert in 16 bytes. */
  v128_t flip;
} sum_output;

/** The sums' way out that a parameter block with the fields of REQUANTIZATION describes. */
#define SUM_OUTPUT(p)                                                                        \
  make_sum_output((p)->output, (p)->scales, (p)->bias, (p)->row_params, (p)->low, (p)->high, \
                  (p)->output_zero - ((p)->output_unsigned ? 128 : 0), (p)->output_unsigned,     \
                  (p)->saturates)

INLINE sum_output make_sum_output(void *output, const float *scales, const float *bias,
                                  const row_param *row_params, float low, float high,
                                  int32_t zero, uint32_t is_unsigned, uint32_t saturates) {
  int32_t most = row_params ? 0 : (int32_t)high + zero;
  return (sum_output){
      .output = output,
      .scales = scales,
      .bias = bias,
      .row_params = row_params,
      .end = row_params ? REAL : saturates ? SATURATED : LIMITED,
      .low = splat_f32x4(low),
      .high = splat_f32x4(high),
      .rounding = splat_f32x4(ROUNDING_ADDEND),
      .addend = splat_i32x4(zero - ROUNDING_BITS),
      .most = wasm_i8x16_splat((int8_t)most),
      .flip = wasm_i8x16_splat(is_unsigned ? -128 : 0),
  };
}

/** round(sums * scales), unless SATURATED at least the output's lowest, as integers of its kind. */
INLINE v128_t requantize_i32x4(const sum_output *o, sum_end end, i32x4 sums, f32x4 scales) {
  f32x4 real = (f32x4)wasm_f32x4_convert_i32x4((v128_t)sums) * scales;
  if (end != SATURATED) real = (f32x4)wasm_f32x4_pmax((v128_t)real, (v128_t)o->low);
  return (v128_t)((i32x4)(real + o->rounding) + o->addend);
}

/** Sixteen sums as bytes of the output, those of `sums[0]` first. `end` is a constant but REAL. */
INLINE v128_t requantize_sums(const sum_output *o, sum_end end, const i32x4 sums[4],
                              f32x4 scales0, f32x4 scales1, f32x4 scales2, f32x4 scales3) {
  v128_t low = wasm_i16x8_narrow_i32x4(requantize_i32x4(o, end, sums[0], scales0),
                                       requantize_i32x4(o, end, sums[1], scales1));
  v128_t high = wasm_i16x8_narrow_i32x4(requantize_i32x4(o, end, sums[2], scales2),
                                        requantize_i32x4(o, end, sums[3], scales3));
  v128_t bytes = wasm_i8x16_narrow_i16x8(low, high);
  /* Both limits are integers, so that limiting after rounding gives the same. */
  if (end != SATURATED) bytes = wasm_i8x16_min(bytes, o->most);
  return wasm_v128_xor(bytes, o->flip);
}

/**
 * Stores eight results of each of two rows, whose first elements are at `elements`; their sums follow
 * each other in `sums`. `first_scale` is the place of the first result's scale.
 */
INLINE void store_two_rows(const sum_output *o, sum_end end, uint32_t element0,
                           uint32_t element1, uint32_t first_scale, const i32x4 sums[4]) {
  f32x4 scales0 = load_f32x4(o->scales + first_scale);
  f32x4 scales1 = load_f32x4(o->scales + first_scale + 4);
  v128_t bytes = requantize_sums(o, end, sums, scales0, scales1, scales0, scales1);
  wasm_v128_store64_lane((uint8_t *)o->output + element0, bytes, 0);
  wasm_v128_store64_lane((uint8_t *)o->output + element1, bytes, 1);
}

/** Stores sixteen results of one row at `element`; other parameters as above. */
INLINE void store_row(const sum_output *o, sum_end end, uint32_t element, uint32_t first_scale,
                      const i32x4 sums[4]) {
  const float *scales = o->scales + first_scale;
  wasm_v128_store((uint8_t *)o->output + element,
                  requantize_sums(o, end, sums, load_f32x4(scales), load_f32x4(scales + 4),
                                  load_f32x4(scales + 8), load_f32x4(scales + 12)));
}

/**
 * Stores eight reals at `element`: sum * (scale * scales) + bias, clamped; `scale` is the row's.
 */
INLINE void store_real(const sum_output *o, uint32_t element, uint32_t first_scale, float scale,
                       i32x4 first, i32x4 second) {
  const float *scales = o->scales + first_scale;
  const float *bias = o->bias + first_scale;
  float *out = (float *)o->output + element;
  f32x4 factor = splat_f32x4(scale);
  f32x4 a = (f32x4)wasm_f32x4_convert_i32x4((v128_t)first) * (factor * load_f32x4(scales)) +
            load_f32x4(bias);
  f32x4 b = (f32x4)wasm_f32x4_convert_i32x4((v128_t)second) * (factor * load_f32x4(scales + 4)) +
            load_f32x4(bias + 4);
  store_f32x4(out, clamp_f32x4(a, o->low, o->high));
  store_f32x4(out + 4, clamp_f32x4(b, o->low, o->high));
}

#endif
