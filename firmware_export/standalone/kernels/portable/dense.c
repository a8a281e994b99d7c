/* SPDX-License-Identifier: Apache-2.0 */
#include "edge_kernels.h"
#include "edge_requantize.h"

#define ROWS 4
#define RUN 16

static edge_output_t output_of(const edge_dense_t *p, uint32_t o) {
  return edge_output_of(p->multiplier[o], p->shift[o], p->zero_point, p->low, p->high, p->table);
}

static int32_t dot(const int8_t *x, const int8_t *w, uint32_t size, int32_t sum) {
  for (; size > 0; size--) {
    sum += *x++ * *w++;
  }
  return sum;
}

/* Four outputs at a time: a value is read once for four products. */
static void four_rows(const edge_dense_t *p, const int8_t *x, const int8_t *w, uint32_t o,
                      int8_t *out) {
  int32_t sum0 = p->bias[o];
  int32_t sum1 = p->bias[o + 1];
  int32_t sum2 = p->bias[o + 2];
  int32_t sum3 = p->bias[o + 3];
  uint32_t run = RUN;
  for (uint32_t left = p->in_channels; left > 0; left -= run) {
    run = left < RUN ? left : RUN;
    for (const int8_t *end = x + run; x != end; x++, w++) {
      const int32_t value = *x;
      sum0 += value * w[0];
      sum1 += value * w[run];
      sum2 += value * w[2 * run];
      sum3 += value * w[3 * run];
    }
    w += 3 * run;
  }
  out[0] = edge_output(output_of(p, o), sum0);
  out[1] = edge_output(output_of(p, o + 1), sum1);
  out[2] = edge_output(output_of(p, o + 2), sum2);
  out[3] = edge_output(output_of(p, o + 3), sum3);
}

void edge_dense(const edge_dense_t *p, const int8_t *in, int8_t *out) {
  const uint32_t depth = p->in_channels;
  const int8_t *w = p->weights;
  uint32_t o = 0;
  for (; o + ROWS <= p->out_channels; o += ROWS, w += ROWS * depth) {
    four_rows(p, in, w, o, out + o);
  }
  for (; o < p->out_channels; o++, w += depth) {
    out[o] = edge_output(output_of(p, o), dot(in, w, depth, p->bias[o]));
  }
}
