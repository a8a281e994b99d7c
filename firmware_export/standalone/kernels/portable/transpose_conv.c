/* SPDX-License-Identifier: Apache-2.0 */
#include "edge_kernels.h"
#include "edge_requantize.h"

/* The sum of what all input pixels add to output pixel (y, x) of one channel; both count from the
 * padding's begin. Unsigned, so that it may wrap. */
static uint32_t pixel_sum(const edge_convolution_t *p, const int8_t *in, const int8_t *w,
                          uint32_t y, uint32_t x) {
  const uint32_t channels = p->in_channels;
  uint32_t sum = 0;
  for (uint32_t ky = y % p->stride_y; ky < p->kernel_height && ky <= y; ky += p->stride_y) {
    const uint32_t row = (y - ky) / p->stride_y;
    if (row >= p->in_height) {
      continue;
    }
    for (uint32_t kx = x % p->stride_x; kx < p->kernel_width && kx <= x; kx += p->stride_x) {
      const uint32_t column = (x - kx) / p->stride_x;
      if (column >= p->in_width) {
        continue;
      }
      const int8_t *tap = w + (ky * p->kernel_width + kx) * channels;
      const int8_t *pixel = in + row * p->in_row + column * channels;
      for (uint32_t c = 0; c < channels; c++) {
        sum += (uint32_t)(tap[c] * (pixel[c] - p->in_zero_point));
      }
    }
  }
  return sum;
}

void edge_transpose_conv(const edge_convolution_t *p, const int8_t *in, int8_t *out) {
  const uint32_t depth = (uint32_t)p->kernel_height * p->kernel_width * p->in_channels;
  for (uint32_t n = 0; n < p->batches; n++, in += p->in_height * p->in_row) {
    for (uint32_t y = 0; y < p->out_height; y++, out += p->out_row) {
      int8_t *pixel = out;
      for (uint32_t x = 0; x < p->out_width; x++, pixel += p->out_channels) {
        for (uint32_t o = 0; o < p->out_channels; o++) {
          const int8_t *w = p->weights + o * depth;
          const uint32_t sum = pixel_sum(p, in, w, y + p->pad_top, x + p->pad_left);
          const int32_t scaled = edge_rescale_any(edge_wrap(sum + (uint32_t)p->bias[o]),
                                                  p->multiplier[o], p->shift[o]);
          const int32_t moved = edge_wrap((uint32_t)scaled + (uint32_t)(int32_t)p->zero_point);
          const int32_t value = edge_clamp(moved, p->low, p->high);
          pixel[o] = p->table ? p->table[value + 128] : (int8_t)value;
        }
      }
    }
  }
}
