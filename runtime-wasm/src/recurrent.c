/**
 * Recurrent layers over whole sequences, float32. Batch elements are shared out to the threads.
 *
 * Element (b, t) of a sequence is `features` numbers from b * batch_step + t * time_step on, of the
 * output `units` numbers from the same place in rows: the steps count rows. Weights are row-major
 * with rows `input_row` or `recurrent_row` elements apart.
 */
#include "kernels.h"
#include "mathf.h"

/** Codes of the schema's ActivationFunctionType. */
enum { NONE = 0, RELU = 1, RELU_N1_TO_1 = 2, RELU6 = 3, TANH = 4, SIGN_BIT = 5 };

/** Time steps whose products with the input's weights are made together, to read these once. */
#define STEPS 4

/**
 * sums[t * sums_step + r] = weights[r] x[t], or that much more where `adds`, for `rows` rows and
 * `steps` (both constants) vectors of n numbers. Every sum is made in the same order, however many
 * are made at a time. More rows at a time, or more steps of the loop, run out of registers for
 * their addresses.
 */
INLINE void multiply_tile(uint32_t rows, uint32_t steps, uint32_t adds, const float *weights,
                          uint32_t weights_row, const float *x, uint32_t x_step, uint32_t n,
                          float *sums, uint32_t sums_step) {
  f32x4 total[6][STEPS];
  for (uint32_t r = 0; r < rows; r++) {
    for (uint32_t t = 0; t < steps; t++) total[r][t] = splat_f32x4(0);
  }
  uint32_t i = 0;
#pragma clang loop unroll_count(2)
  for (; i + 4 <= n; i += 4) {
    f32x4 values[STEPS];
    for (uint32_t t = 0; t < steps; t++) values[t] = load_f32x4(x + t * x_step + i);
    for (uint32_t r = 0; r < rows; r++) {
      const f32x4 weight = load_f32x4(weights + r * weights_row + i);
      for (uint32_t t = 0; t < steps; t++) {
        total[r][t] = madd_f32x4(weight, values[t], total[r][t]);
      }
    }
  }
  for (uint32_t r = 0; r < rows && i < n; r++) {
    const f32x4 weight = load_partial_f32x4(weights + r * weights_row + i, n - i);
    for (uint32_t t = 0; t < steps; t++) {
      total[r][t] = madd_f32x4(weight, load_partial_f32x4(x + t * x_step + i, n - i), total[r][t]);
    }
  }
  for (uint32_t r = 0; r < rows; r++) {
    for (uint32_t t = 0; t < steps; t++) {
      const f32x4 sum = total[r][t];
      float *to = sums + t * sums_step + r;
      *to = (adds ? *to : 0) + ((sum[0] + sum[1]) + (sum[2] + sum[3]));
    }
  }
}

#define TILE_ARGUMENTS                                                                  \
  const float *weights, uint32_t weights_row, const float *x, uint32_t x_step, uint32_t n, \
      float *sums, uint32_t sums_step
#define TILE_VALUES weights, weights_row, x, x_step, n, sums, sums_step

NOINLINE static void multiply_4_rows_4_steps(TILE_ARGUMENTS) {
  multiply_tile(4, STEPS, 0, TILE_VALUES);
}
NOINLINE static void multiply_row(TILE_ARGUMENTS) { multiply_tile(1, 1, 0, TILE_VALUES); }
NOINLINE static void add_6_rows(TILE_ARGUMENTS) { multiply_tile(6, 1, 1, TILE_VALUES); }
NOINLINE static void add_row(TILE_ARGUMENTS) { multiply_tile(1, 1, 1, TILE_VALUES); }

/** sums[t, r] = weights[r] x[t] for all rows of a matrix and some vectors. */
static void multiply_rows(uint32_t rows, uint32_t steps, TILE_ARGUMENTS) {
  uint32_t r = 0;
  if (steps == STEPS) {
    for (; r + 4 <= rows; r += 4) {
      multiply_4_rows_4_steps(weights + r * weights_row, weights_row, x, x_step, n, sums + r,
                              sums_step);
    }
  }
  for (; r < rows; r++) {
    for (uint32_t t = 0; t < steps; t++) {
      multiply_row(weights + r * weights_row, weights_row, x + t * x_step, x_step, n,
                   sums + t * sums_step + r, sums_step);
    }
  }
}

/** sums[r] += weights[r] x for all rows of a matrix. */
static void add_rows(uint32_t rows, const float *weights, uint32_t weights_row, const float *x,
                     uint32_t n, float *sums) {
  uint32_t r = 0;
  for (; r + 6 <= rows; r += 6) {
    add_6_rows(weights + r * weights_row, weights_row, x, 0, n, sums + r, 0);
  }
  for (; r < rows; r++) add_row(weights + r * weights_row, weights_row, x, 0, n, sums + r, 0);
}

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

/** y[i] = activation(x[i]). */
static void activate_row(const float *x, float *y, uint32_t n, uint32_t activation) {
  for (uint32_t i = 0; i < n; i += 4) {
    const uint32_t lanes = n - i < 4 ? n - i : 4;
    store_lanes_f32x4(y + i, activate_f32x4(load_lanes_f32x4(x + i, lanes), activation), lanes);
  }
}

