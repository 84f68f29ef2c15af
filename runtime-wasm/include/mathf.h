/**
 * Elementary functions on four float32 lanes.
 *
 * All are total: NaN gives NaN, infinities and zeros give their limits, subnormals are kept. The
 * error bounds are against the exact result over the whole range of float32, measured by
 * test/src/kernels/math.test.ts. Each lane depends on its own input alone, so that results do not
 * depend on how a tensor is cut into vectors.
 *
 * Method: range reduction, then a polynomial fitted for least largest relative error (Lawson's
 * iteration in float64, coefficients rounded to float32). Bounds hold with and without fused
 * multiply-adds.
 */
#ifndef LINNET_MATHF_H
#define LINNET_MATHF_H

#include "simd.h"

INLINE f32x4 load_constant_f32x4(const float *p) {
  __asm__("" : "+r"(p));
  return (f32x4)wasm_v128_load32_splat(p);
}

/**
 * A constant that is loaded wherever it is used: one instruction, where engines build vectors of
 * literals from general registers each time.
 */
#define CONSTANT_F32X4(value)              \
  ({                                       \
    static const float constant = (value); \
    load_constant_f32x4(&constant);        \
  })

INLINE f32x4 abs_f32x4(f32x4 x) { return (f32x4)wasm_f32x4_abs((v128_t)x); }
INLINE f32x4 sqrt_f32x4(f32x4 x) { return (f32x4)wasm_f32x4_sqrt((v128_t)x); }
/** NaN where either is NaN. */
INLINE f32x4 min_f32x4(f32x4 a, f32x4 b) { return (f32x4)wasm_f32x4_min((v128_t)a, (v128_t)b); }
/** NaN where either is NaN. */
INLINE f32x4 max_f32x4(f32x4 a, f32x4 b) { return (f32x4)wasm_f32x4_max((v128_t)a, (v128_t)b); }
/** Half to even. */
INLINE f32x4 round_f32x4(f32x4 x) { return (f32x4)wasm_f32x4_nearest((v128_t)x); }
/** Lanes of `a` where `mask` is -1, of `b` where it is 0. */
INLINE f32x4 select_f32x4(i32x4 mask, f32x4 a, f32x4 b) {
  return (f32x4)wasm_v128_bitselect((v128_t)a, (v128_t)b, (v128_t)mask);
}
/** Magnitudes of `x` (not negative) with the signs of `sign`. */
INLINE f32x4 with_sign_of(f32x4 x, f32x4 sign) {
  return (f32x4)((i32x4)x | ((i32x4)sign & (int32_t)0x80000000));
}
/** 2^n for n in [-126, 127]. */
INLINE f32x4 exp2_of_integer(i32x4 n) {
  return (f32x4)((n << 23) + (i32x4)CONSTANT_F32X4(1.0f));
}

/** a + b t for the next coefficient of a polynomial, from the highest on. */
#define HORNER(b, t, a) madd_f32x4(b, t, CONSTANT_F32X4(a))

/** ln 2 as a sum; n times the first part is exact for |n| < 2^15. */
#define LN2_HIGH 0.693359375f
#define LN2_LOW -2.12194440e-4f

/** Adding 1.5 * 2^23 to a small x rounds it to an integer, half to even, in the sum's low bits. */
#define ROUNDER 12582912.0f
#define ROUNDER_BITS 0x4b400000

/** x rounded half to even, for |x| < 2^22. */
INLINE i32x4 round_to_i32x4(f32x4 x) { return (i32x4)(x + ROUNDER) - ROUNDER_BITS; }

/** x = n ln 2 + r with integral n and |r| <= ln 2 / 2; gives e^r - 1. For |x| <= 110. */
INLINE f32x4 expm1_reduced(f32x4 x, i32x4 *n) {
  f32x4 rounder = CONSTANT_F32X4(ROUNDER);
  f32x4 shifted = madd_f32x4(x, CONSTANT_F32X4(1.44269504f), rounder);
  f32x4 whole = shifted - rounder;
  *n = (i32x4)shifted - (i32x4)rounder;
  f32x4 r = (x - whole * CONSTANT_F32X4(LN2_HIGH)) - whole * CONSTANT_F32X4(LN2_LOW);
  f32x4 q = HORNER(r, CONSTANT_F32X4(1.99199218e-4f), 1.39472121e-3f);
  q = HORNER(q, r, 8.33326112e-3f);
  q = HORNER(q, r, 4.16662544e-2f);
  q = HORNER(q, r, 1.66666672e-1f);
  q = HORNER(q, r, 0.5f);
  return madd_f32x4(q, r * r, r);
}

/** e^x; error under 1.5 ulp. */
INLINE f32x4 exp_f32x4(f32x4 x) {
  i32x4 n;
  x = clamp_f32x4(x, CONSTANT_F32X4(-104.0f), CONSTANT_F32X4(89.0f));
  f32x4 p = expm1_reduced(x, &n) + CONSTANT_F32X4(1.0f);
  i32x4 half = n >> 1;
  return p * exp2_of_integer(half) * exp2_of_integer(n - half);
}

/** e^x for x <= 0 (other lanes are meaningless but harmless); error under 1.5 ulp, 0 below 2^-126. */
INLINE f32x4 exp_nonpositive_f32x4(f32x4 x) {
  i32x4 n;
  x = clamp_f32x4(x, CONSTANT_F32X4(-88.0f), splat_f32x4(0.0f));
  f32x4 p = expm1_reduced(x, &n) + CONSTANT_F32X4(1.0f);
  return p * exp2_of_integer(n);
}

