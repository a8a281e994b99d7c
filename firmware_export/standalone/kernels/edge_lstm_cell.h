/* SPDX-License-Identifier: Apache-2.0 */
#ifndef EDGE_LSTM_CELL_H
#define EDGE_LSTM_CELL_H

#include "edge_recurrent.h"
#include "edge_requantize.h"
#include "edge_wide_lookup.h"

static inline int32_t edge_word(int32_t x) { return edge_clamp(x, INT16_MIN, INT16_MAX); }

/* Sums of the gates of one unit, from the input and from the past, with 12 fractional bits. */
typedef struct {
  int32_t forget, input, cell, output;
} edge_lstm_sums_t;

/* Updates the cell of one unit; returns its output with the scale of `hidden`, not clamped. */
static inline int32_t edge_lstm_cell(const edge_lstm_cells_t *p, edge_lstm_sums_t sums,
                                     int16_t *stored) {
  const int32_t forget = edge_wide_logistic_of(p->table, sums.forget * 3);
  const int32_t input = edge_wide_logistic_of(p->table, sums.input * 3);
  const int32_t change = edge_wide_tanh_of(p->table, sums.cell * 3);
  const int32_t output = edge_wide_logistic_of(p->table, sums.output * 3);
  const int32_t kept = edge_rescale_any(forget * *stored, p->forget_multiplier, p->forget_shift);
  const int32_t added = edge_rescale_any(input * change, p->input_multiplier, p->input_shift);
  int32_t cell = edge_word(edge_word(kept) + edge_word(added));
  if (p->clip > 0) {
    cell = edge_clamp(cell, -p->clip, p->clip);
  }
  *stored = (int16_t)cell;
  const int32_t half = p->cell_shift ? 1 << (p->cell_shift - 1) : 0;
  const int32_t thirds = (cell * p->cell_factor + half) >> p->cell_shift;
  const int32_t squashed = edge_wide_tanh_of(p->table, thirds);
  return edge_rescale_any(squashed * output, p->output_multiplier, p->output_shift);
}

#endif
