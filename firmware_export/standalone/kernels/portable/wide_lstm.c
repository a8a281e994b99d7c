/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "edge_lstm_cell.h"
#include "edge_wide_scale.h"

/* A sum of products, scaled and clamped to 16 bits. */
static int32_t weighted(const int8_t *weights, const int16_t *in, uint32_t size, int64_t bias,
                        int32_t multiplier, int32_t shift) {
  const int64_t sum = edge_wide_dot(in, weights, size) + bias;
  return edge_word(edge_wide_rescale(sum, multiplier, shift));
}

static int32_t gate(const edge_wide_lstm_t *p, const edge_wide_lstm_gate_t *g, const int16_t *in,
                    const int16_t *hidden, uint32_t unit) {
  const int32_t given = weighted(g->weights + unit * p->inputs, in, p->inputs, g->bias[unit],
                                 g->multiplier, g->shift);
  const int32_t past = weighted(g->recurrent + unit * p->units, hidden, p->units, 0,
                                g->recurrent_multiplier, g->recurrent_shift);
  return edge_word(given + past);
}

void edge_wide_lstm(const edge_wide_lstm_t *p, const int16_t *in, int16_t *hidden, int16_t *cells,
                    int16_t *out) {
  for (uint32_t n = 0; n < p->batches; n++, hidden += p->units, cells += p->units) {
    const int16_t *x = in + n * p->in_batch;
    int16_t *y = out + n * p->out_batch;
    for (uint32_t t = 0; t < p->steps; t++, x += p->in_step, y += p->out_step) {
      for (uint32_t unit = 0; unit < p->units; unit++) {
        const edge_lstm_sums_t sums = {
            gate(p, &p->forget, x, hidden, unit), gate(p, &p->input, x, hidden, unit),
            gate(p, &p->cell, x, hidden, unit), gate(p, &p->output, x, hidden, unit)};
        const int32_t value = edge_lstm_cell(&p->cells, sums, cells + unit);
        y[unit] = (int16_t)edge_word(value);
      }
      memcpy(hidden, y, p->units * sizeof *y);
    }
  }
}
