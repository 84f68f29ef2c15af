/**
 * Matrix products and convolutions of 8-bit integers by dot products of four bytes: conv_q8_dot of
 * kernels/convolution.ts.
 *
 * Activations stay bytes, zero points included; what the zero points add to a sum is known from the
 * weights and from the sums of patches, and is taken off where a sum begins.
 */
#include "kernels.h"
#include "product_q8.h"
#include "simd.h"

/** As DOT_TILE_ROWS of lower/product-q8.ts: as many rows as leave registers for weights. */
#define ROWS 6
#define QUAD 4
#define STEP_BYTES (PANEL * QUAD)

/** What a row's term does to the heads of a panel. */
typedef enum { NOTHING, TAKEN_OFF, TIMES } term_use;

INLINE i32x4 begin_sums(i32x4 heads, int32_t term, term_use use) {
  if (use == NOTHING) return heads;
  return use == TIMES ? heads * splat_i32x4(term) : heads - splat_i32x4(term);
}

/** Adds the products of four depths, the `step`th from `weights` and `in` on. */
INLINE void add_step(const char *weights, const uint8_t *const in[ROWS], uint32_t step,
                     i32x4 sums[ROWS][2]) {
  v128_t w0 = wasm_v128_load(weights + step * STEP_BYTES);
  v128_t w1 = wasm_v128_load(weights + step * STEP_BYTES + 16);
  for (uint32_t r = 0; r < ROWS; r++) {
    v128_t x = wasm_v128_load32_splat(in[r] + step * QUAD);
    sums[r][0] = dot_i8x16(w0, x, sums[r][0]);
    sums[r][1] = dot_i8x16(w1, x, sums[r][1]);
  }
}

/** The tiles of a block times one panel. */
INLINE void multiply_tiles(const panel_product *p, term_use use, sum_end end) {
  const row_block *b = p->block;
  for (uint32_t at = 0; at < b->rows; at += ROWS) {
    const char *weights = p->panel;
    i32x4 heads0 = load_i32x4((const int32_t *)weights);
    i32x4 heads1 = load_i32x4((const int32_t *)weights + 4);
    i32x4 sums[ROWS][2];
    const uint8_t *in[ROWS];
    for (uint32_t r = 0; r < ROWS; r++) {
      int32_t term = use == NOTHING ? 0 : b->term[at + r];
      sums[r][0] = begin_sums(heads0, term, use);
      sums[r][1] = begin_sums(heads1, term, use);
      in[r] = b->in[at + r];
    }
    weights += PANEL * sizeof(int32_t);
    if (p->steps % 2 != 0) {
      add_step(weights, in, 0, sums);
      weights += STEP_BYTES;
      for (uint32_t r = 0; r < ROWS; r++) in[r] += QUAD;
    }
#pragma clang loop unroll(disable)
    for (uint32_t i = p->steps / 2; i > 0; i--) {
      SETTLE(weights);
      for (uint32_t r = 0; r < ROWS; r++) SETTLE(in[r]);
      add_step(weights, in, 0, sums);
      for (uint32_t r = 0; r < ROWS; r++) {
        SETTLE_VECTOR(sums[r][0]);
        SETTLE_VECTOR(sums[r][1]);
      }
      add_step(weights, in, 1, sums);
      weights += 2 * STEP_BYTES;
      for (uint32_t r = 0; r < ROWS; r++) in[r] += 2 * QUAD;
    }
    finish_tile(p, at, ROWS, end, (const i32x4(*)[2])sums);
  }
}

/** The first row of a block times `panels` (a constant) panels. */
INLINE void multiply_row(const panel_product *p, uint32_t panels) {
  const row_block *b = p->block;
  const uint8_t *in = b->in[0];
  term_use use = p->output->row_params ? TIMES : TAKEN_OFF;
  i32x4 sums[2 * ROW_PANELS];
  const char *weights[ROW_PANELS];
  for (uint32_t i = 0; i < panels; i++) {
    const int32_t *heads = (const int32_t *)(p->panel + i * p->panel_bytes);
    sums[2 * i] = begin_sums(load_i32x4(heads), b->term[0], use);
    sums[2 * i + 1] = begin_sums(load_i32x4(heads + 4), b->term[0], use);
    weights[i] = (const char *)(heads + PANEL);
  }
#pragma clang loop unroll(disable)
  for (uint32_t k = 0; k < p->steps; k++, in += QUAD) {
    v128_t x = wasm_v128_load32_splat(in);
    for (uint32_t i = 0; i < panels; i++) {
      sums[2 * i] = dot_i8x16(wasm_v128_load(weights[i]), x, sums[2 * i]);
      sums[2 * i + 1] = dot_i8x16(wasm_v128_load(weights[i] + 16), x, sums[2 * i + 1]);
      weights[i] += STEP_BYTES;
    }
  }
  finish_row(p, panels, sums);
}

