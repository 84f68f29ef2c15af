/** Depthwise convolution in float32: depthwise_f32 of kernels/convolution.ts. */
#include "convolution.h"
#include "kernels.h"
#include "simd.h"
#include "window.h"

/** Most outputs side by side whose sums are kept in registers, and most taps of a row. */
#define MAX_PIXELS 7
#define MAX_TAPS 5

/** Rows are shared in parts of no fewer panels, so many for each thread that they load them evenly. */
#define SHARE_PANELS 4
#define SHARES_PER_THREAD 8

/** Neighbouring outputs of a row, and the panels of channels to compute of them. */
typedef struct {
  const float *image;
  window_cut rows;
  /** Column of the image under tap 0 of the first output; negative where that is outside. */
  int32_t column;
  span panels;
  /** The first output's first channel. */
  float *out;
} strip;

/** Floats of the packed weights of a panel. */
INLINE uint32_t panel_size(const depthwise_f32_params *p) {
  return PANEL * (1 + p->window_h * p->window_w);
}

/** The input under the first row and column of a strip's windows, though it may be outside. */
INLINE const float *strip_input(const depthwise_f32_params *p, const strip *s) {
  uint32_t y = (uint32_t)s->rows.origin + s->rows.taps.begin * p->dilation_h;
  return s->image + (int32_t)((y * p->in_w + (uint32_t)s->column) * p->channels);
}

/** Images of more bytes may not stay in a cache that one core has for itself. */
#define LARGE_IMAGE (1024 * 1024)
#define LINE (64 / sizeof(float))

/** What kernels of strips read again and again, apart from what stores might change. */
typedef struct {
  uint32_t channels, in_w, row_size, window_rows, first_weight;
  f32x4 low, high;
  /** Rows of the image that only the next row of outputs sees, if they are to be fetched. */
  uint32_t ahead_rows;
  /** The first of them, `fetched` columns of which go into the caches meanwhile. */
  const float *ahead;
  uint32_t fetched;
} strip_form;

/** The form of strips with the next one `columns` columns of the image further on. */
INLINE strip_form form_of(const depthwise_f32_params *p, const strip *s, uint32_t columns) {
  const uint64_t image = (uint64_t)p->in_h * p->in_w * p->channels * sizeof(float);
  const uint32_t row_size = p->in_w * p->channels * p->dilation_h;
  const uint32_t window_rows = s->rows.taps.end - s->rows.taps.begin;
  const int32_t end = s->rows.origin + (int32_t)(p->window_h + p->stride_h);
  /* Not the last row of the image, so that the last line fetched is inside. */
  const int is_fetched = image > LARGE_IMAGE && p->dilation_h == 1 && end < (int32_t)p->in_h &&
                         s->column + (int32_t)columns <= (int32_t)p->in_w;
  return (strip_form){
      .channels = p->channels,
      .in_w = p->in_w,
      .row_size = row_size,
      .window_rows = window_rows,
      .first_weight = PANEL * (1 + s->rows.taps.begin * p->window_w),
      .low = splat_f32x4(p->low),
      .high = splat_f32x4(p->high),
      .ahead_rows = is_fetched ? p->stride_h : 0,
      .ahead = strip_input(p, s) + window_rows * row_size,
      .fetched = columns,
  };
}

/**
 * Brings a part of what the next row of outputs sees into the caches, line after line, as the strip's
 * four channels from `c` on are computed: these touch lines far apart, which nothing foresees.
 */
INLINE void fetch_ahead(const strip_form *f, uint32_t c) {
  const float *at = f->ahead + c * f->fetched;
#pragma clang loop unroll(disable)
  for (uint32_t y = f->ahead_rows; y > 0; y--) {
    for (uint32_t i = 0; i < 4 * f->fetched; i += LINE) {
      const float line = at[i];
      __asm__ volatile("" : : "r"(line));
    }
    at = advance(at, f->row_size);
  }
}

