/**
 * Products with sparse float32 weights: sparse_f32 of kernels/sparse.ts.
 *
 * A tile of rows is turned into lines, one per depth, so that each weight multiplies whole vectors of
 * rows. Source: Elsen et al., Fast Sparse ConvNets, arXiv:1911.09723.
 */
#include "kernels.h"
#include "sparse.h"

/** Columns whose results are stored together. */
#define GROUP 4
/** Vectors of rows in the largest tile. */
#define MAX_VECTORS 8

typedef struct {
  const float *lines;
  const float *weights;
  const uint16_t *indices;
  const uint32_t *starts;
  const float *bias;
} sparse_matrix;

/** Turns rows into lines of `vectors` times 4; past the last row, it is repeated. */
INLINE void make_lines(const float *input, uint32_t rows, uint32_t depth, uint32_t vectors,
                       float *lines) {
  uint32_t width = 4 * vectors;
  for (uint32_t r = 0; r < width; r += 4) {
    const float *in[4];
    for (uint32_t i = 0; i < 4; i++) in[i] = input + (size_t)min_u32(r + i, rows - 1) * depth;
    float *line = lines + r;
    uint32_t k = 0;
    for (; k + 4 <= depth; k += 4, line += 4 * width) {
      v128_t x[4];
      for (uint32_t i = 0; i < 4; i++) x[i] = wasm_v128_load(in[i] + k);
      transpose_4x4(x);
      for (uint32_t i = 0; i < 4; i++) wasm_v128_store(line + i * width, x[i]);
    }
    for (; k < depth; k++, line += width) {
      for (uint32_t i = 0; i < 4; i++) line[i] = in[i][k];
    }
  }
}

/** Sums of one column for `vectors` (a constant) vectors of rows. */
INLINE void multiply_column(const sparse_matrix *m, uint32_t column, uint32_t vectors,
                            f32x4 *result) {
  f32x4 sums[MAX_VECTORS];
  uint32_t end = m->starts[column + 1];
  for (uint32_t v = 0; v < vectors; v++) sums[v] = splat_f32x4(m->bias[column]);
#pragma clang loop unroll(disable)
  for (uint32_t i = m->starts[column]; i < end; i++) {
    const float *line = m->lines + (uint32_t)m->indices[i] * 4 * vectors;
    f32x4 w = splat_f32x4(m->weights[i]);
    for (uint32_t v = 0; v < vectors; v++) {
      sums[v] = madd_f32x4(load_f32x4(line + 4 * v), w, sums[v]);
    }
  }
  for (uint32_t v = 0; v < vectors; v++) result[v] = sums[v];
}

/** Sums of a block of four columns for `vectors` (1 or 2) vectors of rows. */
INLINE void multiply_block(const sparse_matrix *m, uint32_t block, uint32_t vectors,
                           f32x4 result[GROUP][MAX_VECTORS]) {
  f32x4 sums[GROUP][2];
  uint32_t end = m->starts[block + 1];
  for (uint32_t c = 0; c < GROUP; c++) {
    for (uint32_t v = 0; v < vectors; v++) sums[c][v] = splat_f32x4(m->bias[GROUP * block + c]);
  }
  const float *w = m->weights + (size_t)m->starts[block] * GROUP;
#pragma clang loop unroll(disable)
  for (uint32_t i = m->starts[block]; i < end; i++, w += GROUP) {
    const float *line = m->lines + (uint32_t)m->indices[i] * 4 * vectors;
    f32x4 x[2];
    for (uint32_t v = 0; v < vectors; v++) x[v] = load_f32x4(line + 4 * v);
    for (uint32_t c = 0; c < GROUP; c++) {
      f32x4 weight = splat_f32x4(w[c]);
      for (uint32_t v = 0; v < vectors; v++) sums[c][v] = madd_f32x4(x[v], weight, sums[c][v]);
    }
  }
  for (uint32_t c = 0; c < GROUP; c++) {
    for (uint32_t v = 0; v < vectors; v++) result[c][v] = sums[c][v];
  }
}

typedef void (*group_kernel)(const sparse_matrix *m, uint32_t group, uint32_t columns,
                             f32x4 result[GROUP][MAX_VECTORS]);

#define COLUMNS_KERNEL(vectors)                                                               \
  NOINLINE static void column_##vectors(const sparse_matrix *m, uint32_t column,              \
                                        f32x4 *result) {                                      \
    multiply_column(m, column, vectors, result);                                              \
  }                                                                                           \
  static void columns_##vectors(const sparse_matrix *m, uint32_t group, uint32_t columns,     \
                                f32x4 result[GROUP][MAX_VECTORS]) {                           \
    for (uint32_t c = 0; c < columns; c++) column_##vectors(m, GROUP * group + c, result[c]); \
  }
COLUMNS_KERNEL(1)
COLUMNS_KERNEL(2)
COLUMNS_KERNEL(4)
COLUMNS_KERNEL(8)

