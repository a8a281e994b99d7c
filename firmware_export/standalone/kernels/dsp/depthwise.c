/* SPDX-License-Identifier: Apache-2.0 */
#include "edge_dsp.h"

/* What is called often is assembly, or in another file. */
#if !defined(__clang__)
#pragma GCC optimize("Os")
#endif

/* Start and end of the taps of a run of outputs along a row, without those in the padding. */
typedef struct {
  uint32_t first, count;
} span_t;

/* Which of `taps` at start, start + dilation, ... are inside 0 .. size - 1. */
static span_t inside(int32_t start, uint32_t taps, int32_t dilation, int32_t size) {
  uint32_t first = 0;
  for (; first < taps && start < 0; first++) {
    start += dilation;
  }
  uint32_t last = first;
  for (; last < taps && start < size; last++) {
    start += dilation;
  }
  const span_t span = {first, last - first};
  return span;
}

/* One output row; t has its rows of taps. Outputs with the same columns inside are one run. */
static void row(const edge_convolution_t *p, edge_taps_t *t, const int8_t **rows, int8_t *out) {
  const int32_t dilation = p->dilation_x;
  const int8_t *const weights = t->weights;
  int32_t x = -(int32_t)p->pad_left;
  uint32_t at = 0; /* bytes from the rows' start to where `rows` point */
  for (uint32_t ox = 0; ox < p->out_width; ox += t->pixels) {
    const span_t columns = inside(x, p->kernel_width, dilation, p->in_width);
    t->pixels = 0;
    span_t next;
    const int32_t first = x + (int32_t)columns.first * dilation;
    do {
      t->pixels++;
      x += p->stride_x;
      next = inside(x, p->kernel_width, dilation, p->in_width);
    } while (ox + t->pixels < p->out_width && next.first == columns.first &&
             next.count == columns.count);
    t->columns = columns.count;
    t->weights = weights + columns.first * p->out_channels;
    const uint32_t there = columns.count > 0 ? (uint32_t)first * p->in_channels : at;
    for (uint32_t i = 0; i < t->row_count; i++) {
      rows[i] += there - at;
    }
    at = there;
    t->out = out + ox * p->out_channels;
    edge_dsp_window_sum(t);
  }
}

void edge_depthwise(const edge_convolution_t *p, const int8_t *in, int8_t *out, void *scratch) {
  const int8_t **rows = scratch;
  edge_taps_t t = {
      .rows = rows,
      .window = p->weights,
      .bias = p->bias,
      .multiplier = p->multiplier,
      .shift = p->shift,
      .weights_row = (uint32_t)p->kernel_width * p->out_channels,
      .column_step = (uint32_t)p->dilation_x * p->in_channels,
      .window_size = (uint32_t)p->kernel_width * p->kernel_height,
      .channels = p->out_channels,
      .in_step = (uint32_t)p->stride_x * p->in_channels,
      .in_zero_point = p->in_zero_point,
      .zero_point = p->zero_point,
  };
  for (uint32_t n = 0; n < p->batches; n++, in += p->in_height * p->in_row) {
    for (uint32_t oy = 0; oy < p->out_height; oy++, out += p->out_row) {
      const int32_t y = (int32_t)(oy * p->stride_y) - p->pad_top;
      const span_t span = inside(y, p->kernel_height, p->dilation_y, p->in_height);
      t.row_count = span.count;
      t.weights = p->weights + span.first * t.weights_row;
      for (uint32_t i = 0; i < span.count; i++) {
        const int32_t iy = y + (int32_t)(span.first + i) * p->dilation_y;
        rows[i] = in + (uint32_t)iy * p->in_row;
      }
      row(p, &t, rows, out);
      edge_dsp_look_up(p->table, p->low, p->high, out, (uint32_t)p->out_width * p->out_channels);
    }
  }
}
