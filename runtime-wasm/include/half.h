/** float16 (IEEE binary16) and bfloat16 as bit patterns. */
#ifndef LINNET_HALF_H
#define LINNET_HALF_H

#include "linnet.h"

INLINE uint32_t bits_of_float(float x) {
  union { float value; uint32_t bits; } u = {x};
  return u.bits;
}

INLINE float float_of_bits(uint32_t bits) {
  union { uint32_t bits; float value; } u = {bits};
  return u.value;
}

/** Exact. The multiplication moves the exponent's bias and makes subnormals normal. */
INLINE float half_to_float(uint16_t h) {
  float magnitude = float_of_bits((uint32_t)(h & 0x7fff) << 13) * 0x1p112f;
  uint32_t special = (h & 0x7c00) == 0x7c00 ? 0x7f800000 : 0;
  return float_of_bits(bits_of_float(magnitude) | special | (uint32_t)(h & 0x8000) << 16);
}

/** Rounds half to even; 65520 and more become infinity. */
INLINE uint16_t half_of(double x) {
  uint16_t sign = __builtin_signbit(x) ? 0x8000 : 0;
  double magnitude = __builtin_fabs(x);
  if (magnitude != magnitude) return 0x7e00;
  if (magnitude >= 65520) return sign | 0x7c00;
  union { double value; uint64_t bits; } u = {magnitude};
  int32_t exponent = max_i32((int32_t)(u.bits >> 52) - 1023, -14);
  u.bits = (uint64_t)(1023 + 10 - exponent) << 52;
  uint32_t units = (uint32_t)__builtin_rint(magnitude * u.value); /* of 2^(exponent - 10) */
  return sign | (uint16_t)(((uint32_t)(exponent + 14) << 10) + units);
}

INLINE float bfloat_to_float(uint16_t b) { return float_of_bits((uint32_t)b << 16); }

/** Rounds half to even. */
INLINE uint16_t bfloat_of(float x) {
  uint32_t bits = bits_of_float(x);
  if (x != x) return 0x7fc0;
  return (uint16_t)((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

#endif
