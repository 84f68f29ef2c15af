/**
 * Elementwise functions of one int16 tensor: y[i] = f(x[i]) for i < count, bit for bit as TFLite's
 * kernels. x and y may be one buffer.
 */
#include "fixed_point.h"
#include "interpolate.h"
#include "kernels.h"
#include "types.h"

#define FOR_EACH(p)                                                                               \
  const span s = share((p)->count, 1, thread, threads);                                           \
  const i16 *x = (p)->x;                                                                          \
  i16 *y = (p)->y;                                                                                \
  for (uint32_t i = s.begin; i < s.end; i++)

/** Any function, by a table of 513 of its results (interpolate.h). */
void interpolate_16(const interpolate_16_params *p, uint32_t thread, uint32_t threads) {
  const i16 *table = p->table;
  FOR_EACH(p) y[i] = interpolate(table, x[i]);
}

/** y = the root of x on scales of reals, rounded towards 0; of negative numbers 0. */
void sqrt_16(const sqrt_16_params *p, uint32_t thread, uint32_t threads) {
  FOR_EACH(p) {
    const f32 root = __builtin_sqrtf(p->x_scale * (f32)(x[i] > 0 ? x[i] : 0)) / p->y_scale;
    y[i] = (i16)(root < 32767.0f ? root : 32767.0f);
  }
}

/** y = clamp(x times the factor for its sign, low, high). */
void rescale_16(const rescale_16_params *p, uint32_t thread, uint32_t threads) {
  FOR_EACH(p) {
    const i32 v = x[i] >= 0 ? multiply_fixed(x[i], p->positive_multiplier, p->positive_shift)
                            : multiply_fixed(x[i], p->negative_multiplier, p->negative_shift);
    y[i] = (i16)clamp_i32(v, p->low, p->high);
  }
}

/** x on the scale of the sigmoid's table, where 2^17 is 32 / 3. */
INLINE i32 table_argument(const logistic_16_params *p, i16 x) {
  return (x * p->multiplier + ((1 << p->shift) >> 1)) >> p->shift;
}

/**
 * 1 / (1 + e^-x) of |x|, times 2^(16 + bits), between entries of uint16[256] that are bits apart: entry k
 * is 2^16 times the sigmoid of k / 24, those past the end are 1.
 */
INLINE u32 sigmoid_between(const u16 *table, u32 magnitude, u32 bits, u32 end) {
  const u32 at = magnitude >> bits;
  if (at >= 255) return end;
  const u32 rest = magnitude & ((1u << bits) - 1);
  return ((u32)table[at] << bits) + rest * (u32)(table[at + 1] - table[at]);
}

/** y = 2^15 / (1 + e^-x). */
void logistic_16(const logistic_16_params *p, uint32_t thread, uint32_t threads) {
  FOR_EACH(p) {
    const i32 v = table_argument(p, x[i]);
    const u32 half = sigmoid_between(p->table, (u32)(v < 0 ? -v : v), 9, 0x7fffu << 10);
    y[i] = (i16)((v >= 0 ? half + (1 << 9) : (1 << 25) - half + (1 << 9) - 1) >> 10);
  }
}

/** y = 2^15 * tanh(x), by tanh(x) = 2 / (1 + e^-2x) - 1. */
void tanh_16(const tanh_16_params *p, uint32_t thread, uint32_t threads) {
  FOR_EACH(p) {
    const i32 v = table_argument((const void *)p, x[i]);
    const i32 half = (i32)sigmoid_between(p->table, (u32)(v < 0 ? -v : v), 8, 0xffffu << 8);
    y[i] = (i16)((v >= 0 ? half - (1 << 23) + (1 << 7) : (1 << 23) - half + (1 << 7) - 1) >> 8);
  }
}
