/** Windows of 3 x 3 at the points of Winograd's tiles: kernels/packing.ts, src/winograd_f32.c. */
#include "convolution.h"
#include "kernels.h"
#include "simd.h"

typedef double f64x2 __attribute__((vector_size(16)));

#define TAPS 3
/** Most points of a tile's side: its outputs + 2. */
#define MAX_POINTS 6

#define ROOT_2 1.4142135623730950488

INLINE f64x2 splat_f64x2(double x) { return (f64x2)wasm_f64x2_splat(x); }

/** The values at the points of a line of three weights, `stride` vectors from one to the next. */
INLINE void weights_at_points(uint32_t points, const f64x2 *w, uint32_t stride, f64x2 *at) {
  const f64x2 first = w[0], second = w[stride], third = w[2 * stride];
  at[0] = first;
  if (points == 4) {
    const f64x2 half = splat_f64x2(0.5);
    at[1] = (first + third + second) * half;
    at[2] = (first + third - second) * half;
    at[3] = third;
    return;
  }
  const f64x2 near_even = first * splat_f64x2(-2.0 / 3) + third * splat_f64x2(-1.0 / 3);
  const f64x2 near_odd = second * splat_f64x2(-ROOT_2 / 3);
  const f64x2 far_even = first * splat_f64x2(1.0 / 6) + third * splat_f64x2(1.0 / 3);
  const f64x2 far_odd = second * splat_f64x2(ROOT_2 / 6);
  at[1] = near_even + near_odd;
  at[2] = near_even - near_odd;
  at[3] = far_even + far_odd;
  at[4] = far_even - far_odd;
  at[5] = third;
}

/** Two windows, of neighbouring columns, at all points; `second` tells whether there is the other. */
INLINE void pack_windows(const pack_winograd_f32_params *p, uint32_t points, const float *window,
                         int second, float *to) {
  const uint32_t channels = p->channels;
  const uint32_t next = second ? TAPS * TAPS * channels : 0;
  f64x2 weights[TAPS][TAPS], rows[MAX_POINTS][TAPS];
  for (uint32_t y = 0; y < TAPS; y++) {
    for (uint32_t x = 0; x < TAPS; x++, window += channels) {
      weights[y][x] = (f64x2){window[0], second ? window[next] : 0.0};
    }
  }
  for (uint32_t x = 0; x < TAPS; x++) {
    f64x2 at[MAX_POINTS];
    weights_at_points(points, &weights[0][x], TAPS, at);
    for (uint32_t i = 0; i < points; i++) rows[i][x] = at[i];
  }
  for (uint32_t i = 0; i < points; i++) {
    f64x2 at[MAX_POINTS];
    weights_at_points(points, rows[i], 1, at);
    for (uint32_t j = 0; j < points; j++, to += p->item_size) {
      wasm_v128_store64_lane(to, wasm_f32x4_demote_f64x2_zero((v128_t)at[j]), 0);
    }
  }
}

/** One panel at all points. */
INLINE void pack_panel(const pack_winograd_f32_params *p, uint32_t points, uint32_t column,
                       float *to) {
  const uint32_t columns = min_u32(PANEL, p->columns - column);
  const size_t window = TAPS * TAPS * (size_t)p->channels;
  for (uint32_t point = 0; point < points * points; point++) {
    for (uint32_t n = 0; n < PANEL; n++) to[(size_t)point * p->item_size + n] = 0.0f;
  }
  to += PANEL;
  const float *from = (const float *)p->input + column * window;
  for (uint32_t c = 0; c < p->channels; c++, from++, to += PANEL) {
    for (uint32_t n = 0; n < columns; n += 2) {
      pack_windows(p, points, from + n * window, n + 1 < columns, to + n);
    }
    for (uint32_t n = (columns + 1) / 2 * 2; n < PANEL; n++) {
      for (uint32_t point = 0; point < points * points; point++) {
        to[(size_t)point * p->item_size + n] = 0.0f;
      }
    }
  }
}

static NOINLINE void pack_panel_4(const pack_winograd_f32_params *p, uint32_t column, float *to) {
  pack_panel(p, 4, column, to);
}

static NOINLINE void pack_panel_6(const pack_winograd_f32_params *p, uint32_t column, float *to) {
  pack_panel(p, 6, column, to);
}

void pack_winograd_f32(const pack_winograd_f32_params *p, uint32_t thread, uint32_t threads) {
  const uint32_t panels = divide_up(p->columns, PANEL);
  const span part = share(panels, 1, thread, threads);
  for (uint32_t panel = part.begin; panel < part.end; panel++) {
    float *to = (float *)p->weights + (size_t)panel * PANEL * (p->channels + 1);
    if (p->side == 2) pack_panel_4(p, panel * PANEL, to);
    else pack_panel_6(p, panel * PANEL, to);
  }
}
