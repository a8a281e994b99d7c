/* SPDX-License-Identifier: Apache-2.0 */
#include "edge_kernels.h"
#include "edge_requantize.h"

/* The sum of one window and one output channel; unsigned, so that it may wrap. */
static uint32_t window_sum(const edge_convolution_t *p, const int8_t *in, const int8_t *w,
                           int32_t y, int32_t x) {
  const uint32_t channels = (uint32_t)(p->in_channels / p->groups);
  uint32_t sum = 0;
  for (int32_t ky = 0; ky < p->kernel_height; ky++) {
    for (int32_t kx = 0; kx < p->kernel_width; kx++, w += channels) {
      const int32_t row = y + ky * p->dilation_y;
      const int32_t column = x + kx * p->dilation_x;
      if (row < 0 || row >= p->in_height || column < 0 || column >= p->in_width) {
        continue;
      }
      const int8_t *pixel = in + (uint32_t)row * p->in_row + (uint32_t)column * p->in_channels;
      for (uint32_t c = 0; c < channels; c++) {
        sum += (uint32_t)(w[c] * (pixel[c] - p->in_zero_point));
      }
    }
  }
  return sum;
}

void edge_convolution_any(const edge_convolution_any_t *any, const int8_t *in, int8_t *out) {
  const edge_convolution_t *p = &any->window;
  const uint32_t in_channels = (uint32_t)(p->in_channels / p->groups);
  const uint32_t out_channels = (uint32_t)(p->out_channels / p->groups);
  const uint32_t depth = (uint32_t)p->kernel_height * p->kernel_width * in_channels;
  for (uint32_t n = 0; n < p->batches; n++, in += p->in_height * p->in_row) {
    for (uint32_t oy = 0; oy < p->out_height; oy++, out += p->out_row) {
      const int32_t y = (int32_t)(oy * p->stride_y) - p->pad_top;
      int8_t *pixel = out;
      for (uint32_t ox = 0; ox < p->out_width; ox++, pixel += p->out_channels) {
        const int32_t x = (int32_t)(ox * p->stride_x) - p->pad_left;
        for (uint32_t i = 0; i < any->count; i++) {
          const uint32_t o = any->channels[i];
          const int8_t *group = in + o / out_channels * in_channels;
          const uint32_t sum =
              (uint32_t)p->bias[i] + window_sum(p, group, p->weights + i * depth, y, x);
          const int32_t scaled = edge_rescale_any(edge_wrap(sum), p->multiplier[i], p->shift[i]);
          /* A result near the ends of 32 bits wraps before it is clamped. */
          const int32_t moved = edge_wrap((uint32_t)scaled + (uint32_t)(int32_t)p->zero_point);
          const int32_t value = edge_clamp(moved, p->low, p->high);
          pixel[o] = p->table ? p->table[value + 128] : (int8_t)value;
        }
      }
    }
  }
}
