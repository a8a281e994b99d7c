/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "edge_recurrent.h"
#include "edge_requantize.h"
#include "edge_wide_lookup.h"

static int32_t word(int32_t x) { return edge_clamp(x, INT16_MIN, INT16_MAX); }

/* A sum of products, scaled and clamped to 16 bits; sums may wrap. */
static int32_t weighted(const int8_t *weights, const int8_t *in, uint32_t size, int32_t bias,
                        int32_t multiplier, int32_t shift) {
  uint32_t sum = (uint32_t)bias;
  for (uint32_t i = 0; i < size; i++) {
    sum += (uint32_t)(weights[i] * in[i]);
  }
  return word(edge_rescale_any(edge_wrap(sum), multiplier, shift));
}

/* Thirds of 2^-12, before the gate's function. */
static int32_t gate(const edge_lstm_t *p, const edge_lstm_gate_t *g, const int8_t *in,
                    const int8_t *hidden, uint32_t unit) {
  const int32_t given = weighted(g->weights + unit * p->inputs, in, p->inputs, g->bias[unit],
                                 g->multiplier, g->shift);
  const int32_t past =
      weighted(g->recurrent + unit * p->units, hidden, p->units, g->recurrent_bias[unit],
               g->recurrent_multiplier, g->recurrent_shift);
  return word(given + past) * 3;
}

static int32_t scaled(int32_t a, int32_t b, int32_t multiplier, int32_t shift) {
  return edge_rescale_any(a * b, multiplier, shift);
}

/* The output of one unit; updates its cell. */
static int8_t unit_step(const edge_lstm_t *p, const int8_t *in, const int8_t *hidden,
                        int16_t *cells, uint32_t unit) {
  const int32_t forget = edge_wide_logistic_of(p->table, gate(p, &p->forget, in, hidden, unit));
  const int32_t input = edge_wide_logistic_of(p->table, gate(p, &p->input, in, hidden, unit));
  const int32_t change = edge_wide_tanh_of(p->table, gate(p, &p->cell, in, hidden, unit));
  const int32_t output = edge_wide_logistic_of(p->table, gate(p, &p->output, in, hidden, unit));
  const int32_t kept = word(scaled(forget, cells[unit], p->forget_multiplier, p->forget_shift));
  const int32_t added = word(scaled(input, change, p->input_multiplier, p->input_shift));
  int32_t cell = word(kept + added);
  if (p->clip > 0) {
    cell = edge_clamp(cell, -p->clip, p->clip);
  }
  cells[unit] = (int16_t)cell;
  const int32_t half = p->cell_shift ? 1 << (p->cell_shift - 1) : 0;
  const int32_t squashed =
      edge_wide_tanh_of(p->table, (cell * p->cell_factor + half) >> p->cell_shift);
  const int32_t value = scaled(squashed, output, p->output_multiplier, p->output_shift);
  return (int8_t)edge_clamp(value + p->zero_point, -128, 127);
}

void edge_lstm(const edge_lstm_t *p, const int8_t *in, int8_t *hidden, int16_t *cells,
               int8_t *out) {
  for (uint32_t n = 0; n < p->batches; n++) {
    const int8_t *x = in + n * p->in_batch;
    int8_t *y = out + n * p->out_batch;
    for (uint32_t t = 0; t < p->steps; t++, x += p->in_step, y += p->out_step) {
      for (uint32_t unit = 0; unit < p->units; unit++) {
        y[unit] = unit_step(p, x, hidden, cells, unit);
      }
      memcpy(hidden, y, p->units);
    }
    hidden += p->units;
    cells += p->units;
  }
}