/** x limited to [-limit, limit], where limit is not 0. */
INLINE f32x4 clip_f32x4(f32x4 x, float limit) {
  return limit > 0 ? clamp_f32x4(x, splat_f32x4(-limit), splat_f32x4(limit)) : x;
}

/**
 * h = activation(weights x + recurrent h + bias), the h of each step being its output; `state`
 * [batch, units] is h before the first step and after the last. weights are [units, features],
 * recurrent [units, units]. Source: TFLite's RNN and UNIDIRECTIONAL_SEQUENCE_RNN.
 */
void rnn_f32(const rnn_f32_params *p, uint32_t thread, uint32_t threads) {
  const float *weights = p->weights, *recurrent = p->recurrent, *bias = p->bias;
  const span s = share(p->batch, 1, thread, threads);
  for (uint32_t b = s.begin; b < s.end; b++) {
    float *h = (float *)p->state + b * p->units;
    for (uint32_t t = 0; t < p->time; t++) {
      const uint32_t row = b * p->batch_step + t * p->time_step;
      const float *x = (const float *)p->input + row * p->features;
      float *y = (float *)p->output + row * p->units;
      multiply_rows(p->units, 1, weights, p->features, x, 0, p->features, y, 0);
      add_rows(p->units, recurrent, p->units, h, p->units, y);
      for (uint32_t u = 0; u < p->units; u++) y[u] += bias[u];
      activate_row(y, y, p->units, p->activation);
      for (uint32_t u = 0; u < p->units; u++) h[u] = y[u];
    }
  }
}

/** The gates, in the order in which they lie in memory. */
enum { INPUT_GATE = 0, CELL_GATE = 1, FORGET_GATE = 2, OUTPUT_GATE = 3 };

/** One gate of an LSTM: pointers that may be null are. */
typedef struct {
  const float *weights, *recurrent, *peephole, *bias, *norm;
} gate;

/** What a gate gets from the inputs of some steps: sums[t * sums_step + c]. */
static void gate_inputs(const lstm_f32_params *p, const gate *g, const float *x, uint32_t steps,
                        float *sums) {
  multiply_rows(p->cells, steps, g->weights, p->input_row, x, p->time_step * p->features,
                p->features, sums, 4 * p->cells);
}

/** What a gate gets from the last output beside. */
static void gate_recurrence(const lstm_f32_params *p, const gate *g, const float *h, float *sums) {
  if (p->diagonal) {
    for (uint32_t c = 0; c < p->cells; c++) sums[c] += g->recurrent[c] * h[c];
  } else {
    add_rows(p->cells, g->recurrent, p->recurrent_row, h, p->units, sums);
  }
}

/** Adds the peephole to the cells, normalizes by the cells' mean and deviation, adds the bias. */
static void gate_finish(const lstm_f32_params *p, const gate *g, const float *cells, float *sums) {
  if (g->peephole) {
    for (uint32_t c = 0; c < p->cells; c++) sums[c] += g->peephole[c] * cells[c];
  }
  if (g->norm) {
    double sum = 0, squares = 0;
    for (uint32_t c = 0; c < p->cells; c++) {
      sum += (double)sums[c];
      squares += (double)sums[c] * (double)sums[c];
    }
    const double mean = sum / p->cells, variance = squares / p->cells - mean * mean;
    const float factor = (float)(1 / __builtin_sqrt((variance > 0 ? variance : 0) + 1e-8));
    for (uint32_t c = 0; c < p->cells; c++) {
      sums[c] = (sums[c] - (float)mean) * factor * g->norm[c];
    }
  }
  if (g->bias) {
    for (uint32_t c = 0; c < p->cells; c++) sums[c] += g->bias[c];
  }
}

/** cells = forget cells + input fresh, by the gates' sums; without an input gate it is 1 - forget. */
static void update_cells(const lstm_f32_params *p, const float *input, const float *fresh,
                         const float *forget, float *cells) {
  for (uint32_t c = 0; c < p->cells; c += 4) {
    const uint32_t lanes = p->cells - c < 4 ? p->cells - c : 4;
    const f32x4 kept = logistic_f32x4(load_lanes_f32x4(forget + c, lanes));
    const f32x4 taken = input ? logistic_f32x4(load_lanes_f32x4(input + c, lanes)) : 1 - kept;
    const f32x4 new = activate_f32x4(load_lanes_f32x4(fresh + c, lanes), p->activation);
    const f32x4 sum = kept * load_lanes_f32x4(cells + c, lanes) + taken * new;
    store_lanes_f32x4(cells + c, clip_f32x4(sum, p->cell_clip), lanes);
  }
}

/** What the output gate lets through of the cells. */
static void show_cells(const lstm_f32_params *p, const float *output, const float *cells,
                       float *shown) {
  for (uint32_t c = 0; c < p->cells; c += 4) {
    const uint32_t lanes = p->cells - c < 4 ? p->cells - c : 4;
    const f32x4 open = logistic_f32x4(load_lanes_f32x4(output + c, lanes));
    const f32x4 value = activate_f32x4(load_lanes_f32x4(cells + c, lanes), p->activation);
    store_lanes_f32x4(shown + c, open * value, lanes);
  }
}

