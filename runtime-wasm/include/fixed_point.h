/**
 * Fixed-point arithmetic as TFLite's integer kernels define it: a positive real factor is
 * multiplier * 2^(shift - 31) with a multiplier from 2^30 up to 2^31. Source: gemmlowp's fixedpoint.h
 * and MultiplyByQuantizedMultiplier of TFLite's common.h.
 */
#ifndef LINNET_FIXED_POINT_H
#define LINNET_FIXED_POINT_H

#include "linnet.h"

/** x / 2^exponent, half away from zero; exponent is 0 to 31. */
INLINE int32_t divide_by_power(int32_t x, uint32_t exponent) {
  const int64_t half = ((int64_t)1 << exponent) >> 1;
  return (int32_t)(((int64_t)x + (x < 0 ? half - (exponent > 0) : half)) >> exponent);
}

/**
 * x * multiplier * 2^(shift - 31), rounded twice: half up to whole numbers after the multiplication,
 * half away from zero after a shift to the right. A shift to the left comes first and wraps round.
 */
INLINE int32_t multiply_fixed(int32_t x, int32_t multiplier, int32_t shift) {
  const int32_t left = (int32_t)((uint32_t)x << max_i32(shift, 0));
  const int32_t high = (int32_t)(((int64_t)left * multiplier + (1 << 30)) >> 31);
  return divide_by_power(high, (uint32_t)max_i32(-shift, 0));
}

/** x * multiplier * 2^(shift - 15), half up, by a multiplier of 16 bits; shift is at most 14. */
INLINE int32_t multiply_fixed_i64(int64_t x, int32_t multiplier, int32_t shift) {
  const int64_t half = (int64_t)1 << (14 - shift);
  return (int32_t)((x * multiplier + half) >> (15 - shift));
}

INLINE int32_t clamp_i32(int32_t x, int32_t low, int32_t high) {
  return max_i32(low, min_i32(high, x));
}

#endif