/** e^x - 1 for x <= 0 (other lanes are meaningless but harmless); error under 2 ulp. */
INLINE f32x4 expm1_nonpositive_f32x4(f32x4 x) {
  i32x4 n;
  x = clamp_f32x4(x, CONSTANT_F32X4(-30.0f), splat_f32x4(0.0f));
  f32x4 p = expm1_reduced(x, &n);
  f32x4 power = exp2_of_integer(n);
  return power * p + (power - CONSTANT_F32X4(1.0f));
}

/** Natural logarithm; error under 1.5 ulp. -inf at 0, NaN below. */
INLINE f32x4 log_f32x4(f32x4 x) {
  i32x4 subnormal = x < 1.17549435e-38f;
  f32x4 scaled = select_f32x4(subnormal, x * 8388608.0f, x);
  i32x4 offset = (i32x4)scaled - 0x3f3504f3; /* the bits of sqrt(1/2) */
  i32x4 exponent = offset >> 23;
  f32x4 f = (f32x4)((i32x4)scaled - (exponent << 23)) - 1.0f;
  f32x4 e = (f32x4)wasm_f32x4_convert_i32x4((v128_t)(exponent - (subnormal & 23)));
  f32x4 q = f * 6.74664006e-2f + -1.16756521e-1f;
  q = q * f + 1.18881620e-1f;
  q = q * f + -1.24055892e-1f;
  q = q * f + 1.42195523e-1f;
  q = q * f + -1.66679963e-1f;
  q = q * f + 2.00021192e-1f;
  q = q * f + -2.50000089e-1f;
  q = q * f + 3.33333135e-1f;
  f32x4 square = f * f;
  f32x4 tail = e * LN2_LOW + q * (square * f) - square * 0.5f;
  f32x4 y = (f + tail) + e * LN2_HIGH;
  y = select_f32x4(x < __builtin_inff(), y, x); /* inf and NaN */
  y = select_f32x4(x == 0.0f, splat_f32x4(-__builtin_inff()), y);
  return select_f32x4(x < 0.0f, splat_f32x4(__builtin_nanf("")), y);
}

/** Error under 2 ulp. */
INLINE f32x4 tanh_f32x4(f32x4 x) {
  f32x4 magnitude = abs_f32x4(x);
  f32x4 one = CONSTANT_F32X4(1.0f), two = CONSTANT_F32X4(2.0f);
  f32x4 s = x * x;
  f32x4 q = HORNER(s, CONSTANT_F32X4(2.14296207e-3f), -8.17739870e-3f);
  q = HORNER(q, s, 2.17007026e-2f);
  q = HORNER(q, s, -5.39467633e-2f);
  q = HORNER(q, s, 1.33332059e-1f);
  q = HORNER(q, s, -3.33333313e-1f);
  f32x4 small = madd_f32x4(q, s * x, x);
  f32x4 large = one - two / (exp_f32x4(magnitude * two) + one);
  return select_f32x4(magnitude < CONSTANT_F32X4(0.625f), small, with_sign_of(large, x));
}

/** 1 / (1 + e^-x); error under 3 ulp. */
INLINE f32x4 logistic_f32x4(f32x4 x) {
  f32x4 e = exp_f32x4(-abs_f32x4(x));
  f32x4 one = CONSTANT_F32X4(1.0f);
  return select_f32x4(x < 0.0f, e, one) / (e + one);
}

/** From here on, x and -x apart, the normal distribution function is 0 or 1 to half an ulp of 1. */
#define NORMAL_END 5.3f

/** The normal distribution function, (1 + erf(x / sqrt 2)) / 2; absolute error under 1.5e-7. */
INLINE f32x4 normal_distribution_f32x4(f32x4 x) {
  const f32x4 end = CONSTANT_F32X4(NORMAL_END);
  const f32x4 t = clamp_f32x4(x, -end, end);
  /* (f(t) - 1/2) / t by t^2, which is moved to -1 .. 1. */
  const f32x4 u = madd_f32x4(t * t, CONSTANT_F32X4(2 / (NORMAL_END * NORMAL_END)),
                             CONSTANT_F32X4(-1.0f));
  f32x4 q = HORNER(u, CONSTANT_F32X4(-1.16663105e-4f), 3.30551964e-4f);
  q = HORNER(q, u, -3.50596209e-4f);
  q = HORNER(q, u, 5.79615531e-4f);
  q = HORNER(q, u, -1.68162899e-3f);
  q = HORNER(q, u, 3.32839345e-3f);
  q = HORNER(q, u, -5.42909745e-3f);
  q = HORNER(q, u, 8.70729052e-3f);
  q = HORNER(q, u, -1.33464569e-2f);
  q = HORNER(q, u, 1.89642850e-2f);
  q = HORNER(q, u, -2.52668075e-2f);
  q = HORNER(q, u, 3.20737548e-2f);
  q = HORNER(q, u, -3.95916328e-2f);
  q = HORNER(q, u, 4.92644832e-2f);
  q = HORNER(q, u, -6.65184408e-2f);
  q = HORNER(q, u, 1.33392558e-1f);
  const f32x4 y = madd_f32x4(q, t, CONSTANT_F32X4(0.5f));
  return select_f32x4(x <= -end, splat_f32x4(0), y);
}

/** 1 / sqrt(x); error under 1.5 ulp. */
INLINE f32x4 rsqrt_f32x4(f32x4 x) { return 1.0f / sqrt_f32x4(x); }

#endif
