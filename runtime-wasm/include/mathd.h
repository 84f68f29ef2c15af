/**
 * Elementary functions computed in float64 for results rounded once to float32: the functions that
 * models use too seldom to be worth a vector form.
 *
 * The float64 forms are accurate to about 1e-10 relative, so the rounded results are within
 * 0.51 ulp of float32. The series are Taylor's; their coefficients are plain fractions.
 */
#ifndef LINNET_MATHD_H
#define LINNET_MATHD_H

#include "linnet.h"

#define PI 3.14159265358979323846
#define LN2 0.69314718055994530942

INLINE uint64_t bits_of(double x) {
  union { double value; uint64_t bits; } u = {x};
  return u.bits;
}

INLINE double double_of(uint64_t bits) {
  union { uint64_t bits; double value; } u = {bits};
  return u.value;
}

/** Natural logarithm of a positive, normal, finite x: 2 atanh((m - 1) / (m + 1)) + e ln 2. */
INLINE double log_f64(double x) {
  uint64_t offset = bits_of(x) - 0x3fe6a09e667f3bcdull; /* the bits of sqrt(1/2) */
  int32_t exponent = (int32_t)((int64_t)offset >> 52);
  double m = double_of(bits_of(x) - ((uint64_t)(int64_t)exponent << 52));
  double s = (m - 1) / (m + 1), square = s * s, sum = 0;
  for (int k = 17; k >= 1; k -= 2) sum = sum * square + 1.0 / k;
  return 2 * s * sum + exponent * LN2;
}

/** e^x for |x| <= 700. */
INLINE double exp_f64(double x) {
  double n = __builtin_rint(x * (1 / LN2));
  double r = x - n * LN2, sum = 1;
  for (int k = 12; k >= 1; k--) sum = sum * r / k + 1;
  return sum * double_of((uint64_t)(1023 + (int64_t)n) << 52);
}

/** The first 256 bits of 2 / pi behind the binary point. */
static const uint32_t TWO_OVER_PI[8] = {0xa2f9836e, 0x4e441529, 0xfc2757d1, 0xf534ddc0,
                                        0xdb629599, 0x3c439041, 0xfe5163ab, 0xdebbc561};

/** 32 bits of 2 / pi from bit `start` on; 0 is the first behind the point. */
INLINE uint32_t two_over_pi_bits(uint32_t start) {
  uint32_t word = start / 32, shift = start % 32;
  uint64_t pair = (uint64_t)TWO_OVER_PI[word] << 32 | TWO_OVER_PI[word + 1];
  return (uint32_t)(pair << shift >> 32);
}

/**
 * x = n pi/2 + r with |r| <= pi/4; gives r and n modulo 4. For finite float32 x.
 *
 * Large x: of x / (pi/2) = m 2^e (2 / pi) only the bits just before and behind the point matter,
 * and a window of 96 bits of 2 / pi decides them (Payne and Hanek, 1983).
 */
INLINE double reduce_half_pi(float x, uint32_t *quadrant) {
  double magnitude = __builtin_fabs((double)x), r;
  if (magnitude < 0x1p26) {
    double n = __builtin_rint(magnitude * (2 / PI));
    r = (magnitude - n * 0x1.921fb5p+0) - n * 0x1.110b4611a6263p-26; /* pi/2 in two parts */
    *quadrant = (uint32_t)n;
  } else {
    union { float value; uint32_t bits; } u = {x};
    uint64_t m = (u.bits & 0x7fffff) | 0x800000;
    uint32_t start = (u.bits >> 23 & 0xff) - 150 - 2; /* two bits before the point */
    uint64_t high = (uint64_t)two_over_pi_bits(start) << 32 | two_over_pi_bits(start + 32);
    uint64_t turns = m * high + (m * two_over_pi_bits(start + 64) >> 32); /* of 2^64 a turn */
    uint64_t nearest = turns + 0x2000000000000000ull;
    *quadrant = (uint32_t)(nearest >> 62);
    r = (double)(int64_t)(turns - (nearest & 0xc000000000000000ull)) * (0x1p-62 * (PI / 2));
  }
  if (x < 0) {
    r = -r;
    *quadrant = 0u - *quadrant;
  }
  return r;
}

