/* SPDX-License-Identifier: Apache-2.0 */
/* Gathers the inputs under four windows, in the layout of edge_mve_dot(). */
#include <stddef.h>

#include "edge_kernels.h"
#include "edge_mve.h"

/* Copies `size` values, or `padding` if there are none to copy, and returns their end. Up to
 * 15 bytes after them are overwritten: windows are filled from the start on. */
static int8_t *put(int8_t *to, const int8_t *from, uint32_t size, int8_t padding) {
  for (uint32_t i = 0; i < size; i += 16) {
    vstrbq_s8(to + i, from ? edge_mve_load(from + i, size - i) : vdupq_n_s8(padding));
  }
  return to + size;
}

/* Copies `rows` rows of `size` values. */
static int8_t *put_rows(int8_t *to, const int8_t *from, uint32_t row, uint32_t rows,
                        uint32_t size) {
  if (size > 16) {
    for (; rows > 0; rows--, from += row) {
      to = put(to, from, size, 0);
    }
    return to;
  }
  for (; rows > 0; rows--, from += row, to += size) {
    vstrbq_s8(to, edge_mve_load(from, size));
  }
  return to;
}

/* Shared by the windows of one row of outputs, in one group. */
typedef struct {
  const int8_t *in;            /* the first image row that they cover, at the group's channels */
  uint32_t row;                /* bytes to the next one */
  uint32_t above, rows, below; /* rows of a window in the padding, in the image, in the padding */
  uint32_t channels;
  int is_dense; /* rows of a window are stored as in the image */
} band_t;

static band_t find_band(const edge_convolution_t *p, const int8_t *in, int32_t y) {
  const int32_t height = p->kernel_height;
  band_t band;
  int32_t first = 0;
  while (first < height && y + first * p->dilation_y < 0) {
    first++;
  }
  int32_t stop = first;
  while (stop < height && y + stop * p->dilation_y < p->in_height) {
    stop++;
  }
  const int32_t top = y + first * p->dilation_y;
  band.in = in + (stop > first ? (uint32_t)top * p->in_row : 0);
  band.row = p->dilation_y * p->in_row;
  band.above = (uint32_t)first;
  band.rows = (uint32_t)(stop - first);
  band.below = (uint32_t)(height - stop);
  band.channels = (uint32_t)(p->in_channels / p->groups);
  band.is_dense = p->dilation_x == 1 && p->groups == 1;
  return band;
}

/* Copies the inputs under the window that begins at column `x`, possibly in the padding. */
static void gather(const edge_convolution_t *p, const band_t *band, int32_t x, int8_t *to) {
  const int32_t columns = p->kernel_width;
  const uint32_t channels = band->channels;
  const uint32_t size = (uint32_t)columns * channels;
  const int8_t padding = p->in_zero_point;
  to = put(to, NULL, band->above * size, padding);
  if (band->is_dense && x >= 0 && x + columns <= p->in_width) {
    const int8_t *from = band->in + (uint32_t)x * channels;
    to = put_rows(to, from, band->row, band->rows, size);
  } else {
    const int8_t *row = band->in;
    for (uint32_t i = band->rows; i > 0; i--, row += band->row) {
      for (int32_t kx = 0; kx < columns; kx++) {
        const int32_t column = x + kx * p->dilation_x;
        const int inside = column >= 0 && column < p->in_width;
        const int8_t *from = inside ? row + (uint32_t)column * p->in_channels : NULL;
        to = put(to, from, channels, padding);
      }
    }
  }
  put(to, NULL, band->below * size, padding);
}

void edge_convolution(const edge_convolution_t *p, const int8_t *in, int8_t *out, void *scratch) {
  const uint32_t groups = p->groups;
  const uint32_t in_channels = p->in_channels / groups;
  const uint32_t depth = (uint32_t)p->kernel_height * p->kernel_width * in_channels;
  const uint32_t out_channels = p->out_channels / groups;
  /* Short windows are gathered in their final place. There is more scratch than needed, except for
   * the shortest. */
  const int is_short = depth <= 32;
  int8_t small[32 * EDGE_MVE_PIXELS + 16];
  int8_t *block = depth <= 16 ? small : scratch;
  int8_t *window = block + edge_mve_block_size(depth);

  const uint32_t width = p->out_width;
  const uint32_t most = width > EDGE_MVE_PIXELS ? width - EDGE_MVE_PIXELS : 0;

  edge_pointwise_t dot;
  dot.in_channels = (uint16_t)depth;
  dot.out_channels = (uint16_t)out_channels;
  dot.zero_point = p->zero_point;
  for (uint32_t n = 0; n < p->batches; n++, in += p->in_height * p->in_row) {
    for (uint32_t oy = 0; oy < p->out_height; oy++, out += p->out_row) {
      const int32_t y = (int32_t)(oy * p->stride_y) - p->pad_top;
      for (uint32_t g = 0; g < groups; g++) {
        const uint32_t first = g * out_channels;
        dot.weights = p->weights + first * depth;
        dot.bias = p->bias + first;
        dot.multiplier = p->multiplier + first;
        dot.shift = p->shift + first;
        const band_t band = find_band(p, in + g * in_channels, y);
        for (uint32_t done = 0; done < width; done += EDGE_MVE_PIXELS) {
          /* The last four may include some that are already done. */
          const uint32_t ox = done < most ? done : most;
          const uint32_t last = width - 1 - ox;
          for (uint32_t i = 0; i < EDGE_MVE_PIXELS; i++) {
            const uint32_t pixel = ox + (i < last ? i : last);
            const int32_t x = (int32_t)(pixel * p->stride_x) - p->pad_left;
            int8_t *to = is_short ? block + 32 * i : window;
            gather(p, &band, x, to);
            if (!is_short) {
              edge_mve_put(window, depth, block, i);
            }
          }
          edge_mve_dot(&dot, block, last + 1, p->out_channels, out + ox * p->out_channels + first);
        }
      }
      edge_mve_finish(out, width * p->out_channels, p->low, p->high, p->table);
    }
  }
}
