/**
 * Products of 8-bit integers with sparse weights: sparse_q8 of kernels/sparse.ts.
 *
 * A tile of rows is turned into lines of bytes, one per depth; lines of entries that follow each other
 * are interleaved, so that a dot product of four bytes, or of two widened ones, takes several entries.
 */
#include "kernels.h"
#include "requantize.h"
#include "sparse.h"

#define TILE_ROWS 16
/** Columns whose results are stored together: a panel of requantization. */
#define GROUP 8
#define BLOCK 4
#define QUAD 4

typedef struct {
  const uint8_t *lines;
  const int8_t *weights;
  const uint16_t *indices;
  const uint32_t *starts;
  const int32_t *heads;
  /** What heads are multiplied by, by row. */
  const i32x4 *factors;
} sparse_matrix;

/** By row and column. */
typedef int32_t tile_sums[TILE_ROWS][GROUP];

INLINE v128_t flipped(const void *bytes, v128_t flip) {
  return wasm_v128_xor(wasm_v128_load(bytes), flip);
}

/** Turns 16 rows into lines of 16 bytes; past the last row, it is repeated. */
NOINLINE static void make_lines(const uint8_t *input, uint32_t rows, uint32_t depth, uint32_t flip,
                                uint8_t *lines) {
  const uint8_t *in[TILE_ROWS];
  v128_t bits = wasm_i8x16_splat((int8_t)flip);
  for (uint32_t r = 0; r < TILE_ROWS; r++) in[r] = input + (size_t)min_u32(r, rows - 1) * depth;
  if (depth < 16) {
    for (uint32_t k = 0; k < depth; k++) {
      for (uint32_t r = 0; r < TILE_ROWS; r++) lines[k * TILE_ROWS + r] = in[r][k] ^ (uint8_t)flip;
    }
    return;
  }
  for (uint32_t next = 0; next < depth; next += 16) {
    uint32_t k = min_u32(next, depth - 16);
    v128_t x[16], y[16];
    for (uint32_t r = 0; r < 16; r++) x[r] = flipped(in[r] + k, bits);
    /* Each round interleaves vector i with vector i + 8; four of them transpose. */
#pragma clang loop unroll(full)
    for (uint32_t round = 0; round < 4; round++) {
      for (uint32_t i = 0; i < 8; i++) {
        y[2 * i] = zip_low_i8x16(x[i], x[i + 8]);
        y[2 * i + 1] = zip_high_i8x16(x[i], x[i + 8]);
      }
      for (uint32_t i = 0; i < 16; i++) x[i] = y[i];
    }
    for (uint32_t i = 0; i < 16; i++) wasm_v128_store(lines + (k + i) * TILE_ROWS, x[i]);
  }
}

/** Stores the sums of four columns, each as vectors of rows, from a row on. */
INLINE void keep_sums(tile_sums result, uint32_t row, uint32_t column, const i32x4 sums[BLOCK]) {
  v128_t x[BLOCK] = {(v128_t)sums[0], (v128_t)sums[1], (v128_t)sums[2], (v128_t)sums[3]};
  transpose_4x4(x);
  for (uint32_t i = 0; i < 4; i++) wasm_v128_store(&result[row + i][column], x[i]);
}

/** Two lines of bytes in turn, as int16. */
INLINE i16x8 widen_low(v128_t pairs) { return (i16x8)wasm_i16x8_extend_low_i8x16(pairs); }
INLINE i16x8 widen_high(v128_t pairs) { return (i16x8)wasm_i16x8_extend_high_i8x16(pairs); }

/** The two pairs of four weights, each as int16 in all lanes. */
typedef struct {
  i16x8 first, second;
} weight_pairs;

INLINE weight_pairs load_pairs(const int8_t *weights) {
  v128_t w = wasm_i16x8_extend_low_i8x16(wasm_v128_load32_splat(weights));
  return (weight_pairs){(i16x8)wasm_i32x4_shuffle(w, w, 0, 0, 0, 0),
                        (i16x8)wasm_i32x4_shuffle(w, w, 1, 1, 1, 1)};
}

/** Adds to the sums of 16 rows: the products of two entries' lines with two weights. */
INLINE void add_pair(i32x4 sums[4], v128_t a, v128_t b, i16x8 w) {
  v128_t low = zip_low_i8x16(a, b), high = zip_high_i8x16(a, b);
  sums[0] = dot_i16x8(widen_low(low), w, sums[0]);
  sums[1] = dot_i16x8(widen_high(low), w, sums[1]);
  sums[2] = dot_i16x8(widen_low(high), w, sums[2]);
  sums[3] = dot_i16x8(widen_high(high), w, sums[3]);
}

