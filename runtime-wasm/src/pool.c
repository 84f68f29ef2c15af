/** Pooling: kernels/pooling.ts. */
#include "kernels.h"
#include "mathf.h"
#include "simd.h"
#include "window.h"

/** As POOL_KINDS of kernels/pooling.ts. */
enum pool_kind { POOL_AVERAGE, POOL_MAX, POOL_L2 };

/** Pools `lanes` channels of one window; `in` is the first of its pixels that is in the image. */
INLINE f32x4 pool_lanes(const pool_f32_params *p, const float *in, uint32_t rows,
                        uint32_t columns, uint32_t lanes) {
  f32x4 total = splat_f32x4(p->kind == POOL_MAX ? -__builtin_inff() : 0.0f);
  for (uint32_t y = 0; y < rows; y++) {
    const float *from = in + y * p->dilation_h * p->in_w * p->channels;
    for (uint32_t x = 0; x < columns; x++, from += p->dilation_w * p->channels) {
      f32x4 v = lanes == 4 ? load_f32x4(from) : load_partial_f32x4(from, lanes);
      if (p->kind == POOL_MAX) total = (f32x4)wasm_f32x4_max((v128_t)total, (v128_t)v);
      else total += p->kind == POOL_L2 ? v * v : v;
    }
  }
  if (p->kind != POOL_MAX) total /= splat_f32x4((float)(rows * columns));
  if (p->kind == POOL_L2) total = (f32x4)wasm_f32x4_sqrt((v128_t)total);
  return clamp_f32x4(total, splat_f32x4(p->low), splat_f32x4(p->high));
}

/** The number of taps inside the image. */
INLINE uint32_t taps_inside(window_cut cut) { return cut.taps.end - cut.taps.begin; }

/** The element of the first channel of the first pixel of a window that is in the image. */
#define FIRST_ELEMENT(p, image, rows, columns)                                              \
  ((((image) * (p)->in_h + (uint32_t)(rows).origin + (rows).taps.begin * (p)->dilation_h) * \
        (p)->in_w +                                                                         \
    (uint32_t)(columns).origin + (columns).taps.begin * (p)->dilation_w) *                  \
   (p)->channels)

void pool_f32(const pool_f32_params *p, uint32_t thread, uint32_t threads) {
  span part = share(p->images * p->out_h, 1, thread, threads);
  for (uint32_t row = part.begin; row < part.end; row++) {
    window_cut rows = CUT_ROWS(p, row % p->out_h);
    for (uint32_t x = 0; x < p->out_w; x++) {
      window_cut columns = CUT_COLUMNS(p, x);
      const float *in = (const float *)p->input + FIRST_ELEMENT(p, row / p->out_h, rows, columns);
      float *out = (float *)p->output + (row * p->out_w + x) * p->channels;
      uint32_t h = taps_inside(rows);
      uint32_t w = taps_inside(columns);
      uint32_t c = 0;
      for (; c + 4 <= p->channels; c += 4) store_f32x4(out + c, pool_lanes(p, in + c, h, w, 4));
      uint32_t rest = p->channels - c;
      if (rest > 0) store_partial_f32x4(out + c, pool_lanes(p, in + c, h, w, rest), rest);
    }
  }
}

/** Pools `count` (1 to 8) channels of one window and stores them. */
INLINE void pool_bytes(const pool_q8_params *p, const uint8_t *in, uint32_t rows,
                       uint32_t columns, uint32_t count, uint8_t *out) {
  i32x4 totals[2];
  i16x8 most = splat_i16x8(-32768);
  totals[0] = totals[1] = (i32x4){0};
  for (uint32_t y = 0; y < rows; y++) {
    const uint8_t *from = in + y * p->dilation_h * p->in_w * p->channels;
    for (uint32_t x = 0; x < columns; x++, from += p->dilation_w * p->channels) {
      uint8_t bytes[8] = {0};
      const uint8_t *eight = from;
      if (count < 8) {
        for (uint32_t i = 0; i < count; i++) bytes[i] = from[i];
        eight = bytes;
      }
      i16x8 v = p->is_unsigned ? widen_u8(eight) : widen_i8(eight);
      if (p->kind == POOL_MAX) {
        most = (i16x8)wasm_i16x8_max((v128_t)most, (v128_t)v);
      } else {
        totals[0] += (i32x4)wasm_i32x4_extend_low_i16x8((v128_t)v);
        totals[1] += (i32x4)wasm_i32x4_extend_high_i16x8((v128_t)v);
      }
    }
  }
  if (p->kind != POOL_MAX) {
    f32x4 size = splat_f32x4((float)(rows * columns));
    f32x4 half = splat_f32x4((float)(rows * columns / 2));
    for (uint32_t i = 0; i < 2; i++) {
      /* Half away from zero: whole quotients are exact in float32, and others keep their floor. */
      f32x4 total = (f32x4)wasm_f32x4_convert_i32x4((v128_t)totals[i]);
      f32x4 mean = (total + select_f32x4(total < 0.0f, -half, half)) / size;
      totals[i] = (i32x4)wasm_i32x4_trunc_sat_f32x4((v128_t)mean);
    }
    most = (i16x8)wasm_i16x8_narrow_i32x4((v128_t)totals[0], (v128_t)totals[1]);
  }
  int16_t words[8];
  store_i16x8(words, most);
  for (uint32_t i = 0; i < count; i++) {
    out[i] = (uint8_t)max_i32(p->low, min_i32(p->high, words[i]));
  }
}

void pool_q8(const pool_q8_params *p, uint32_t thread, uint32_t threads) {
  span part = share(p->images * p->out_h, 1, thread, threads);
  for (uint32_t row = part.begin; row < part.end; row++) {
    window_cut rows = CUT_ROWS(p, row % p->out_h);
    for (uint32_t x = 0; x < p->out_w; x++) {
      window_cut columns = CUT_COLUMNS(p, x);
      const uint8_t *in = p->input;
      in += FIRST_ELEMENT(p, row / p->out_h, rows, columns);
      uint8_t *out = (uint8_t *)p->output + (row * p->out_w + x) * p->channels;
      uint32_t c = 0;
      for (; c + 8 <= p->channels; c += 8) {
        pool_bytes(p, in + c, taps_inside(rows), taps_inside(columns), 8, out + c);
      }
      if (c < p->channels) {
        pool_bytes(p, in + c, taps_inside(rows), taps_inside(columns), p->channels - c, out + c);
      }
    }
  }
}
