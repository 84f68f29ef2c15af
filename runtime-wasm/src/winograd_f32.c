/**
 * The transforms of Winograd's minimal filtering for 3 x 3 windows of stride 1: kernels/winograd.ts.
 *
 * Source: Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks" (arXiv:1509.09308).
 * Tiles of 4 x 4 outputs interpolate at 0, +-1/P, +-P and infinity with P the root of 2, whose
 * powers stay small both ways and keep errors below those that 0, +-1, +-2 and infinity give.
 */
#include "kernels.h"
#include "simd.h"

/** Most points of a tile's side: its outputs + 2. */
#define MAX_POINTS 6

#define ROOT_2 1.41421356237309515f
#define HALF_ROOT_2 0.707106781186547573f

/** The values at the points of `points` elements in a row of the image. */
INLINE void input_at_points(uint32_t points, const f32x4 d[MAX_POINTS], f32x4 at[MAX_POINTS]) {
  if (points == 4) {
    at[0] = d[0] - d[2];
    at[1] = d[1] + d[2];
    at[2] = d[2] - d[1];
    at[3] = d[1] - d[3];
    return;
  }
  const f32x4 near_even = madd_f32x4(splat_f32x4(-2.0f), d[2], d[4]);
  const f32x4 near_odd = madd_f32x4(splat_f32x4(-2.0f), d[1], d[3]) * splat_f32x4(HALF_ROOT_2);
  const f32x4 far_even = madd_f32x4(splat_f32x4(-0.5f), d[2], d[4]);
  const f32x4 far_odd = madd_f32x4(splat_f32x4(-0.5f), d[1], d[3]) * splat_f32x4(ROOT_2);
  at[0] = madd_f32x4(splat_f32x4(-2.5f), d[2], d[0] + d[4]);
  at[1] = near_even + near_odd;
  at[2] = near_even - near_odd;
  at[3] = far_even + far_odd;
  at[4] = far_even - far_odd;
  at[5] = madd_f32x4(splat_f32x4(-2.5f), d[3], d[1] + d[5]);
}

/** The outputs of a row from the products at its points. */
INLINE void outputs_from_points(uint32_t points, const f32x4 m[MAX_POINTS], f32x4 y[MAX_POINTS]) {
  const f32x4 even = m[1] + m[2];
  const f32x4 odd = m[1] - m[2];
  if (points == 4) {
    y[0] = m[0] + even;
    y[1] = odd - m[3];
    return;
  }
  const f32x4 far_even = m[3] + m[4];
  const f32x4 far_odd = m[3] - m[4];
  y[0] = m[0] + (even + far_even);
  y[1] = madd_f32x4(splat_f32x4(ROOT_2), far_odd, odd * splat_f32x4(HALF_ROOT_2));
  y[2] = madd_f32x4(splat_f32x4(2.0f), far_even, even * splat_f32x4(0.5f));
  y[3] = madd_f32x4(splat_f32x4(2.0f * ROOT_2), far_odd,
                    madd_f32x4(splat_f32x4(0.5f * HALF_ROOT_2), odd, m[5]));
}

/** The part of a tile's side that is inside the image. */
typedef struct {
  int32_t origin;
  span inside;
} tile_side;

INLINE tile_side cut_side(int32_t origin, uint32_t length, uint32_t size) {
  const int32_t end = max_i32((int32_t)size - origin, 0);
  const uint32_t begin = (uint32_t)max_i32(-origin, 0);
  return (tile_side){origin, {min_u32(begin, length), min_u32((uint32_t)end, length)}};
}

INLINE int is_inside(tile_side side, uint32_t at) {
  return at >= side.inside.begin && at < side.inside.end;
}

/** Transforms `lanes` channels of a tile's input; `in` is its corner, which may be outside. */
INLINE void transform_input(const winograd_input_f32_params *p, uint32_t points, int cut,
                            tile_side rows, tile_side columns, const float *in, float *out,
                            uint32_t lanes) {
  f32x4 at[MAX_POINTS][MAX_POINTS];
  for (uint32_t j = 0; j < points; j++) {
    f32x4 d[MAX_POINTS];
    const float *from = in;
    for (uint32_t i = 0; i < points; i++) {
      const int is_zero = cut && !(is_inside(rows, i) && is_inside(columns, j));
      d[i] = is_zero ? splat_f32x4(0.0f) : load_lanes_f32x4(from, lanes);
      from = advance(from, p->in_w * p->channels);
    }
    f32x4 column[MAX_POINTS];
    input_at_points(points, d, column);
    for (uint32_t i = 0; i < points; i++) at[i][j] = column[i];
    in = advance(in, p->channels);
  }
  for (uint32_t i = 0; i < points; i++) {
    f32x4 row[MAX_POINTS];
    input_at_points(points, at[i], row);
    for (uint32_t j = 0; j < points; j++) {
      store_lanes_f32x4(out, row[j], lanes);
      out = (float *)advance(out, p->item_size);
    }
  }
}

