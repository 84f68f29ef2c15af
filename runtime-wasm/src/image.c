/**
 * Resampling of NHWC images. Tables made at plan time say which rows and columns to read, so that
 * kernels need not know how coordinates are mapped, nor check them.
 */
#include "kernels.h"
#include "linnet.h"

/**
 * y[n, i, j, :] = x[n, rows[i], columns[j], :] with pixels of pixel_bytes bytes; rows is
 * int32[out_height], columns int32[out_width]. Source: TFLite's RESIZE_NEAREST_NEIGHBOR.
 */
void resize_nearest(const resize_nearest_params *p, uint32_t thread, uint32_t threads) {
  const int32_t *rows = p->rows, *columns = p->columns;
  const span s = share(p->batch * p->out_height, 1, thread, threads);
  for (uint32_t at = s.begin; at < s.end; at++) {
    const uint32_t image = at / p->out_height;
    const uint32_t row = image * p->in_height + (uint32_t)rows[at % p->out_height];
    const char *x = (const char *)p->x + row * p->in_width * p->pixel_bytes;
    char *y = (char *)p->y + at * p->out_width * p->pixel_bytes;
    for (uint32_t j = 0; j < p->out_width; j++, y += p->pixel_bytes) {
      const char *from = x + (uint32_t)columns[j] * p->pixel_bytes;
      if (p->pixel_bytes == 4) *(uint32_t *)y = *(const uint32_t *)from;
      else __builtin_memcpy(y, from, p->pixel_bytes);
    }
  }
}

INLINE float between(float a, float b, float share) { return a * (1 - share) + b * share; }

/**
 * Each pixel of y between four of x: rows is int32[out_height][2], the rows above and below, and
 * row_weights float32[out_height] the share of the one below; columns likewise. Source: TFLite's
 * RESIZE_BILINEAR.
 */
void resize_bilinear_f32(const resize_bilinear_f32_params *p, uint32_t thread, uint32_t threads) {
  const int32_t *rows = p->rows, *columns = p->columns;
  const float *row_weights = p->row_weights, *column_weights = p->column_weights;
  const span s = share(p->batch * p->out_height, 1, thread, threads);
  for (uint32_t at = s.begin; at < s.end; at++) {
    const uint32_t image = at / p->out_height, i = at % p->out_height;
    const uint32_t row = p->in_width * p->depth;
    const float *x = (const float *)p->x + image * p->in_height * row;
    const float *upper = x + (uint32_t)rows[2 * i] * row;
    const float *lower = x + (uint32_t)rows[2 * i + 1] * row;
    const float v = row_weights[i];
    float *y = (float *)p->y + at * p->out_width * p->depth;
    for (uint32_t j = 0; j < p->out_width; j++, y += p->depth) {
      const uint32_t left = (uint32_t)columns[2 * j] * p->depth;
      const uint32_t right = (uint32_t)columns[2 * j + 1] * p->depth;
      const float h = column_weights[j];
      for (uint32_t c = 0; c < p->depth; c++) {
        y[c] = between(between(upper[left + c], upper[right + c], h),
                       between(lower[left + c], lower[right + c], h), v);
      }
    }
  }
}

INLINE int64_t mix(int64_t a, int64_t b, int32_t share) { return a * (1024 - share) + b * share; }

/**
 * As resize_bilinear_f32, on int16 with shares in 1 / 1024, rounded half away from zero. Source:
 * ResizeBilinearInteger of TFLite.
 */
void resize_bilinear_i16(const resize_bilinear_i16_params *p, uint32_t thread, uint32_t threads) {
  const int32_t *rows = p->rows, *columns = p->columns;
  const int32_t *row_weights = p->row_weights, *column_weights = p->column_weights;
  const span s = share(p->batch * p->out_height, 1, thread, threads);
  for (uint32_t at = s.begin; at < s.end; at++) {
    const uint32_t image = at / p->out_height, i = at % p->out_height;
    const uint32_t row = p->in_width * p->depth;
    const int16_t *x = (const int16_t *)p->x + image * p->in_height * row;
    const int16_t *upper = x + (uint32_t)rows[2 * i] * row;
    const int16_t *lower = x + (uint32_t)rows[2 * i + 1] * row;
    int16_t *y = (int16_t *)p->y + at * p->out_width * p->depth;
    for (uint32_t j = 0; j < p->out_width; j++, y += p->depth) {
      const uint32_t left = (uint32_t)columns[2 * j] * p->depth;
      const uint32_t right = (uint32_t)columns[2 * j + 1] * p->depth;
      for (uint32_t c = 0; c < p->depth; c++) {
        const int64_t v = mix(mix(upper[left + c], lower[left + c], row_weights[i]),
                              mix(upper[right + c], lower[right + c], row_weights[i]),
                              column_weights[j]);
        y[c] = (int16_t)((v + (v > 0 ? 1 << 19 : -(1 << 19))) / (1 << 20));
      }
    }
  }
}
