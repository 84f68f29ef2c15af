/** Recurrent layers over whole sequences, float32. The threads share out the units of each step. */
#include "barrier.h"
#include "kernels.h"
#include "mathf.h"
#include "product_f32.h"

/** Codes of the schema's ActivationFunctionType. */
enum { NONE = 0, RELU = 1, RELU_N1_TO_1 = 2, RELU6 = 3, TANH = 4, SIGN_BIT = 5 };

INLINE f32x4 activate_f32x4(f32x4 x, uint32_t activation) {
  const f32x4 zero = splat_f32x4(0), one = splat_f32x4(1);
  switch (activation) {
    case RELU: return clamp_f32x4(x, zero, splat_f32x4(__builtin_inff()));
    case RELU_N1_TO_1: return clamp_f32x4(x, -one, one);
    case RELU6: return clamp_f32x4(x, zero, splat_f32x4(6));
    case TANH: return tanh_f32x4(x);
    case SIGN_BIT: return (f32x4)(((i32x4)x < 0) & (i32x4)one);
    default: return x;
  }
}

/** x limited to [-limit, limit], where limit is not 0. */
INLINE f32x4 clip_f32x4(f32x4 x, float limit) {
  return limit > 0 ? clamp_f32x4(x, splat_f32x4(-limit), splat_f32x4(limit)) : x;
}

/** A part of the units of a layer: panels of columns, and the columns in them. */
typedef struct {
  span panels;
  span units;
} part;

/** Multiplications in a step that take a thread as long as it takes threads to meet. */
#define THREAD_PRODUCTS 32768

/** How many of `threads` threads are worth meeting after steps of so many multiplications. */
static uint32_t workers_for(uint64_t products, uint32_t threads) {
  const uint64_t workers = products / THREAD_PRODUCTS;
  return workers < 1 ? 1 : workers < threads ? (uint32_t)workers : threads;
}

static part part_of(uint32_t units, uint32_t thread, uint32_t threads) {
  const span panels = share(divide_up(units, PANEL), 1, thread, threads);
  return (part){panels, {panels.begin * PANEL, min_u32(panels.end * PANEL, units)}};
}

/**
 * sums[r] += x[r] weights for some columns, all rows meeting a panel while it is in a cache. x and
 * sums have rows `x_row` and `sums_row` elements apart.
 */
static void add_products(span panels, uint32_t rows, const float *x, uint32_t x_row,
                         const float *weights, uint32_t depth, float *sums, uint32_t sums_row) {
  for (uint32_t p = panels.begin; p < panels.end;) {
    const uint32_t count = row_panels(panels.end - p);
    const float *panel = weights + (size_t)p * panel_size_f32(depth);
    for (uint32_t r = 0; r < rows; r++) {
      add_product(count, x + r * x_row, panel, depth, sums + r * sums_row + p * PANEL);
    }
    p += count;
  }
}

/** to[u] = from[u] for some units of each row. */
static void copy_units(span units, uint32_t rows, const float *from, uint32_t from_row, float *to,
                       uint32_t to_row) {
  for (uint32_t r = 0; r < rows; r++) {
    for (uint32_t u = units.begin; u < units.end; u++) to[r * to_row + u] = from[r * from_row + u];
  }
}

/**
 * h = activation(sums + h recurrent), the h of each step being its output; `state` [batch, units]
 * is h before the first step and after the last. Source: TFLite's RNN and
 * UNIDIRECTIONAL_SEQUENCE_RNN.
 */
void rnn_f32(const rnn_f32_params *p, uint32_t thread, uint32_t threads) {
  threads = workers_for((uint64_t)p->batch * p->units * p->units, threads);
  if (thread >= threads) return;
  const part own = part_of(p->units, thread, threads);
  const uint32_t sums_row = divide_up(p->units, PANEL) * PANEL, y_row = p->batch_step * p->units;
  const float *h = p->state;
  uint32_t h_row = p->units;
  for (uint32_t t = 0; t < p->time; t++) {
    float *sums = (float *)p->sums + (size_t)t * p->batch * sums_row;
    float *y = (float *)p->output + (size_t)t * p->time_step * p->units;
    add_products(own.panels, p->batch, h, h_row, p->recurrent, p->units, sums, sums_row);
    for (uint32_t b = 0; b < p->batch; b++) {
      for (uint32_t u = own.units.begin; u < own.units.end; u += 4) {
        const f32x4 sum = load_f32x4(sums + b * sums_row + u);
        store_lanes_f32x4(y + b * y_row + u, activate_f32x4(sum, p->activation),
                          min_u32(own.units.end - u, 4));
      }
    }
    meet(thread, threads);
    h = y;
    h_row = y_row;
  }
  copy_units(own.units, p->batch, h, h_row, (float *)p->state, p->units);
}

