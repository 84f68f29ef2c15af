/**
 * Depthwise convolution of 8-bit integers by dot products of four bytes: depthwise_q8_dot of
 * kernels/convolution.ts.
 *
 * For 16 channels of one row of outputs, the input rows that the window sees are first interleaved,
 * so that four taps of a column lie side by side for each channel. Each column is then read by every
 * output that sees it, without regard to the image's borders, which are made of zero points.
 */
#include "kernels.h"
#include "requantize.h"
#include "simd.h"
#include "window.h"

#define LANES 16
#define QUAD 4

/** `count` (1 to 16) bytes, zeros in the other lanes. */
INLINE v128_t load_bytes(const uint8_t *from, uint32_t count) {
  if (count == LANES) return wasm_v128_load(from);
  uint8_t bytes[LANES] = {0};
  for (uint32_t i = 0; i < count; i++) bytes[i] = from[i];
  return wasm_v128_load(bytes);
}

/** Stores the bytes of four vectors in turn: those of lane 0, of lane 1 and so on. */
INLINE void store_interleaved(uint8_t *to, const v128_t rows[QUAD]) {
  v128_t low01 = zip_low_i8x16(rows[0], rows[1]);
  v128_t low23 = zip_low_i8x16(rows[2], rows[3]);
  v128_t high01 = zip_high_i8x16(rows[0], rows[1]);
  v128_t high23 = zip_high_i8x16(rows[2], rows[3]);
  wasm_v128_store(to, zip_low_i16x8(low01, low23));
  wasm_v128_store(to + 16, zip_high_i16x8(low01, low23));
  wasm_v128_store(to + 32, zip_low_i16x8(high01, high23));
  wasm_v128_store(to + 48, zip_high_i16x8(high01, high23));
}

/** What is the same for all outputs of one row. */
typedef struct {
  const uint8_t *image;
  /** Where the window's first row falls. */
  int32_t origin;
  uint32_t index_of_image;
  int32_t zero;
  uint32_t quads;
  /** Columns of `interleaved`: those of the image and the padding that windows see. */
  uint32_t columns;
  uint8_t *interleaved;
} output_row;

/**
 * Interleaves `count` channels from `c` on of the image's columns and of those around it. Column x
 * of the padded image gets LANES * QUAD * quads bytes.
 */
INLINE void interleave_columns(const depthwise_q8_dot_params *p, const output_row *row, uint32_t c,
                               uint32_t count) {
  v128_t flip = wasm_i8x16_splat((int8_t)p->flip);
  v128_t pad = wasm_i8x16_splat((int8_t)(row->zero ^ (int32_t)p->flip));
  uint32_t column_bytes = LANES * QUAD * row->quads;
  for (uint32_t q = 0; q < row->quads; q++) {
    const uint8_t *from[QUAD];
    v128_t outside[QUAD];
    for (uint32_t i = 0; i < QUAD; i++) {
      uint32_t tap = q * QUAD + i;
      uint32_t y = (uint32_t)row->origin + tap * p->dilation_h;
      /* A negative coordinate is a large one as unsigned. */
      from[i] = tap < p->window_h && y < p->in_h
                    ? row->image + (size_t)y * p->in_w * p->channels + c
                    : NULL;
      outside[i] = tap < p->window_h ? pad : wasm_i8x16_const_splat(0);
    }
    uint8_t *to = row->interleaved + q * LANES * QUAD;
    for (uint32_t x = 0; x < row->columns; x++, to += column_bytes) {
      v128_t rows[QUAD];
      uint32_t is_inside = x - p->pad_left < p->in_w;
      for (uint32_t i = 0; i < QUAD; i++) {
        rows[i] = outside[i];
        if (!is_inside || from[i] == NULL) continue;
        rows[i] = wasm_v128_xor(load_bytes(from[i], count), flip);
        from[i] += p->channels;
      }
      store_interleaved(to, rows);
    }
  }
}

