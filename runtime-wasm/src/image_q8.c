/**
 * Bilinear resampling of 8-bit NHWC images: resize_bilinear_i8 and _u8 of kernels/image.ts.
 *
 * Shares are integers in 1 / 2048, so that sums are exact in any order: a row of the output first
 * mixes its two input rows, then each of its pixels two columns of that.
 */
#include "kernels.h"
#include "simd.h"

/** A share of all, and the bits of what has been mixed twice. */
#define ALL_BITS 11
#define ALL (1 << ALL_BITS)
#define HALF (1 << (2 * ALL_BITS - 1))

/** a * ALL + (b - a) * share of `count` bytes. */
INLINE void mix_rows(const uint8_t *a, const uint8_t *b, int32_t share, uint32_t count,
                     uint32_t is_unsigned, int32_t *mixed) {
  i16x8 shares = (i16x8)splat_i32x4((ALL - share) | (int32_t)((uint32_t)share << 16));
  uint32_t i = 0;
  for (; i + 8 <= count; i += 8) {
    v128_t upper = (v128_t)(is_unsigned ? widen_u8(a + i) : widen_i8(a + i));
    v128_t lower = (v128_t)(is_unsigned ? widen_u8(b + i) : widen_i8(b + i));
    i32x4 none = splat_i32x4(0);
    store_i32x4(mixed + i, dot_i16x8((i16x8)zip_low_i16x8(upper, lower), shares, none));
    store_i32x4(mixed + i + 4, dot_i16x8((i16x8)zip_high_i16x8(upper, lower), shares, none));
  }
  for (; i < count; i++) {
    int32_t upper = is_unsigned ? a[i] : (int8_t)a[i];
    int32_t lower = is_unsigned ? b[i] : (int8_t)b[i];
    mixed[i] = upper * ALL + (lower - upper) * share;
  }
}

/** Four channels of a pixel between two of a mixed row, rounded half up. */
INLINE v128_t mix_four(const int32_t *left, const int32_t *right, i32x4 share) {
  i32x4 a = load_i32x4(left);
  i32x4 value = (a << ALL_BITS) + (load_i32x4(right) - a) * share;
  return (v128_t)((value + HALF) >> (2 * ALL_BITS));
}

/** All channels of a pixel; the last vector overlaps the one before it. */
INLINE void mix_pixel(const int32_t *left, const int32_t *right, int32_t share, uint32_t depth,
                      uint32_t is_unsigned, uint8_t *y) {
  i32x4 shares = splat_i32x4(share);
  if (depth >= 16) {
    for (uint32_t at = 0; at < depth; at += 16) {
      uint32_t c = min_u32(at, depth - 16);
      v128_t words0 = wasm_i16x8_narrow_i32x4(mix_four(left + c, right + c, shares),
                                              mix_four(left + c + 4, right + c + 4, shares));
      v128_t words1 = wasm_i16x8_narrow_i32x4(mix_four(left + c + 8, right + c + 8, shares),
                                              mix_four(left + c + 12, right + c + 12, shares));
      wasm_v128_store(y + c, is_unsigned ? wasm_u8x16_narrow_i16x8(words0, words1)
                                         : wasm_i8x16_narrow_i16x8(words0, words1));
    }
  } else if (depth >= 4) {
    for (uint32_t at = 0; at < depth; at += 4) {
      uint32_t c = min_u32(at, depth - 4);
      v128_t four = mix_four(left + c, right + c, shares);
      v128_t words = wasm_i16x8_narrow_i32x4(four, four);
      v128_t bytes = is_unsigned ? wasm_u8x16_narrow_i16x8(words, words)
                                 : wasm_i8x16_narrow_i16x8(words, words);
      wasm_v128_store32_lane(y + c, bytes, 0);
    }
  } else {
    for (uint32_t c = 0; c < depth; c++) {
      int32_t value = left[c] * ALL + (right[c] - left[c]) * share;
      y[c] = (uint8_t)((value + HALF) >> (2 * ALL_BITS));
    }
  }
}

/** Source: TFLite's RESIZE_BILINEAR, with the shares of XNNPACK's s8-ibilinear. */
#define DEFINE_BILINEAR(NAME, IS_UNSIGNED)                                                       \
  void NAME(const NAME##_params *p, uint32_t thread, uint32_t threads) {                         \
    const int32_t *rows = p->rows, *columns = p->columns;                                        \
    const int32_t *row_shares = p->row_weights, *column_shares = p->column_weights;              \
    const uint32_t row_bytes = p->in_width * p->depth;                                           \
    int32_t *mixed = (int32_t *)((char *)p->mixed + (size_t)thread * p->mixed_bytes);            \
    const span s = share(p->batch * p->out_height, 1, thread, threads);                          \
    for (uint32_t at = s.begin; at < s.end; at++) {                                              \
      const uint32_t image = at / p->out_height, i = at % p->out_height;                         \
      const uint8_t *x = (const uint8_t *)p->x + image * p->in_height * row_bytes;               \
      mix_rows(x + (uint32_t)rows[2 * i] * row_bytes, x + (uint32_t)rows[2 * i + 1] * row_bytes, \
               row_shares[i], row_bytes, IS_UNSIGNED, mixed);                                    \
      uint8_t *y = (uint8_t *)p->y + at * p->out_width * p->depth;                               \
      for (uint32_t j = 0; j < p->out_width; j++, y += p->depth) {                               \
        mix_pixel(mixed + (uint32_t)columns[2 * j] * p->depth,                                   \
                  mixed + (uint32_t)columns[2 * j + 1] * p->depth, column_shares[j], p->depth,   \
                  IS_UNSIGNED, y);                                                               \
      }                                                                                          \
    }                                                                                            \
  }
DEFINE_BILINEAR(resize_bilinear_i8, 0)
DEFINE_BILINEAR(resize_bilinear_u8, 1)
