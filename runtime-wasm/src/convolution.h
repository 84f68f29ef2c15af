/**
 * The geometry that convolution kernels share: which rows and columns a thread computes, and how
 * the patch of a row is gathered. Described at PROBLEM in kernels/convolution.ts.
 */
#ifndef LINNET_CONVOLUTION_H
#define LINNET_CONVOLUTION_H

#include "linnet.h"

/** Microkernels compute TILE_ROWS x PANEL outputs. */
#define TILE_ROWS 4
#define PANEL 8
/** The most rows of BLOCKS in lower/problem.ts. */
#define MAX_BLOCK_ROWS 192

typedef struct {
  uint32_t input;
  uint32_t weights;
  uint32_t output;
  uint32_t scales;
} conv_item;

typedef struct {
  int32_t offset[3];
  uint32_t pixels;
} patch_run;

typedef struct {
  const conv_item *item;
  const patch_run *run;
  uint32_t items, runs;
  uint32_t in_d, in_h, in_w;
  uint32_t in_pixel, channels, depth, columns;
  uint32_t images, grid_d, grid_h, grid_w;
  uint32_t stride_d, stride_h, stride_w;
  uint32_t out_start;
  uint32_t out_strides[4];
  uint32_t block_rows;
} conv_problem;

/** The problem that a parameter block with the fields of PROBLEM describes. */
#define CONV_PROBLEM(p)                                                                  \
  ((conv_problem){                                                                       \
      .item = (p)->item_table,                                                           \
      .run = (p)->run_table,                                                             \
      .items = (p)->items,                                                               \
      .runs = (p)->runs,                                                                 \
      .in_d = (p)->in_size[0],                                                           \
      .in_h = (p)->in_size[1],                                                           \
      .in_w = (p)->in_size[2],                                                           \
      .in_pixel = (p)->in_pixel,                                                         \
      .channels = (p)->channels,                                                         \
      .depth = (p)->depth,                                                               \
      .columns = (p)->columns,                                                           \
      .images = (p)->grid[0],                                                            \
      .grid_d = (p)->grid[1],                                                            \
      .grid_h = (p)->grid[2],                                                            \
      .grid_w = (p)->grid[3],                                                            \
      .stride_d = (p)->strides[0],                                                       \
      .stride_h = (p)->strides[1],                                                       \
      .stride_w = (p)->strides[2],                                                       \
      .out_start = (p)->out_start,                                                       \
      .out_strides = {(p)->out_strides[0], (p)->out_strides[1], (p)->out_strides[2],     \
                      (p)->out_strides[3]},                                              \
      .block_rows = min_u32((p)->block_rows, MAX_BLOCK_ROWS),                            \
  })

INLINE uint32_t item_rows(const conv_problem *c) {
  return c->images * c->grid_d * c->grid_h * c->grid_w;
}

/** A thread's part of the output: tiles of rows (counted over all items) times column panels. */
typedef struct {
  span tiles;
  span panels;
} conv_share;

/** Cuts tiles of `tile_rows` rows, or columns. */
INLINE conv_share share_problem(const conv_problem *c, uint32_t tile_rows, uint32_t thread,
                                uint32_t threads) {
  uint32_t tiles = c->items * divide_up(item_rows(c), tile_rows);
  grid_share part = share_grid(tiles, divide_up(c->columns, PANEL), thread, threads);
  return (conv_share){part.rows, part.columns};
}

/** The place of a row in the grid. */
typedef struct {
  uint32_t n, d, h, w;
} grid_point;

INLINE grid_point point_of_row(const conv_problem *c, uint32_t row) {
  grid_point at;
  at.w = row % c->grid_w;
  row /= c->grid_w;
  at.h = row % c->grid_h;
  row /= c->grid_h;
  at.d = row % c->grid_d;
  at.n = row / c->grid_d;
  return at;
}

INLINE void next_point(const conv_problem *c, grid_point *at) {
  if (++at->w < c->grid_w) return;
  at->w = 0;
  if (++at->h < c->grid_h) return;
  at->h = 0;
  if (++at->d < c->grid_d) return;
  at->d = 0;
  at->n++;
}

/** Element of the output where a row's first column goes, relative to the item. */
INLINE uint32_t output_element(const conv_problem *c, grid_point at) {
  return c->out_start + at.n * c->out_strides[0] + at.d * c->out_strides[1] +
         at.h * c->out_strides[2] + at.w * c->out_strides[3];
}

/** Element of the input at a pixel, relative to the item. */
INLINE uint32_t input_element(const conv_problem *c, uint32_t n, uint32_t d, uint32_t h,
                              uint32_t w) {
  return (((n * c->in_d + d) * c->in_h + h) * c->in_w + w) * c->in_pixel;
}

/** Element of the input where the patch of the row at `at` begins, if that is inside the image. */
INLINE uint32_t first_element(const conv_problem *c, grid_point at) {
  const patch_run *run = c->run;
  return input_element(c, at.n, at.d * c->stride_d + (uint32_t)run->offset[0],
                       at.h * c->stride_h + (uint32_t)run->offset[1],
                       at.w * c->stride_w + (uint32_t)run->offset[2]);
}

/** Where a run begins, in elements from the pixel under a row's place. */
INLINE int32_t run_element(const conv_problem *c, const patch_run *run) {
  const int32_t row = run->offset[0] * (int32_t)c->in_h + run->offset[1];
  return (row * (int32_t)c->in_w + run->offset[2]) * (int32_t)c->in_pixel;
}

