/** Pooling: kernels/pooling.ts. */
#include "kernels.h"
#include "mathf.h"
#include "simd.h"
#include "window.h"

/** As POOL_KINDS of kernels/pooling.ts. */
enum pool_kind { POOL_AVERAGE, POOL_MAX, POOL_L2 };

/** Vectors of channels that are pooled at a time. */
#define POOL_VECTORS 4

/**
 * Pools `vectors` (a constant) times four channels of one window, or the first `lanes` of four;
 * `in` is the first of its pixels that is in the image.
 */
INLINE void pool_lanes(const pool_f32_params *p, enum pool_kind kind, const float *in,
                       uint32_t rows, uint32_t columns, uint32_t vectors, uint32_t lanes,
                       float *out) {
  f32x4 totals[POOL_VECTORS];
  i32x4 are_nan[POOL_VECTORS];
  for (uint32_t i = 0; i < vectors; i++) {
    totals[i] = splat_f32x4(kind == POOL_MAX ? -__builtin_inff() : 0.0f);
    are_nan[i] = splat_i32x4(0);
  }
  for (uint32_t y = 0; y < rows; y++) {
    const float *from = in + y * p->dilation_h * p->in_w * p->channels;
    for (uint32_t x = 0; x < columns; x++, from += p->dilation_w * p->channels) {
      for (uint32_t i = 0; i < vectors; i++) {
        f32x4 v = load_lanes_f32x4(from + 4 * i, lanes);
        if (kind == POOL_MAX) {
          /* Takes the larger in one instruction, but passes over NaNs. */
          totals[i] = (f32x4)wasm_f32x4_pmax((v128_t)totals[i], (v128_t)v);
          are_nan[i] |= v != v;
        } else {
          totals[i] += kind == POOL_L2 ? v * v : v;
        }
      }
    }
  }
  f32x4 size = splat_f32x4((float)(rows * columns));
  f32x4 low = splat_f32x4(p->low);
  f32x4 high = splat_f32x4(p->high);
  for (uint32_t i = 0; i < vectors; i++) {
    f32x4 total = (f32x4)((i32x4)totals[i] | are_nan[i]);
    if (kind != POOL_MAX) total /= size;
    if (kind == POOL_L2) total = (f32x4)wasm_f32x4_sqrt((v128_t)total);
    store_lanes_f32x4(out + 4 * i, clamp_f32x4(total, low, high), lanes);
  }
}

/** The number of taps inside the image. */
INLINE uint32_t taps_inside(window_cut cut) { return cut.taps.end - cut.taps.begin; }

/** The element of the first channel of the first pixel of a window that is in the image. */
#define FIRST_ELEMENT(p, image, rows, columns)                                              \
  ((((image) * (p)->in_h + (uint32_t)(rows).origin + (rows).taps.begin * (p)->dilation_h) * \
        (p)->in_w +                                                                         \
    (uint32_t)(columns).origin + (columns).taps.begin * (p)->dilation_w) *                  \
   (p)->channels)

/** Pools all channels of one window. */
INLINE void pool_window(const pool_f32_params *p, enum pool_kind kind, const float *in,
                        uint32_t rows, uint32_t columns, float *out) {
  uint32_t c = 0;
  for (; c + 4 * POOL_VECTORS <= p->channels; c += 4 * POOL_VECTORS) {
    pool_lanes(p, kind, in + c, rows, columns, POOL_VECTORS, 4, out + c);
  }
  for (; c + 4 <= p->channels; c += 4) {
    pool_lanes(p, kind, in + c, rows, columns, 1, 4, out + c);
  }
  uint32_t rest = p->channels - c;
  if (rest > 0) pool_lanes(p, kind, in + c, rows, columns, 1, rest, out + c);
}

#define POOL_WINDOW(name, kind)                                                           \
  NOINLINE static void name(const pool_f32_params *p, const float *in, uint32_t rows,     \
                            uint32_t columns, float *out) {                               \
    pool_window(p, kind, in, rows, columns, out);                                         \
  }
POOL_WINDOW(average_window, POOL_AVERAGE)
POOL_WINDOW(max_window, POOL_MAX)
POOL_WINDOW(l2_window, POOL_L2)

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
      if (p->kind == POOL_MAX) max_window(p, in, h, w, out);
      else if (p->kind == POOL_AVERAGE) average_window(p, in, h, w, out);
      else l2_window(p, in, h, w, out);
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

/** Pools `count` (1 to 8) channels of one window of int16 and stores them. */
INLINE void pool_words(const pool_q16_params *p, const int16_t *in, uint32_t rows,
                       uint32_t columns, uint32_t count, int16_t *out) {
  i32x4 totals[2] = {{0}};
  i16x8 most = splat_i16x8(-32768);
  for (uint32_t y = 0; y < rows; y++) {
    const int16_t *from = in + y * p->dilation_h * p->in_w * p->channels;
    for (uint32_t x = 0; x < columns; x++, from += p->dilation_w * p->channels) {
      int16_t words[8] = {0};
      if (count < 8) {
        for (uint32_t i = 0; i < count; i++) words[i] = from[i];
      }
      i16x8 v = load_i16x8(count < 8 ? words : from);
      most = (i16x8)wasm_i16x8_max((v128_t)most, (v128_t)v);
      totals[0] += (i32x4)wasm_i32x4_extend_low_i16x8((v128_t)v);
      totals[1] += (i32x4)wasm_i32x4_extend_high_i16x8((v128_t)v);
    }
  }
  int32_t size = (int32_t)(rows * columns);
  for (uint32_t i = 0; i < count; i++) {
    int32_t total = totals[i / 4][i % 4];
    int32_t mean = (total + (total > 0 ? size / 2 : -(size / 2))) / size;
    out[i] = (int16_t)max_i32(p->low, min_i32(p->high, p->kind == POOL_MAX ? most[i] : mean));
  }
}

void pool_q16(const pool_q16_params *p, uint32_t thread, uint32_t threads) {
  span part = share(p->images * p->out_h, 1, thread, threads);
  for (uint32_t row = part.begin; row < part.end; row++) {
    window_cut rows = CUT_ROWS(p, row % p->out_h);
    for (uint32_t x = 0; x < p->out_w; x++) {
      window_cut columns = CUT_COLUMNS(p, x);
      const int16_t *in = (const int16_t *)p->input + FIRST_ELEMENT(p, row / p->out_h, rows, columns);
      int16_t *out = (int16_t *)p->output + (row * p->out_w + x) * p->channels;
      uint32_t c = 0;
      for (; c + 8 <= p->channels; c += 8) {
        pool_words(p, in + c, taps_inside(rows), taps_inside(columns), 8, out + c);
      }
      if (c < p->channels) {
        pool_words(p, in + c, taps_inside(rows), taps_inside(columns), p->channels - c, out + c);
      }
    }
  }
}
