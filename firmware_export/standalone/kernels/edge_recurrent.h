/* SPDX-License-Identifier: Apache-2.0 */
/* Layers with memory of the past, which lasts from one call to the next. */
#ifndef EDGE_RECURRENT_H
#define EDGE_RECURRENT_H

#include <stdint.h>

#include "edge_attributes.h"

#ifdef __cplusplus
extern "C" {
#endif

/* SVDF: each filter makes one feature of the input and keeps the last `memory` of them,
 * state [batches][filters][memory]; an output sums over time and over the filters of a unit. Sums
 * may wrap; shifts are -30 to 31. */
typedef struct {
  const int8_t *weights; /* [units * rank][inputs] */
  const int32_t *bias;   /* [units] */
  int32_t feature_multiplier, multiplier;
  uint16_t batches, inputs, units, rank, memory;
  int8_t feature_shift, shift;
  int8_t in_zero_point, state_zero_point, zero_point;
} edge_svdf_t;

/* `time` are weights [units * rank][memory]. */
EDGE_KERNELS_ATTR void edge_svdf_8(const edge_svdf_t *p, const int8_t *in, const int8_t *time,
                                   int8_t *state, int8_t *out);
EDGE_KERNELS_ATTR void edge_svdf_16(const edge_svdf_t *p, const int8_t *in, const int16_t *time,
                                    int16_t *state, int8_t *out);

/* Weights of a gate of an LSTM. Zero points are folded into biases. */
typedef struct {
  const int8_t *weights;         /* [units][inputs] */
  const int32_t *bias;           /* [units] */
  const int8_t *recurrent;       /* [units][units] */
  const int32_t *recurrent_bias; /* [units] */
  int32_t multiplier, recurrent_multiplier;
  int8_t shift, recurrent_shift;
} edge_lstm_gate_t;

/* How the cells of an LSTM change, and what becomes of them. Gates have 12 fractional bits before,
 * and 15 after the logistic function or tanh, which are looked up in `table` (edge_wide.h). Cells
 * are clamped to -clip .. clip; -1: not at all. Shifts are -30 to 31. */
typedef struct {
  const uint16_t *table;
  int32_t forget_multiplier, input_multiplier, output_multiplier;
  int16_t clip;
  int8_t forget_shift, input_shift, output_shift;
  int8_t cell_factor, cell_shift; /* to thirds of 2^-12, for tanh */
} edge_lstm_cells_t;

/* LSTM over `steps` steps. Items of one step are in_step, or out_step, apart, those of a batch
 * in_batch and out_batch. */
typedef struct {
  edge_lstm_gate_t forget, input, cell, output;
  edge_lstm_cells_t cells;
  uint32_t in_step, in_batch, out_step, out_batch;
  uint16_t batches, steps, inputs, units;
  int8_t zero_point;
} edge_lstm_t;

/* `hidden` is [batches][units], as are `cells`. */
EDGE_KERNELS_ATTR void edge_lstm(const edge_lstm_t *p, const int8_t *in, int8_t *hidden,
                                 int16_t *cells, int8_t *out);

/* The same with 16-bit activations, of which all zero points are 0. |Sums| stay below 2^47, shifts
 * of gates are -7 to 31. */
typedef struct {
  const int8_t *weights;   /* [units][inputs] */
  const int64_t *bias;     /* [units] */
  const int8_t *recurrent; /* [units][units] */
  int32_t multiplier, recurrent_multiplier;
  int8_t shift, recurrent_shift;
} edge_wide_lstm_gate_t;

typedef struct {
  edge_wide_lstm_gate_t forget, input, cell, output;
  edge_lstm_cells_t cells;
  uint32_t in_step, in_batch, out_step, out_batch;
  uint16_t batches, steps, inputs, units;
} edge_wide_lstm_t;

EDGE_KERNELS_ATTR void edge_wide_lstm(const edge_wide_lstm_t *p, const int16_t *in, int16_t *hidden,
                                      int16_t *cells, int16_t *out);

#ifdef __cplusplus
}
#endif

#endif
