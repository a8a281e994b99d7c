/* SPDX-License-Identifier: Apache-2.0 */
/* Sums wrap, so the input's zero point can be subtracted at the end of each. */
#include "edge_kernels.h"
#include "edge_mve.h"
#include "edge_requantize.h"

/* Adds products of adjacent values minus `zero_point`. */
static inline uint32_t add_run(uint32_t sum, const int8_t *x, const int8_t *w, uint32_t size,
                               int32_t zero_point) {
  int32_t products = (int32_t)sum;
  int32_t weights = 0;
  for (int32_t left = (int32_t)size; left > 0; left -= 16, x += 16, w += 16) {
    const int8x16_t run = edge_mve_load(w, (uint32_t)left);
    products = vmladavaq_s8(products, edge_mve_load(x, (uint32_t)left), run);
    weights = vaddvaq_s8(weights, run);
  }
  return (uint32_t)products - (uint32_t)(weights * zero_point);
}

/* The sum of one window and one output channel; unsigned, so that it may wrap. */
static uint32_t window_sum(const edge_convolution_t *p, const int8_t *in, const int8_t *w,
                           int32_t y, int32_t x) {
  const int32_t width = p->in_width;
  const int32_t columns = p->kernel_width;
  const int32_t channels = p->in_channels / p->groups;
  const int is_dense = p->dilation_x == 1 && p->groups == 1;
  uint32_t sum = 0;
  for (int32_t ky = 0; ky < p->kernel_height; ky++, y += p->dilation_y, w += columns * channels) {
    if (y < 0 || y >= p->in_height) {
      continue;
    }
    const int8_t *row = in + (uint32_t)y * p->in_row;
    if (is_dense) {
      const int32_t first = x < 0 ? -x : 0;
      const int32_t end = width - x < columns ? width - x : columns;
      if (end > first) {
        sum = add_run(sum, row + (x + first) * channels, w + first * channels,
                      (uint32_t)((end - first) * channels), p->in_zero_point);
      }
      continue;
    }
    int32_t column = x;
    for (int32_t kx = 0; kx < columns; kx++, column += p->dilation_x) {
      if (column >= 0 && column < width) {
        sum = add_run(sum, row + column * p->in_channels, w + kx * channels, (uint32_t)channels,
                      p->in_zero_point);
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