/** sin(x + quarter pi/2). */
INLINE float sin_shifted(float x, uint32_t quarter) {
  if (!(__builtin_fabsf(x) < __builtin_inff())) return __builtin_nanf("");
  uint32_t quadrant;
  double r = reduce_half_pi(x, &quadrant), square = r * r;
  quadrant += quarter;
  int first = quadrant & 1 ? 2 : 3; /* cos r = 1 - r^2/2! + ..., sin r = r (1 - r^2/3! + ...) */
  double sum = 1;
  for (int k = first + 12; k >= first; k -= 2) sum = 1 - sum * square / (k * (k - 1));
  double y = quadrant & 1 ? sum : r * sum;
  return (float)(quadrant & 2 ? -y : y);
}

INLINE float sin_f32(float x) { return x == 0 ? x : sin_shifted(x, 0); }
INLINE float cos_f32(float x) { return sin_shifted(x, 1); }

/** arctan for 0 <= t <= 1. */
INLINE double atan_unit(double t) {
  double base = 0;
  if (t > 0.41421356237309503) {
    t = (t - 1) / (t + 1);
    base = PI / 4;
  }
  double square = t * t, sum = 0;
  for (int k = 27; k >= 1; k -= 2) sum = 1.0 / k - sum * square;
  return base + t * sum;
}

/** The angle of (x, y) in (-pi, pi], with C's signs for zeros and infinities. */
INLINE float atan2_f32(float y, float x) {
  if (x != x || y != y) return __builtin_nanf("");
  double ax = __builtin_fabs((double)x), ay = __builtin_fabs((double)y), angle;
  if (ax == ay) angle = ax == 0 ? 0 : PI / 4;
  else angle = ax > ay ? atan_unit(ay / ax) : PI / 2 - atan_unit(ax / ay);
  if (__builtin_signbit(x)) angle = PI - angle;
  return __builtin_copysignf((float)angle, y);
}

/** x^y with C's special cases. */
INLINE float pow_f32(float x, float y) {
  const float infinity = __builtin_inff();
  if (y == 0 || x == 1) return 1;
  if (x != x || y != y) return __builtin_nanf("");
  float magnitude = __builtin_fabsf(x), result;
  int integral = __builtin_truncf(y) == y;
  int odd = integral && __builtin_fabsf(y) < 0x1p24f && ((int32_t)y & 1);
  if (magnitude == 0 || magnitude == infinity) {
    result = (magnitude == 0) == (y < 0) ? infinity : 0;
  } else if (y == infinity || y == -infinity) {
    result = magnitude == 1 ? 1 : (magnitude > 1) == (y > 0) ? infinity : 0;
  } else if (x < 0 && !integral) {
    return __builtin_nanf("");
  } else {
    double exponent = y * log_f64(magnitude);
    exponent = exponent > 200 ? 200 : exponent < -200 ? -200 : exponent;
    result = (float)exp_f64(exponent);
  }
  return odd && __builtin_signbit(x) ? -result : result;
}

/** The exact remainder of a / b with the sign of a: long division in binary, at most 277 rounds. */
INLINE float fmod_f32(float a, float b) {
  union { float value; uint32_t bits; } ua = {a}, ub = {b};
  uint32_t sign = ua.bits & 0x80000000;
  uint32_t ma = ua.bits & 0x7fffffff, mb = ub.bits & 0x7fffffff;
  if (mb == 0 || mb > 0x7f800000 || ma >= 0x7f800000) return __builtin_nanf("");
  if (ma < mb) return a;
  int32_t ea = (int32_t)(ma >> 23), eb = (int32_t)(mb >> 23);
  ma = ea ? (ma & 0x7fffff) | 0x800000 : ma << 1;
  mb = eb ? (mb & 0x7fffff) | 0x800000 : mb << 1;
  for (; !(mb & 0x800000); eb--) mb <<= 1;
  for (; ea > eb; ea--) {
    if (ma >= mb) ma -= mb;
    ma <<= 1;
  }
  if (ma >= mb) ma -= mb;
  if (ma == 0) return __builtin_copysignf(0, a);
  while (!(ma & 0x800000)) {
    ma <<= 1;
    eb--;
  }
  ua.bits = sign | (eb > 0 ? (ma & 0x7fffff) | (uint32_t)eb << 23 : ma >> (1 - eb));
  return ua.value;
}

/** The remainder with the sign of b, as Python's %. */
INLINE float floor_mod_f32(float a, float b) {
  float r = fmod_f32(a, b);
  return r != 0 && (b < 0) != (r < 0) ? r + b : r;
}

#endif