/** The gates, in the order in which they lie in memory. */
enum { INPUT_GATE = 0, CELL_GATE = 1, FORGET_GATE = 2, OUTPUT_GATE = 3 };

/** A step of an LSTM, as one thread sees it. */
typedef struct {
  const lstm_f32_params *p;
  uint32_t thread, threads;
  part cells;
  /** Elements from one gate's sums to the next's, and from one batch element's to the next's. */
  uint32_t gate_size, sums_row;
  /** The first gate's, of the first batch element. */
  float *sums;
} lstm_step;

static float *sums_of(const lstm_step *s, uint32_t gate, uint32_t b) {
  return s->sums + b * s->sums_row + (gate + s->p->gates - 4) * s->gate_size;
}

/** Adds what the gates get from the last output h. */
static void add_recurrence(const lstm_step *s, const float *h, uint32_t h_row) {
  const lstm_f32_params *p = s->p;
  const uint32_t depth = p->diagonal ? 1 : p->units;
  const size_t size = (size_t)(s->gate_size / PANEL) * panel_size_f32(depth);
  for (uint32_t g = 0; g < p->gates; g++) {
    const float *weights = (const float *)p->recurrent + g * size;
    float *sums = s->sums + g * s->gate_size;
    if (!p->diagonal) {
      add_products(s->cells.panels, p->batch, h, h_row, weights, depth, sums, s->sums_row);
      continue;
    }
    for (uint32_t b = 0; b < p->batch; b++) {
      for (uint32_t c = s->cells.units.begin; c < s->cells.units.end; c++) {
        const float *panel = weights + c / PANEL * panel_size_f32(depth) + PANEL;
        sums[b * s->sums_row + c] += panel[c % PANEL] * h[b * h_row + c];
      }
    }
  }
}

/** Adds to a gate what it sees of the cells. */
static void add_peephole(const lstm_step *s, uint32_t gate, const float *peephole) {
  if (!peephole) return;
  for (uint32_t b = 0; b < s->p->batch; b++) {
    const float *cells = (const float *)s->p->cell + b * s->p->cells;
    float *sums = sums_of(s, gate, b);
    for (uint32_t c = s->cells.units.begin; c < s->cells.units.end; c++) {
      sums[c] += peephole[c] * cells[c];
    }
  }
}

/** The sums of a gate, and how its layer normalization changes them, where it has one. */
typedef struct {
  const float *sums, *norm, *bias;
  float mean, factor;
} gate;

/** A gate whose sums are complete, for all cells where `norm` is not null. */
static gate gate_of(const lstm_step *s, uint32_t number, uint32_t b, const float *norm,
                    const float *bias) {
  gate g = {sums_of(s, number, b), norm, bias, 0, 1};
  if (norm) {
    const uint32_t cells = s->p->cells;
    double sum = 0, squares = 0;
    for (uint32_t c = 0; c < cells; c++) {
      sum += (double)g.sums[c];
      squares += (double)g.sums[c] * (double)g.sums[c];
    }
    const double mean = sum / cells, variance = squares / cells - mean * mean;
    g.mean = (float)mean;
    g.factor = (float)(1 / __builtin_sqrt((variance > 0 ? variance : 0) + 1e-8));
  }
  return g;
}

/** What goes into the activation of a gate for `lanes` cells from c on. */
INLINE f32x4 gate_value(const gate *g, uint32_t c, uint32_t lanes) {
  const f32x4 sum = load_f32x4(g->sums + c);
  if (!g->norm) return sum;
  const f32x4 scaled = (sum - g->mean) * g->factor * load_lanes_f32x4(g->norm + c, lanes);
  return g->bias ? scaled + load_lanes_f32x4(g->bias + c, lanes) : scaled;
}

