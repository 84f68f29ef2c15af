/** Products of rows with panels of packed float32 weights: what conv_f32 is made of. */
#ifndef LINNET_TILES_F32_H
#define LINNET_TILES_F32_H

#include "convolution.h"

/** Rows of the tiles that products are made in, as TILE_ROWS of lower/product-f32.ts. */
#define TILE_ROWS_F32 6

/** Where rows come from and go to, and what their products are clamped to. */
typedef struct {
  const float *in[MAX_BLOCK_ROWS];
  float *out[MAX_BLOCK_ROWS];
  float low;
  float high;
} row_block;

/**
 * The product of the first `rows` (at least 2) rows of a block with one panel: `columns` (1 to PANEL)
 * elements of each row from `column` on. Every sum is made in the order of the depths, in whatever tile its row is.
 */
void multiply_rows_f32(const row_block *block, uint32_t rows, const float *panel, uint32_t depth,
                       uint32_t column, uint32_t columns);

/**
 * Packs `columns` (1 to PANEL) columns of a matrix, whose depths and columns lie as many elements apart as
 * the strides say, as a panel: their biases, zeros where null, then a row for each depth.
 */
void pack_panel_f32(const float *matrix, uint32_t depth_stride, uint32_t column_stride,
                    uint32_t depth, uint32_t columns, const float *bias, float *to);

#endif