/** How far the pixels of patches reach from the place of a row in d, h and w: below 2^30. */
typedef struct {
  int32_t first[3];
  int32_t last[3];
} patch_reach;

INLINE patch_reach reach_of(const conv_problem *c) {
  const int32_t most = 1 << 30;
  patch_reach reach = {{most, most, most}, {-most, -most, -most}};
  for (uint32_t r = 0; r < c->runs; r++) {
    const patch_run *run = &c->run[r];
    for (uint32_t axis = 0; axis < 3; axis++) {
      int32_t extent = axis == 2 ? (int32_t)run->pixels - 1 : 0;
      reach.first[axis] = min_i32(reach.first[axis], run->offset[axis]);
      reach.last[axis] = max_i32(reach.last[axis], run->offset[axis] + extent);
    }
  }
  return reach;
}

/** The columns of the grid's row at `at` whose patches are inside the image. */
INLINE span columns_inside(const conv_problem *c, const patch_reach *reach, grid_point at) {
  const int32_t d = (int32_t)(at.d * c->stride_d), h = (int32_t)(at.h * c->stride_h);
  const int32_t end = (int32_t)c->in_w - reach->last[2];
  const int is_inside = d + reach->first[0] >= 0 && d + reach->last[0] < (int32_t)c->in_d &&
                        h + reach->first[1] >= 0 && h + reach->last[1] < (int32_t)c->in_h;
  if (!is_inside || end <= 0) return (span){0, 0};
  return (span){divide_up((uint32_t)max_i32(-reach->first[2], 0), c->stride_w),
                divide_up((uint32_t)end, c->stride_w)};
}

/** Moves `count` elements from element `from` of the input to element `to` of a patch. */
typedef void (*patch_copy)(void *patch, uint32_t to, const void *input, uint32_t from,
                           uint32_t count, int32_t zero_point);
/** Writes what stands for zero, `count` times, from element `to` of a patch on. */
typedef void (*patch_clear)(void *patch, uint32_t to, uint32_t count, int32_t zero_point);

/** Whether patches of single pixels follow each other in the input as rows do. */
INLINE int rows_are_dense(const conv_problem *c) {
  return c->in_pixel == c->depth && c->stride_d == 1 && c->stride_h == 1 && c->stride_w == 1 &&
         c->grid_d == c->in_d && c->grid_h == c->in_h && c->grid_w == c->in_w;
}

/** Which of `rows` neighbours in w have a run of pixels that are all inside; the first's is at `w`. */
INLINE span whole_runs(const conv_problem *c, int32_t w, int32_t pixels, uint32_t rows) {
  int32_t stride = (int32_t)c->stride_w;
  int32_t last = (int32_t)c->in_w - pixels - w;
  uint32_t begin = w >= 0 ? 0 : (uint32_t)((stride - 1 - w) / stride);
  uint32_t end = last < 0 ? 0 : min_u32((uint32_t)(last / stride) + 1, rows);
  return begin < end ? (span){begin, end} : (span){rows, rows};
}

/**
 * Gathers the patches of `rows` rows from `at` on, which neighbour in w, `size` elements from one to
 * the next; `input` is the item's first element.
 */
INLINE void gather_patches(const conv_problem *c, const void *input, grid_point at, uint32_t rows,
                           void *patches, uint32_t size, int32_t zero_point, patch_copy copy,
                           patch_clear clear) {
  uint32_t first = 0;
  for (uint32_t r = 0; r < c->runs; r++) {
    const patch_run *run = &c->run[r];
    int32_t pixels = (int32_t)run->pixels;
    uint32_t count = run->pixels * c->channels;
    uint32_t d = at.d * c->stride_d + (uint32_t)run->offset[0];
    uint32_t h = at.h * c->stride_h + (uint32_t)run->offset[1];
    int32_t first_w = (int32_t)(at.w * c->stride_w) + run->offset[2];
    /* A negative coordinate is a large one as unsigned. */
    int outside = d >= c->in_d || h >= c->in_h;
    uint32_t line = outside ? 0 : input_element(c, at.n, d, h, 0);
    span whole = outside ? (span){rows, rows} : whole_runs(c, first_w, pixels, rows);
    for (uint32_t i = 0; i < rows; i++) {
      if (i == whole.begin) {
        for (; i < whole.end; i++) {
          uint32_t from = line + ((uint32_t)first_w + i * c->stride_w) * c->in_pixel;
          copy(patches, first + i * size, input, from, count, zero_point);
        }
        if (i == rows) break;
      }
      int32_t w = first_w + (int32_t)(i * c->stride_w);
      int32_t before = outside ? pixels : min_i32(max_i32(-w, 0), pixels);
      int32_t after = min_i32(max_i32(w + pixels - (int32_t)c->in_w, 0), pixels - before);
      uint32_t start = (uint32_t)before * c->channels;
      uint32_t inside = (uint32_t)(pixels - before - after) * c->channels;
      uint32_t to = first + i * size;
      clear(patches, to, start, zero_point);
      if (inside > 0) {
        uint32_t from = line + (uint32_t)(w + before) * c->in_pixel;
        copy(patches, to + start, input, from, inside, zero_point);
      }
      clear(patches, to + start + inside, (uint32_t)after * c->channels, zero_point);
    }
    first += count;
  }
}

/** Gathers the patch of the row at `at`; `input` is the item's first element. */
INLINE void gather_patch(const conv_problem *c, const void *input, grid_point at, void *patch,
                         int32_t zero_point, patch_copy copy, patch_clear clear) {
  gather_patches(c, input, at, 1, patch, 0, zero_point, copy, clear);
}

#endif