NOINLINE static void saturated(const panel_product *p) { multiply_tiles(p, NOTHING, SATURATED); }
NOINLINE static void saturated_less_term(const panel_product *p) {
  multiply_tiles(p, TAKEN_OFF, SATURATED);
}
NOINLINE static void limited(const panel_product *p) { multiply_tiles(p, TAKEN_OFF, LIMITED); }
NOINLINE static void real(const panel_product *p) { multiply_tiles(p, TIMES, REAL); }
NOINLINE static void multiply_row_panels(const panel_product *p) { multiply_row(p, ROW_PANELS); }
NOINLINE static void multiply_row_panel(const panel_product *p) { multiply_row(p, 1); }

/** By whether weights have a zero point, and sum_end. */
static const multiplier multipliers[2][3] = {
    {{ROWS, saturated, multiply_row_panels, multiply_row_panel},
     {ROWS, limited, multiply_row_panels, multiply_row_panel},
     {ROWS, real, multiply_row_panels, multiply_row_panel}},
    {{ROWS, saturated_less_term, multiply_row_panels, multiply_row_panel},
     {ROWS, limited, multiply_row_panels, multiply_row_panel},
     {ROWS, real, multiply_row_panels, multiply_row_panel}},
};

/** Copies `count` bytes with the bits of `flip` inverted; from 8 bytes on by overlapping vectors. */
INLINE void copy_bytes(uint8_t *to, const uint8_t *from, uint32_t count, v128_t flip) {
  if (count >= 16) {
    for (uint32_t i = 0; i < count - 16; i += 16) {
      wasm_v128_store(to + i, wasm_v128_xor(wasm_v128_load(from + i), flip));
    }
    wasm_v128_store(to + count - 16, wasm_v128_xor(wasm_v128_load(from + count - 16), flip));
  } else if (count >= 8) {
    v128_t last = wasm_v128_xor(wasm_v128_load64_zero(from + count - 8), flip);
    wasm_v128_store64_lane(to, wasm_v128_xor(wasm_v128_load64_zero(from), flip), 0);
    wasm_v128_store64_lane(to + count - 8, last, 0);
  } else {
    uint8_t bits = (uint8_t)wasm_u8x16_extract_lane(flip, 0);
    for (uint32_t i = 0; i < count; i++) to[i] = from[i] ^ bits;
  }
}

static void copy_plain(void *patch, uint32_t to, const void *input, uint32_t from, uint32_t count,
                       int32_t zero_point) {
  (void)zero_point;
  copy_bytes((uint8_t *)patch + to, (const uint8_t *)input + from, count,
             wasm_i8x16_const_splat(0));
}

static void copy_flipped(void *patch, uint32_t to, const void *input, uint32_t from,
                         uint32_t count, int32_t zero_point) {
  (void)zero_point;
  copy_bytes((uint8_t *)patch + to, (const uint8_t *)input + from, count,
             wasm_i8x16_const_splat(-128));
}

static void fill_bytes(void *patch, uint32_t to, uint32_t count, int32_t zero_point) {
  uint8_t *target = (uint8_t *)patch + to;
  for (uint32_t i = 0; i < count; i++) target[i] = (uint8_t)zero_point;
}