/**
 * Four channels from `c` on of `pixels` outputs; `taps` of a row are neighbours. All that is
 * constant is unrolled: a column of the image is loaded once for all windows that see it, and used
 * before the next is loaded. With `cut`, up to `taps` - 1 columns are outside the image on each side.
 */
INLINE void sum_strip_lanes(const strip_form *f, const strip *s, uint32_t pixels, uint32_t taps,
                            uint32_t stride, int cut, const float *panel, const float *row,
                            float *out) {
  const uint32_t columns = (pixels - 1) * stride + taps;
  const uint32_t first = cut ? (uint32_t)max_i32(-s->column, 0) : 0;
  const uint32_t last = cut ? (uint32_t)max_i32((int32_t)f->in_w - s->column, 0) : columns;
  f32x4 sums[MAX_PIXELS];
  for (uint32_t i = 0; i < pixels; i++) sums[i] = load_f32x4(panel);
  const float *weights = panel + f->first_weight;
#pragma clang loop unroll(disable)
  for (uint32_t y = f->window_rows; y > 0; y--) {
    f32x4 w[MAX_TAPS];
    for (uint32_t k = 0; k < taps; k++) w[k] = load_f32x4(weights + k * PANEL);
    const float *in = row;
#pragma clang loop unroll(full)
    for (uint32_t j = 0; j < columns; j++) {
      /* Only the first and the last columns are ever asked. */
      if ((j >= taps - 1 || j >= first) && (j + taps <= columns || j < last)) {
        f32x4 x = load_f32x4(in);
#pragma clang loop unroll(full)
        for (uint32_t k = 0; k < taps && k <= j; k++) {
          uint32_t i = (j - k) / stride;
          if ((j - k) % stride != 0 || i >= pixels) continue;
          sums[i] = madd_f32x4(x, w[k], sums[i]);
          SETTLE_VECTOR(sums[i]);
        }
      }
      in = advance(in, f->channels);
      if (cut) SETTLE(in);
    }
    row = advance(row, f->row_size);
    weights = advance(weights, taps * PANEL);
  }
  for (uint32_t i = 0; i < pixels; i++) {
    store_f32x4(out, clamp_f32x4(sums[i], f->low, f->high));
    out = (float *)advance(out, f->channels);
  }
}

/** The same for `lanes` (a constant where it is 4) channels and any window, without sharing loads. */
INLINE void sum_any_lanes(const depthwise_f32_params *p, const strip *s, uint32_t pixels,
                          const float *panel, const float *row, float *out, uint32_t lanes) {
  window_cut columns = cut_window(0, 0, (uint32_t)-s->column, p->window_w, p->dilation_w, p->in_w);
  f32x4 sums[MAX_PIXELS];
  for (uint32_t i = 0; i < pixels; i++) sums[i] = load_f32x4(panel);
  for (uint32_t ky = s->rows.taps.begin; ky < s->rows.taps.end; ky++) {
    const float *weights = panel + PANEL * (1 + ky * p->window_w);
    for (uint32_t kx = columns.taps.begin; kx < columns.taps.end; kx++) {
      f32x4 w = load_f32x4(weights + kx * PANEL);
      const float *in = row + kx * p->dilation_w * p->channels;
      for (uint32_t i = 0; i < pixels; i++) {
        sums[i] = madd_f32x4(load_lanes_f32x4(in, lanes), w, sums[i]);
        in = advance(in, p->stride_w * p->channels);
      }
    }
    row += p->dilation_h * p->in_w * p->channels;
  }
  f32x4 low = splat_f32x4(p->low);
  f32x4 high = splat_f32x4(p->high);
  for (uint32_t i = 0; i < pixels; i++, out += p->channels) {
    store_lanes_f32x4(out, clamp_f32x4(sums[i], low, high), lanes);
  }
}