/** Sums of one column for the 16 rows of a tile; `wide` is a constant. */
INLINE void multiply_column(const sparse_matrix *m, uint32_t column, uint32_t wide,
                            i32x4 result[4]) {
  i32x4 head = splat_i32x4(m->heads[column]);
  i32x4 sums[4];
  for (uint32_t v = 0; v < 4; v++) sums[v] = head * m->factors[v];
  uint32_t end = m->starts[column + 1];
#pragma clang loop unroll(disable)
  for (uint32_t i = m->starts[column]; i < end; i += QUAD) {
    const uint16_t *index = m->indices + i;
    v128_t a = wasm_v128_load(m->lines + (uint32_t)index[0] * TILE_ROWS);
    v128_t b = wasm_v128_load(m->lines + (uint32_t)index[1] * TILE_ROWS);
    v128_t c = wasm_v128_load(m->lines + (uint32_t)index[2] * TILE_ROWS);
    v128_t d = wasm_v128_load(m->lines + (uint32_t)index[3] * TILE_ROWS);
    if (wide) {
      weight_pairs w = load_pairs(m->weights + i);
      add_pair(sums, a, b, w.first);
      add_pair(sums, c, d, w.second);
    } else {
      v128_t w = wasm_v128_load32_splat(m->weights + i);
      v128_t ab = zip_low_i8x16(a, b), cd = zip_low_i8x16(c, d);
      sums[0] = dot_i8x16(w, zip_low_i16x8(ab, cd), sums[0]);
      sums[1] = dot_i8x16(w, zip_high_i16x8(ab, cd), sums[1]);
      ab = zip_high_i8x16(a, b);
      cd = zip_high_i8x16(c, d);
      sums[2] = dot_i8x16(w, zip_low_i16x8(ab, cd), sums[2]);
      sums[3] = dot_i8x16(w, zip_high_i16x8(ab, cd), sums[3]);
    }
  }
  for (uint32_t v = 0; v < 4; v++) result[v] = sums[v];
}

/** Sums of a block of four columns for eight rows of a tile; `wide` is a constant. */
INLINE void multiply_block(const sparse_matrix *m, uint32_t block, uint32_t row, uint32_t wide,
                           i32x4 low[BLOCK], i32x4 high[BLOCK]) {
  i32x4 sums[BLOCK][2];
  const uint8_t *lines = m->lines + row;
  for (uint32_t c = 0; c < BLOCK; c++) {
    i32x4 head = splat_i32x4(m->heads[BLOCK * block + c]);
    sums[c][0] = head * m->factors[row / 4];
    sums[c][1] = head * m->factors[row / 4 + 1];
  }
  uint32_t end = m->starts[block + 1];
#pragma clang loop unroll(disable)
  for (uint32_t i = m->starts[block]; i < end; i += QUAD) {
    const uint16_t *index = m->indices + i;
    v128_t a = wasm_v128_load64_zero(lines + (uint32_t)index[0] * TILE_ROWS);
    v128_t b = wasm_v128_load64_zero(lines + (uint32_t)index[1] * TILE_ROWS);
    v128_t c = wasm_v128_load64_zero(lines + (uint32_t)index[2] * TILE_ROWS);
    v128_t d = wasm_v128_load64_zero(lines + (uint32_t)index[3] * TILE_ROWS);
    v128_t ab = zip_low_i8x16(a, b), cd = zip_low_i8x16(c, d);
    const int8_t *weights = m->weights + (size_t)i * BLOCK;
    if (wide) {
      i16x8 ab0 = widen_low(ab), ab1 = widen_high(ab), cd0 = widen_low(cd), cd1 = widen_high(cd);
      for (uint32_t k = 0; k < BLOCK; k++) {
        weight_pairs w = load_pairs(weights + k * QUAD);
        sums[k][0] = dot_i16x8(cd0, w.second, dot_i16x8(ab0, w.first, sums[k][0]));
        sums[k][1] = dot_i16x8(cd1, w.second, dot_i16x8(ab1, w.first, sums[k][1]));
      }
    } else {
      v128_t x0 = zip_low_i16x8(ab, cd), x1 = zip_high_i16x8(ab, cd);
      for (uint32_t k = 0; k < BLOCK; k++) {
        v128_t w = wasm_v128_load32_splat(weights + k * QUAD);
        sums[k][0] = dot_i8x16(w, x0, sums[k][0]);
        sums[k][1] = dot_i8x16(w, x1, sums[k][1]);
      }
    }
  }
  for (uint32_t c = 0; c < BLOCK; c++) {
    low[c] = sums[c][0];
    high[c] = sums[c][1];
  }
}

typedef struct {
  void (*column)(const sparse_matrix *m, uint32_t column, i32x4 result[4]);
  void (*block)(const sparse_matrix *m, uint32_t block, uint32_t row, i32x4 low[BLOCK],
                i32x4 high[BLOCK]);
} multiplier;