/** The sum of a patch's bytes, as the dot product takes them; `quads` times 4 bytes. */
INLINE int32_t sum_patch(const uint8_t *patch, uint32_t quads) {
  v128_t ones = wasm_i8x16_const_splat(1);
  i32x4 sums = splat_i32x4(0);
  for (; quads >= 4; quads -= 4, patch += 16) {
    sums = dot_i8x16(ones, wasm_v128_load(patch), sums);
  }
  for (; quads > 0; quads--, patch += 4) {
    sums = dot_i8x16(ones, wasm_v128_load32_zero(patch), sums);
  }
  return sums[0] + sums[1] + sums[2] + sums[3];
}

/** Bytes of a run that one vector holds, and most of such runs that a patch has. */
#define SHORT_RUN 16
#define SHORT_RUNS 8

/** Patches of few bytes in each of few rows of an image, as windows on colours see. */
typedef struct {
  uint32_t runs;
  /** From the pixel under a row's place to each run, and from the patch's begin. */
  int32_t from[SHORT_RUNS];
  uint32_t to[SHORT_RUNS];
  patch_reach reach;
  /** The last place in memory that a vector may be read from. */
  const uint8_t *last;
} short_patch;

/** Without runs where patches are not of that kind. */
static short_patch short_patch_of(const conv_problem *c, const uint8_t *all_input) {
  short_patch patch = {.reach = reach_of(c)};
  const size_t pixels = (size_t)c->images * c->in_d * c->in_h * c->in_w;
  if (c->runs > SHORT_RUNS || pixels * c->in_pixel < SHORT_RUN) return patch;
  patch.last = all_input + pixels * c->in_pixel - SHORT_RUN;
  uint32_t to = 0;
  for (uint32_t r = 0; r < c->runs; r++) {
    const patch_run *run = &c->run[r];
    const uint32_t bytes = run->pixels * c->channels;
    if (bytes > SHORT_RUN) return patch;
    patch.from[r] = run_element(c, run);
    patch.to[r] = to;
    to += bytes;
  }
  patch.runs = c->runs;
  return patch;
}

/** How many of `rows` neighbours, the first with its place at `pixel`, can be read by vectors. */
static uint32_t readable_rows(const conv_problem *c, const short_patch *p, const uint8_t *pixel,
                              uint32_t rows) {
  for (uint32_t r = 0; r < p->runs; r++) {
    const intptr_t room = (intptr_t)p->last - ((intptr_t)pixel + p->from[r]);
    if (room < 0) return 0;
    rows = min_u32(rows, (uint32_t)room / (c->stride_w * c->in_pixel) + 1);
  }
  return rows;
}

/**
 * Gathers patches of `runs` runs `size` bytes apart that are inside the image; writes up to SHORT_RUN bytes
 * past them.
 */
INLINE void gather_runs(const conv_problem *c, const short_patch *p, uint32_t runs,
                        const uint8_t *pixel, uint32_t rows, uint8_t *patches, uint32_t size,
                        v128_t flip) {
  const uint32_t step = c->stride_w * c->in_pixel;
  const uint8_t *from[SHORT_RUNS];
  uint8_t *to[SHORT_RUNS];
  for (uint32_t r = 0; r < runs; r++) {
    from[r] = pixel + p->from[r];
    to[r] = patches + p->to[r];
  }
  for (uint32_t i = 0; i < rows; i++) {
    /* What one run writes too much, the next ones and the next patch write over. */
    for (uint32_t r = 0; r < runs; r++) {
      wasm_v128_store(to[r] + i * size, wasm_v128_xor(wasm_v128_load(from[r] + i * step), flip));
    }
  }
}

/** The same; most windows are 3 high. */
static void gather_short(const conv_problem *c, const short_patch *p, const uint8_t *pixel,
                         uint32_t rows, uint8_t *patches, uint32_t size, v128_t flip) {
  if (p->runs == 3) gather_runs(c, p, 3, pixel, rows, patches, size, flip);
  else gather_runs(c, p, p->runs, pixel, rows, patches, size, flip);
}