/** Calls `lanes_kernel(panel, row, out)` for each four channels of the strip, which it has whole. */
#define FOR_EACH_FOUR(p, s, panel, row, out, c)                                                  \
  const uint32_t size = panel_size(p);                                                          \
  const float *panel = (const float *)(p)->weights + (s)->panels.begin * size;                  \
  const uint32_t channels_end = min_u32((s)->panels.end * PANEL, (p)->channels);                \
  uint32_t c = (s)->panels.begin * PANEL;                                                       \
  const float *row = strip_input(p, s) + c;                                                     \
  float *out = (s)->out + c;                                                                    \
  for (; c + 4 <= channels_end;                                                                 \
       c += 4, row += 4, out += 4, panel += c % PANEL ? PANEL / 2 : size - PANEL / 2)

typedef void (*strip_kernel)(const depthwise_f32_params *p, const strip *s);

#define STRIP_KERNEL(name, pixels, taps, stride, cut)                        \
  NOINLINE static void name(const depthwise_f32_params *p, const strip *s) { \
    const strip_form form = form_of(p, s, pixels * stride);                  \
    FOR_EACH_FOUR(p, s, panel, row, out, c) {                                \
      fetch_ahead(&form, c);                                                 \
      sum_strip_lanes(&form, s, pixels, taps, stride, cut, panel, row, out); \
    }                                                                        \
  }
