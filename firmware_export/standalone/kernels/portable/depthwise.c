/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "edge_kernels.h"
#include "edge_requantize.h"
#include "edge_taps.h"
#include "edge_target.h"

static edge_output_t output_of(const edge_convolution_t *p, uint32_t channel) {
  return edge_output_of(p->multiplier[channel], p->shift[channel], p->zero_point, p->low, p->high,
                        p->table);
}

/* Finds the addresses of the pixels under one window; those in the padding are all `padding`. */
static void find_taps(const edge_convolution_t *p, const int8_t *in, int32_t y, int32_t x,
                      const int8_t *padding, const int8_t **taps) {
  for (int32_t ky = 0; ky < p->kernel_height; ky++, y += p->dilation_y) {
    const int row_inside = y >= 0 && y < p->in_height;
    const int8_t *row = row_inside ? in + (uint32_t)y * p->in_row : padding;
    int32_t column = x;
    for (int32_t kx = 0; kx < p->kernel_width; kx++, column += p->dilation_x) {
      const int inside = row_inside && column >= 0 && column < p->in_width;
      *taps++ = inside ? row + column * p->in_channels : padding;
    }
  }
}

/* One output pixel, four channels at a time. */
static void one_pixel(const edge_convolution_t *p, const int8_t *const *taps, int8_t *restrict y) {
  const uint32_t window = (uint32_t)p->kernel_height * p->kernel_width;
  const uint32_t channels = p->out_channels;
  uint32_t c = 0;
  for (; c + 4 <= channels; c += 4) {
    const int8_t *w = p->weights + c;
    int32_t sum0 = p->bias[c];
    int32_t sum1 = p->bias[c + 1];
    int32_t sum2 = p->bias[c + 2];
    int32_t sum3 = p->bias[c + 3];
    for (uint32_t k = 0; k < window; k++, w += channels) {
      const int8_t *x = taps[k] + c;
      sum0 += x[0] * w[0];
      sum1 += x[1] * w[1];
      sum2 += x[2] * w[2];
      sum3 += x[3] * w[3];
    }
    y[c] = edge_output(output_of(p, c), sum0);
    y[c + 1] = edge_output(output_of(p, c + 1), sum1);
    y[c + 2] = edge_output(output_of(p, c + 2), sum2);
    y[c + 3] = edge_output(output_of(p, c + 3), sum3);
  }
  for (; c < channels; c++) {
    const int8_t *w = p->weights + c;
    int32_t sum = p->bias[c];
    for (uint32_t k = 0; k < window; k++, w += channels) {
      sum += taps[k][c] * w[0];
    }
    y[c] = edge_output(output_of(p, c), sum);
  }
}

/* Neighbouring pixels under windows without padding: a channel's parameters stay in registers for
 * all of them. */
static void some_pixels(const edge_convolution_t *p, const int8_t *const *taps, uint32_t pixels,
                        int8_t *restrict y) {
  const uint32_t window = (uint32_t)p->kernel_height * p->kernel_width;
  const uint32_t first = window < 4 ? window : 4;
  const uint32_t channels = p->out_channels;
  const uint32_t step = p->stride_x * channels;
  for (uint32_t c = 0; c < channels; c++) {
    const int8_t *four[4];
    for (uint32_t k = 0; k < 4; k++) {
      four[k] = taps[k < window ? k : 0] + c;
    }
    int32_t sums[EDGE_TILE];
    edge_four_taps(four, first, p->weights + c, channels, step, p->bias[c], sums, pixels);
    for (uint32_t k = first; k < window; k++) {
      edge_add_tap(taps[k] + c, p->weights[k * channels + c], step, sums, pixels);
    }
    edge_outputs(output_of(p, c), sums, pixels, y + c, channels);
  }
}

void edge_depthwise(const edge_convolution_t *p, const int8_t *in, int8_t *out, void *scratch) {
  const uint32_t window = (uint32_t)p->kernel_height * p->kernel_width;
  const int8_t **taps = scratch;
  int8_t *padding = (int8_t *)(taps + window);
  memset(padding, p->in_zero_point, p->in_channels);
  const int32_t height = (p->kernel_height - 1) * p->dilation_y + 1;
  const int32_t width = (p->kernel_width - 1) * p->dilation_x + 1;

  for (uint32_t n = 0; n < p->batches; n++, in += p->in_height * p->in_row) {
    for (uint32_t oy = 0; oy < p->out_height; oy++, out += p->out_row) {
      const int32_t y = (int32_t)(oy * p->stride_y) - p->pad_top;
      const int rows_inside = y >= 0 && y + height <= p->in_height;
      int8_t *to = out;
      uint32_t pixels;
      for (uint32_t ox = 0; ox < p->out_width; ox += pixels) {
        const int32_t x = (int32_t)(ox * p->stride_x) - p->pad_left;
        const int32_t room = p->in_width - width - x; /* on the right of the window */
        find_taps(p, in, y, x, padding, taps);
        pixels = 1;
        if (!EDGE_FEW_REGISTERS && rows_inside && x >= 0 && room >= p->stride_x) {
          pixels = (uint32_t)room / p->stride_x + 1;
          pixels = pixels < p->out_width - ox ? pixels : p->out_width - ox;
          pixels = pixels < EDGE_TILE ? pixels : EDGE_TILE;
          some_pixels(p, taps, pixels, to);
        } else {
          one_pixel(p, taps, to);
        }
        to += pixels * p->out_channels;
      }
    }
  }
}