/** Gathers the patches of `rows` rows that neighbour in w from `at` on, `size` bytes each. */
static void gather_line(const conv_q8_dot_params *p, const conv_problem *c,
                        const short_patch *form, const uint8_t *input, grid_point at,
                        uint32_t rows, uint8_t *patches, uint32_t size) {
  const v128_t flip = wasm_i8x16_splat((int8_t)p->flip);
  const int32_t zero = p->row_params ? ((const row_param *)p->row_params)[at.n].zero : p->input_zero;
  const int32_t pad = zero ^ (int32_t)p->flip;
  const span inside = form->runs > 0 ? columns_inside(c, &form->reach, at) : (span){0, 0};
  for (const uint32_t end = at.w + rows; at.w < end;) {
    const uint8_t *pixel = input + input_element(c, at.n, at.d * c->stride_d, at.h * c->stride_h,
                                                 at.w * c->stride_w);
    uint32_t count = 0;
    if (at.w >= inside.begin && at.w < inside.end) {
      count = readable_rows(c, form, pixel, min_u32(inside.end, end) - at.w);
    }
    if (count > 0) {
      gather_short(c, form, pixel, count, patches, size, flip);
    } else {
      count = (at.w < inside.begin ? min_u32(inside.begin, end) : end) - at.w;
      if (p->flip) gather_patches(c, input, at, count, patches, size, pad, copy_flipped, fill_bytes);
      else gather_patches(c, input, at, count, patches, size, pad, copy_plain, fill_bytes);
    }
    patches += count * size;
    at.w += count;
  }
}

/** Gathers or copies the patches of `rows` rows from `at` on, `size` bytes each. */
INLINE void gather_rows(const conv_q8_dot_params *p, const conv_problem *c, const uint8_t *input,
                        grid_point at, uint8_t *patches, uint32_t rows, uint32_t size) {
  if (p->direct && size == c->depth && rows_are_dense(c)) {
    v128_t flip = wasm_i8x16_splat((int8_t)p->flip);
    copy_bytes(patches, input + first_element(c, at), rows * size, flip);
    return;
  }
  const short_patch form = short_patch_of(c, p->input);
  for (uint32_t r = 0; r < rows;) {
    uint32_t count = min_u32(rows - r, c->grid_w - at.w);
    gather_line(p, c, &form, input, at, count, patches + r * size, size);
    at.w += count - 1;
    next_point(c, &at);
    r += count;
  }
  /* The weights past the last depth are zeros, so that only sums of patches see what is there. */
  if (size == c->depth || p->weight_zero == 0) return;
  for (uint32_t r = 0; r < rows; r++) fill_bytes(patches + r * size, c->depth, size - c->depth, 0);
}

/** Finds or gathers the patches of `rows` rows from `first_row` of an item on. */
NOINLINE static void prepare_rows(const void *params, const conv_problem *c, const conv_item *item,
                                  void *patches, uint32_t first_row, uint32_t rows,
                                  row_block *block) {
  const conv_q8_dot_params *p = params;
  const uint8_t *input = (const uint8_t *)p->input + item->input;
  const row_param *row_params = p->row_params;
  uint32_t quads = divide_up(c->depth, QUAD);
  grid_point at = point_of_row(c, first_row);
  place_rows(block, c, item, at, rows);
  if (p->direct && !p->flip && c->depth % QUAD == 0) {
    for (uint32_t r = 0; r < rows; r++, next_point(c, &at)) {
      block->in[r] = input + first_element(c, at);
    }
  } else {
    gather_rows(p, c, input, at, patches, rows, quads * QUAD);
    for (uint32_t r = 0; r < rows; r++) block->in[r] = (uint8_t *)patches + r * quads * QUAD;
  }
  if (row_params) {
    int32_t shift = p->flip ? 128 : 0;
    for (uint32_t r = 0; r < rows; r++) block->term[r] = row_params[block->image[r]].zero + shift;
  } else {
    for (uint32_t r = 0; r < rows; r++) {
      block->term[r] = p->weight_zero ? p->weight_zero * sum_patch(block->in[r], quads) : 0;
    }
  }
}

void conv_q8_dot(const conv_q8_dot_params *p, uint32_t thread, uint32_t threads) {
  conv_problem c = CONV_PROBLEM(p);
  sum_output output = SUM_OUTPUT(p);
  uint8_t *patches = (uint8_t *)p->patches + (size_t)thread * p->patch_bytes;
  const multiplier *m = &multipliers[p->weight_zero != 0][output.end];
  multiply_problem(&c, &output, m, p->weights, divide_up(c.depth, QUAD), STEP_BYTES, patches, p,
                   prepare_rows, thread, threads);
}