/** cells = forget cells + input fresh; without an input gate it is 1 - forget. */
static void update_cells(const lstm_step *s, uint32_t b) {
  const lstm_f32_params *p = s->p;
  const uint32_t coupled = p->gates < 4;
  const gate fresh = gate_of(s, CELL_GATE, b, p->cell_norm, p->cell_bias);
  const gate forget = gate_of(s, FORGET_GATE, b, p->forget_norm, p->forget_bias);
  const gate input =
      coupled ? forget : gate_of(s, INPUT_GATE, b, p->input_norm, p->input_bias);
  float *cells = (float *)p->cell + b * p->cells;
  for (uint32_t c = s->cells.units.begin; c < s->cells.units.end; c += 4) {
    const uint32_t lanes = min_u32(s->cells.units.end - c, 4);
    const f32x4 kept = logistic_f32x4(gate_value(&forget, c, lanes));
    const f32x4 taken = coupled ? 1 - kept : logistic_f32x4(gate_value(&input, c, lanes));
    const f32x4 new = activate_f32x4(gate_value(&fresh, c, lanes), p->activation);
    const f32x4 sum = kept * load_lanes_f32x4(cells + c, lanes) + taken * new;
    store_lanes_f32x4(cells + c, clip_f32x4(sum, p->cell_clip), lanes);
  }
}

/** shown = what the output gate lets through of the cells. */
static void show_cells(const lstm_step *s, uint32_t b, float *shown) {
  const lstm_f32_params *p = s->p;
  const gate output = gate_of(s, OUTPUT_GATE, b, p->output_norm, p->output_bias);
  const float *cells = (const float *)p->cell + b * p->cells;
  for (uint32_t c = s->cells.units.begin; c < s->cells.units.end; c += 4) {
    const uint32_t lanes = min_u32(s->cells.units.end - c, 4);
    const f32x4 open = logistic_f32x4(gate_value(&output, c, lanes));
    const f32x4 value = activate_f32x4(load_lanes_f32x4(cells + c, lanes), p->activation);
    store_lanes_f32x4(shown + c, open * value, lanes);
  }
}

/** y = the projection of the shown cells of all threads, for some units. */
static void project(const lstm_f32_params *p, const part *own, float *y, uint32_t y_row) {
  const uint32_t size = panel_size_f32(p->cells), columns = divide_up(p->units, PANEL) * PANEL;
  float *sums = p->projected;
  for (uint32_t panel = own->panels.begin; panel < own->panels.end; panel++) {
    const float *bias = (const float *)p->projection + (size_t)panel * size;
    for (uint32_t b = 0; b < p->batch; b++) {
      for (uint32_t n = 0; n < PANEL; n++) sums[b * columns + panel * PANEL + n] = bias[n];
    }
  }
  add_products(own->panels, p->batch, p->shown, p->cells, p->projection, p->cells, sums, columns);
  for (uint32_t b = 0; b < p->batch; b++) {
    for (uint32_t u = own->units.begin; u < own->units.end; u += 4) {
      const f32x4 sum = load_f32x4(sums + b * columns + u);
      store_lanes_f32x4(y + b * y_row + u, clip_f32x4(sum, p->projection_clip),
                        min_u32(own->units.end - u, 4));
    }
  }
}

/**
 * An LSTM over a sequence. `sums` [time, batch, gates, cells padded to 8] holds what the gates get
 * from the inputs (and, without normalization, their biases), and in the end what goes into their
 * normalization or activation. The gates are those of the enum, or without the input gate, which
 * then is 1 - forget gate. `recurrent` is one matrix [units, cells] per gate, or one of a row where
 * `diagonal`, and `projection`, where not null, [cells, units] with a bias, in conv_f32's layout;
 * without one, units equal cells. Peephole weights to the cell state (the output gate sees the new
 * one), coefficients of layer normalization and the biases that follow it are [cells] or null.
 * hidden [batch, units] and cell [batch, cells] are the state before the first step and after the
 * last. Clips of 0 do nothing. `shown` [batch, cells] and `projected` [batch, units padded to 8] are
 * working space for a projection. Source: TFLite's LSTM and UNIDIRECTIONAL_SEQUENCE_LSTM;
 * Hochreiter and Schmidhuber, 1997.
 */