#define BLOCK_KERNEL(vectors)                                                             \
  NOINLINE static void block_##vectors(const sparse_matrix *m, uint32_t group,            \
                                       uint32_t columns,                                  \
                                       f32x4 result[GROUP][MAX_VECTORS]) {                \
    (void)columns;                                                                        \
    multiply_block(m, group, vectors, result);                                            \
  }
BLOCK_KERNEL(1)
BLOCK_KERNEL(2)

/** Four columns of one row whose entries they share: results lie in the lanes. */
NOINLINE static f32x4 multiply_row(const sparse_matrix *m, uint32_t block) {
  f32x4 sums[4] = {load_f32x4(m->bias + GROUP * block)};
  uint32_t end = m->starts[block + 1];
  uint32_t i = m->starts[block];
  const float *w = m->weights + (size_t)i * GROUP;
  for (; i + 4 <= end; i += 4, w += 4 * GROUP) {
#pragma clang loop unroll(full)
    for (uint32_t k = 0; k < 4; k++) {
      f32x4 x = splat_f32x4(m->lines[m->indices[i + k]]);
      sums[k] = madd_f32x4(x, load_f32x4(w + k * GROUP), sums[k]);
    }
  }
  for (; i < end; i++, w += GROUP) {
    sums[0] = madd_f32x4(splat_f32x4(m->lines[m->indices[i]]), load_f32x4(w), sums[0]);
  }
  return (sums[0] + sums[1]) + (sums[2] + sums[3]);
}

/** Clamps and stores up to four columns of `rows` rows. */
NOINLINE static void store_group(float *out, uint32_t stride, uint32_t rows, uint32_t columns,
                                 f32x4 result[GROUP][MAX_VECTORS], f32x4 low, f32x4 high) {
  for (uint32_t r = 0; r < rows; r += 4) {
    v128_t x[GROUP];
    for (uint32_t c = 0; c < GROUP; c++) x[c] = (v128_t)result[c][r / 4];
    transpose_4x4(x);
    for (uint32_t i = 0; i < min_u32(4, rows - r); i++) {
      f32x4 y = clamp_f32x4((f32x4)x[i], low, high);
      if (columns == GROUP) store_f32x4(out + (size_t)(r + i) * stride, y);
      else store_partial_f32x4(out + (size_t)(r + i) * stride, y, columns);
    }
  }
}

/** The largest tile of 4, 8, 16 or 32 rows, in vectors, that `rows` fill or, if smaller than 8, start. */
INLINE uint32_t tile_vectors(uint32_t rows, uint32_t most) {
  uint32_t vectors = most;
  while (vectors > 1 && 4 * vectors > rows) vectors /= 2;
  return vectors;
}

void sparse_f32(const sparse_f32_params *p, uint32_t thread, uint32_t threads) {
  uint32_t most = p->block == 1 ? MAX_VECTORS : 2;
  uint32_t tile_rows = 4 * most;
  grid_share part = share_grid(divide_up(p->rows, tile_rows), divide_up(p->columns, GROUP), thread,
                               threads);
  float *lines = (float *)((char *)p->lines + (size_t)thread * p->line_bytes);
  sparse_matrix m = {lines, p->weights, p->indices, p->starts, p->bias};
  f32x4 result[GROUP][MAX_VECTORS] = {0};
  f32x4 low = splat_f32x4(p->low);
  f32x4 high = splat_f32x4(p->high);
  if (part.columns.begin == part.columns.end) return;
  uint32_t end = min_u32(part.rows.end * tile_rows, p->rows);
  for (uint32_t row = part.rows.begin * tile_rows; row < end;) {
    uint32_t vectors = tile_vectors(end - row, most);
    uint32_t rows = min_u32(4 * vectors, end - row);
    const float *input = (const float *)p->input + (size_t)row * p->depth;
    float *output = (float *)p->output + (size_t)row * p->columns;
    uint32_t is_row = rows == 1 && p->block == GROUP;
    if (is_row) m.lines = input;
    else make_lines(input, rows, p->depth, vectors, lines);
    group_kernel kernel = p->block == GROUP ? (vectors == 2 ? block_2 : block_1)
                          : vectors == 8    ? columns_8
                          : vectors == 4    ? columns_4
                          : vectors == 2    ? columns_2
                                            : columns_1;
    for (uint32_t g = part.columns.begin; g < part.columns.end; g++) {
      uint32_t columns = min_u32(GROUP, p->columns - g * GROUP);
      if (is_row) {
        f32x4 y = clamp_f32x4(multiply_row(&m, g), low, high);
        if (columns == GROUP) store_f32x4(output + g * GROUP, y);
        else store_partial_f32x4(output + g * GROUP, y, columns);
        continue;
      }
      kernel(&m, g, columns, result);
      store_group(output + g * GROUP, p->columns, rows, columns, result, low, high);
    }
    row += rows;
  }
}
