/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "edge_kernels.h"
#include "edge_requantize.h"
#include "edge_target.h"

/* Pixels at a time: in place, they are saved in the scratch; otherwise the output may closely
 * follow the reads of the input. */
#define GROUP 8

static edge_output_t output_of(const edge_pointwise_t *p, uint32_t channel) {
  return edge_output_of(p->multiplier[channel], p->shift[channel], p->zero_point, p->low, p->high,
                        p->table);
}

static inline int32_t dot(const int8_t *x, const int8_t *w, uint32_t depth, int32_t sum) {
  for (uint32_t i = 0; i < depth; i++) {
    sum += x[i] * w[i];
  }
  return sum;
}

/* Scales the sums of some pixels. */
static void scale(const edge_pointwise_t *p, uint32_t channel, const int32_t *sums, uint32_t pixels,
                  int8_t *restrict y) {
  edge_outputs(output_of(p, channel), sums, pixels, y + channel, p->out_channels);
}

static void one_channel(const edge_pointwise_t *p, uint32_t channel, const int8_t *x,
                        int8_t *restrict y, uint32_t pixels) {
  const uint32_t depth = p->in_channels;
  const int8_t *w = p->weights + channel * depth;
  int32_t sums[GROUP];
  for (uint32_t i = 0; i < pixels; i++, x += depth) {
    sums[i] = dot(x, w, depth, p->bias[channel]);
  }
  scale(p, channel, sums, pixels, y);
}

#if EDGE_FEW_REGISTERS
/* Two channels of one pixel at a time: with one index for all, as many values as a Cortex-M0+ has
 * registers. */
static void two_channels(const edge_pointwise_t *p, uint32_t channel, const int8_t *x,
                         int8_t *restrict y, uint32_t pixels) {
  const int32_t depth = p->in_channels;
  const int8_t *const w0 = p->weights + (channel + 1) * (uint32_t)depth;
  const int8_t *const w1 = w0 + depth;
  int32_t sums[2][GROUP];
  for (uint32_t i = 0; i < pixels; i++) {
    int32_t sum0 = p->bias[channel];
    int32_t sum1 = p->bias[channel + 1];
    x += depth;
    int32_t k = -depth;
    do {
      const int32_t value = x[k];
      sum0 += value * w0[k];
      sum1 += value * w1[k];
    } while (++k != 0);
    sums[0][i] = sum0;
    sums[1][i] = sum1;
  }
  scale(p, channel, sums[0], pixels, y);
  scale(p, channel + 1, sums[1], pixels, y);
}
#else
/* The sums of two channels, of two pixels at a time: each value read is used twice. `pixels` is 1
 * or more. A function of its own: inlined, its values do not stay in registers. */
static EDGE_NOINLINE void sum_two_channels(const int8_t *w, const int32_t *bias, uint32_t depth,
                                           const int8_t *x, uint32_t pixels, int32_t *to) {
  const int32_t *const end = to + pixels;
  do {
    const int8_t *x1 = to + 1 < end ? x + depth : x; /* a last one is computed twice */
    const int8_t *w0 = w;
    const int8_t *w1 = w + depth;
    int32_t sum00 = bias[0];
    int32_t sum01 = sum00;
    int32_t sum10 = bias[1];
    int32_t sum11 = sum10;
    uint32_t left = depth;
    for (; left >= 4; left -= 4, x += 4, x1 += 4, w0 += 4, w1 += 4) {
      sum00 += x[0] * w0[0];
      sum01 += x1[0] * w0[0];
      sum10 += x[0] * w1[0];
      sum11 += x1[0] * w1[0];
      sum00 += x[1] * w0[1];
      sum01 += x1[1] * w0[1];
      sum10 += x[1] * w1[1];
      sum11 += x1[1] * w1[1];
      sum00 += x[2] * w0[2];
      sum01 += x1[2] * w0[2];
      sum10 += x[2] * w1[2];
      sum11 += x1[2] * w1[2];
      sum00 += x[3] * w0[3];
      sum01 += x1[3] * w0[3];
      sum10 += x[3] * w1[3];
      sum11 += x1[3] * w1[3];
    }
    for (; left > 0; left--, x++, x1++, w0++, w1++) {
      sum00 += *x * *w0;
      sum01 += *x1 * *w0;
      sum10 += *x * *w1;
      sum11 += *x1 * *w1;
    }
    to[0] = sum00;
    to[1] = sum01;
    to[GROUP] = sum10;
    to[GROUP + 1] = sum11;
    x = x1;
    to += 2;
  } while (to < end);
}

static void two_channels(const edge_pointwise_t *p, uint32_t channel, const int8_t *x,
                         int8_t *restrict y, uint32_t pixels) {
  const uint32_t depth = p->in_channels;
  int32_t sums[2][GROUP];
  sum_two_channels(p->weights + channel * depth, p->bias + channel, depth, x, pixels, sums[0]);
  scale(p, channel, sums[0], pixels, y);
  scale(p, channel + 1, sums[1], pixels, y);
}
#endif

void edge_pointwise(const edge_pointwise_t *p, const int8_t *in, int8_t *out, void *scratch) {
  /* In place, outputs overwrite inputs of the same and of earlier pixels. */
  const int in_place = in == out;
  for (uint32_t row = 0; row < p->rows; row++) {
    const int8_t *x = in + row * p->in_row;
    int8_t *y = out + row * p->out_row;
    for (uint32_t left = p->width; left > 0;) {
      const uint32_t pixels = left < GROUP ? left : GROUP;
      const int8_t *source = x;
      if (in_place) {
        memcpy(scratch, x, pixels * p->in_channels);
        source = scratch;
      }
      uint32_t o = 0;
      for (; o + 2 <= p->out_channels; o += 2) {
        two_channels(p, o, source, y, pixels);
      }
      if (o < p->out_channels) {
        one_channel(p, o, source, y, pixels);
      }
      x += pixels * p->in_channels;
      y += pixels * p->out_channels;
      left -= pixels;
    }
  }
}
