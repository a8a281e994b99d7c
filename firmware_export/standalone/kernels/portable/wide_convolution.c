/* SPDX-License-Identifier: Apache-2.0 */
#include "edge_wide.h"
#include "edge_wide_scale.h"

/* The sum of one window and one output channel. */
static int64_t window_sum(const edge_wide_convolution_t *p, const int16_t *in, const int8_t *w,
                          int32_t y, int32_t x) {
  const uint32_t channels = (uint32_t)(p->in_channels / p->groups);
  int64_t sum = 0;
  for (int32_t ky = 0; ky < p->kernel_height; ky++) {
    const int32_t row = y + ky * p->dilation_y;
    if (row < 0 || row >= p->in_height) {
      w += p->kernel_width * channels;
      continue;
    }
    for (int32_t kx = 0; kx < p->kernel_width; kx++, w += channels) {
      const int32_t column = x + kx * p->dilation_x;
      if (column >= 0 && column < p->in_width) {
        const int16_t *pixel = in + (uint32_t)row * p->in_row + (uint32_t)column * p->in_channels;
        sum += edge_wide_dot(pixel, w, channels);
      }
    }
  }
  return sum;
}

void edge_wide_convolution(const edge_wide_convolution_t *p, const int16_t *in, int16_t *out) {
  const uint32_t in_channels = (uint32_t)(p->in_channels / p->groups);
  const uint32_t out_channels = (uint32_t)(p->out_channels / p->groups);
  const uint32_t depth = (uint32_t)p->kernel_height * p->kernel_width * in_channels;
  for (uint32_t n = 0; n < p->batches; n++, in += p->in_height * p->in_row) {
    for (uint32_t oy = 0; oy < p->out_height; oy++, out += p->out_row) {
      const int32_t y = (int32_t)(oy * p->stride_y) - p->pad_top;
      int16_t *pixel = out;
      for (uint32_t ox = 0; ox < p->out_width; ox++, pixel += p->out_channels) {
        const int32_t x = (int32_t)(ox * p->stride_x) - p->pad_left;
        for (uint32_t o = 0; o < p->out_channels; o++) {
          const int16_t *group = in + o / out_channels * in_channels;
          const int64_t sum = window_sum(p, group, p->weights + o * depth, y, x);
          pixel[o] = edge_wide_output(p, o, sum + p->bias[o]);
        }
      }
    }
  }
}