/** The sums of 16 channels over a window whose first column is at `in`. */
INLINE void sum_window(const depthwise_q8_dot_params *p, const output_row *row, const uint8_t *in,
                       const int32_t *weights, int32_t factor, i32x4 sums[4]) {
  uint32_t step = LANES * QUAD * row->quads * p->dilation_w;
  i32x4 plain[4];
  v128_t ones = wasm_i8x16_const_splat(1);
  for (uint32_t i = 0; i < 4; i++) {
    i32x4 heads = load_i32x4(weights + 4 * i);
    sums[i] = p->row_params ? heads * splat_i32x4(factor) : heads;
    plain[i] = splat_i32x4(0);
  }
  const char *w = (const char *)(weights + LANES);
  for (uint32_t x = 0; x < p->window_w; x++, in += step) {
    for (uint32_t q = 0; q < row->quads; q++, w += LANES * QUAD) {
      for (uint32_t i = 0; i < 4; i++) {
        v128_t taps = wasm_v128_load(in + q * LANES * QUAD + 16 * i);
        sums[i] = dot_i8x16(wasm_v128_load(w + 16 * i), taps, sums[i]);
        if (p->weight_zero) plain[i] = dot_i8x16(ones, taps, plain[i]);
      }
    }
  }
  if (!p->weight_zero) return;
  for (uint32_t i = 0; i < 4; i++) sums[i] -= plain[i] * splat_i32x4(p->weight_zero);
}

/** Computes `count` (1 to 16) channels from `c` on of a row of outputs, the first at `out`. */
INLINE void compute_block(const depthwise_q8_dot_params *p, const sum_output *output,
                          const output_row *row, const int32_t *weights, uint32_t c,
                          uint32_t count, uint32_t out) {
  interleave_columns(p, row, c, count);
  const uint8_t *in = row->interleaved;
  int32_t factor = p->flip ? row->zero + 128 : row->zero;
  uint32_t step = LANES * QUAD * row->quads * p->stride_w;
  for (uint32_t x = 0; x < p->out_w; x++, in += step, out += p->channels) {
    i32x4 sums[4];
    sum_window(p, row, in, weights, factor, sums);
    if (!output->row_params) {
      store_row(output, out + c, count, c, sums);
      continue;
    }
    float scale = output->row_params[row->index_of_image].scale;
    store_real(output, out + c, min_u32(count, 8), c, scale, sums[0], sums[1]);
    if (count > 8) store_real(output, out + c + 8, count - 8, c + 8, scale, sums[2], sums[3]);
  }
}

void depthwise_q8_dot(const depthwise_q8_dot_params *p, uint32_t thread, uint32_t threads) {
  uint32_t blocks = divide_up(p->channels, LANES);
  span part = share(p->images * p->out_h * blocks, 1, thread, threads);
  const row_param *params = p->row_params;
  sum_output output = SUM_OUTPUT(p);
  output_row row;
  row.quads = divide_up(p->window_h, QUAD);
  row.columns = (p->out_w - 1) * p->stride_w + (p->window_w - 1) * p->dilation_w + 1;
  row.interleaved = (uint8_t *)p->columns + (size_t)thread * p->column_bytes;
  uint32_t block_words = LANES * (1 + row.quads * p->window_w);
  for (uint32_t index = part.begin; index < part.end; index++) {
    uint32_t out_row = index / blocks;
    uint32_t block = index % blocks;
    row.index_of_image = out_row / p->out_h;
    row.image = (const uint8_t *)p->input +
                (size_t)row.index_of_image * p->in_h * p->in_w * p->channels;
    row.origin = CUT_ROWS(p, out_row % p->out_h).origin;
    row.zero = params ? params[row.index_of_image].zero : p->input_zero;
    const int32_t *weights = (const int32_t *)p->weights + block * block_words;
    uint32_t c = block * LANES;
    uint32_t count = min_u32(LANES, p->channels - c);
    uint32_t out = out_row * p->out_w * p->channels;
    if (count == LANES) compute_block(p, &output, &row, weights, c, LANES, out);
    else compute_block(p, &output, &row, weights, c, count, out);
  }
}
