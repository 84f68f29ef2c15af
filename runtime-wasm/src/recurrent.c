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

static float dot(const float *a, const float *b, uint32_t n) {
  f32x4 first = splat_f32x4(0), second = splat_f32x4(0);
  uint32_t i = 0;
  for (; i + 8 <= n; i += 8) {
    first = madd_f32x4(load_f32x4(a + i), load_f32x4(b + i), first);
    second = madd_f32x4(load_f32x4(a + i + 4), load_f32x4(b + i + 4), second);
  }
  first += second;
  float sum = (first[0] + first[1]) + (first[2] + first[3]);
  for (; i < n; i++) sum += a[i] * b[i];
  return sum;
}

/** The products of four rows of a matrix, `row` elements apart, with b: the sums that dot gives. */
INLINE f32x4 dot_of_four(const float *a, uint32_t row, const float *b, uint32_t n) {
  f32x4 first[4], second[4];
  const float *rows[4];
  for (uint32_t r = 0; r < 4; r++) {
    first[r] = second[r] = splat_f32x4(0);
    rows[r] = a + r * row;
  }
  uint32_t i = 0;
  for (; i + 8 <= n; i += 8) {
    const f32x4 x = load_f32x4(b + i), y = load_f32x4(b + i + 4);
    for (uint32_t r = 0; r < 4; r++) {
      first[r] = madd_f32x4(load_f32x4(rows[r] + i), x, first[r]);
      second[r] = madd_f32x4(load_f32x4(rows[r] + i + 4), y, second[r]);
    }
  }
  f32x4 sums;
  for (uint32_t r = 0; r < 4; r++) {
    first[r] += second[r];
    float sum = (first[r][0] + first[r][1]) + (first[r][2] + first[r][3]);
    for (uint32_t k = i; k < n; k++) sum += rows[r][k] * b[k];
    sums[r] = sum;
  }
  return sums;
}

static f32x4 activate_lanes(f32x4 x, uint32_t activation) {
  const f32x4 zero = splat_f32x4(0), one = splat_f32x4(1);
  switch (activation) {
    case RELU: return select_f32x4(x < zero, zero, x);
    case RELU_N1_TO_1: return clamp_f32x4(x, -one, one);
    case RELU6: return clamp_f32x4(x, zero, splat_f32x4(6));
    case TANH: return tanh_f32x4(x);
    case SIGN_BIT: return select_f32x4((i32x4)x < 0, one, zero);
    default: return x;
  }
}

static float activate(float x, uint32_t activation) {
  return activate_lanes(splat_f32x4(x), activation)[0];
}

/** x limited to [-limit, limit], where limit is not 0. */
INLINE f32x4 clip_lanes(f32x4 x, float limit) {
  return limit > 0 ? clamp_f32x4(x, splat_f32x4(-limit), splat_f32x4(limit)) : x;
}

