/**
 * How kernels of depthwise convolution of 8-bit integers walk through a problem. depthwise_q8.c and
 * depthwise_q8_dot.c bring what interleaves and what multiplies.
 *
 * A strip is some neighbouring outputs of one block of channels in a group of rows. The input rows
 * that the group sees are first interleaved, four at a time, so that the taps of a column lie side by
 * side for each channel. Rows of a group see the same interleaved rows, each with weights of its own
 * that are zeros elsewhere; each column is then read by every output that sees it. Pixels outside the
 * image are read from a row of zero points.
 */
#ifndef LINNET_DEPTHWISE_Q8_H
#define LINNET_DEPTHWISE_Q8_H

#include "requantize.h"
#include "window.h"

#define QUAD 4
/** Bytes of an interleaved column of four rows. */
#define COLUMN_BYTES 64
/** At least as many rows as a group has, MAX_GROUP_ROWS of lower/depthwise-q8.ts. */
#define MAX_GROUP_ROWS 4

/** The fields of DEPTHWISE_Q8 in kernels/convolution.ts. */
typedef struct {
  const uint8_t *input;
  const char *weights;
  uint8_t *columns;
  const row_param *row_params;
  uint32_t images, in_h, in_w, channels, out_h, out_w;
  uint32_t window_w, stride_h, stride_w, dilation_h, dilation_w, pad_top, pad_left;
  uint32_t quads, strip, group_rows, group_spacing, block_bytes;
  int32_t input_zero;
} depthwise_problem;

#define DEPTHWISE_PROBLEM(p, thread)                                                     \
  ((depthwise_problem){                                                                  \
      .input = (p)->input,                                                               \
      .weights = (p)->weights,                                                           \
      .columns = (uint8_t *)(p)->columns + (size_t)(thread) * (p)->column_bytes,         \
      .row_params = (p)->row_params,                                                     \
      .images = (p)->images,                                                             \
      .in_h = (p)->in_h,                                                                 \
      .in_w = (p)->in_w,                                                                 \
      .channels = (p)->channels,                                                         \
      .out_h = (p)->out_h,                                                               \
      .out_w = (p)->out_w,                                                               \
      .window_w = (p)->window_w,                                                         \
      .stride_h = (p)->stride_h,                                                         \
      .stride_w = (p)->stride_w,                                                         \
      .dilation_h = (p)->dilation_h,                                                     \
      .dilation_w = (p)->dilation_w,                                                     \
      .pad_top = (p)->pad_top,                                                           \
      .pad_left = (p)->pad_left,                                                         \
      .quads = (p)->quads,                                                               \
      .strip = (p)->strip,                                                               \
      .group_rows = (p)->group_rows,                                                     \
      .group_spacing = (p)->group_spacing,                                               \
      .block_bytes = (p)->block_bytes,                                                   \
      .input_zero = (p)->input_zero,                                                     \
  })

/** Outputs of one block of channels. */
typedef struct {
  const depthwise_problem *problem;
  const sum_output *output;
  /** The block's first channel. */
  uint32_t channel;
  uint32_t image;
  int32_t zero;
  /** Rows of the group that exist, with the element of each one's first output. */
  uint32_t rows;
  uint32_t out[MAX_GROUP_ROWS];
  /** Outputs of a row. */
  uint32_t outputs;
  /** The block's heads; its weights, and bytes of those of one row of the group. */
  const int32_t *heads;
  const char *weights;
  uint32_t row_bytes;
} strip;

/**
 * Interleaves a block's channels of `count` columns of four rows, the columns of each row `advance` bytes
 * apart; columns are written `column_bytes` apart.
 */
typedef void (*columns_interleave)(uint8_t *to, uint32_t column_bytes,
                                       const uint8_t *const rows[QUAD],
                                       const uint32_t advance[QUAD], uint32_t count,
                                       const strip *s);
/** Multiplies a strip whose columns have been interleaved, and stores its outputs. */
typedef void (*strip_multiply)(const strip *s);

/** The columns of the image that a strip sees: how many are outside on its left, inside, and right. */
typedef struct {
  uint32_t before, inside, after;
  /** Row and column of the image that the first tap of the first quad falls on. */
  int32_t top, first;
} strip_columns;

INLINE strip_columns columns_of(const strip *s, int32_t top, int32_t first) {
  const depthwise_problem *p = s->problem;
  const uint32_t columns = (s->outputs - 1) * p->stride_w + (p->window_w - 1) * p->dilation_w + 1;
  const uint32_t before = min_u32((uint32_t)max_i32(-first, 0), columns);
  const uint32_t end = (uint32_t)max_i32(min_i32((int32_t)p->in_w - first, (int32_t)columns), 0);
  const uint32_t inside = max_u32(end, before) - before;
  return (strip_columns){before, inside, columns - before - inside, top, first};
}