void lstm_f32(const lstm_f32_params *p, uint32_t thread, uint32_t threads) {
  const uint32_t depth = p->diagonal ? 1 : p->units;
  threads = workers_for((uint64_t)p->batch * p->gates * p->cells * depth, threads);
  if (thread >= threads) return;
  const part units = part_of(p->units, thread, threads);
  const uint32_t gate_size = divide_up(p->cells, PANEL) * PANEL, y_row = p->batch_step * p->units;
  const int is_normalized = p->forget_norm != 0;
  lstm_step s = {p,         thread,
                 threads,   part_of(p->cells, thread, threads),
                 gate_size, p->gates * gate_size,
                 p->sums};
  const float *h = p->hidden;
  uint32_t h_row = p->units;
  for (uint32_t t = 0; t < p->time; t++, s.sums += p->batch * s.sums_row) {
    float *y = (float *)p->output + (size_t)t * p->time_step * p->units;
    add_recurrence(&s, h, h_row);
    if (p->gates == 4) add_peephole(&s, INPUT_GATE, p->input_peephole);
    add_peephole(&s, FORGET_GATE, p->forget_peephole);
    if (is_normalized) meet(thread, threads);
    for (uint32_t b = 0; b < p->batch; b++) update_cells(&s, b);
    add_peephole(&s, OUTPUT_GATE, p->output_peephole);
    if (is_normalized) meet(thread, threads);
    for (uint32_t b = 0; b < p->batch; b++) {
      show_cells(&s, b, p->projection ? (float *)p->shown + b * p->cells : y + b * y_row);
    }
    meet(thread, threads);
    if (p->projection) {
      project(p, &units, y, y_row);
      meet(thread, threads);
    }
    h = y;
    h_row = y_row;
  }
  copy_units(units.units, p->batch, h, h_row, (float *)p->hidden, p->units);
}

/** The sum over i of a[i] b[i]. */
static float dot(const float *a, const float *b, uint32_t n) {
  f32x4 sum = splat_f32x4(0);
  uint32_t i = 0;
  for (; i + 4 <= n; i += 4) sum = madd_f32x4(load_f32x4(a + i), load_f32x4(b + i), sum);
  const uint32_t rest = n - i;
  sum = madd_f32x4(load_partial_f32x4(a + i, rest), load_partial_f32x4(b + i, rest), sum);
  return (sum[0] + sum[1]) + (sum[2] + sum[3]);
}

/**
 * A fully connected layer of rank `rank`, seen over the last `memory` inputs: each of the
 * units * rank filters adds weights[f] x to the end of its state [memory] and gives its product
 * with time_weights[f]; a unit sums those of its filters. weights [filters, features], time_weights
 * [filters, memory], bias [units] or null, state [batch, filters, memory].
 * Source: TFLite's SVDF; Nakkiran et al., 2015.
 */
void svdf_f32(const svdf_f32_params *p, uint32_t thread, uint32_t threads) {
  const float *weights = p->weights, *time_weights = p->time_weights, *bias = p->bias;
  const uint32_t filters = p->units * p->rank;
  const span s = share(p->batch * p->units, 1, thread, threads);
  for (uint32_t at = s.begin; at < s.end; at++) {
    const uint32_t b = at / p->units, unit = at % p->units;
    const float *x = (const float *)p->input + b * p->features;
    float sum = bias ? bias[unit] : 0;
    for (uint32_t r = 0; r < p->rank; r++) {
      const uint32_t f = unit * p->rank + r;
      float *state = (float *)p->state + (b * filters + f) * p->memory;
      for (uint32_t i = 0; i + 1 < p->memory; i++) state[i] = state[i + 1];
      state[p->memory - 1] = dot(weights + f * p->features, x, p->features);
      sum += dot(time_weights + f * p->memory, state, p->memory);
    }
    ((float *)p->output)[at] = activate_f32x4(splat_f32x4(sum), p->activation)[0];
  }
}