/** x limited to [-limit, limit], where limit is not 0. */
INLINE float clip(float x, float limit) {
  return !(limit > 0) ? x : x < -limit ? -limit : x > limit ? limit : x;
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
      for (uint32_t u = 0; u < p->units; u++) {
        const float sum = dot(weights + u * p->features, x, p->features) +
                          dot(recurrent + u * p->units, h, p->units) + bias[u];
        y[u] = activate(sum, p->activation);
      }
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

/** What a gate gets from the input and the last output. */
static void gate_sums(const lstm_f32_params *p, const gate *g, const float *x, const float *h,
                      float *sums) {
  uint32_t c = 0;
  for (; c + 4 <= p->cells; c += 4) {
    f32x4 four = dot_of_four(g->weights + c * p->input_row, p->input_row, x, p->features);
    if (p->diagonal) {
      four += load_f32x4(g->recurrent + c) * load_f32x4(h + c);
    } else {
      const float *recurrent = g->recurrent + c * p->recurrent_row;
      four += dot_of_four(recurrent, p->recurrent_row, h, p->units);
    }
    store_f32x4(sums + c, four);
  }
  for (; c < p->cells; c++) {
    sums[c] = dot(g->weights + c * p->input_row, x, p->features);
    if (p->diagonal) sums[c] += g->recurrent[c] * h[c];
    else sums[c] += dot(g->recurrent + c * p->recurrent_row, h, p->units);
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

/** A time step of a batch element: sums [4, cells], h [units], cells [cells], y [units] or null. */
static void lstm_step(const lstm_f32_params *p, const gate *gates, const float *x, float *h,
                      float *cells, float *sums, float *y) {
  const int has_input_gate = gates[INPUT_GATE].weights != 0;
  float *input = sums + INPUT_GATE * p->cells, *fresh = sums + CELL_GATE * p->cells;
  float *forget = sums + FORGET_GATE * p->cells, *output = sums + OUTPUT_GATE * p->cells;
  for (uint32_t g = has_input_gate ? INPUT_GATE : CELL_GATE; g <= OUTPUT_GATE; g++) {
    gate_sums(p, gates + g, x, h, sums + g * p->cells);
  }
  if (has_input_gate) gate_finish(p, gates + INPUT_GATE, cells, input);
  gate_finish(p, gates + CELL_GATE, cells, fresh);
  gate_finish(p, gates + FORGET_GATE, cells, forget);
  for (uint32_t c = 0; c < p->cells; c += 4) {
    const uint32_t lanes = min_u32(4, p->cells - c);
    const f32x4 kept = logistic_f32x4(load_lanes_f32x4(forget + c, lanes));
    const f32x4 taken = has_input_gate ? logistic_f32x4(load_lanes_f32x4(input + c, lanes)) : 1.0f - kept;
    const f32x4 added = taken * activate_lanes(load_lanes_f32x4(fresh + c, lanes), p->activation);
    const f32x4 cell = kept * load_lanes_f32x4(cells + c, lanes) + added;
    store_lanes_f32x4(cells + c, clip_lanes(cell, p->cell_clip), lanes);
  }
  gate_finish(p, gates + OUTPUT_GATE, cells, output);
  const float *projection = p->projection, *bias = p->projection_bias;
  float *raw = projection ? input : h;
  for (uint32_t c = 0; c < p->cells; c += 4) {
    const uint32_t lanes = min_u32(4, p->cells - c);
    const f32x4 activated = activate_lanes(load_lanes_f32x4(cells + c, lanes), p->activation);
    store_lanes_f32x4(raw + c, logistic_f32x4(load_lanes_f32x4(output + c, lanes)) * activated, lanes);
  }
  if (projection) {
    for (uint32_t u = 0; u < p->units; u++) {
      const float sum = dot(projection + u * p->cells, raw, p->cells) + (bias ? bias[u] : 0);
      h[u] = clip(sum, p->projection_clip);
    }
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
 * nothing. `gates` is [batch, 4, cells]: in the end the sums before the gates' activations of the
 * last step, in the order of the enum, where there is no projection. `output` may be null.
 * Source: TFLite's LSTM and UNIDIRECTIONAL_SEQUENCE_LSTM; Hochreiter and Schmidhuber, 1997.
 */
void lstm_f32(const lstm_f32_params *p, uint32_t thread, uint32_t threads) {
  const gate gates[4] = {
      {p->input_weights, p->input_recurrent, p->input_peephole, p->input_bias, p->input_norm},
      {p->cell_weights, p->cell_recurrent, 0, p->cell_bias, p->cell_norm},
      {p->forget_weights, p->forget_recurrent, p->forget_peephole, p->forget_bias, p->forget_norm},
      {p->output_weights, p->output_recurrent, p->output_peephole, p->output_bias, p->output_norm},
  };
  const span s = share(p->batch, 1, thread, threads);
  for (uint32_t b = s.begin; b < s.end; b++) {
    float *sums = (float *)p->gates + b * 4 * p->cells;
    for (uint32_t t = 0; t < p->time; t++) {
      const uint32_t row = b * p->batch_step + t * p->time_step;
      lstm_step(p, gates, (const float *)p->input + row * p->features,
                (float *)p->hidden + b * p->units, (float *)p->cell + b * p->cells, sums,
                p->output ? (float *)p->output + row * p->units : 0);
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
      state[p->memory - 1] = dot(weights + f * p->features, x, p->features);
      sum += dot(time_weights + f * p->memory, state, p->memory);
    }
    ((float *)p->output)[at] = activate(sum, p->activation);
  }
}