/** Interleaves what stands for columns outside the image, which is the same for all blocks. */
INLINE void interleave_outside(const strip *s, const strip_columns *c, const uint8_t *pad,
                               columns_interleave interleave) {
  const uint8_t *const rows[QUAD] = {pad, pad, pad, pad};
  static const uint32_t nowhere[QUAD] = {0, 0, 0, 0};
  const uint32_t column_bytes = COLUMN_BYTES * s->problem->quads;
  for (uint32_t q = 0; q < s->problem->quads; q++) {
    uint8_t *to = s->problem->columns + q * COLUMN_BYTES;
    if (c->before > 0) interleave(to, column_bytes, rows, nowhere, c->before, s);
    to += (c->before + c->inside) * column_bytes;
    if (c->after > 0) interleave(to, column_bytes, rows, nowhere, c->after, s);
  }
}

/** Interleaves the columns inside the image. */
INLINE void interleave_inside(const strip *s, const strip_columns *c, const uint8_t *pad,
                              columns_interleave interleave) {
  const depthwise_problem *p = s->problem;
  const uint32_t column_bytes = COLUMN_BYTES * p->quads;
  const uint32_t row_bytes = p->dilation_h * p->in_w * p->channels;
  const uint32_t at = (s->image * p->in_h + (uint32_t)c->top) * p->in_w + (uint32_t)c->first;
  /* Addresses of rows outside the image are not used. */
  uintptr_t row = (uintptr_t)p->input + (at + c->before) * p->channels + s->channel;
  uint8_t *to = p->columns + c->before * column_bytes;
  uint32_t y = (uint32_t)c->top;
  for (uint32_t q = 0; q < p->quads; q++, to += COLUMN_BYTES) {
    const uint8_t *rows[QUAD];
    uint32_t advance[QUAD];
    for (uint32_t i = 0; i < QUAD; i++, y += p->dilation_h, row += row_bytes) {
      /* A negative coordinate is a large one as unsigned. */
      const int is_inside = y < p->in_h;
      rows[i] = is_inside ? (const uint8_t *)row : pad;
      advance[i] = is_inside ? p->channels : 0;
    }
    interleave(to, column_bytes, rows, advance, c->inside, s);
  }
}

/** Outputs that are computed at a time. */
#define PAIR 2

/** Two outputs of a row of a strip: where their columns and results are. */
typedef struct {
  const uint8_t *in[PAIR];
  uint32_t out[PAIR];
} output_pair;

/** The output `x` of row `row` of the group and the next one (itself, if it is the last). */
INLINE output_pair pair_at(const strip *s, uint32_t row, uint32_t x, uint32_t quads) {
  const depthwise_problem *p = s->problem;
  uint32_t next = min_u32(x + 1, s->outputs - 1);
  uint32_t step = p->stride_w * COLUMN_BYTES * quads;
  return (output_pair){{p->columns + x * step, p->columns + next * step},
                       {s->out[row] + x * p->channels, s->out[row] + next * p->channels}};
}

/**
 * A thread's part of a problem, `lanes` (a constant) channels at a time, which there are at least. The
 * last block ends with the last channel.
 */
INLINE void convolve_strips(const depthwise_problem *p, const sum_output *output, uint32_t lanes,
                            columns_interleave interleave, strip_multiply multiply, uint32_t thread,
                            uint32_t threads) {
  uint32_t blocks = divide_up(p->channels, lanes);
  uint32_t strips = divide_up(p->out_w, p->strip);
  uint32_t chunk = p->group_rows * p->group_spacing;
  uint32_t groups = divide_up(p->out_h, chunk) * p->group_spacing;
  span part = share(p->images * groups * strips * blocks, 1, thread, threads);
  strip s = {
      .problem = p,
      .output = output,
      .row_bytes = p->window_w * p->quads * COLUMN_BYTES,
  };
  for (uint32_t index = part.begin; index < part.end;) {
    uint32_t block = index % blocks;
    uint32_t blocks_end = min_u32(blocks, block + part.end - index);
    uint32_t place = index / blocks;
    index += blocks_end - block;
    uint32_t x = place % strips * p->strip;
    uint32_t group = place / strips % groups;
    s.image = place / strips / groups;
    s.zero = p->row_params ? p->row_params[s.image].zero : p->input_zero;
    s.outputs = min_u32(p->strip, p->out_w - x);
    uint32_t y = group / p->group_spacing * chunk + group % p->group_spacing;
    uint32_t first_out[MAX_GROUP_ROWS];
    uint32_t row = y;
    for (s.rows = 0; s.rows < p->group_rows && row < p->out_h; row += p->group_spacing) {
      first_out[s.rows++] = ((s.image * p->out_h + row) * p->out_w + x) * p->channels;
    }
    if (s.rows == 0) continue;
    v128_t pad = wasm_i8x16_splat((int8_t)s.zero);
    const strip_columns columns =
        columns_of(&s, (int32_t)(y * p->stride_h) - (int32_t)p->pad_top,
                   (int32_t)(x * p->stride_w) - (int32_t)p->pad_left);
    interleave_outside(&s, &columns, (const uint8_t *)&pad, interleave);
    for (; block < blocks_end; block++) {
      s.channel = min_u32(block * lanes, p->channels - lanes);
      s.heads = (const int32_t *)(p->weights + (size_t)block * p->block_bytes);
      s.weights = (const char *)(s.heads + lanes);
      for (uint32_t r = 0; r < s.rows; r++) s.out[r] = first_out[r] + s.channel;
      interleave_inside(&s, &columns, (const uint8_t *)&pad, interleave);
      multiply(&s);
    }
  }
}

#endif
