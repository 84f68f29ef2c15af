/**
 * From exact sums to int16: WORDS of kernels/words.ts.
 *
 * Stock kernels multiply 64-bit sums with a factor of few bits, add a half and shift. Float64 holds sums
 * and products to the last bit, and adding 1.5 * 2^52 leaves no bits for a fraction; where results do not
 * fit in 32 bits their upper bits are lost, as in stock kernels.
 */
#ifndef LINNET_REQUANTIZE_WORDS_H
#define LINNET_REQUANTIZE_WORDS_H

#include "simd.h"

typedef double f64x2 __attribute__((vector_size(16)));

INLINE f64x2 load_f64x2(const double *p) { return (f64x2)wasm_v128_load(p); }
INLINE void store_f64x2(double *p, f64x2 v) { wasm_v128_store(p, (v128_t)v); }

/** Pairs of products of int16 with at most 128, 2^23 each, whose sum fits in 32 bits. */
#define MAX_PAIRS 255

/** As ROUNDING_ADDEND of simd.h, for float64. */
#define ROUNDING_ADDEND_F64 6755399441055744.0

/** What becomes of sums; vectors are kept in memory because engines make constants anew at each use. */
typedef struct {
  const double *factors;
  const double *addends;
  i16x8 low;
  i16x8 high;
  f64x2 rounding;
} word_output;

/** The sums' way out that a parameter block with the fields of WORDS describes. */
#define WORD_OUTPUT(p)                                   \
  ((word_output){                                        \
      .factors = (p)->factors,                           \
      .addends = (p)->addends,                           \
      .low = splat_i16x8((int16_t)(p)->low),             \
      .high = splat_i16x8((int16_t)(p)->high),           \
      .rounding = {ROUNDING_ADDEND_F64, ROUNDING_ADDEND_F64}, \
  })

/** The first two lanes, or the last two, as float64. */
INLINE f64x2 low_reals(i32x4 v) { return (f64x2)wasm_f64x2_convert_low_i32x4((v128_t)v); }
INLINE f64x2 high_reals(i32x4 v) {
  return low_reals((i32x4)wasm_i64x2_shuffle((v128_t)v, (v128_t)v, 1, 0));
}

/** sums * factors + addends as integers in the low 32 bits of each lane. */
INLINE f64x2 round_words(const word_output *o, f64x2 sums, uint32_t column) {
  return sums * load_f64x2(o->factors + column) + load_f64x2(o->addends + column) + o->rounding;
}

/** Eight results from sums of the columns from `column` on. */
INLINE v128_t requantize_words(const word_output *o, const f64x2 sums[4], uint32_t column) {
  v128_t integers[2];
  for (uint32_t i = 0; i < 2; i++) {
    v128_t a = (v128_t)round_words(o, sums[2 * i], column + 4 * i);
    v128_t b = (v128_t)round_words(o, sums[2 * i + 1], column + 4 * i + 2);
    integers[i] = wasm_i32x4_shuffle(a, b, 0, 2, 4, 6);
  }
  v128_t words = wasm_i16x8_narrow_i32x4(integers[0], integers[1]);
  return wasm_i16x8_min(wasm_i16x8_max(words, (v128_t)o->low), (v128_t)o->high);
}

#endif
