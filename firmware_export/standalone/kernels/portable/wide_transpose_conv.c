/* SPDX-License-Identifier: Apache-2.0 */
#include "edge_wide.h"
#include "edge_wide_scale.h"

/* The sum of what all input pixels add to output pixel (y, x) of one channel; both count from the
 * padding's begin. */
static int64_t pixel_sum(const edge_wide_convolution_t *p, const int16_t *in, const int8_t *w,
                         uint32_t y, uint32_t x) {
  const uint32_t channels = p->in_channels;
  int64_t sum = 0;
  for (uint32_t ky = y % p->stride_y; ky < p->kernel_height && ky <= y; ky += p->stride_y) {
    const uint32_t row = (y - ky) / p->stride_y;
    if (row >= p->in_height) {
      continue;
    }
    for (uint32_t kx = x % p->stride_x; kx < p->kernel_width && kx <= x; kx += p->stride_x) {
      const uint32_t column = (x - kx) / p->stride_x;
      if (column < p->in_width) {
        const int8_t *tap = w + (ky * p->kernel_width + kx) * channels;
        sum += edge_wide_dot(in + row * p->in_row + column * channels, tap, channels);
      }
    }
  }
  return sum;
}

void edge_wide_transpose_conv(const edge_wide_convolution_t *p, const int16_t *in, int16_t *out) {
  const uint32_t depth = (uint32_t)p->kernel_height * p->kernel_width * p->in_channels;
  for (uint32_t n = 0; n < p->batches; n++, in += p->in_height * p->in_row) {
    for (uint32_t y = 0; y < p->out_height; y++, out += p->out_row) {
      int16_t *pixel = out;
      for (uint32_t x = 0; x < p->out_width; x++, pixel += p->out_channels) {
        for (uint32_t o = 0; o < p->out_channels; o++) {
          const int8_t *w = p->weights + o * depth;
          const int64_t sum = pixel_sum(p, in, w, y + p->pad_top, x + p->pad_left);
          pixel[o] = edge_wide_output(p, o, sum + p->bias[o]);
        }
      }
    }
  }
}