/** Transforms the products of a tile in `lanes` columns; `out` is its first output. */
INLINE void transform_output(const winograd_output_f32_params *p, uint32_t points,
                             tile_side rows, tile_side columns, const float *in, f32x4 bias,
                             float *out, uint32_t lanes) {
  const uint32_t outputs = points - 2;
  f32x4 half[MAX_POINTS][MAX_POINTS];
  for (uint32_t i = 0; i < points; i++) {
    f32x4 m[MAX_POINTS];
    for (uint32_t j = 0; j < points; j++) {
      m[j] = load_lanes_f32x4(in, lanes);
      in = advance(in, p->item_size);
    }
    f32x4 row[MAX_POINTS];
    outputs_from_points(points, m, row);
    for (uint32_t j = 0; j < outputs; j++) half[j][i] = row[j];
  }
  const f32x4 low = splat_f32x4(p->low);
  const f32x4 high = splat_f32x4(p->high);
  for (uint32_t j = 0; j < outputs; j++) {
    f32x4 y[MAX_POINTS];
    outputs_from_points(points, half[j], y);
    float *to = out;
    for (uint32_t i = 0; i < outputs; i++) {
      if (is_inside(rows, i) && is_inside(columns, j)) {
        store_lanes_f32x4(to, clamp_f32x4(y[i] + bias, low, high), lanes);
      }
      to = (float *)advance(to, p->out_w * p->pitch);
    }
    out = (float *)advance(out, p->pitch);
  }
}

/** The place of a tile. */
typedef struct {
  uint32_t image, y, x;
} tile_place;

INLINE tile_place place_of(uint32_t tile, uint32_t tiles_h, uint32_t tiles_w) {
  return (tile_place){tile / tiles_w / tiles_h, tile / tiles_w % tiles_h, tile % tiles_w};
}

INLINE void transform_input_tile(const winograd_input_f32_params *p, uint32_t points, int cut,
                                 tile_side rows, tile_side columns, const float *in, float *out) {
  uint32_t c = 0;
  for (; c + 4 <= p->channels; c += 4) {
    transform_input(p, points, cut, rows, columns, in + c, out + c, 4);
  }
  const uint32_t rest = p->channels - c;
  if (rest > 0) transform_input(p, points, 1, rows, columns, in + c, out + c, rest);
}

typedef void (*input_tile)(const winograd_input_f32_params *p, tile_side rows, tile_side columns,
                           const float *in, float *out);

#define INPUT_TILE(name, points, cut)                                                           \
  NOINLINE static void name(const winograd_input_f32_params *p, tile_side rows, tile_side columns, \
                            const float *in, float *out) {                                      \
    transform_input_tile(p, points, cut, rows, columns, in, out);                               \
  }
INPUT_TILE(inside_tile_2, 4, 0)
INPUT_TILE(cut_tile_2, 4, 1)
INPUT_TILE(inside_tile_4, 6, 0)
INPUT_TILE(cut_tile_4, 6, 1)

void winograd_input_f32(const winograd_input_f32_params *p, uint32_t thread, uint32_t threads) {
  const uint32_t points = p->side + 2;
  const span part = share(p->tiles, 1, thread, threads);
  for (uint32_t i = part.begin; i < part.end; i++) {
    const tile_place at = place_of(p->first_tile + i, p->tiles_h, p->tiles_w);
    const tile_side rows =
        cut_side((int32_t)(at.y * p->side) - (int32_t)p->pad_top, points, p->in_h);
    const tile_side columns =
        cut_side((int32_t)(at.x * p->side) - (int32_t)p->pad_left, points, p->in_w);
    const int32_t pixel = ((int32_t)(at.image * p->in_h) + rows.origin) * (int32_t)p->in_w;
    const float *in = (const float *)p->input + (pixel + columns.origin) * (int32_t)p->channels;
    const int is_cut = rows.inside.begin > 0 || rows.inside.end < points ||
                       columns.inside.begin > 0 || columns.inside.end < points;
    const input_tile transform = points == 4 ? (is_cut ? cut_tile_2 : inside_tile_2)
                                             : (is_cut ? cut_tile_4 : inside_tile_4);
    transform(p, rows, columns, in, (float *)p->output + i * p->channels);
  }
}

INLINE void transform_output_tile(const winograd_output_f32_params *p, uint32_t points,
                                  tile_side rows, tile_side columns, const float *in, float *out) {
  const float *bias = p->bias;
  uint32_t c = 0;
  for (; c + 4 <= p->columns; c += 4) {
    const f32x4 b = bias ? load_f32x4(bias + c) : splat_f32x4(0.0f);
    transform_output(p, points, rows, columns, in + c, b, out + c, 4);
  }
  const uint32_t rest = p->columns - c;
  if (rest == 0) return;
  const f32x4 b = bias ? load_partial_f32x4(bias + c, rest) : splat_f32x4(0.0f);
  transform_output(p, points, rows, columns, in + c, b, out + c, rest);
}

NOINLINE static void output_tile_2(const winograd_output_f32_params *p, tile_side rows,
                                   tile_side columns, const float *in, float *out) {
  transform_output_tile(p, 4, rows, columns, in, out);
}
NOINLINE static void output_tile_4(const winograd_output_f32_params *p, tile_side rows,
                                   tile_side columns, const float *in, float *out) {
  transform_output_tile(p, 6, rows, columns, in, out);
}

void winograd_output_f32(const winograd_output_f32_params *p, uint32_t thread, uint32_t threads) {
  const span part = share(p->tiles, 1, thread, threads);
  for (uint32_t i = part.begin; i < part.end; i++) {
    const tile_place at = place_of(p->first_tile + i, p->tiles_h, p->tiles_w);
    const tile_side rows = cut_side((int32_t)(at.y * p->side), p->side, p->out_h);
    const tile_side columns = cut_side((int32_t)(at.x * p->side), p->side, p->out_w);
    const uint32_t row = at.image * p->out_h + (uint32_t)rows.origin;
    float *out = (float *)p->output + (row * p->out_w + (uint32_t)columns.origin) * p->pitch;
    (p->side == 2 ? output_tile_2 : output_tile_4)(
        p, rows, columns, (const float *)p->input + i * p->columns, out);
  }
}
