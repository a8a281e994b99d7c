/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "edge_kernels.h"
#include "edge_requantize.h"

/* In place, this many pixels are saved in the scratch at a time. */
#define PIXELS 8
/* Otherwise the output may closely follow the reads of the input: at most this many are read. */
#define GROUP 8

static edge_output_t output_of(const edge_pointwise_t *p, uint32_t channel) {
  const edge_output_t to = {
      p->multiplier[channel], p->shift[channel], p->zero_point, p->low, p->high, p->table};
  return to;
}

static inline int32_t dot(const int8_t *x, const int8_t *w, uint32_t depth, int32_t sum) {
  for (uint32_t i = 0; i < depth; i++) {
    sum += x[i] * w[i];
  }
  return sum;
}

static void one_channel(const edge_pointwise_t *p, uint32_t channel, const int8_t *x,
                        int8_t *restrict y, uint32_t pixels) {
  const uint32_t depth = p->in_channels;
  const int8_t *w = p->weights + channel * depth;
  const edge_output_t to = output_of(p, channel);
  const int32_t bias = p->bias[channel];
  for (y += channel; pixels > 0; pixels--, x += depth, y += p->out_channels) {
    *y = edge_output(to, dot(x, w, depth, bias));
  }
}

/* Two channels and two pixels at a time: each value read is used twice. A channel's parameters stay
 * in registers for all pixels. */
static void two_channels(const edge_pointwise_t *p, uint32_t channel, const int8_t *x,
                         int8_t *restrict y, uint32_t pixels) {
  const uint32_t depth = p->in_channels;
  const uint32_t channels = p->out_channels;
  const int8_t *w = p->weights + channel * depth;
  const edge_output_t to0 = output_of(p, channel);
  const edge_output_t to1 = output_of(p, channel + 1);
  const int32_t bias0 = p->bias[channel];
  const int32_t bias1 = p->bias[channel + 1];
  y += channel;
  for (; pixels > 1; pixels -= 2) {
    const int8_t *x0 = x;
    const int8_t *x1 = x + depth;
    const int8_t *w0 = w;
    const int8_t *w1 = w + depth;
    int32_t sum00 = bias0;
    int32_t sum01 = bias1;
    int32_t sum10 = bias0;
    int32_t sum11 = bias1;
    for (const int8_t *end = w0 + depth / 2 * 2; w0 != end;) {
      sum00 += x0[0] * w0[0];
      sum01 += x0[0] * w1[0];
      sum10 += x1[0] * w0[0];
      sum11 += x1[0] * w1[0];
      sum00 += x0[1] * w0[1];
      sum01 += x0[1] * w1[1];
      sum10 += x1[1] * w0[1];
      sum11 += x1[1] * w1[1];
      x0 += 2;
      x1 += 2;
      w0 += 2;
      w1 += 2;
    }
    if (depth % 2 != 0) {
      sum00 += x0[0] * w0[0];
      sum01 += x0[0] * w1[0];
      sum10 += x1[0] * w0[0];
      sum11 += x1[0] * w1[0];
    }
    y[0] = edge_output(to0, sum00);
    y[1] = edge_output(to1, sum01);
    y[channels] = edge_output(to0, sum10);
    y[channels + 1] = edge_output(to1, sum11);
    x += 2 * depth;
    y += 2 * channels;
  }
  if (pixels > 0) {
    y[0] = edge_output(to0, dot(x, w, depth, bias0));
    y[1] = edge_output(to1, dot(x, w + depth, depth, bias1));
  }
}

void edge_pointwise(const edge_pointwise_t *p, const int8_t *in, int8_t *out, void *scratch) {
  /* In place, outputs overwrite inputs of the same and of earlier pixels. */
  const int in_place = in == out;
  const uint32_t most = in_place ? PIXELS : GROUP;
  for (uint32_t row = 0; row < p->rows; row++) {
    const int8_t *x = in + row * p->in_row;
    int8_t *y = out + row * p->out_row;
    for (uint32_t left = p->width; left > 0;) {
      const uint32_t pixels = left < most ? left : most;
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
