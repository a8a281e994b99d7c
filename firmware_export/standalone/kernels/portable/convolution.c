/* SPDX-License-Identifier: Apache-2.0 */
#include <stddef.h>
#include <string.h>

#include "edge_kernels.h"

/* Number of windows that are gathered for one call of edge_pointwise. */
#define PIXELS 8

/* memcpy() takes more instructions than this for a few bytes. */
static void copy(int8_t *restrict to, const int8_t *restrict from, uint32_t size) {
  if (size > 16) {
    memcpy(to, from, size);
    return;
  }
  for (; size > 0; size--) {
    *to++ = *from++;
  }
}

/* Copies the inputs under one window, of one group's channels, without gaps.
 *
 * (y, x) is the start of the window, possibly in the padding; `in` is at the group's channels. */
static void gather(const edge_convolution_t *p, const int8_t *in, int32_t y, int32_t x,
                   int8_t *to) {
  const int32_t channels = p->in_channels / p->groups;
  const int32_t columns = p->kernel_width;
  const int adjacent = p->dilation_x == 1 && p->groups == 1;
  for (int32_t ky = 0; ky < p->kernel_height; ky++, y += p->dilation_y) {
    if (y < 0 || y >= p->in_height) {
      memset(to, p->in_zero_point, (uint32_t)(columns * channels));
      to += columns * channels;
      continue;
    }
    const int8_t *row = in + (uint32_t)y * p->in_row;
    if (adjacent && x >= 0 && x + columns <= p->in_width) {
      copy(to, row + x * channels, (uint32_t)(columns * channels));
      to += columns * channels;
      continue;
    }
    for (int32_t kx = 0; kx < columns; kx++, to += channels) {
      const int32_t column = x + kx * p->dilation_x;
      if (column < 0 || column >= p->in_width) {
        memset(to, p->in_zero_point, (uint32_t)channels);
      } else {
        copy(to, row + column * p->in_channels, (uint32_t)channels);
      }
    }
  }
}

void edge_convolution(const edge_convolution_t *p, const int8_t *in, int8_t *out, void *scratch) {
  const uint32_t groups = p->groups;
  const uint32_t in_channels = p->in_channels / groups;
  const uint32_t out_channels = p->out_channels / groups;
  const uint32_t depth = (uint32_t)p->kernel_height * p->kernel_width * in_channels;
  const uint32_t most = groups == 1 ? PIXELS : 1;
  int8_t *windows = scratch;

  edge_pointwise_t dot;
  dot.table = p->table;
  dot.in_row = 0;
  dot.out_row = 0;
  dot.rows = 1;
  dot.in_channels = (uint16_t)depth;
  dot.out_channels = (uint16_t)out_channels;
  dot.zero_point = p->zero_point;
  dot.low = p->low;
  dot.high = p->high;

  for (uint32_t n = 0; n < p->batches; n++, in += p->in_height * p->in_row) {
    for (uint32_t oy = 0; oy < p->out_height; oy++, out += p->out_row) {
      const int32_t y = (int32_t)(oy * p->stride_y) - p->pad_top;
      int8_t *pixel = out;
      for (uint32_t ox = 0; ox < p->out_width; ox += dot.width) {
        const uint32_t left = p->out_width - ox;
        dot.width = (uint16_t)(left < most ? left : most);
        for (uint32_t g = 0; g < groups; g++) {
          const uint32_t first = g * out_channels;
          for (uint32_t i = 0; i < dot.width; i++) {
            const int32_t x = (int32_t)((ox + i) * p->stride_x) - p->pad_left;
            gather(p, in + g * in_channels, y, x, windows + i * depth);
          }
          dot.weights = p->weights + first * depth;
          dot.bias = p->bias + first;
          dot.multiplier = p->multiplier + first;
          dot.shift = p->shift + first;
          edge_pointwise(&dot, windows, pixel + first, NULL); /* not in place: no scratch */
        }
        pixel += (uint32_t)dot.width * p->out_channels;
      }
    }
  }
}
