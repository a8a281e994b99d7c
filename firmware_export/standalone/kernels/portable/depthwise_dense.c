/* SPDX-License-Identifier: Apache-2.0 */
#include "edge_kernels.h"
#include "edge_requantize.h"

/* One channel at a time. The rows under a window are in a ring, padding included: value (x, row) is
 * at [x][row mod kernel_height], so that all values of a window are adjacent. The order of its rows
 * rotates from one output row to the next; there are weights for each rotation. */

/* weights[rotation][x][slot], of one channel. */
static void rotate(const edge_convolution_t *p, uint32_t channel, int8_t *weights) {
  const uint32_t height = p->kernel_height;
  const uint32_t width = p->kernel_width;
  for (uint32_t rotation = 0; rotation < height; rotation++) {
    for (uint32_t kx = 0; kx < width; kx++) {
      for (uint32_t slot = 0; slot < height; slot++) {
        const uint32_t ky = (slot + height - rotation) % height;
        *weights++ = p->weights[(ky * width + kx) * p->out_channels + channel];
      }
    }
  }
}

/* Puts an image row, or a row of padding, into the ring. */
static void load(const edge_convolution_t *p, const int8_t *in, int32_t y, uint32_t columns,
                 int8_t *to) {
  const uint32_t step = p->kernel_height;
  const uint32_t room = columns - p->pad_left;
  const uint32_t width = p->in_width < room ? p->in_width : room;
  const int is_inside = y >= 0 && y < p->in_height;
  const int8_t *from = is_inside ? in + (uint32_t)y * p->in_row : &p->in_zero_point;
  const uint32_t next = is_inside ? p->in_channels : 0;
  to += p->pad_left * step;
  for (uint32_t x = 0; x < width; x++, from += next, to += step) {
    *to = *from;
  }
}

static int32_t dot(const int8_t *x, const int8_t *w, uint32_t taps, int32_t sum) {
  for (; taps >= 3; taps -= 3, x += 3, w += 3) {
    sum += x[0] * w[0] + x[1] * w[1] + x[2] * w[2];
  }
  for (; taps > 0; taps--) {
    sum += *x++ * *w++;
  }
  return sum;
}

static void one_channel(const edge_convolution_t *p, const int8_t *in, uint32_t columns,
                        const int8_t *weights, int8_t *ring, uint32_t channel, int8_t *out) {
  const uint32_t height = p->kernel_height;
  const uint32_t taps = height * p->kernel_width;
  const uint32_t step = p->stride_x * height;
  const edge_output_t to = edge_output_of(p->multiplier[channel], p->shift[channel], p->zero_point,
                                          p->low, p->high, p->table);
  const int32_t bias = p->bias[channel];
  uint32_t loaded = 0; /* rows, counted from the first one of padding */
  for (uint32_t oy = 0; oy < p->out_height; oy++) {
    const uint32_t first = oy * p->stride_y;
    for (loaded = loaded < first ? first : loaded; loaded < first + height; loaded++) {
      load(p, in, (int32_t)loaded - p->pad_top, columns, ring + loaded % height);
    }
    const int8_t *w = weights + first % height * taps;
    const int8_t *x = ring;
    int8_t *y = out + oy * p->out_row;
    uint32_t pixels;
    for (uint32_t left = p->out_width; left > 0; left -= pixels) {
      int32_t sums[EDGE_TILE];
      pixels = left < EDGE_TILE ? left : EDGE_TILE;
      for (uint32_t i = 0; i < pixels; i++, x += step) {
        sums[i] = dot(x, w, taps, bias);
      }
      edge_outputs(to, sums, pixels, y, p->out_channels);
      y += pixels * p->out_channels;
    }
  }
}

void edge_depthwise_dense(const edge_convolution_t *p, const int8_t *in, int8_t *out,
                          void *scratch) {
  const uint32_t columns = (p->out_width - 1u) * p->stride_x + p->kernel_width;
  const uint32_t size = columns * p->kernel_height;
  int8_t *ring = scratch;
  int8_t *weights = ring + size;
  /* The columns of padding stay as they are now. */
  for (uint32_t i = 0; i < size; i++) {
    ring[i] = p->in_zero_point;
  }
  for (uint32_t c = 0; c < p->out_channels; c++) {
    rotate(p, c, weights);
    const int8_t *from = in + c;
    int8_t *to = out + c;
    for (uint32_t n = 0; n < p->batches; n++) {
      one_channel(p, from, columns, weights, ring, c, to);
      from += p->in_height * p->in_row;
      to += p->out_height * p->out_row;
    }
  }
}