/**
 * A time step of a batch element: sums [4, cells] hold what the gates get from its input, h [units],
 * cells [cells], y [units] or null.
 */
static void lstm_step(const lstm_f32_params *p, const gate *gates, float *h, float *cells,
                      float *sums, float *y) {
  float *input = gates[INPUT_GATE].weights ? sums + INPUT_GATE * p->cells : 0;
  float *fresh = sums + CELL_GATE * p->cells, *forget = sums + FORGET_GATE * p->cells;
  float *output = sums + OUTPUT_GATE * p->cells;
  for (uint32_t g = input ? INPUT_GATE : CELL_GATE; g <= OUTPUT_GATE; g++) {
    gate_recurrence(p, gates + g, h, sums + g * p->cells);
  }
  if (input) gate_finish(p, gates + INPUT_GATE, cells, input);
  gate_finish(p, gates + CELL_GATE, cells, fresh);
  gate_finish(p, gates + FORGET_GATE, cells, forget);
  update_cells(p, input, fresh, forget, cells);
  gate_finish(p, gates + OUTPUT_GATE, cells, output);
  if (p->projection) {
    const float *bias = p->projection_bias;
    // The sums of the input gate are not needed any more.
    show_cells(p, output, cells, sums);
    multiply_rows(p->units, 1, p->projection, p->cells, sums, 0, p->cells, h, 0);
    for (uint32_t u = 0; u < p->units; u++) {
      h[u] = clip_f32x4(splat_f32x4(h[u] + (bias ? bias[u] : 0)), p->projection_clip)[0];
    }
  } else {
    show_cells(p, output, cells, h);
  }
  if (y) {
    for (uint32_t u = 0; u < p->units; u++) y[u] = h[u];
  }
}

/**
 * An LSTM over a sequence. Per gate: weights [cells, features] and recurrent [cells, units] (or
 * [cells] where `diagonal`), and, where they are not null, peephole weights [cells] to the cell
 * state (the output gate sees the new one), layer normalization coefficients [cells] and a bias
 * [cells]. Without input gate weights the input gate is 1 - forget gate. The projection, where not
 * null, is [units, cells] with a bias [units]; otherwise units equal cells. hidden [batch, units]
 * and cell [batch, cells] are the state before the first step and after the last. Clips of 0 do
 * nothing. `gates` is [batch, 4, cells], or null: in the end the sums before the gates' activations
 * of the last step, in the order of the enum, where there is no projection. `output` may be null.
 * `sums` is per thread STEPS x [4, cells].
 * Source: TFLite's LSTM and UNIDIRECTIONAL_SEQUENCE_LSTM; Hochreiter and Schmidhuber, 1997.
 */
void lstm_f32(const lstm_f32_params *p, uint32_t thread, uint32_t threads) {
  const gate gates[4] = {
      {p->input_weights, p->input_recurrent, p->input_peephole, p->input_bias, p->input_norm},
      {p->cell_weights, p->cell_recurrent, 0, p->cell_bias, p->cell_norm},
      {p->forget_weights, p->forget_recurrent, p->forget_peephole, p->forget_bias, p->forget_norm},
      {p->output_weights, p->output_recurrent, p->output_peephole, p->output_bias, p->output_norm},
  };
  const uint32_t first = gates[INPUT_GATE].weights ? INPUT_GATE : CELL_GATE;
  const uint32_t size = 4 * p->cells;
  float *sums = (float *)p->sums + (size_t)thread * p->sums_bytes / sizeof(float);
  const span s = share(p->batch, 1, thread, threads);
  for (uint32_t b = s.begin; b < s.end; b++) {
    float *h = (float *)p->hidden + b * p->units, *cells = (float *)p->cell + b * p->cells;
    const float *last = sums;
    for (uint32_t t = 0; t < p->time; t += STEPS) {
      const uint32_t steps = p->time - t < STEPS ? p->time - t : STEPS;
      const uint32_t row = b * p->batch_step + t * p->time_step;
      for (uint32_t g = first; g <= OUTPUT_GATE; g++) {
        gate_inputs(p, gates + g, (const float *)p->input + row * p->features, steps,
                    sums + g * p->cells);
      }
      for (uint32_t k = 0; k < steps; k++) {
        float *y = p->output ? (float *)p->output + (row + k * p->time_step) * p->units : 0;
        lstm_step(p, gates, h, cells, sums + k * size, y);
      }
      last = sums + (steps - 1) * size;
    }
    if (p->gates) {
      for (uint32_t i = 0; i < size; i++) ((float *)p->gates)[b * size + i] = last[i];
    }
  }
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
      multiply_row(weights + f * p->features, 0, x, 0, p->features, state + p->memory - 1, 0);
      add_row(time_weights + f * p->memory, 0, state, 0, p->memory, &sum, 0);
    }
    ((float *)p->output)[at] = activate_f32x4(splat_f32x4(sum), p->activation)[0];
  }
}