#define MULTIPLIER(name, wide)                                                                 \
  NOINLINE static void column_##name(const sparse_matrix *m, uint32_t column,                  \
                                     i32x4 result[4]) {                                        \
    multiply_column(m, column, wide, result);                                                  \
  }                                                                                            \
  NOINLINE static void block_##name(const sparse_matrix *m, uint32_t block, uint32_t row,      \
                                    i32x4 low[BLOCK], i32x4 high[BLOCK]) {                     \
    multiply_block(m, block, row, wide, low, high);                                            \
  }                                                                                            \
  static const multiplier name = {column_##name, block_##name};
MULTIPLIER(by_bytes, 0)
MULTIPLIER(by_pairs, 1)

/** Sums of `columns` (1 to 8) columns of a tile. */
NOINLINE static void multiply_group(const sparse_matrix *m, const multiplier *by, uint32_t group,
                                    uint32_t columns, uint32_t block, tile_sums result) {
  for (uint32_t at = 0; at < columns; at += BLOCK) {
    i32x4 sums[BLOCK][4] = {0};
    uint32_t column = GROUP * group + at;
    if (block == BLOCK) {
      for (uint32_t row = 0; row < TILE_ROWS; row += 8) {
        i32x4 low[BLOCK], high[BLOCK];
        by->block(m, column / BLOCK, row, low, high);
        keep_sums(result, row, at, low);
        keep_sums(result, row + 4, at, high);
      }
      continue;
    }
    for (uint32_t c = 0; c < min_u32(BLOCK, columns - at); c++) {
      by->column(m, column + c, sums[c]);
    }
    for (uint32_t v = 0; v < 4; v++) {
      i32x4 rows[BLOCK] = {sums[0][v], sums[1][v], sums[2][v], sums[3][v]};
      keep_sums(result, 4 * v, at, rows);
    }
  }
}

/**
 * Turns the sums of `columns` columns of `rows` rows into outputs; where the columns are fewer than a
 * group, by way of results that lie apart.
 */
NOINLINE static void store_group(const sum_output *output, const sparse_q8_params *p, uint32_t row,
                                 uint32_t rows, uint32_t column, uint32_t columns,
                                 tile_sums sums) {
  const row_param *params = p->row_params;
  uint32_t is_full = columns == GROUP;
  uint32_t size = params ? sizeof(float) : 1;
  float results[2 * GROUP];
  sum_output to = *output;
  if (!is_full) to.output = results;
  for (uint32_t r = 0; r < rows; r += 2) {
    uint32_t other = min_u32(r + 1, rows - 1);
    uint32_t places[2] = {(row + r) * p->columns + column, (row + other) * p->columns + column};
    uint32_t first = is_full ? places[0] : 0;
    uint32_t second = is_full ? places[1] : GROUP;
    i32x4 pair[4] = {load_i32x4(sums[r]), load_i32x4(sums[r] + 4), load_i32x4(sums[other]),
                     load_i32x4(sums[other] + 4)};
    if (params == NULL) {
      store_two_rows(&to, LIMITED, first, second, column, pair);
    } else {
      store_real(&to, first, column, params[row + r].scale, pair[0], pair[1]);
      store_real(&to, second, column, params[row + other].scale, pair[2], pair[3]);
    }
    for (uint32_t i = 0; !is_full && i < 2; i++) {
      __builtin_memcpy((char *)output->output + (size_t)places[i] * size,
                       (char *)results + i * GROUP * size, columns * size);
    }
  }
}

void sparse_q8(const sparse_q8_params *p, uint32_t thread, uint32_t threads) {
  grid_share part = share_grid(divide_up(p->rows, TILE_ROWS), divide_up(p->columns, GROUP), thread,
                               threads);
  uint8_t *lines = (uint8_t *)p->lines + (size_t)thread * p->line_bytes;
  const row_param *params = p->row_params;
  sum_output output = SUM_OUTPUT(p);
  i32x4 factors[TILE_ROWS / 4];
  sparse_matrix m = {lines, p->weights, p->indices, p->starts, p->heads, factors};
  tile_sums sums;
  if (part.columns.begin == part.columns.end) return;
  for (uint32_t tile = part.rows.begin; tile < part.rows.end; tile++) {
    uint32_t row = tile * TILE_ROWS;
    uint32_t rows = min_u32(TILE_ROWS, p->rows - row);
    make_lines((const uint8_t *)p->input + (size_t)row * p->depth, rows, p->depth, p->flip, lines);
    int32_t terms[TILE_ROWS];
    for (uint32_t r = 0; r < TILE_ROWS; r++) {
      int32_t zero = params ? params[row + min_u32(r, rows - 1)].zero : 1;
      terms[r] = params && p->flip ? zero + 128 : zero;
    }
    for (uint32_t v = 0; v < TILE_ROWS / 4; v++) factors[v] = load_i32x4(terms + 4 * v);
    for (uint32_t g = part.columns.begin; g < part.columns.end; g++) {
      uint32_t columns = min_u32(GROUP, p->columns - g * GROUP);
      multiply_group(&m, p->wide ? &by_pairs : &by_bytes, g, columns, p->block, sums);
      store_group(&output, p, row, rows, g * GROUP, columns, sums);
    }
  }
}
