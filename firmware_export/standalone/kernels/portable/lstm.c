/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "edge_lstm_cell.h"

/* A sum of products, scaled and clamped to 16 bits; sums may wrap. */
static int32_t weighted(const int8_t *weights, const int8_t *in, uint32_t size, int32_t bias,
                        int32_t multiplier, int32_t shift) {
  uint32_t sum = (uint32_t)bias;
  for (uint32_t i = 0; i < size; i++) {
    sum += (uint32_t)(weights[i] * in[i]);
  }
  return edge_word(edge_rescale_any(edge_wrap(sum), multiplier, shift));
}

static int32_t gate(const edge_lstm_t *p, const edge_lstm_gate_t *g, const int8_t *in,
                    const int8_t *hidden, uint32_t unit) {
  const int32_t given = weighted(g->weights + unit * p->inputs, in, p->inputs, g->bias[unit],
                                 g->multiplier, g->shift);
  const int32_t past =
      weighted(g->recurrent + unit * p->units, hidden, p->units, g->recurrent_bias[unit],
               g->recurrent_multiplier, g->recurrent_shift);
  return edge_word(given + past);
}

void edge_lstm(const edge_lstm_t *p, const int8_t *in, int8_t *hidden, int16_t *cells,
               int8_t *out) {
  for (uint32_t n = 0; n < p->batches; n++, hidden += p->units, cells += p->units) {
    const int8_t *x = in + n * p->in_batch;
    int8_t *y = out + n * p->out_batch;
    for (uint32_t t = 0; t < p->steps; t++, x += p->in_step, y += p->out_step) {
      for (uint32_t unit = 0; unit < p->units; unit++) {
        const edge_lstm_sums_t sums = {
            gate(p, &p->forget, x, hidden, unit), gate(p, &p->input, x, hidden, unit),
            gate(p, &p->cell, x, hidden, unit), gate(p, &p->output, x, hidden, unit)};
        const int32_t value = edge_lstm_cell(&p->cells, sums, cells + unit);
        y[unit] = (int8_t)edge_clamp(value + p->zero_point, -128, 127);
      }
      memcpy(hidden, y, p->units);
    }
  }
}