#define STRIP_KERNELS(pixels, taps, stride)                                        \
  STRIP_KERNEL(strip_##pixels##_taps_##taps##_stride_##stride, pixels, taps, stride, 0) \
  STRIP_KERNEL(cut_##pixels##_taps_##taps##_stride_##stride, pixels, taps, stride, 1)
STRIP_KERNELS(7, 3, 1)
STRIP_KERNELS(4, 3, 1)
STRIP_KERNELS(7, 3, 2)
STRIP_KERNELS(4, 3, 2)
STRIP_KERNELS(7, 5, 1)
STRIP_KERNELS(4, 5, 1)
STRIP_KERNELS(7, 5, 2)
STRIP_KERNELS(4, 5, 2)

/** Four outputs of any window that is inside the image. */
NOINLINE static void strip_4_any(const depthwise_f32_params *p, const strip *s) {
  FOR_EACH_FOUR(p, s, panel, row, out, c) sum_any_lanes(p, s, 4, panel, row, out, 4);
}

/** One output of any window. */
NOINLINE static void pixel_any(const depthwise_f32_params *p, const strip *s) {
  FOR_EACH_FOUR(p, s, panel, row, out, c) sum_any_lanes(p, s, 1, panel, row, out, 4);
}

/** What fours leave of the channels of one output. */
NOINLINE static void pixel_rest(const depthwise_f32_params *p, const strip *s) {
  const uint32_t c = p->channels & ~3u;
  const float *panel = (const float *)p->weights + c / PANEL * panel_size(p) + c % PANEL;
  sum_any_lanes(p, s, 1, panel, strip_input(p, s) + c, s->out + c, p->channels - c);
}

/** The kernels for windows of one form: strips of 7 and of 4, inside the image or cut by its edges. */
typedef struct {
  uint32_t taps, stride;
  /** Null where there is no strip of 7. */
  strip_kernel inside_7, cut_7;
  strip_kernel inside_4, cut_4;
} strip_kernels;

static const strip_kernels kernels_by_form[] = {
    {3, 1, strip_7_taps_3_stride_1, cut_7_taps_3_stride_1, strip_4_taps_3_stride_1,
     cut_4_taps_3_stride_1},
    {3, 2, strip_7_taps_3_stride_2, cut_7_taps_3_stride_2, strip_4_taps_3_stride_2,
     cut_4_taps_3_stride_2},
    {5, 1, strip_7_taps_5_stride_1, cut_7_taps_5_stride_1, strip_4_taps_5_stride_1,
     cut_4_taps_5_stride_1},
    {5, 2, strip_7_taps_5_stride_2, cut_7_taps_5_stride_2, strip_4_taps_5_stride_2,
     cut_4_taps_5_stride_2},
};
static const strip_kernels kernels_for_any = {0, 0, 0, 0, strip_4_any, 0};

static const strip_kernels *kernels_for(const depthwise_f32_params *p) {
  for (uint32_t i = 0; i < sizeof(kernels_by_form) / sizeof(kernels_by_form[0]); i++) {
    const strip_kernels *form = &kernels_by_form[i];
    if (p->dilation_w == 1 && p->window_w == form->taps && p->stride_w == form->stride) return form;
  }
  return &kernels_for_any;
}

/** Runs a kernel on the strip of `pixels` outputs from `x` on; `out` is the row's first output. */
INLINE void run_strip(const depthwise_f32_params *p, const strip_kernels *kernels, strip *s,
                      uint32_t x, uint32_t pixels, float *out) {
  const uint32_t reach = (pixels - 1) * p->stride_w + (p->window_w - 1) * p->dilation_w + 1;
  s->column = (int32_t)(x * p->stride_w) - (int32_t)p->pad_left;
  s->out = out + x * p->channels;
  const int32_t before = -s->column, after = s->column + (int32_t)reach - (int32_t)p->in_w;
  const int32_t outside = max_i32(before, after), taps = (int32_t)p->window_w;
  strip_kernel kernel = 0;
  if (pixels >= 4 && outside <= 0) kernel = pixels == 7 ? kernels->inside_7 : kernels->inside_4;
  else if (pixels >= 4 && outside < taps) kernel = pixels == 7 ? kernels->cut_7 : kernels->cut_4;
  if (kernel) {
    kernel(p, s);
  } else {
    for (uint32_t i = 0; i < pixels; i++) {
      pixel_any(p, s);
      s->column += (int32_t)p->stride_w;
      s->out += p->channels;
    }
  }
}

/** Computes some panels of a row of outputs from `out` on; `s` says all but the place in the row. */
static void sum_row(const depthwise_f32_params *p, const strip_kernels *kernels, strip *s,
                    float *out) {
  const uint32_t width = p->out_w;
  for (uint32_t x = 0, pixels; x < width; x += pixels) {
    /* Outputs that sevens leave are computed twice, unless fours are all that it takes. */
    const uint32_t left = width - x;
    if (kernels->inside_7 && width >= 7 && left > 4 && left != 8 && left != 12) pixels = 7;
    else pixels = width >= 4 ? 4 : width;
    /* The last strip overlaps the one before. */
    if (x + pixels > width) x = width - pixels;
    run_strip(p, kernels, s, x, pixels, out);
  }
  if (p->channels % 4 == 0 || s->panels.end * PANEL < p->channels) return;
  for (uint32_t x = 0; x < width; x++) {
    s->column = (int32_t)(x * p->stride_w) - (int32_t)p->pad_left;
    s->out = out + x * p->channels;
    pixel_rest(p, s);
  }
}

void depthwise_f32(const depthwise_f32_params *p, uint32_t thread, uint32_t threads) {
  const strip_kernels *kernels = kernels_for(p);
  const uint32_t rows = p->images * p->out_h;
  const uint32_t panels = divide_up(p->channels, PANEL);
  if (rows == 0 || panels == 0) return;
  const uint32_t wanted = threads > 1 ? divide_up(SHARES_PER_THREAD * threads, rows) : 1;
  const uint32_t parts = min_u32(wanted, divide_up(panels, SHARE_PANELS));
  span part = share(rows * parts, 1, thread, threads);
  for (uint32_t i = part.begin; i < part.end; i++) {
    const uint32_t row = i / parts;
    strip s = {
        .image = (const float *)p->input + row / p->out_h * p->in_h * p->in_w * p->channels,
        .rows = CUT_ROWS(p, row % p->out_h),
        .panels = share(panels, 1, i % parts, parts),
    };
    sum_row(p, kernels, &s, (float *)p->output + row * p->out_w * p->channels);
  }
}
